"""Clusters of all projects: their modes, their networks, and their websockets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import conflict, not_found
from hanami_reference_backend.common.identity import RandomIdentity
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.network.network import LARGE_NETWORK, Network, network_size
from hanami_reference_backend.network.templates import Port, Template

NORMAL_CLOSURE = 1000  # RFC 6455, 7.4.1
POLICY_VIOLATION = 1008


class Attached(Protocol):
    """A websocket that is attached to a cluster."""

    def end(self, code: int, reason: str) -> None:
        """Ignore further messages, and close the socket with this code and reason."""


@dataclass
class Cluster:
    """A cluster.

    Attributes:
        mode: Task mode or direct mode, as the dialect names it.
        created_at: Time of the creation in seconds since the epoch.
        attached: Websocket that is attached now.
        busy: Lock that a thread holds while it works on the network; the thread may outlast the websocket.
    """

    uuid: str
    name: str
    owner_id: str
    project_id: str
    mode: str
    template: Template
    network: Network
    created_at: float = 0.0
    attached: Attached | None = None
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class ClusterStore:
    """All clusters; a user sees only those of the own project (GEN-3).

    Args:
        settings: Limits of the server.
        modes: Names of the task mode and the direct mode.
        identity: Source of uuids.
    """

    def __init__(self, settings: Settings, modes: tuple[str, str], identity: RandomIdentity | None = None) -> None:
        self._settings = settings
        self._identity = identity or RandomIdentity()
        self._task, self._direct = modes
        self._clusters: dict[str, Cluster] = {}

    def create(self, user: User, name: str, template: Template, network: Network) -> Cluster:
        """Return a new cluster in task mode.

        Raises:
            RequestError: 409, if the name is in use or a limit of the project is reached.
        """
        clusters = self.clusters(user)
        if any(cluster.name == name for cluster in clusters):
            raise conflict(f"there is a cluster with the name {name!r} already")
        if len(clusters) >= self._settings.max_clusters:
            raise conflict(f"the project has {len(clusters)} clusters: delete one first")
        self._check_storage(network.size + sum(cluster.network.size for cluster in clusters))
        uuid, now = self._identity.uuid(), self._identity.now()
        cluster = Cluster(uuid, name, user.id, user.project_id, self._task, template, network, now)
        self._clusters[cluster.uuid] = cluster
        return cluster

    def find(self, user: User, uuid: str) -> Cluster | None:
        """Return a cluster, or None."""
        cluster = self._clusters.get(uuid)
        return cluster if cluster and cluster.project_id == user.project_id else None

    def cluster(self, user: User, uuid: str) -> Cluster:
        """Return a cluster.

        Raises:
            RequestError: 404, if the project has no such cluster.
        """
        cluster = self.find(user, uuid)
        if cluster is None:
            raise not_found("there is no such cluster")
        return cluster

    def clusters(self, user: User) -> list[Cluster]:
        """Return all clusters of the project of a user, oldest first."""
        return [cluster for cluster in self._clusters.values() if cluster.project_id == user.project_id]

    def delete(self, user: User, uuid: str) -> None:
        """Delete a cluster and close its websocket (DIO-14).

        Raises:
            RequestError: 404, if the project has no such cluster.
        """
        cluster = self.cluster(user, uuid)
        del self._clusters[uuid]
        self._end_socket(cluster, POLICY_VIOLATION, "cluster was deleted")

    def set_mode(self, user: User, uuid: str, mode: str) -> Cluster:
        """Switch between task mode and direct mode (direct interaction, steps 1 and 4; MODE-1).

        Raises:
            RequestError: 404, or 409 if the cluster is in this mode already (MODE-3).
        """
        cluster = self.cluster(user, uuid)
        if cluster.mode == mode:
            raise conflict(f"the cluster is in the mode {mode} already")
        cluster.mode = mode
        if mode == self._task:
            self._end_socket(cluster, NORMAL_CLOSURE, "cluster was switched to task mode")
        return cluster

    async def set_sizes(self, cluster: Cluster, sizes: Mapping[str, int]) -> None:
        """Set the sizes of inputs and outputs, where the template of a cluster gives none; what was trained is kept.

        The caller holds the lock of the cluster.

        Raises:
            RequestError: 409, if the network would become too large.
        """
        before = cluster.template
        after = before.with_sizes(sizes)
        most = self._settings.max_parameters
        if after.parameters > most:
            raise conflict(f"{after.parameters} weights are more than {most}")
        others = sum(
            other.network.size
            for other in self._clusters.values()
            if other.project_id == cluster.project_id and other is not cluster
        )
        self._check_storage(network_size(after.layers) + others)
        places = (_places(before.inputs, after.inputs), _places(before.outputs, after.outputs))
        if after.parameters < LARGE_NETWORK:
            network = cluster.network.resized(after.layers, *places)
        else:
            network = await asyncio.to_thread(cluster.network.resized, after.layers, *places)
        cluster.network, cluster.template = network, after

    def attach(self, cluster: Cluster, socket: Attached) -> None:
        """Attach a websocket to a cluster (direct interaction, step 2).

        Raises:
            RequestError: 409 in task mode, or if another websocket is attached.
        """
        if cluster.mode != self._direct:
            raise conflict(f"the cluster is not in the mode {self._direct}")
        if cluster.attached is not None:
            raise conflict("another websocket is attached to the cluster")
        cluster.attached = socket

    def detach(self, cluster: Cluster, socket: Attached) -> None:
        """Detach a websocket that has ended, unless another one is attached."""
        if cluster.attached is socket:
            cluster.attached = None

    def _check_storage(self, size: int) -> None:
        if size > self._settings.max_storage:
            raise conflict("the clusters of the project would take too much memory: delete one first")

    def _end_socket(self, cluster: Cluster, code: int, reason: str) -> None:
        socket, cluster.attached = cluster.attached, None
        if socket is not None:
            socket.end(code, reason)


def _places(before: Sequence[Port], after: Sequence[Port]) -> NDArray[np.intp]:
    """Return the place of each value of the ports that have a size among the values of the same ports, all sized."""
    places = [np.zeros(0, dtype=np.intp)]
    start = 0
    for old, new in zip(before, after, strict=True):
        places.append(np.arange(start, start + old.size))
        start += new.size
    return np.concatenate(places)
