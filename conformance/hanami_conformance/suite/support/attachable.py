"""Resources that a first message may name."""

from __future__ import annotations

from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_conformance.target.attach import CLUSTER

FILE_SIZE = 100  # bytes


def attachable_uuid(resources: ResourceFactory, resource: str) -> str:
    """Return the uuid of a resource that accepts a socket.

    Args:
        resources: Factory of the resource.
        resource: Kind of the resource, ``file_upload`` or ``cluster``; a cluster is in direct mode.
    """
    if resource != CLUSTER:
        return resources.csv(FILE_SIZE).files["input"].uuid
    cluster = resources.any_cluster(ONE_BRICK)
    cluster.enter_direct_mode()
    return cluster.uuid
