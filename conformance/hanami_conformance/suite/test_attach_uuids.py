"""Attach: uuids of no resource, of another user's, and of another kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.attachable import attachable_uuid
from hanami_conformance.suite.support.clusters import untrained_cluster
from hanami_conformance.suite.support.invalid import INVALID_UUIDS, QUERY_LANGUAGE, VERY_LONG, message_of
from hanami_conformance.suite.support.markers import mark_hostile
from hanami_conformance.suite.support.near_misses import UUID_FORMS, near_misses
from hanami_conformance.suite.support.sample_data import ONE_BRICK, csv_sample
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, expect_rejected, first_message
from hanami_conformance.target.target import Account

pytestmark = pytest.mark.parallel


# ATT-4: an unknown, malformed or missing uuid and a resource of another user or project are rejected alike.
@requirement("ATT-4")
@pytest.mark.parametrize("resource", [FILE_UPLOAD, CLUSTER])
@pytest.mark.parametrize("kind", mark_hostile(INVALID_UUIDS, "missing", "a number", "null"))
def test_an_invalid_uuid_is_rejected(resources: ResourceFactory, resource: str, kind: str) -> None:
    """A socket for an unknown, malformed or missing uuid is rejected."""
    attachable_uuid(resources, resource)  # to detect a server that falls back on another resource of the kind
    target = resources.target
    expect_rejected(target, message_of(target.account.token, INVALID_UUIDS[kind], resource), f"the uuid is {kind}")


@requirement("ATT-4")
@pytest.mark.hostile
@pytest.mark.parametrize("resource", [FILE_UPLOAD, CLUSTER])
def test_a_uuid_is_compared_whole(resources: ResourceFactory, resource: str) -> None:
    """A socket is rejected for a uuid that only resembles that of a file or of a cluster."""
    for change, near_miss in near_misses(attachable_uuid(resources, resource), UUID_FORMS):
        first = first_message(resources.target.account.token, near_miss, resource)
        expect_rejected(resources.target, first, f"the uuid is one of a {resource}, {change}")


@requirement("ATT-4", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("resource", [FILE_UPLOAD, CLUSTER])
@pytest.mark.parametrize("uuid", [[], ["a"], {"a": 1}, True, 1.5, "x" * VERY_LONG], ids=lambda uuid: str(uuid)[:12])
def test_a_uuid_of_another_type_is_rejected(resources: ResourceFactory, resource: str, uuid: Any) -> None:
    """A uuid that is not a string, or is very long, is rejected, and the server goes on serving."""
    upload = resources.csv(100)
    expect_rejected(resources.target, message_of(upload.account.token, uuid, resource), "the uuid is of another type")
    with attribute_to("GEN-2"):
        upload.attach().write(0, b"served")


# One case each, since servers survive an open quote and not a complete condition, or the other way round.
QUERY_TEXTS: dict[str, list[str]] = {
    "a quote": ["a quote"],
    "a condition": ["a condition", "two quotes", "a further command"],
    "other characters": [kind for kind, text in QUERY_LANGUAGE.items() if "'" not in text],
}


@requirement("ATT-4", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("resource", [FILE_UPLOAD, CLUSTER])
@pytest.mark.parametrize("kind", list(QUERY_TEXTS))
def test_query_language_in_a_uuid_is_rejected(resources: ResourceFactory, resource: str, kind: str) -> None:
    """A socket for a uuid that ends with quotes or conditions of a database is rejected, and the server serves on."""
    upload = resources.csv(100)
    if resource == CLUSTER:  # one that a condition could match
        resources.any_cluster(ONE_BRICK).enter_direct_mode()
    for text in QUERY_TEXTS[kind]:
        uuid = INVALID_UUIDS["unknown"] + QUERY_LANGUAGE[text]
        first = first_message(upload.account.token, uuid, resource)
        expect_rejected(resources.target, first, f"the uuid ends with {text}")
    with attribute_to("GEN-2"):
        upload.attach().write(0, b"served")


@requirement("ATT-4", "GEN-3")
@pytest.mark.parametrize("resource", [FILE_UPLOAD, CLUSTER])
def test_a_resource_of_another_user_looks_unknown(
    resources: ResourceFactory, other_account: Account, resource: str
) -> None:
    """A resource of another user is rejected in the same words as an unknown one."""
    expect_unknown(resources, other_account, attachable_uuid(resources, resource), resource)


def file_in_use(resources: ResourceFactory) -> str:
    """Return the uuid of a file that has a socket."""
    upload = resources.csv(100)
    upload.attach().write(0, b"x")
    return upload.files["input"].uuid


def finalized_file(resources: ResourceFactory) -> str:
    """Return the uuid that a file had before its upload was finalized."""
    content, _ = csv_sample(rows=3)
    return resources.dataset("csv", {"input": content}).files["input"].uuid


STATES: dict[str, tuple[str, Callable[[ResourceFactory], str]]] = {
    "a file in use": (FILE_UPLOAD, file_in_use),
    "a finalized file": (FILE_UPLOAD, finalized_file),
    "a label file": (FILE_UPLOAD, lambda resources: resources.mnist(100, 100).files["label"].uuid),
    "a cluster in task mode": (CLUSTER, lambda resources: resources.cluster(ONE_BRICK).uuid),
    "a cluster in use": (CLUSTER, lambda resources: untrained_cluster(resources)[0].uuid),
}


@requirement("ATT-4", "GEN-3")
@pytest.mark.parametrize("state", list(STATES))
def test_a_resource_of_another_user_looks_unknown_in_every_state(
    resources: ResourceFactory, other_account: Account, state: str
) -> None:
    """A resource of another user is rejected in the same words as an unknown one, whatever its owner did with it."""
    resources.target.connection_limit.require(2)
    resource, make = STATES[state]
    expect_unknown(resources, other_account, make(resources), resource)


def expect_unknown(resources: ResourceFactory, other_account: Account, uuid: str, resource: str) -> None:
    """Check that a resource is rejected for another user in the same words as an unknown one."""
    foreign = expect_rejected(
        resources.target, first_message(other_account.token, uuid, resource), "it belongs to another user"
    )
    nothing = expect_rejected(
        resources.target, first_message(other_account.token, INVALID_UUIDS["unknown"], resource), "it is unknown"
    )
    alike = wording(foreign, uuid) == wording(nothing, INVALID_UUIDS["unknown"])
    require(alike, expected=f"the answer to an unknown uuid: {nothing}", actual=foreign, requirement="ATT-4")


def wording(answer: Message | CloseInfo, uuid: str) -> str:
    """Return the words of an answer without uuids, numbers and times."""
    text = answer.data.decode("utf-8", "replace") if isinstance(answer, Message) else str(answer)
    return re.sub(r"[0-9]+", "", text.replace(uuid, ""))


# ATT-6: a uuid of the wrong kind (dataset for file, file for cluster, cluster for file) is rejected.
@requirement("ATT-6")
@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("dataset", FILE_UPLOAD),
        ("file", CLUSTER),
        ("cluster", FILE_UPLOAD),
        ("dataset", CLUSTER),
        ("finalized dataset", FILE_UPLOAD),
        ("finalized dataset", CLUSTER),
        ("label file", CLUSTER),
    ],
    ids=lambda value: value.replace("_", " "),
)
def test_a_uuid_of_the_wrong_kind_is_rejected(resources: ResourceFactory, kind: str, resource: str) -> None:
    """A socket is rejected if its uuid belongs to another kind of resource than its target."""
    token = resources.target.account.token
    if kind == "cluster":
        cluster = resources.any_cluster(ONE_BRICK)
        cluster.enter_direct_mode()
        uuid = cluster.uuid
    elif kind == "finalized dataset":
        content, _ = csv_sample(rows=3)
        uuid = resources.dataset("csv", {"input": content}).uuid
    elif kind == "label file":
        uuid = resources.mnist(100, 100).files["label"].uuid
    else:
        upload = resources.csv(100)
        uuid = upload.uuid if kind == "dataset" else upload.files["input"].uuid
    expect_rejected(
        resources.target, first_message(token, uuid, resource), f"the uuid is of a {kind}, the target {resource}"
    )
