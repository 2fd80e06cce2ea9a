"""Faults with what a client begins and does not finish (DATA-7, DATA-11, DIO-11, FIN-1, GEN-4)."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from weakref import WeakKeyDictionary

from starlette.types import Message, Receive, Scope, Send

from hanami_reference_backend.common.errors import conflict
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest.uploads import UploadOperations
from hanami_reference_backend.serving.rest_protocol import RestProtocol
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.intervals import Intervals

GOING_AWAY, NO_STATUS = 1001, 1005  # RFC 6455, 7.4.1
DETECTED = 0.03  # seconds in which a server detects the end of a connection
RECENT = 0.2  # seconds
LONGEST = 30.0  # seconds
POLL = 0.01  # seconds
HALF_A_FRAME = 500  # bytes that wait for others


@fault("DATA-11", "DIO-11", "DATA-7")
def unfinished_messages_are_applied() -> None:
    """A message whose last fragment has not come when its socket ends is processed as it is."""

    def finish(protocol: SocketProtocol) -> None:
        if protocol.frames:
            protocol.send_receive_event_to_app()

    @replace_method(SocketProtocol, "handle_close")
    def handle_close(original: Any, protocol: SocketProtocol, event: Any) -> None:
        finish(protocol)
        original(protocol, event)

    @replace_method(SocketProtocol, "connection_lost")
    def connection_lost(original: Any, protocol: SocketProtocol, error: Exception | None) -> None:
        finish(protocol)
        original(protocol, error)


@fault("DATA-7")
def a_close_other_than_1000_drops_the_upload() -> None:
    """A file is empty again after its socket was closed with status 1001, or without a status."""
    codes: WeakKeyDictionary[Channel, int] = WeakKeyDictionary()

    @replace_method(Channel, "__init__")
    def init(original: Any, channel: Channel, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_and_record() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                codes[channel] = message.get("code", 0)
            return message

        original(channel, scope, receive_and_record, send)

    @replace_method(UploadSession, "__exit__")
    def leave(original: Any, session: UploadSession, *error: Any) -> None:
        if codes.get(session._channel) in (GOING_AWAY, NO_STATUS):
            session._file.received = Intervals()
        original(session, *error)


@fault("FIN-1", "GEN-4")
def an_unread_put_locks_the_upload() -> None:
    """An upload whose PUT loses its client can never be finalized."""
    lost: list[float] = []  # times

    @replace_method(RestProtocol, "connection_lost")
    def connection_lost(original: Any, protocol: RestProtocol, error: Exception | None) -> None:
        if protocol.cycle is not None and not protocol.cycle.response_complete:
            lost.append(time.monotonic())
        original(protocol, error)

    @replace_method(DatasetStore, "_convert")
    def convert(original: Any, store: DatasetStore, *arguments: Any) -> Any:
        content = original(store, *arguments)
        time.sleep(DETECTED)  # in a thread of its own
        if lost and time.monotonic() - lost[-1] < RECENT:
            raise InterruptedError
        return content

    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, store: DatasetStore, user: Any, kind: Any, uuid: str, files: Any) -> Any:
        try:
            return await original(store, user, kind, uuid, files)
        except InterruptedError:
            store._uploads[uuid].converting = True
            raise conflict("the client is gone") from None


@fault("GEN-4", "PROG-1")
def half_a_frame_blocks_the_progress() -> None:
    """While a large frame has not arrived whole the progress of uploads waits for it."""
    waiting: set[SocketProtocol] = set()

    @replace_method(SocketProtocol, "data_received")
    def data_received(original: Any, protocol: SocketProtocol, data: bytes) -> None:
        original(protocol, data)
        (waiting.add if len(protocol.conn.reader.buffer) > HALF_A_FRAME else waiting.discard)(protocol)

    @replace_method(SocketProtocol, "connection_lost")
    def connection_lost(original: Any, protocol: SocketProtocol, error: Exception | None) -> None:
        waiting.discard(protocol)
        original(protocol, error)

    @replace_method(UploadOperations, "progress")
    async def progress(original: Any, operations: UploadOperations, *arguments: Any) -> Any:
        until = time.monotonic() + LONGEST
        while waiting and time.monotonic() < until:
            await asyncio.sleep(POLL)
        return await original(operations, *arguments)
