"""General: cluster templates with numbers and positions that servers misread."""

from __future__ import annotations

import base64
from collections.abc import Callable
from http import HTTPStatus

import pytest

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.templates import render_template
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_proto.dialect import Dialect

pytestmark = pytest.mark.parallel


def expect_rejected_or_usable(resources: ResourceFactory, template: str | None, what: str) -> None:
    """Check that a template is rejected with a reason, or that its cluster can be shown and deleted.

    Args:
        resources: Factory of the cluster.
        template: Text of the template, None for a body without one.
        what: Description of the template, for the report.
    """
    if resources.target.given_cluster is not None:
        raise Unsupported("needs clusters of its own, not a given one (--cluster)")
    account, body = resources.target.account, {"name": resources.name("cluster")}
    if template is not None:
        body["template"] = base64.b64encode(template.encode()).decode()
    answer = account.call("cluster.create", body=body)
    resources.register_unexpected(answer, "cluster.create")
    if answer.rejected:
        require(answer.text.strip(), expected=f"a reason for the rejection of {what}", actual=answer)
        return
    uuid = str(answer.object().get("uuid"))
    described = account.call("cluster.get", params={"uuid": uuid})
    require(described.object().get("uuid") == uuid, expected=f"the cluster {uuid} of {what}", actual=described)
    deleted = account.call("cluster.delete", params={"uuid": uuid})
    require(deleted.status == HTTPStatus.OK, expected=f"200 to the DELETE of a cluster of {what}", actual=deleted)
    gone = account.call("cluster.get", params={"uuid": uuid})
    require(gone.status == HTTPStatus.NOT_FOUND, expected=f"404 to a deleted cluster of {what}", actual=gone)


SMALL_SIZES: dict[str, int] = {"zero": 0, "negative": -1, "below int32": -(2**31) - 1}
# Nothing between int32 and int64, since a server that takes such a size for what it is would need gigabytes.
LARGE_SIZES: dict[str, int] = {"of 64 bits": 2**63, "beyond 64 bits": 2**64 + 2, "of 400 digits": 10**399}
SIZED: dict[str, Callable[[int], ClusterShape]] = {
    "an input": lambda size: ClusterShape({"test_input": size}, {"test_output": 5}, hidden=10),
    "an output": lambda size: ClusterShape({"test_input": 12}, {"test_output": size}, hidden=10),
    "an internal brick": lambda size: ClusterShape({"test_input": 12}, {"test_output": 5}, hidden=size),
}


def sized_template(dialect: Dialect, brick: str, size: int) -> str:
    """Return a template in which one brick has this size."""
    if not dialect.has_sizes or (brick == "an internal brick" and dialect.template != "bricks"):
        raise Unsupported(f"templates of {dialect.name} have no size of {brick}")
    return render_template(dialect, SIZED[brick](size))


@requirement("GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("brick", list(SIZED))
@pytest.mark.parametrize("size", list(SMALL_SIZES))
def test_a_template_with_a_size_below_one_gets_a_4xx_or_a_cluster(
    resources: ResourceFactory, size: str, brick: str
) -> None:
    """A template with a size of zero or below is rejected, or its cluster can be shown and deleted."""
    template = sized_template(resources.target.dialect, brick, SMALL_SIZES[size])
    expect_rejected_or_usable(resources, template, f"a template with a size {size}")


@requirement("GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("brick", list(SIZED))
@pytest.mark.parametrize("size", list(LARGE_SIZES))
def test_a_template_with_a_size_beyond_int64_gets_a_4xx_or_a_cluster(
    resources: ResourceFactory, size: str, brick: str
) -> None:
    """A template with a size beyond any memory is rejected, or its cluster can be shown and deleted."""
    template = sized_template(resources.target.dialect, brick, LARGE_SIZES[size])
    expect_rejected_or_usable(resources, template, f"a template with a size {size}")


def inner_position(dialect: Dialect) -> str:
    """Return the position of the internal brick or hexagon in a template of ONE_BRICK."""
    return "3,1,1" if dialect.template == "axons" else "2,1,1"


def with_target(template: str, dialect: Dialect) -> str:
    """Return the template with an input at a position that does not exist; a brick has one and a target besides."""
    place, unknown = {
        "bricks": ("input: test_input", "input: test_input\n        target: 9,9,9"),
        "hexagons": ("target: 1,1,1", "target: 9,9,9"),
        "axons": ("test_input: 1,1,1", "test_input: 9,9,9"),
    }[dialect.template]
    return template.replace(place, unknown)


def with_setting(name: str, value: str) -> Callable[[str, Dialect], str]:
    """Return the change of a template that gives a setting another value."""

    def change(template: str, dialect: Dialect) -> str:
        if name not in dialect.template_settings:
            raise Unsupported(f"templates of {dialect.name} have no setting {name}")
        lines = template.split("\n")
        return "\n".join(f"    {name}: {value}" if line.strip().startswith(f"{name}:") else line for line in lines)

    return change


def at(position: str) -> Callable[[str, Dialect], str]:
    """Return the change of a template that moves its internal brick."""
    return lambda template, dialect: template.replace(inner_position(dialect), position)


CHANGES: dict[str, Callable[[str, Dialect], str]] = {
    "an unknown target": with_target,
    "an unconnected brick": at("50,1,1"),
    "two bricks at one position": at("1,1,1"),
    "a position of zeros": at("0,0,0"),
    "a negative position": at("-1,1,1"),
    "a position of 32 bits": at(f"{2**31},1,1"),
    "a position beyond 32 bits": at(f"{2**32 + 2},1,1"),
    "a position beyond 64 bits": at(f"{2**64 + 2},1,1"),
    "a position of 400 digits": at("9" * 400 + ",1,1"),
    "a cooldown of zero": with_setting("neuron_cooldown", "0"),
    "a negative cooldown": with_setting("neuron_cooldown", "-1.0"),
    "a cooldown beyond any float": with_setting("neuron_cooldown", "9" * 400 + ".0"),
    "a refractory time of zero": with_setting("refractory_time", "0"),
    "a negative refractory time": with_setting("refractory_time", "-1"),
    "a refractory time beyond 32 bits": with_setting("refractory_time", str(2**32 + 2)),
    "a refractory time beyond 64 bits": with_setting("refractory_time", str(2**64 + 2)),
    "a negative distance": with_setting("max_connection_distance", "-1"),
    "a distance beyond 64 bits": with_setting("max_connection_distance", str(2**64 + 2)),
}


@requirement("GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize(
    "change", mark_destructive(CHANGES, *(name for name in CHANGES if name != "an unknown target"))
)
def test_an_odd_template_gets_a_4xx_or_a_cluster(resources: ResourceFactory, change: str) -> None:
    """A template with an odd position or setting is rejected, or its cluster can be shown and deleted."""
    dialect = resources.target.dialect
    template = CHANGES[change](render_template(dialect, ONE_BRICK), dialect)
    expect_rejected_or_usable(resources, template, f"a template with {change}")


EMPTY: dict[str, str | None] = {
    "missing": None,
    "empty": "",
    "of blanks": "  \n\n",
    "of the version alone": "version: 1\n",
    "without bricks": "version: 1\nsettings:\n    refractory_time: 1\nbricks:\n",
}


@requirement("GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("kind", list(EMPTY))
def test_an_empty_template_gets_a_4xx_or_a_cluster(resources: ResourceFactory, kind: str) -> None:
    """A template without a brick is rejected, or its cluster can be shown and deleted."""
    expect_rejected_or_usable(resources, EMPTY[kind], f"a template that is {kind}")
