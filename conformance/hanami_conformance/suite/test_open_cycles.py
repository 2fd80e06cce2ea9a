"""Direct interaction: what else happens while a cycle is open, which must not notice it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hanami_conformance.cases.attribution import attribute_to, precondition
from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import STEPS, sample_inputs, training_targets
from hanami_conformance.stateful.placeholders import MISSING, drop_missing
from hanami_conformance.suite.support.clusters import direct_cluster, expect_same, trained_cluster
from hanami_conformance.suite.support.sample_data import ONE_BRICK, TWO_INPUTS
from hanami_conformance.suite.support.sockets import log_in_again
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, expect_rejected, first_message
from hanami_conformance.target.target import Account

pytestmark = pytest.mark.parallel


@contextlib.contextmanager
def open_cycle(resources: ResourceFactory, requirement_id: str, event: str) -> Iterator[Cluster]:
    """Open a cycle of a trained cluster, and finish it after the block: it must be answered as ever.

    Args:
        resources: Factory of the cluster.
        requirement_id: Id of the requirement that a missing or another answer violates.
        event: Description of the block, for the report.
    """
    resources.target.connection_limit.require(2)
    cluster, socket = trained_cluster(resources, TWO_INPUTS)
    first, second = sample_inputs(TWO_INPUTS, seed=1)
    expected = socket.request([first, second])
    socket.send(first.name, first.values, is_last=False)
    socket.receive_acknowledgement()
    yield cluster
    with attribute_to(requirement_id):
        socket.send(second.name, second.values, is_last=True)
        actual = socket.receive_outputs()
    expect_same(resources, socket, actual, expected, f"the answer as without {event} in the cycle", requirement_id)


@requirement("MODE-2")
def test_a_rejected_switch_leaves_an_open_cycle(resources: ResourceFactory) -> None:
    """Switches that are rejected do not disturb the socket of the cluster, nor its open cycle."""
    _, direct = resources.target.dialect.modes
    states: list[Any] = ["SLEEP", direct.lower(), "", None, [direct], MISSING]
    with open_cycle(resources, "MODE-2", "rejected switches") as cluster:
        for state in states:
            body = drop_missing({"uuid": cluster.uuid, "new_state": state})
            answer = cluster.account.call("cluster.set_mode", body=body)
            text = "missing" if state is MISSING else repr(state)
            require(answer.rejected, expected=f"a 4xx: new_state is {text}", actual=answer)


@requirement("ATT-7")
@pytest.mark.may_violate("ATT-3", "ATT-5", "ATT-6")
def test_a_rejected_first_message_leaves_an_open_cycle(resources: ResourceFactory) -> None:
    """First messages for a cluster that are rejected do not disturb its socket, nor its open cycle."""
    SECRETS.add("this-is-no-token", "malformed token")
    token = resources.target.account.token
    with open_cycle(resources, "ATT-7", "rejected first messages") as cluster:
        for what, requirement_id, first in (
            ("the token is malformed", "ATT-3", first_message("this-is-no-token", cluster.uuid, CLUSTER)),
            ("the target is unknown", "ATT-5", first_message(token, cluster.uuid, "clusters")),
            ("the uuid is that of a cluster", "ATT-6", first_message(token, cluster.uuid, FILE_UPLOAD)),
        ):
            expect_rejected(resources.target, first, what, requirement_id)


@requirement("GEN-3")
@pytest.mark.may_violate("ATT-4", "MODE-2")
def test_another_user_leaves_an_open_cycle(resources: ResourceFactory, other_account: Account) -> None:
    """First message and calls of another user do not disturb the socket of a cluster, nor its open cycle."""
    task, _ = resources.target.dialect.modes
    with open_cycle(resources, "GEN-3", "calls of another user") as cluster:
        first = first_message(other_account.token, cluster.uuid, CLUSTER)
        expect_rejected(resources.target, first, "it belongs to another user", "ATT-4")
        answer = other_account.call("cluster.set_mode", body={"uuid": cluster.uuid, "new_state": task})
        require(answer.status == 404, expected="404 to a switch by another user", actual=answer, requirement="MODE-2")
        answer = other_account.call("cluster.delete", params={"uuid": cluster.uuid})
        require(answer.status == 404, expected="404 to a DELETE by another user", actual=answer)


@requirement("DIO-9")
def test_a_login_leaves_an_open_cycle(resources: ResourceFactory) -> None:
    """Another login of the owner does not disturb the socket of a cluster, nor its open cycle."""
    with open_cycle(resources, "DIO-9", "another login of its owner"):
        log_in_again(resources.target)


@requirement("DIO-12", "DIO-10")
@pytest.mark.hostile
def test_a_mistake_leaves_the_open_cycle_of_another_cluster(resources: ResourceFactory) -> None:
    """Mistakes on the socket of one cluster do not disturb the open cycle of another."""
    with open_cycle(resources, "DIO-12", "mistakes on the socket of another cluster"):
        other, socket = direct_cluster(resources, ONE_BRICK)
        (question,) = sample_inputs(ONE_BRICK, seed=1)
        for name, count, mistake in (
            ("no_such_brick", None, "an unknown brick"),
            (question.name, len(question.values) + 1, "numberOfValues too large"),
        ):
            socket.send(name, question.values, is_last=True, number_of_values=count)
            socket.expect_error_signal(mistake)
            socket.close()
            socket = other.reattach()
        socket.close()


def train_and_delete(twin: Cluster) -> None:
    """Train a cluster in direct mode, and delete it with its socket attached."""
    socket = twin.attach()
    for _ in range(STEPS):
        socket.train([*sample_inputs(twin.shape, seed=1), *training_targets(twin.shape, seed=2)])
    twin.delete().object()
    socket.close()


def switch_and_delete(twin: Cluster) -> None:
    """Switch a cluster to task mode, and delete it."""
    twin.set_mode(twin.account.target.dialect.modes[0]).object()
    twin.delete().object()


ENDS: dict[str, Callable[[Cluster], None]] = {
    "trained and deleted": train_and_delete,
    "switched and deleted": switch_and_delete,
}


@requirement("DIO-10")
@pytest.mark.may_violate("DIO-14", "MODE-1")
@pytest.mark.parametrize("end", list(ENDS))
def test_the_end_of_a_cluster_leaves_its_twin(resources: ResourceFactory, end: str) -> None:
    """A cluster of the same template that is created, used and deleted changes nothing in an open cycle of its twin."""
    event = f"a cluster of the same template that is {end}"
    with open_cycle(resources, "DIO-10", event), precondition(event):
        twin = resources.cluster(TWO_INPUTS)
        twin.enter_direct_mode()
        ENDS[end](twin)
