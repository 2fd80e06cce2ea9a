"""Faults of several cycles, clusters and sockets (DIO-9 to DIO-11, DIO-14)."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from hanami_proto.codec import ProcessType
from hanami_reference_backend.common.errors import conflict
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import Cluster, ClusterStore
from hanami_reference_backend.network.cycle_buffer import Cycle
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.cluster import ClusterSession, MistakeError

PAUSE = 0.002  # seconds without a message after which a burst is over
FOREVER = 3600.0  # seconds


@fault("DIO-9")
def pipelined_requests_reordered() -> None:
    """Of cycles that wait to be processed the one that came last is processed first."""
    _serve_in_bursts(lambda cycles: cycles[::-1])


@fault("DIO-9")
def requests_overtake_training() -> None:
    """Of cycles that wait to be processed requests come before training."""

    def arrange(cycles: list[list[Any]]) -> list[list[Any]]:
        return sorted(cycles, key=lambda cycle: cycle[-1].process_type == ProcessType.TRAIN)

    _serve_in_bursts(arrange)


def _serve_in_bursts(arrange: Callable[[list[list[Any]]], list[list[Any]]]) -> None:
    """Take all messages that are there, and process their cycles in another order."""

    @instead(ClusterSession, "decode")
    def decode(honest: Any, session: ClusterSession, payload: Any) -> Any:
        return honest(session, payload) if isinstance(payload, bytes | str) else payload

    @instead(ClusterSession, "run")
    async def run(_honest: Any, self: ClusterSession) -> None:
        try:
            while True:
                burst = [self.decode(await self._channel.receive())]
                with contextlib.suppress(TimeoutError):
                    while True:
                        async with asyncio.timeout(PAUSE):
                            burst.append(self.decode(await self._channel.receive()))
                cycles: list[list[Any]] = [[]]
                for message in burst:
                    cycles[-1].append(message)
                    if message.is_last:
                        cycles.append([])
                for message in [one for cycle in [*arrange(cycles[:-1]), cycles[-1]] for one in cycle]:
                    for answer in await self.answer(message):
                        await self._channel.send_bytes(answer)
        except MistakeError as error:
            await self._channel.close(error.code, error.reason)


@fault("DIO-9")
def silent_after_150_cycles() -> None:
    """A socket answers nothing any more after 150 cycles."""

    @instead(ClusterSession, "answer")
    async def lie(honest: Any, session: Any, payload: bytes | str) -> Any:
        session.cycles = getattr(session, "cycles", 0) + session.decode(payload).is_last
        if session.cycles > 150:
            await asyncio.sleep(FOREVER)
        return await honest(session, payload)


@fault("DIO-10")
def clusters_share_weights() -> None:
    """Clusters of the same shape have their weights in common."""
    networks: dict[tuple[int, ...], Network] = {}

    @instead(Network, "__init__")
    def lie(honest: Any, network: Network, layers: Any, *rest: Any) -> None:
        honest(network, layers, *rest)
        known = networks.setdefault(tuple(layers), network)
        network.weights, network.biases = known.weights, known.biases


@fault("DIO-10")
def clusters_share_values() -> None:
    """Clusters of the same shape put the values of an open cycle into one buffer."""
    _share_cycles(lambda session: str(session._cluster.template.layers))  # noqa: SLF001


@fault("DIO-11")
def values_of_a_lost_socket_stay() -> None:
    """The next socket of a cluster goes on with the cycle that the last one left open."""
    _share_cycles(lambda session: session._cluster.uuid)  # noqa: SLF001


def _share_cycles(key: Callable[[Any], str]) -> None:
    cycles: dict[str, Cycle] = {}

    @instead(ClusterSession, "__init__")
    def lie(honest: Any, self: ClusterSession, *arguments: Any) -> None:
        honest(self, *arguments)
        self._cycle = cycles.setdefault(key(self), self._cycle)


@fault("DIO-10")
def one_cluster_at_a_time() -> None:
    """While one cluster has a socket, no other gets one."""

    @instead(ClusterStore, "attach")
    def lie(honest: Any, self: ClusterStore, cluster: Cluster, socket: Any) -> Any:
        if any(other.attached and other is not cluster for other in self._clusters.values()):
            raise conflict("another cluster is attached")
        return honest(self, cluster, socket)


@fault("DIO-10")
def answers_go_to_the_newest_socket() -> None:
    """All answers go to the socket that was attached to a cluster last."""
    newest: list[Channel] = []

    @instead(ClusterSession, "run")
    async def lie(honest: Any, self: ClusterSession) -> None:
        channel: Any = self._channel
        newest[:] = [channel]
        channel.send_bytes = lambda data: Channel.send_bytes(newest[0], data)
        await honest(self)


@fault("DIO-11", "DIO-7")
def training_lost_with_the_socket() -> None:
    """A cluster forgets its training when its socket is gone."""

    @instead(ClusterSession, "__exit__")
    def lie(honest: Any, self: ClusterSession, *arguments: Any) -> None:
        honest(self, *arguments)
        self._cluster.network = Network(self._cluster.template.layers, 0, self._cluster.uuid)


@fault("DIO-11")
def training_kept_by_requests_alone() -> None:
    """What was trained since the last request of a socket is lost when the socket is gone."""
    kept: WeakKeyDictionary[ClusterSession, Network] = WeakKeyDictionary()

    @instead(ClusterSession, "__enter__")
    def begun(honest: Any, self: ClusterSession) -> None:
        honest(self)
        kept[self] = copy.deepcopy(self._cluster.network)

    @instead(ClusterSession, "request")
    async def keeping(honest: Any, self: ClusterSession) -> Any:
        kept[self] = copy.deepcopy(self._cluster.network)
        return await honest(self)

    @instead(ClusterSession, "__exit__")
    def losing(honest: Any, self: ClusterSession, *arguments: Any) -> None:
        honest(self, *arguments)
        self._cluster.network = kept[self]


@fault("DIO-11")
def tenth_socket_refused() -> None:
    """A cluster that had ten sockets gets no more."""
    sockets: Counter[str] = Counter()

    @instead(ClusterStore, "attach")
    def lie(honest: Any, self: ClusterStore, cluster: Cluster, socket: Any) -> Any:
        sockets[cluster.uuid] += 1
        if sockets[cluster.uuid] > 10:
            raise conflict("the cluster has had enough")
        return honest(self, cluster, socket)


@fault("DIO-11")
def broken_cycle_blocks_the_cluster() -> None:
    """A cluster whose socket is gone in the middle of a cycle lets no other attach."""

    @instead(ClusterSession, "__exit__")
    def lie(honest: Any, self: ClusterSession, *arguments: Any) -> None:
        if not self._cycle.inputs.has_values():
            honest(self, *arguments)


@fault("DIO-14")
def socket_survives_its_cluster() -> None:
    """The socket of a cluster that was deleted goes on being served."""

    @instead(ClusterStore, "delete")
    def lie(honest: Any, self: ClusterStore, user: Any, uuid: str) -> None:
        self.cluster(user, uuid).attached = None
        honest(self, user, uuid)


@fault("DIO-14")
def deleted_clusters_stay() -> None:
    """Deleting a cluster closes its socket, and leaves the cluster where it is."""

    @instead(ClusterStore, "delete")
    def lie(honest: Any, self: ClusterStore, user: Any, uuid: str) -> None:
        cluster = self.cluster(user, uuid)
        honest(self, user, uuid)
        self._clusters[uuid] = cluster


def _stay_listed(which: Callable[[Cluster], bool]) -> None:
    """List deleted clusters as if they were there."""
    listed: list[Cluster] = []

    @instead(ClusterStore, "delete")
    def noting(honest: Any, store: ClusterStore, user: Any, uuid: str) -> None:
        cluster = store.cluster(user, uuid)
        listed.extend([cluster] if which(cluster) else [])
        honest(store, user, uuid)

    @instead(ClusterStore, "clusters")
    def lie(honest: Any, store: ClusterStore, user: Any) -> Any:
        return [*honest(store, user), *(one for one in listed if one.project_id == user.project_id)]


@fault("DIO-14")
def clusters_come_back_by_name() -> None:
    """A cluster with the name of a deleted one has what that had learned."""
    kept: dict[tuple[str, str], Network] = {}

    @instead(ClusterStore, "delete")
    def keeping(honest: Any, store: ClusterStore, user: Any, uuid: str) -> None:
        cluster = store.cluster(user, uuid)
        kept[user.project_id, cluster.name] = cluster.network
        honest(store, user, uuid)

    @instead(ClusterStore, "create")
    def lie(honest: Any, store: ClusterStore, user: Any, name: str, *more: Any) -> Any:
        cluster = honest(store, user, name, *more)
        cluster.network = kept.get((user.project_id, name), cluster.network)
        return cluster


@fault("DIO-14")
def clusters_deleted_in_use_stay_listed() -> None:
    """A cluster that is deleted with a socket attached is still listed."""
    _stay_listed(lambda cluster: cluster.attached is not None)


@fault("DIO-14")
def deleted_clusters_stay_listed() -> None:
    """A deleted cluster is still listed."""
    _stay_listed(lambda _cluster: True)


@fault("DIO-14")
def dies_of_deleting_a_cluster_in_use() -> None:
    """Deleting a cluster with a socket ends the process."""

    @instead(ClusterStore, "delete")
    def lie(honest: Any, store: ClusterStore, user: Any, uuid: str) -> None:
        if store.cluster(user, uuid).attached:
            os._exit(9)
        honest(store, user, uuid)
