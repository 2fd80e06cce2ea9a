"""Helpers for direct interaction: attached clusters, trained clusters, and the comparison of answers."""

from __future__ import annotations

from hanami_conformance.cases.attribution import default_requirement, precondition
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import PreconditionFailed, Unsupported, Violation
from hanami_conformance.clients.cluster_messages import ClusterShape, Values
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import UNCHANGED, are_equal
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import format_answer, make_distinguishable, sample_inputs, train_once
from hanami_conformance.suite.support.sample_data import ONE_BRICK

ASKED, REPEATS = 8, 25  # requests that are repeated, and how often, to see whether their answers change
ANY_SHAPE = None  # of a cluster with one input and one output brick, which may be an existing one


def expect_same(
    resources: ResourceFactory,
    socket: ClusterSocket,
    actual: dict[str, Values],
    expected: dict[str, Values],
    expectation: str,
    requirement_id: str | None = None,
) -> None:
    """Check that two answers are equal within float32 tolerance.

    Where they are not, another cluster is asked: if its answers change although nothing else happens, the difference
    says nothing of the requirement of the case. Cases of DIO-7 fail for such a target, and others cannot be judged.

    Args:
        resources: Factory of the other cluster.
        socket: Socket of the cluster, with no answer left to read.
        actual: Answer that is compared.
        expected: Answer that it must be equal to.
        expectation: Description of the expected answer.
        requirement_id: Id of the requirement that a difference violates; None for the one that the test names first.

    Raises:
        Violation: If the answers differ.
        Unsupported: If they differ, and the answers of clusters change by themselves.
    """
    is_same = are_equal(actual, expected)
    if not is_same and requirement_id != UNCHANGED:
        expect_stable_answers(resources, socket)
    text = f"{expectation}: {format_answer(expected)}"
    require(is_same, expected=text, actual=format_answer(actual), requirement=requirement_id)


def expect_stable_answers(resources: ResourceFactory, socket: ClusterSocket | None = None) -> None:
    """Check that the answers of clusters do not change by themselves, at the end of a case.

    Args:
        resources: Factory of the cluster that is asked.
        socket: Socket of the cluster of the case, with no answer left to read; closed unless that cluster was given.
            None where the case has none.

    Raises:
        Unsupported: If they do, so that a wrong answer could not be distinguished from a correct one.
    """
    try:
        changing = _answers_change(_undisturbed_socket(resources, socket))
    except (Violation, PreconditionFailed, Unsupported):  # no answers to compare
        changing = False
    if changing:
        raise Unsupported(
            f"the answers of a cluster change although nothing else happens, which violates {UNCHANGED},"
            " so that a wrong answer could not be detected"
        )


def _undisturbed_socket(resources: ResourceFactory, socket: ClusterSocket | None) -> ClusterSocket:
    """Return the socket of a new cluster of the same shape, or that of the given cluster where none is created.

    What a case did to its own cluster may be why the answers of that one change, and is no excuse.
    """
    if resources.target.given_cluster is not None and socket is not None:
        return socket
    resources.target.close_connections()  # the limit may allow no further one
    return trained_cluster(resources, ONE_BRICK if socket is None else socket.shape)[1]


def _answers_change(socket: ClusterSocket) -> bool:
    """Whether a cluster answers the same requests differently although nothing else happens."""
    questions = [sample_inputs(socket.shape, seed) for seed in range(1, ASKED + 1)]
    first = [socket.request(question) for question in questions]
    return any(
        not are_equal(socket.request(question), answer)
        for _ in range(REPEATS)
        for question, answer in zip(questions, first, strict=True)
    )


def untrained_cluster(
    resources: ResourceFactory, shape: ClusterShape | None = ONE_BRICK
) -> tuple[Cluster, ClusterSocket]:
    """Return a cluster in direct mode and its socket; a new one, unless the shape is ANY_SHAPE."""
    cluster = resources.any_cluster(ONE_BRICK) if shape is ANY_SHAPE else resources.cluster(shape)
    cluster.enter_direct_mode()
    return cluster, cluster.attach()


def direct_cluster(
    resources: ResourceFactory, shape: ClusterShape | None = ONE_BRICK, *, about: str | None = None
) -> tuple[Cluster, ClusterSocket]:
    """Return a cluster in direct mode that was trained in one cycle, and its socket; see :func:`untrained_cluster`.

    Args:
        resources: Factory of the cluster.
        shape: Shape of the cluster.
        about: Id of the requirement of a case that is about the first cycles of such a cluster. A failure of them that
            names no requirement violates it; for other cases it is a failed precondition.
    """
    cluster, socket = untrained_cluster(resources, shape)
    with precondition("training a cluster", keep_named=True) if about is None else default_requirement(about):
        train_once(socket)
    return cluster, socket


def trained_cluster(
    resources: ResourceFactory, shape: ClusterShape | None = ONE_BRICK, *, about: str | None = None
) -> tuple[Cluster, ClusterSocket]:
    """Return a cluster that answers different inputs differently, and its socket; see :func:`direct_cluster`.

    Raises:
        Unsupported: If it never does, so that a wrong answer could not be distinguished from a correct one.
    """
    cluster, socket = direct_cluster(resources, shape, about=about)
    make_distinguishable(socket, socket.shape)
    return cluster, socket
