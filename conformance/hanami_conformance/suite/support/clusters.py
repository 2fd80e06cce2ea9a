"""Helpers for direct interaction: attached clusters, trained clusters, and the comparison of answers."""

from __future__ import annotations

from hanami_conformance.cases.checks import require
from hanami_conformance.clients.cluster_messages import ClusterShape, Values
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import are_equal
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import format_answer, make_distinguishable
from hanami_conformance.suite.support.sample_data import ONE_BRICK

ANY_SHAPE = None  # of a cluster with one input and one output brick, which may be an existing one


def expect_same(
    actual: dict[str, Values], expected: dict[str, Values], expectation: str, requirement_id: str | None = None
) -> None:
    """Check that two answers are equal within float32 tolerance."""
    text = f"{expectation}: {format_answer(expected)}"
    is_same = are_equal(actual, expected)
    require(is_same, expected=text, actual=format_answer(actual), requirement=requirement_id)


def direct_cluster(resources: ResourceFactory, shape: ClusterShape | None = ONE_BRICK) -> tuple[Cluster, ClusterSocket]:
    """Return a cluster in direct mode and its socket; a new one, unless the shape is ANY_SHAPE."""
    cluster = resources.any_cluster(ONE_BRICK) if shape is ANY_SHAPE else resources.cluster(shape)
    cluster.enter_direct_mode()
    return cluster, cluster.attach()


def trained_cluster(
    resources: ResourceFactory, shape: ClusterShape | None = ONE_BRICK
) -> tuple[Cluster, ClusterSocket]:
    """Return a cluster that answers different inputs differently, and its socket; see :func:`direct_cluster`.

    Raises:
        Unsupported: If it never does, so that a wrong answer could not be distinguished from a correct one.
    """
    cluster, socket = direct_cluster(resources, shape)
    make_distinguishable(socket, socket.shape)
    return cluster, socket
