"""Faults that appear at large counts: messages, gaps, sockets, questions, rejections, requests, clusters."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

from websockets.frames import Frame

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import POLICY_VIOLATION, Cluster, ClusterStore
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.attach import RejectedError
from hanami_reference_backend.sockets.cluster import ClusterSession
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage import datasets, idx_parser
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.intervals import Intervals
from hanami_reference_backend.storage.uploads import TempFile

MESSAGES = 1000
PARTS = 256
SOCKETS = 16
QUESTIONS = 100
REJECTIONS = 10
REQUESTS = 1000
BURST = 16
CLUSTERS = 8
BORDER = 2 << 20  # bytes
LARGEST = 32 << 20  # bytes of a file
TABLE = 3 << 20  # bytes
COUNTED = 1 << 16
SLOTS = 3
BACKLOG = 150_000  # bytes
WAITING = 256  # messages


@fault("DATA-1", "PROG-3")
def file_sockets_end_after_a_thousand_messages() -> None:
    """A socket of a file is closed at its thousandth message."""
    counts: WeakKeyDictionary[UploadSession, int] = WeakKeyDictionary()

    @replace_method(UploadSession, "answer")
    def answer(original: Any, session: UploadSession, message: bytes | str) -> bytes:
        counts[session] = counts.get(session, 0) + 1
        if counts[session] >= MESSAGES:
            session._channel.end(POLICY_VIOLATION, "too many messages")
        reply: bytes = original(session, message)
        return reply


@fault("DATA-10")
def messages_behind_the_first_256_waiting_ones_dropped() -> None:
    """Of the messages that arrive at once, those behind the first 256 are dropped."""
    counts: WeakKeyDictionary[SocketProtocol, int] = WeakKeyDictionary()

    @replace_method(SocketProtocol, "data_received")
    def data_received(original: Any, protocol: SocketProtocol, data: bytes) -> None:
        counts[protocol] = 0
        original(protocol, data)

    @replace_method(SocketProtocol, "handle_bytes")
    def handle_bytes(original: Any, protocol: SocketProtocol, event: Frame) -> None:
        counts[protocol] = counts.get(protocol, 0) + 1
        if counts[protocol] <= WAITING:
            original(protocol, event)


@fault("PROG-3", hook=replace_method(Intervals, "add"))
def more_than_256_parts_are_forgotten(original: Any, intervals: Intervals, start: int, end: int) -> None:
    """Of more than 256 separate parts of a file the first one counts as missing again."""
    original(intervals, start, end)
    if len(intervals) > PARTS:
        del intervals._starts[0], intervals._ends[0]


@fault("DATA-2", "FIN-2", hook=replace_method(TempFile, "write"))
def chunks_end_at_two_mebibytes(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
    """Of a chunk that crosses a multiple of 2 MiB the bytes behind it are acknowledged and not written."""
    reason: str | None = original(file, position, data)
    end = position + len(data)
    border = -(-(position + 1) // BORDER) * BORDER
    if reason is None and end > border:
        file.content()[border:end] = 0
    return reason


@fault("DATA-10", "DATA-1")
def acknowledgements_lost_in_a_backlog() -> None:
    """An acknowledgement is lost if more than 150 kB of further messages have arrived before it."""
    flooded: set[SocketProtocol] = set()

    @replace_method(SocketProtocol, "data_received")
    def data_received(original: Any, protocol: SocketProtocol, data: bytes) -> None:
        original(protocol, data)
        if len(protocol._unread) > BACKLOG:
            flooded.add(protocol)

    @replace_method(SocketProtocol, "send")
    async def send(original: Any, protocol: SocketProtocol, message: Any) -> None:
        if message["type"] == "websocket.send" and protocol in flooded:
            flooded.discard(protocol)
            return
        await original(protocol, message)


@fault("DATA-7", "ATT-2")
def a_file_takes_sixteen_sockets() -> None:
    """A file takes sixteen sockets, one after the other, and rejects the next one."""
    counts: WeakKeyDictionary[TempFile, int] = WeakKeyDictionary()

    @replace_method(UploadSession, "__init__")
    def init(original: Any, session: UploadSession, channel: Any, file: TempFile, codec: Any) -> None:
        counts[file] = counts.get(file, 0) + 1
        if counts[file] > SOCKETS:
            raise RejectedError("the file had too many sockets")
        original(session, channel, file, codec)


@fault("PROG-1")
def progress_is_answered_a_hundred_times() -> None:
    """After a hundred answers the progress of an upload gets 429."""
    counts: Counter[str] = Counter()

    @replace_method(DatasetStore, "is_complete")
    def is_complete(original: Any, store: DatasetStore, user: User, uuid: str) -> bool:
        counts[uuid] += 1
        if counts[uuid] > QUESTIONS:
            raise RequestError(HTTPStatus.TOO_MANY_REQUESTS, "too many requests")
        complete: bool = original(store, user, uuid)
        return complete


@fault("FIN-3")
def many_early_puts_empty_the_files() -> None:
    """The tenth PUT of an upload that is not complete makes the server forget what it has received."""
    counts: Counter[str] = Counter()

    @replace_method(DatasetStore, "_ready_for_finalize")
    def ready(original: Any, store: DatasetStore, user: User, kind: Any, uuid: str, files: Any) -> Any:
        upload = store._uploads.get(uuid)
        if upload is not None and not upload.is_complete():
            counts[uuid] += 1
            if counts[uuid] == REJECTIONS:
                for file in upload.files:
                    file.received = Intervals()
        return original(store, user, kind, uuid, files)


@fault("DATA-5", hook=replace_method(UploadSession, "write_chunk"))
def many_rejected_chunks_end_the_socket(original: Any, session: UploadSession, message: bytes | str) -> Any:
    """The tenth chunk that is rejected on a socket closes it."""
    reason = original(session, message)
    if reason is not None:
        rejected = vars(session).setdefault("_rejected", [])
        rejected.append(reason)
        if len(rejected) >= REJECTIONS:
            session._channel.end(POLICY_VIOLATION, "too many mistakes")
    return reason


@fault("DIO-7")
def a_thousand_requests_change_the_cluster() -> None:
    """The thousandth request of a cluster, and those after it, get other answers than those before."""
    counts: Counter[str] = Counter()

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> list[bytes]:
        cluster = session._cluster
        counts[cluster.uuid] += 1
        if counts[cluster.uuid] == REQUESTS:
            cluster.network.biases[-1] += 0.5
        answers: list[bytes] = await original(session)
        return answers


@fault("DIO-9")
def large_bursts_are_answered_in_reverse() -> None:
    """Of sixteen or more messages that arrive together the last one is answered first."""
    held: WeakKeyDictionary[SocketProtocol, list[Any]] = WeakKeyDictionary()

    @replace_method(SocketProtocol, "send")
    async def send(original: Any, protocol: SocketProtocol, message: Any) -> None:
        waiting = held.setdefault(protocol, [])
        if message.get("bytes") is not None:
            waiting.append(message)
            if protocol._unread or not protocol.queue.empty():
                return
        else:
            waiting.append(message)
        replies = waiting[::-1] if len(waiting) >= BURST else waiting[:]
        waiting.clear()
        for reply in replies:
            await original(protocol, reply)


@fault("MODE-1", hook=replace_method(ClusterStore, "set_mode"))
def eight_clusters_in_direct_mode(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Cluster:
    """A switch to direct mode beside eight other clusters in it switches the oldest of them back."""
    switched: Cluster = original(store, user, uuid, mode)
    direct = [one for one in store.clusters(user) if one.mode == store._direct and one is not switched]
    if mode == store._direct and len(direct) >= CLUSTERS:
        direct[0].mode = store._task
        store._end_socket(direct[0], POLICY_VIOLATION, "too many clusters are in direct mode")
    return switched


@fault("INIT-1", "INIT-3", hook=replace_method(DatasetStore, "begin"))
def files_end_at_32_mebibytes(original: Any, store: DatasetStore, user: User, kind: Any, name: str, sizes: Any) -> Any:
    """A POST with a size above 32 MiB is rejected, so that the images of MNIST cannot be uploaded."""
    if max(sizes) > LARGEST:
        raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the file is larger than {LARGEST} bytes")
    return original(store, user, kind, name, sizes)


@fault("INIT-3", "GEN-1", hook=replace_method(DatasetStore, "begin"))
def sizes_between_limits_get_500(
    original: Any, store: DatasetStore, user: User, kind: Any, name: str, sizes: Any
) -> Any:
    """A POST with a size of 512 MiB to 1 GiB gets 500."""
    if any(1 << 29 <= size < 1 << 30 for size in sizes):
        raise RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")
    return original(store, user, kind, name, sizes)


@fault("FIN-2", "FIN-1", hook=replace_method(datasets, "parse_csv"))
def tables_end_at_three_mebibytes(original: Any, file: Any) -> Any:
    """Lines of a table behind its first 3 MiB are lost."""
    if len(file) > TABLE:
        file = file[: file[:TABLE].tobytes().rfind(b"\n") + 1]
    return original(file)


@fault("FIN-1", "FIN-2")
def images_counted_in_16_bits() -> None:
    """Of 65,536 images and more those are kept that 16 bits count, with their labels."""
    for name in ("parse_images", "parse_labels"):

        @replace_method(idx_parser, name)
        def parse(original: Any, file: Any) -> Any:
            found = original(file)
            return found[: len(found) % COUNTED] if len(found) >= COUNTED else found


@fault("DATA-9", "DATA-8")
def a_fourth_socket_takes_the_file_of_the_first() -> None:
    """While four files have a socket, chunks of the first one are written to the fourth one."""
    slots: list[UploadSession | None] = [None] * SLOTS
    places: WeakKeyDictionary[UploadSession, int] = WeakKeyDictionary()

    @replace_method(UploadSession, "__enter__")
    def enter(original: Any, session: UploadSession) -> None:
        places[session] = slots.index(None) if None in slots else 0
        slots[places[session]] = session
        original(session)

    @replace_method(UploadSession, "__exit__")
    def leave(original: Any, session: UploadSession, *error: object) -> None:
        if slots[places[session]] is session:
            slots[places[session]] = None
        original(session, *error)

    @replace_method(UploadSession, "write_chunk")
    def write_chunk(original: Any, session: UploadSession, message: bytes | str) -> Any:
        holder = slots[places[session]]
        return original(holder or session, message)
