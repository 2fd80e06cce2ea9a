"""Faults of a server that gives up what is left alone for some seconds (DATA-1, DATA-7, DIO-9, FIN-1, GEN-1, ...)."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from weakref import WeakKeyDictionary

from starlette.responses import PlainTextResponse

from hanami_reference_backend.auth import User
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.serving.rest_protocol import RestProtocol
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.cluster import ClusterSession
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.datasets import Dataset, DatasetStore
from hanami_reference_backend.storage.intervals import Intervals
from hanami_reference_backend.storage.uploads import TempFile, Upload

LONG = 5.0  # seconds after which something counts as abandoned
IDLE = 3.0  # seconds after which a session behind a connection has expired
SLOW = 1.0  # seconds between two parts of a message
IDLE_CLOSED = 1000  # code of the close frame


@fault("DATA-7")
def files_without_a_socket_are_emptied() -> None:
    """A file that is not complete loses what it has received if it has no socket for five seconds."""
    left: WeakKeyDictionary[TempFile, float] = WeakKeyDictionary()

    @replace_method(UploadSession, "__exit__")
    def leave(original: Any, session: UploadSession, *error: Any) -> None:
        original(session, *error)
        left[session._file] = time.monotonic()

    @replace_method(UploadSession, "__enter__")
    def enter(original: Any, session: UploadSession) -> None:
        original(session)
        file = session._file
        if file in left and time.monotonic() - left.pop(file) > LONG and not file.is_complete():
            file.received = Intervals()


@fault("PROG-3", "FIN-1")
def complete_uploads_expire() -> None:
    """An upload that is not finalized within five seconds after its last byte is unknown."""
    uploads = internals.uploads_of_files()
    completed: WeakKeyDictionary[Upload, float] = WeakKeyDictionary()

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, *arguments: Any) -> str | None:
        reason: str | None = original(file, *arguments)
        if uploads[file].is_complete():
            completed.setdefault(uploads[file], time.monotonic())
        return reason

    @replace_method(DatasetStore, "_upload")
    def find(original: Any, store: DatasetStore, user: User, uuid: str) -> Upload | None:
        upload: Upload | None = original(store, user, uuid)
        if upload is None or time.monotonic() - completed.get(upload, time.monotonic()) > LONG:
            return None
        return upload


@fault("FIN-1")
def datasets_are_kept_for_five_seconds() -> None:
    """A dataset is gone five seconds after its PUT."""
    made: dict[str, float] = {}

    @replace_method(DatasetStore, "_replace")
    def replace(original: Any, *arguments: Any) -> Dataset:
        dataset: Dataset = original(*arguments)
        made[dataset.uuid] = time.monotonic()
        return dataset

    @replace_method(DatasetStore, "dataset")
    def find(original: Any, store: DatasetStore, user: User, uuid: str) -> Dataset:
        if uuid in made and time.monotonic() - made[uuid] > LONG:
            store._datasets.pop(uuid, None)
        dataset: Dataset = original(store, user, uuid)
        return dataset


@fault("DIO-9", "DIO-1")
def quiet_cluster_sockets_are_closed() -> None:
    """The socket of a cluster is closed where it gets no message for five seconds outside a cycle."""

    @replace_method(ClusterSession, "run")
    async def run(original: Any, session: ClusterSession) -> None:
        channel = session._channel
        receive = channel.receive

        async def receive_or_close() -> Any:
            try:
                async with asyncio.timeout(None if session._cycle.inputs.has_values() else LONG):
                    return await receive()
            except TimeoutError:
                await channel.close(IDLE_CLOSED, "the socket was idle")
                return await receive()

        channel.receive = receive_or_close  # type: ignore[method-assign]
        await original(session)


@fault("GEN-1")
def requests_after_a_pause_fail() -> None:
    """A request over a connection that was idle for three seconds gets 500."""
    answered: WeakKeyDictionary[RestProtocol, float] = WeakKeyDictionary()

    @replace_method(RestProtocol, "on_response_complete")
    def complete(original: Any, protocol: RestProtocol) -> None:
        answered[protocol] = time.monotonic()
        original(protocol)

    @replace_method(RestProtocol, "on_headers_complete")
    def begin(original: Any, protocol: RestProtocol) -> None:
        app, now = protocol.app, time.monotonic()
        if now - answered.get(protocol, now) > IDLE:
            protocol.app = PlainTextResponse("the session has expired", 500)
        try:
            original(protocol)
        finally:
            protocol.app = app


def _abort_after_a_pause(is_open: Any) -> None:
    """Abort a connection where bytes arrive more than a second after others, if something is open."""
    arrived: WeakKeyDictionary[SocketProtocol, float] = WeakKeyDictionary()

    @replace_method(SocketProtocol, "data_received")
    def data_received(original: Any, protocol: SocketProtocol, data: bytes) -> None:
        since = arrived.pop(protocol, None)
        if since is not None and time.monotonic() - since > SLOW:
            protocol.transport.abort()
            return
        original(protocol, data)
        if protocol.handshake_complete and is_open(protocol):
            arrived[protocol] = time.monotonic()


@fault("DATA-1", "DIO-1")
def slow_frames_end_the_socket() -> None:
    """A frame whose parts arrive more than a second apart ends the socket."""
    _abort_after_a_pause(lambda protocol: len(protocol.conn.reader.buffer) > 0)


@fault("DATA-11")
def slow_fragments_end_the_socket() -> None:
    """A message whose fragments arrive more than a second apart ends the socket."""
    _abort_after_a_pause(lambda protocol: bool(protocol.frames))
