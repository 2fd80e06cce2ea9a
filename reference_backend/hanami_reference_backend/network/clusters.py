"""Clusters of all projects: their modes, their networks, and the one websocket that each may have."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import conflict, not_found
from hanami_reference_backend.common.identity import RandomIdentity
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.network.templates import Template

BYTES_PER_PARAMETER = 4
NORMAL_CLOSURE = 1000  # RFC 6455, 7.4.1
POLICY_VIOLATION = 1008


class Attached(Protocol):
    """A websocket that is attached to a cluster."""

    def end(self, code: int, reason: str) -> None:
        """Take nothing more from the client, and close the socket with that code and reason."""


@dataclass
class Cluster:
    """A cluster.

    Attributes:
        mode: ``TASK`` or ``DIRECT``, in the words of the dialect.
        attached: the websocket that has it now.
        busy: held while a thread works on the network, which may outlast the websocket that asked for it.
    """

    uuid: str
    name: str
    owner_id: str
    project_id: str
    mode: str
    template: Template
    network: Network
    attached: Attached | None = None
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class ClusterStore:
    """Where clusters begin and end; a user sees those of the own project only (GEN-3).

    Args:
        settings: limits.
        modes: words for the task mode and the direct mode.
        chance: where uuids come from.
    """

    def __init__(self, settings: Settings, modes: tuple[str, str], chance: RandomIdentity | None = None) -> None:
        self._settings = settings
        self._chance = chance or RandomIdentity()
        self._task, self._direct = modes
        self._clusters: dict[str, Cluster] = {}

    def create(self, user: User, name: str, template: Template, network: Network) -> Cluster:
        """Return a new cluster, in task mode.

        Raises:
            RequestError: 409 when the name is in use or the project has used up its share.
        """
        clusters = self.clusters(user)
        if any(cluster.name == name for cluster in clusters):
            raise conflict(f"there is a cluster with the name {name!r} already")
        if len(clusters) >= self._settings.max_clusters:
            raise conflict(f"the project has {len(clusters)} clusters: delete one first")
        parameters = network.parameters + sum(cluster.network.parameters for cluster in clusters)
        if parameters * BYTES_PER_PARAMETER > self._settings.max_storage:
            raise conflict("the clusters of the project would take too much memory: delete one first")
        cluster = Cluster(self._chance.uuid(), name, user.id, user.project_id, self._task, template, network)
        self._clusters[cluster.uuid] = cluster
        return cluster

    def find(self, user: User, uuid: str) -> Cluster | None:
        """Return a cluster, or None."""
        cluster = self._clusters.get(uuid)
        return cluster if cluster and cluster.project_id == user.project_id else None

    def cluster(self, user: User, uuid: str) -> Cluster:
        """Return a cluster.

        Raises:
            RequestError: 404.
        """
        cluster = self.find(user, uuid)
        if cluster is None:
            raise not_found("there is no such cluster")
        return cluster

    def clusters(self, user: User) -> list[Cluster]:
        """All clusters, oldest first."""
        return [cluster for cluster in self._clusters.values() if cluster.project_id == user.project_id]

    def delete(self, user: User, uuid: str) -> None:
        """End a cluster and its websocket (DIO-14).

        Raises:
            RequestError: 404.
        """
        cluster = self.cluster(user, uuid)
        del self._clusters[uuid]
        self._end_socket(cluster, POLICY_VIOLATION, "cluster was deleted")

    def set_mode(self, user: User, uuid: str, mode: str) -> Cluster:
        """Switch between task mode and direct mode (direct interaction, steps 1 and 4; MODE-1).

        Args:
            user: who asks.
            uuid: of the cluster.
            mode: one of the two words of the dialect.

        Raises:
            RequestError: 404, or 409 when the cluster is in that mode already (MODE-3).
        """
        cluster = self.cluster(user, uuid)
        if cluster.mode == mode:
            raise conflict(f"the cluster is in the mode {mode} already")
        cluster.mode = mode
        if mode == self._task:
            self._end_socket(cluster, NORMAL_CLOSURE, "cluster was switched to task mode")
        return cluster

    def attach(self, cluster: Cluster, socket: Attached) -> None:
        """Give the cluster to a websocket (direct interaction, step 2).

        Raises:
            RequestError: 409 in task mode, or when another websocket has it.
        """
        if cluster.mode != self._direct:
            raise conflict(f"the cluster is not in the mode {self._direct}")
        if cluster.attached is not None:
            raise conflict("another websocket is attached to the cluster")
        cluster.attached = socket

    def detach(self, cluster: Cluster, socket: Attached) -> None:
        """Free the place of a websocket that is gone; nothing happens when it has it no longer."""
        if cluster.attached is socket:
            cluster.attached = None

    def _end_socket(self, cluster: Cluster, code: int, reason: str) -> None:
        socket, cluster.attached = cluster.attached, None
        if socket is not None:
            socket.end(code, reason)
