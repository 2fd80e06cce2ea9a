"""Direct interaction: clusters of one name: of two users, of one user at once, and after a deletion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import PreconditionFailed, Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage, Values
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import are_distinguishable, distance
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import STEPS, format_answer, sample_inputs, train_once, training_targets
from hanami_conformance.suite.support.clusters import direct_cluster, expect_same
from hanami_conformance.suite.support.markers import alone
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_conformance.target.target import Account

pytestmark = pytest.mark.parallel

NEAR = 0.1  # part of the distance that training moved an answer
QUESTION = sample_inputs(ONE_BRICK, seed=1)
((OUTPUT, WIDTH),) = ONE_BRICK.outputs.items()


@dataclass(frozen=True)
class LearnedCluster:
    """A cluster that has learned an answer.

    Attributes:
        cluster: The cluster.
        socket: Its socket.
        before: Answer after one cycle of training.
        learned: Answer after many.
    """

    cluster: Cluster
    socket: ClusterSocket
    before: dict[str, Values]
    learned: dict[str, Values]


def learned_cluster(resources: ResourceFactory) -> LearnedCluster:
    """Create a cluster and train it.

    Raises:
        Unsupported: If it learns nothing that could be recognised.
    """
    cluster, socket = direct_cluster(resources)
    before = socket.request(QUESTION)
    for _ in range(STEPS):
        socket.train([*QUESTION, *training_targets(ONE_BRICK, seed=1)])
    learned = socket.request(QUESTION)
    if not are_distinguishable(learned, before):
        raise Unsupported(f"the cluster learns nothing in {STEPS} cycles, so that nothing could be recognised")
    return LearnedCluster(cluster, socket, before, learned)


def expect_nothing_learned(socket: ClusterSocket, known: LearnedCluster, whose: str) -> None:
    """Check that a new cluster, trained in one cycle, does not answer as one that was trained in many."""
    train_once(socket)
    actual = socket.request(QUESTION)
    learned, before = known.learned[OUTPUT], known.before[OUTPUT]
    far = distance(actual[OUTPUT], learned) > NEAR * distance(before, learned)
    expected = f"another answer than that of {whose}, {format_answer(known.learned)}"
    require(far, expected=expected, actual=format_answer(actual))


@requirement("GEN-3", "DIO-10")
@alone
def test_clusters_of_two_users_under_one_name_learn_apart(resources: ResourceFactory, other_account: Account) -> None:
    """A cluster may have the name of another user's, and neither has anything of what the other one learns."""
    first = learned_cluster(resources)
    first.socket.close()
    with attribute_to("GEN-3"):
        other = resources.cluster(ONE_BRICK, other_account, first.cluster.name)
    other.enter_direct_mode()
    socket = other.attach()
    expect_nothing_learned(socket, first, "another user's cluster of the same name")
    opposite = InputMessage(OUTPUT, 1 - first.learned[OUTPUT], expected=True)
    for _ in range(STEPS):
        socket.train([*QUESTION, opposite])
    socket.close()
    with attribute_to("GEN-3"):
        again = first.cluster.reattach()
        actual = again.request(QUESTION)
    what = "the answer as before another user's cluster of the same name was trained"
    expect_same(resources, again, actual, first.learned, what)


SECONDS: dict[str, ClusterShape] = {
    "of the same template": ONE_BRICK,
    "of another template": replace(ONE_BRICK, outputs={"other_output": WIDTH + 1}),
}


@requirement("DIO-10", "GEN-1")
@pytest.mark.parametrize("second", list(SECONDS))
@alone
def test_a_second_cluster_of_a_name_leaves_the_first(resources: ResourceFactory, second: str) -> None:
    """A second cluster of a name is created or rejected, without a 5xx, and the first one goes on as it was."""
    resources.target.connection_limit.require(2)
    first = learned_cluster(resources)
    cluster = first.cluster
    answer = cluster.account.call("cluster.create", body=resources.cluster_body(cluster.name, SECONDS[second]))
    resources.register_unexpected(answer, "cluster.create")
    expected = "an answer below 500: the name exists already"
    require(not answer.failed, expected=expected, actual=answer, requirement="GEN-1")
    with attribute_to("DIO-10"):
        actual = first.socket.request(QUESTION)
        first.socket.close()
        again = cluster.reattach()
        afterwards = again.request(QUESTION)
    for which, known in (("the same socket", actual), ("another one", afterwards)):
        what = f"the answer on {which} as before a second cluster of its name"
        expect_same(resources, again, known, first.learned, what)


@requirement("DIO-14")
@alone
def test_a_new_cluster_has_nothing_of_a_deleted_one(resources: ResourceFactory) -> None:
    """A new cluster with the name of a deleted one has learned nothing of its training."""
    first = learned_cluster(resources)
    first.socket.close()
    first.cluster.delete()
    try:
        again = resources.cluster(ONE_BRICK, name=first.cluster.name)
    except PreconditionFailed as error:
        raise Unsupported(f"the name of a deleted cluster is not free: {error}") from error
    again.enter_direct_mode()
    expect_nothing_learned(again.attach(), first, "the deleted cluster")


@requirement("DIO-14")
@pytest.mark.parametrize("used", [False, True], ids=["never used", "with a socket attached"])
def test_the_name_of_a_deleted_cluster_is_free(resources: ResourceFactory, used: bool) -> None:
    """The name of a deleted cluster, which no list shows any more, may be that of a new one."""
    cluster = direct_cluster(resources)[0] if used else resources.cluster(ONE_BRICK)
    cluster.delete().object()
    listed = cluster.account.call("cluster.list")
    require(cluster.name not in listed.text, expected=f"a list without {cluster.name}", actual=listed)
    answer = cluster.account.call("cluster.create", body=resources.cluster_body(cluster.name, ONE_BRICK))
    resources.register_unexpected(answer, "cluster.create")
    if answer.rejected:
        resources.cluster(ONE_BRICK)  # the name is the reason only if another one is accepted
    expected = "200: the cluster of this name was deleted"
    require(
        answer.status == HTTPStatus.OK, expected=expected, actual=answer, requirement="GEN-1" if answer.failed else None
    )
