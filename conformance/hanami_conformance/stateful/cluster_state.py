"""The clusters of a sequence: their sockets, unfinished cycles and models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import ClusterModel
from hanami_conformance.resources.cluster import Cluster


@dataclass
class TrackedCluster:
    """A cluster of a sequence.

    Attributes:
        cluster: Cluster on the target.
        model: Model of the cluster.
        socket: Attached socket, None if there is none.
        pending_messages: Messages of an unfinished cycle that are not sent yet, the last one with isLast.
        trains: Whether the unfinished cycle is a TRAIN cycle.
        state: ``used``, ``unusual`` if its answers are left open, or ``deleted``.
    """

    cluster: Cluster
    model: ClusterModel = field(default_factory=ClusterModel)
    socket: ClusterSocket | None = None
    pending_messages: list[InputMessage] = field(default_factory=list)
    trains: bool = False
    state: str = "used"

    @property
    def shape(self) -> ClusterShape:
        """Bricks of the cluster."""
        return self.cluster.shape


def processed(parts: Sequence[InputMessage]) -> bytes:
    """Return the key of the values that a cycle of these messages processes; see :meth:`ClusterModel.finish_cycle`."""
    model = ClusterModel()
    for part in parts:
        model.buffer_values(part.name, part.values)
    return model.finish_cycle()
