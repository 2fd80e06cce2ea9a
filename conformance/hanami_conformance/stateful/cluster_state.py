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
        state: ``used``, ``unusual`` or ``left open`` if its answers are not judged, or ``deleted``.
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

    @property
    def summary(self) -> str:
        """State in few words: what is attached, what is under way, what is known, and what happened last."""
        cycle = ("training" if self.trains else "requesting") if self.pending_messages else "idle"
        socket = "attached" if self.socket is not None else "detached"
        known = "known" if self.model.answers else "unknown"
        return f"{self.state} {socket} {cycle} {known} {self.model.last_event}"


def processed(parts: Sequence[InputMessage]) -> bytes:
    """Return the key of the values that a cycle of these messages processes; see :meth:`ClusterModel.finish_cycle`."""
    model = ClusterModel()
    for part in parts:
        model.buffer_values(part.name, part.values)
    return model.finish_cycle()
