"""What the tests of direct interaction share: clusters, their training, and how answers are compared."""

from __future__ import annotations

from hanami_conformance.cases.checks import require
from hanami_conformance.clients.cluster_messages import ClusterShape, Values
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import are_equal
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import format_answer, make_distinguishable
from hanami_conformance.suite.support.sample_data import ONE_BRICK


def expect_same(
    actual: dict[str, Values], wanted: dict[str, Values], why: str, requirement_id: str | None = None
) -> None:
    """Two answers must be the same."""
    require(
        are_equal(actual, wanted),
        expected=f"{why}: {format_answer(wanted)}",
        actual=format_answer(actual),
        requirement=requirement_id,
    )


def direct_cluster(resources: ResourceFactory, shape: ClusterShape | None = ONE_BRICK) -> tuple[Cluster, ClusterSocket]:
    """Return a new cluster in direct mode and a socket attached to it; any cluster will do where the shape is None."""
    cluster = resources.any_cluster(ONE_BRICK) if shape is None else resources.cluster(shape)
    cluster.enter_direct_mode()
    return cluster, cluster.attach()


def trained_cluster(
    resources: ResourceFactory, shape: ClusterShape | None = ONE_BRICK
) -> tuple[Cluster, ClusterSocket]:
    """Return a cluster, trained until it answers different inputs differently, and its socket; see :func:`direct`.

    Raises:
        Unsupported: it never does, so that a wrong answer could not be told from a right one.
    """
    cluster, socket = direct_cluster(resources, shape)
    make_distinguishable(socket, socket.shape)
    return cluster, socket
