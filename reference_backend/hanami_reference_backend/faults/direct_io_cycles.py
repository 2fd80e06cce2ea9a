"""Faults of several cycles, clusters and sockets (DIO-9 to DIO-11, DIO-14)."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from hanami_proto.codec import ProcessType
from hanami_reference_backend.common.errors import conflict
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import Cluster, ClusterStore
from hanami_reference_backend.network.cycle_buffer import Cycle
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.cluster import ClusterSession, InvalidMessageError

PAUSE = 0.002  # seconds without a message that end a burst


def _serve_in_bursts(
    arrange: Callable[[list[list[Any]]], list[list[Any]]], *, keep_end: Callable[[Any], bool] = lambda _message: False
) -> None:
    """Process the cycles of all waiting messages in another order.

    Args:
        arrange: Function of the cycles that returns their order.
        keep_end: Whether the answer to a message is sent only behind the answers to all that wait behind it.
    """

    @replace_method(ClusterSession, "decode")
    def decode(original: Any, session: ClusterSession, payload: Any) -> Any:
        return original(session, payload) if isinstance(payload, bytes | str) else payload

    @replace_method(ClusterSession, "run")
    async def run(_original: Any, session: ClusterSession) -> None:
        try:
            while True:
                *cycles, rest = _split_into_cycles(await _burst(session))
                late: list[bytes] = []
                for message in itertools.chain.from_iterable([*arrange(cycles), rest]):
                    answers = await session.answer(message)
                    if keep_end(message):
                        late += answers
                    else:
                        await _send(session, answers)
                await _send(session, late)
        except InvalidMessageError as error:
            await session._channel.close(error.code, error.reason)


async def _burst(session: ClusterSession) -> list[Any]:
    """Return the next message together with those that wait behind it."""
    burst = [session.decode(await session._channel.receive())]
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(PAUSE):
                burst.append(session.decode(await session._channel.receive()))
    return burst


def _split_into_cycles(messages: list[Any]) -> list[list[Any]]:
    """Return the messages of each cycle; those of the last one are not complete."""
    cycles: list[list[Any]] = [[]]
    for message in messages:
        cycles[-1].append(message)
        if message.is_last:
            cycles.append([])
    return cycles


async def _send(session: ClusterSession, answers: list[bytes]) -> None:
    for answer in answers:
        await session._channel.send_bytes(answer)


@fault("DIO-9")
def pipelined_requests_reordered() -> None:
    """Of the waiting cycles, the latest is processed first."""
    _serve_in_bursts(lambda cycles: cycles[::-1])


@fault("DIO-9", hook=_serve_in_bursts)
def requests_overtake_training(cycles: list[list[Any]]) -> list[list[Any]]:
    """Of the waiting cycles, requests are processed before training."""
    return sorted(cycles, key=lambda cycle: cycle[-1].process_type == ProcessType.TRAIN)


@fault("DIO-9")
def ends_of_training_sent_last() -> None:
    """The end messages of waiting training cycles are sent behind the answers to all that waits with them."""

    def is_end(message: Any) -> bool:
        return bool(message.is_last and message.process_type == ProcessType.TRAIN)

    _serve_in_bursts(lambda cycles: cycles, keep_end=is_end)


@fault("DIO-9", "DIO-3", "DIO-6")
def one_cycle_in_five_hundred_unanswered() -> None:
    """Every five hundredth cycle of the server is not answered."""
    cycles = itertools.count(1)

    @replace_method(ClusterSession, "answer")
    async def answer(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
        answers = await original(session, payload)
        return [] if session.decode(payload).is_last and not next(cycles) % 500 else answers


@fault("DIO-9", hook=replace_method(ClusterSession, "answer"))
async def silent_after_150_cycles(original: Any, session: Any, payload: bytes | str) -> Any:
    """A socket falls silent after 150 cycles."""
    session.cycles = getattr(session, "cycles", 0) + session.decode(payload).is_last
    if session.cycles > 150:
        await internals.hang()
    return await original(session, payload)


@fault("DIO-10")
def clusters_share_weights() -> None:
    """Clusters of the same shape share their weights."""
    networks: dict[tuple[int, ...], Network] = {}

    @replace_method(Network, "__init__")
    def init(original: Any, network: Network, layers: Any, *rest: Any) -> None:
        original(network, layers, *rest)
        known = networks.setdefault(tuple(layers), network)
        network.weights, network.biases = known.weights, known.biases


@fault("DIO-10")
def clusters_share_values() -> None:
    """Clusters of the same shape share the values of an unfinished cycle."""
    cycles: dict[str, Cycle] = {}

    @replace_method(ClusterSession, "__init__")
    def init(original: Any, session: ClusterSession, *arguments: Any) -> None:
        original(session, *arguments)
        session._cycle = cycles.setdefault(str(session._cluster.template.layers), session._cycle)


@fault("DIO-2", "DIO-11", hook=replace_method(ClusterSession, "__exit__"))
def lost_sockets_finish_their_training(original: Any, session: ClusterSession, *arguments: Any) -> None:
    """An unfinished training cycle is run when its socket ends."""
    cycle = session._cycle
    if cycle.expected.has_values():
        session._cluster.network.train(cycle.inputs.values, cycle.expected.values, cycle.expected.mask())
    original(session, *arguments)


@fault("DIO-10", hook=replace_method(ClusterStore, "attach"))
def one_cluster_at_a_time(original: Any, store: ClusterStore, cluster: Cluster, socket: Any) -> Any:
    """While one cluster has a socket, no other cluster gets one."""
    if any(other.attached and other is not cluster for other in store._clusters.values()):
        raise conflict("another cluster is attached")
    return original(store, cluster, socket)


@fault("DIO-10")
def answers_go_to_the_newest_socket() -> None:
    """All replies go to the newest socket of a cluster."""
    newest: list[Channel] = []

    @replace_method(ClusterSession, "run")
    async def run(original: Any, session: ClusterSession) -> None:
        channel: Any = session._channel
        newest[:] = [channel]
        channel.send_bytes = lambda data: Channel.send_bytes(newest[0], data)
        await original(session)


@fault("DIO-11", "DIO-7", hook=replace_method(ClusterSession, "__exit__"))
def training_lost_with_the_socket(original: Any, session: ClusterSession, *arguments: Any) -> None:
    """A cluster forgets its training when its socket ends."""
    original(session, *arguments)
    session._cluster.network = Network(session._cluster.template.layers, 0, session._cluster.uuid)


@fault("DIO-11")
def training_kept_only_by_requests() -> None:
    """Training since the last request of a socket is lost when the socket ends."""
    kept: WeakKeyDictionary[ClusterSession, Network] = WeakKeyDictionary()

    @replace_method(ClusterSession, "__enter__")
    def enter(original: Any, session: ClusterSession) -> None:
        original(session)
        kept[session] = copy.deepcopy(session._cluster.network)

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> Any:
        kept[session] = copy.deepcopy(session._cluster.network)
        return await original(session)

    @replace_method(ClusterSession, "__exit__")
    def leave(original: Any, session: ClusterSession, *arguments: Any) -> None:
        original(session, *arguments)
        session._cluster.network = kept[session]


@fault("DIO-11")
def eleventh_socket_rejected() -> None:
    """A cluster rejects sockets after the tenth."""
    sockets: Counter[str] = Counter()

    @replace_method(ClusterStore, "attach")
    def attach(original: Any, store: ClusterStore, cluster: Cluster, socket: Any) -> Any:
        sockets[cluster.uuid] += 1
        if sockets[cluster.uuid] > 10:
            raise conflict("the cluster has had ten sockets")
        return original(store, cluster, socket)


@fault("DIO-11", hook=replace_method(ClusterSession, "__exit__"))
def broken_cycle_blocks_the_cluster(original: Any, session: ClusterSession, *arguments: Any) -> None:
    """A cluster whose socket ended within a cycle rejects later sockets."""
    if not session._cycle.inputs.has_values():
        original(session, *arguments)


@fault("DIO-11", "GEN-2")
def second_socket_silences_the_first() -> None:
    """After a second socket was rejected, the cluster answers nothing any more."""
    silent: set[str] = set()

    @replace_method(ClusterStore, "attach")
    def attach(original: Any, store: ClusterStore, cluster: Cluster, socket: Any) -> None:
        if cluster.attached is not None:
            silent.add(cluster.uuid)
        original(store, cluster, socket)

    @replace_method(ClusterSession, "answer")
    async def answer(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
        return [] if session._cluster.uuid in silent else await original(session, payload)


@fault("DIO-14", hook=replace_method(ClusterStore, "delete"))
def socket_survives_its_cluster(original: Any, store: ClusterStore, user: Any, uuid: str) -> None:
    """The socket of a deleted cluster is still served."""
    store.cluster(user, uuid).attached = None
    original(store, user, uuid)


@fault("DIO-14", hook=replace_method(ClusterStore, "delete"))
def deleted_clusters_stay(original: Any, store: ClusterStore, user: Any, uuid: str) -> None:
    """Deleting a cluster closes its socket, but does not delete the cluster."""
    cluster = store.cluster(user, uuid)
    original(store, user, uuid)
    store._clusters[uuid] = cluster


def _stay_listed(which: Callable[[Cluster], bool]) -> None:
    """List some of the deleted clusters."""
    listed: list[Cluster] = []

    @replace_method(ClusterStore, "delete")
    def delete(original: Any, store: ClusterStore, user: Any, uuid: str) -> None:
        cluster = store.cluster(user, uuid)
        listed.extend([cluster] if which(cluster) else [])
        original(store, user, uuid)

    @replace_method(ClusterStore, "clusters")
    def clusters(original: Any, store: ClusterStore, user: Any) -> Any:
        return [*original(store, user), *(one for one in listed if one.project_id == user.project_id)]


@fault("DIO-14")
def clusters_come_back_by_name() -> None:
    """A new cluster has the training of a deleted cluster of the same name."""
    kept: dict[tuple[str, str], Network] = {}

    @replace_method(ClusterStore, "delete")
    def delete(original: Any, store: ClusterStore, user: Any, uuid: str) -> None:
        cluster = store.cluster(user, uuid)
        kept[user.project_id, cluster.name] = cluster.network
        original(store, user, uuid)

    @replace_method(ClusterStore, "create")
    def create(original: Any, store: ClusterStore, user: Any, name: str, *more: Any) -> Any:
        cluster = original(store, user, name, *more)
        cluster.network = kept.get((user.project_id, name), cluster.network)
        return cluster


@fault("DIO-14")
def clusters_deleted_in_use_stay_listed() -> None:
    """A cluster that is deleted while a socket is attached is still listed."""
    _stay_listed(lambda cluster: cluster.attached is not None)


@fault("DIO-14")
def deleted_clusters_stay_listed() -> None:
    """A deleted cluster is still listed."""
    _stay_listed(lambda _cluster: True)


@fault("DIO-14", hook=replace_method(ClusterStore, "delete"))
def dies_of_deleting_a_cluster_in_use(original: Any, store: ClusterStore, user: Any, uuid: str) -> None:
    """Deleting a cluster with a socket crashes the server."""
    if store.cluster(user, uuid).attached:
        internals.crash()
    original(store, user, uuid)
