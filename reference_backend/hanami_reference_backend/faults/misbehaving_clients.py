"""Faults that let one client harm the others (GEN-2, GEN-4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from weakref import WeakSet

from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest import datasets, operation
from hanami_reference_backend.serving import app
from hanami_reference_backend.serving.rest_protocol import RestProtocol
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.attach import SocketServer
from hanami_reference_backend.sockets.channel import Channel, ChannelClosedError
from hanami_reference_backend.sockets.cluster import ClusterSession
from hanami_reference_backend.sockets.upload import UploadSession

POLL = 0.01  # seconds


def _hold_sockets_while(blocked: Any) -> None:
    """Serve no new websocket while a condition holds."""

    @replace_method(SocketServer, "attach")
    async def attach(original: Any, sockets: SocketServer, channel: Channel) -> Any:
        while blocked():
            await asyncio.sleep(POLL)
        return await original(sockets, channel)


@fault("GEN-2", hook=replace_method(operation, "read_body"))
async def dies_of_large_bodies(original: Any, *arguments: Any) -> Any:
    """A REST body above the limit crashes the server."""
    try:
        return await original(*arguments)
    except RequestError as error:
        if error.status == 413:
            internals.crash()
        raise


@fault("GEN-2", hook=replace_method(RestProtocol, "send_400_response"))
def dies_of_broken_requests(_original: Any, *_arguments: Any) -> None:
    """Bytes that are not HTTP crash the server."""
    internals.crash()


@fault("GEN-4")
def answers_sent_one_at_a_time() -> None:
    """Only one websocket is sent to at a time: a client that does not read keeps all others from their answers."""
    sending = asyncio.Lock()

    @replace_method(Channel, "_transmit")
    async def transmit(original: Any, channel: Channel, *arguments: Any) -> None:
        async with sending:
            await original(channel, *arguments)


@fault("GEN-4")
def sockets_without_a_word_use_up_the_server() -> None:
    """After twenty sockets that ended without a first message no other is served."""
    silent = 0

    @replace_method(Channel, "receive")
    async def receive(original: Any, channel: Channel) -> Any:
        nonlocal silent
        try:
            message = await original(channel)
        except ChannelClosedError:
            silent += channel not in spoken
            raise
        spoken.add(channel)
        return message

    spoken: WeakSet[Channel] = WeakSet()
    _hold_sockets_while(lambda: silent >= 20)


@fault("GEN-4")
def resets_behind_the_first_message_use_up_the_server() -> None:
    """After twenty sockets that were accepted and reset without another message no other is served."""
    aborted = internals.aborted_channels()
    used_up: list[Channel] = []
    _hold_sockets_while(lambda: len(used_up) >= 20)

    @replace_method(UploadSession, "__exit__")
    def leave(original: Any, session: UploadSession, *error: Any) -> None:
        if session._channel in aborted and not session._file.received:
            used_up.append(session._channel)
        original(session, *error)


@fault("GEN-2")
def text_frames_block_the_server() -> None:
    """After a text frame on an attached socket no other socket is served."""
    text_messages: list[str] = []
    _hold_sockets_while(lambda: text_messages)

    @replace_method(UploadSession, "write_chunk")
    def write_chunk(original: Any, session: UploadSession, message: bytes | str) -> Any:
        if isinstance(message, str):
            text_messages.append(message)
        return original(session, message)

    @replace_method(ClusterSession, "decode")
    def decode(original: Any, session: ClusterSession, message: bytes | str) -> Any:
        if isinstance(message, str):
            text_messages.append(message)
        return original(session, message)


@fault("GEN-2")
def broken_frames_block_the_server() -> None:
    """After bytes that are not a websocket frame no other socket is served."""
    violations: list[Any] = []
    _hold_sockets_while(lambda: violations)

    @replace_method(SocketProtocol, "handle_parser_exception")
    def handle_parser_exception(original: Any, protocol: SocketProtocol) -> None:
        violations.append(protocol)
        original(protocol)


@fault("GEN-2", "ATT-5")
def rejected_sockets_use_up_the_server() -> None:
    """After sixteen sockets whose first message was rejected no other is served."""
    rejected: list[Channel] = []
    _hold_sockets_while(lambda: len(rejected) >= 16)

    @replace_method(SocketServer, "attach")
    async def attach(original: Any, sockets: SocketServer, channel: Channel) -> Any:
        session = await original(sockets, channel)
        if session is None:
            rejected.append(channel)
        return session


@fault("GEN-4")
def silent_sockets_block_others() -> None:
    """While a socket has not sent its first message no other is served."""
    lock = asyncio.Lock()

    @replace_method(SocketServer, "attach")
    async def attach(original: Any, sockets: SocketServer, channel: Channel) -> Any:
        async with lock:
            return await original(sockets, channel)


@fault("GEN-4")
def sockets_served_one_by_one() -> None:
    """While a socket is open no other is served."""
    _serve_at_most(1)


@fault("GEN-4")
def sockets_served_four_at_a_time() -> None:
    """While four sockets are open no other is served; a suite that opens fewer passes."""
    _serve_at_most(4)


def _serve_at_most(sockets: int) -> None:
    places = asyncio.Semaphore(sockets)

    @replace_method(SocketServer, "__call__")
    async def call(original: Any, *arguments: Any) -> None:
        async with places:
            await original(*arguments)


@fault("GEN-4")
def broken_off_sockets_use_up_the_server() -> None:
    """After eight sockets that were closed abnormally no other is served."""
    aborted: list[Any] = []
    _hold_sockets_while(lambda: len(aborted) >= 8)

    @replace_method(SocketProtocol, "connection_lost")
    def connection_lost(original: Any, protocol: SocketProtocol, error: Exception | None) -> None:
        if protocol.conn.close_rcvd is None:
            aborted.append(error)
        original(protocol, error)


@fault("GEN-4")
def idle_connections_block_others() -> None:
    """While four connections have sent nothing no request is served."""
    idle: set[Any] = set()

    @replace_method(RestProtocol, "connection_made")
    def connection_made(original: Any, protocol: Any, transport: Any) -> None:
        original(protocol, transport)
        idle.add(protocol)

    @replace_method(RestProtocol, "data_received")
    def data_received(original: Any, protocol: Any, data: bytes) -> None:
        idle.discard(protocol)
        original(protocol, data)

    @replace_method(RestProtocol, "connection_lost")
    def connection_lost(original: Any, protocol: Any, error: Exception | None) -> None:
        idle.discard(protocol)
        original(protocol, error)

    _serve_nothing_while(lambda: len(idle) >= 4)


@fault("GEN-4")
def half_requests_block_others() -> None:
    """While the head of a request is incomplete no other request is served."""
    halves: set[Any] = set()

    @replace_method(RestProtocol, "data_received")
    def data_received(original: Any, protocol: Any, data: bytes) -> None:
        original(protocol, data)
        is_half = protocol.cycle is None and protocol.transport.get_protocol() is protocol
        (halves.add if is_half else halves.discard)(protocol)

    @replace_method(RestProtocol, "connection_lost")
    def connection_lost(original: Any, protocol: Any, error: Exception | None) -> None:
        halves.discard(protocol)
        original(protocol, error)

    _serve_nothing_while(lambda: halves)


def _serve_nothing_while(blocked: Any) -> None:
    """Serve no request and no new websocket while a condition holds."""

    @replace_method(app, "build_app")
    def build_app(original: Any, backend: Any) -> Any:
        application = original(backend)

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            while blocked():
                await asyncio.sleep(POLL)
            await application(scope, receive, send)

        return serve


@fault("GEN-4")
def half_bodies_block_others() -> None:
    """While the body of a request is incomplete no other body is read."""
    lock = asyncio.Lock()

    @replace_method(operation, "read_body")
    async def read_body(original: Any, *arguments: Any) -> Any:
        async with lock:
            return await original(*arguments)


@fault("GEN-4")
def unread_answers_block_others() -> None:
    """While a client does not read its replies nothing is sent to any other."""
    lock = asyncio.Lock()

    @replace_method(Channel, "send_bytes")
    async def send_bytes(original: Any, channel: Channel, data: bytes) -> None:
        async with lock:
            await original(channel, data)


@fault("GEN-4")
def rows_sent_one_request_at_a_time() -> None:
    """Rows of datasets are sent to one client at a time: one that does not read them keeps all others from theirs."""
    sending = asyncio.Lock()

    @replace_method(datasets, "_streamed")
    async def streamed(original: Any, *arguments: Any) -> AsyncIterator[str]:
        async with sending:
            async for part in original(*arguments):
                yield part
