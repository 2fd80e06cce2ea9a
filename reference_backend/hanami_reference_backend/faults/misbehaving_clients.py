"""Faults of the server as a whole: what one client does to the others (GEN-2, GEN-4)."""

from __future__ import annotations

import asyncio
import os
from typing import Any
from weakref import WeakSet

from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest import operation
from hanami_reference_backend.serving import app
from hanami_reference_backend.serving.uvicorn_protocols import RestProtocol, SocketProtocol
from hanami_reference_backend.sockets.attach import SocketServer
from hanami_reference_backend.sockets.channel import Channel, ChannelClosedError
from hanami_reference_backend.sockets.cluster import ClusterSession
from hanami_reference_backend.sockets.upload import UploadSession

FOREVER = 3600.0  # seconds
POLL = 0.01  # seconds


def _hold_sockets_while(blocked: Any) -> None:
    """Serve no new websocket while something is the case."""

    @instead(SocketServer, "attach")
    async def lie(honest: Any, sockets: SocketServer, channel: Channel) -> Any:
        while blocked():
            await asyncio.sleep(POLL)
        return await honest(sockets, channel)


@fault("GEN-2")
def dies_of_large_bodies() -> None:
    """A REST body that is larger than the server takes ends the process."""

    @instead(operation, "read_body")
    async def lie(honest: Any, *arguments: Any) -> Any:
        try:
            return await honest(*arguments)
        except RequestError as error:
            if error.status == 413:
                os._exit(9)
            raise


@fault("GEN-2")
def dies_of_broken_requests() -> None:
    """Bytes that are no HTTP end the process."""

    @instead(RestProtocol, "send_400_response")
    def lie(_honest: Any, *_arguments: Any) -> None:
        os._exit(9)


@fault("GEN-4")
def sockets_without_a_word_use_up_the_server() -> None:
    """After twenty sockets that ended without a first message none is served any more."""
    silent = 0

    @instead(Channel, "receive")
    async def counting(honest: Any, channel: Channel) -> Any:
        nonlocal silent
        try:
            message = await honest(channel)
        except ChannelClosedError:
            silent += channel not in spoken
            raise
        spoken.add(channel)
        return message

    spoken: WeakSet[Channel] = WeakSet()
    _hold_sockets_while(lambda: silent >= 20)


@fault("GEN-2")
def text_frames_block_the_server() -> None:
    """After a text frame on an attached socket no other socket is served."""
    seen: list[Any] = []
    _hold_sockets_while(lambda: seen)

    @instead(UploadSession, "take")
    def take(honest: Any, session: UploadSession, message: bytes | str) -> Any:
        seen.extend([message] if isinstance(message, str) else [])
        return honest(session, message)

    @instead(ClusterSession, "decode")
    def decode(honest: Any, session: ClusterSession, message: bytes | str) -> Any:
        seen.extend([message] if isinstance(message, str) else [])
        return honest(session, message)


@fault("GEN-2")
def broken_frames_block_the_server() -> None:
    """After bytes that are no websocket frame no other socket is served."""
    seen: list[Any] = []
    _hold_sockets_while(lambda: seen)

    @instead(SocketProtocol, "handle_parser_exception")
    def lie(honest: Any, protocol: SocketProtocol) -> None:
        seen.append(protocol)
        honest(protocol)


@fault("GEN-2", "ATT-5")
def refused_sockets_use_up_the_server() -> None:
    """Each socket whose first message is refused keeps its place: after sixteen of them no other is served."""
    refused: list[Channel] = []
    _hold_sockets_while(lambda: len(refused) >= 16)

    @instead(SocketServer, "attach")
    async def lie(honest: Any, sockets: SocketServer, channel: Channel) -> Any:
        session = await honest(sockets, channel)
        refused.extend([] if session else [channel])
        return session


@fault("GEN-4")
def silent_sockets_block_others() -> None:
    """While a socket has not sent its first message no other is served."""
    lock = asyncio.Lock()

    @instead(SocketServer, "attach")
    async def lie(honest: Any, sockets: SocketServer, channel: Channel) -> Any:
        async with lock:
            return await honest(sockets, channel)


@fault("GEN-4")
def sockets_served_one_by_one() -> None:
    """While a socket is open no other is served."""
    _serve_at_most(1)


@fault("GEN-4")
def sockets_served_four_at_a_time() -> None:
    """While four sockets are open no other is served: no fault to a suite that is told to open fewer."""
    _serve_at_most(4)


def _serve_at_most(sockets: int) -> None:
    places = asyncio.Semaphore(sockets)

    @instead(SocketServer, "__call__")
    async def lie(honest: Any, *arguments: Any) -> None:
        async with places:
            await honest(*arguments)


@fault("GEN-4")
def broken_off_sockets_use_up_the_server() -> None:
    """Each socket that ends without a close keeps its place: after eight of them no other is served."""
    broken: list[Any] = []
    _hold_sockets_while(lambda: len(broken) >= 8)

    @instead(SocketProtocol, "connection_lost")
    def lie(honest: Any, protocol: SocketProtocol, error: Exception | None) -> None:
        broken.extend([error] if protocol.conn.close_rcvd is None else [])
        honest(protocol, error)


@fault("GEN-4")
def half_requests_block_others() -> None:
    """While the head of a request is not complete no other is served."""
    halves: set[Any] = set()

    @instead(RestProtocol, "data_received")
    def data_received(honest: Any, protocol: Any, data: bytes) -> None:
        honest(protocol, data)
        is_half = protocol.cycle is None and protocol.transport.get_protocol() is protocol
        (halves.add if is_half else halves.discard)(protocol)

    @instead(RestProtocol, "connection_lost")
    def connection_lost(honest: Any, protocol: Any, error: Exception | None) -> None:
        halves.discard(protocol)
        honest(protocol, error)

    @instead(app, "build_app")
    def build_app(honest: Any, backend: Any) -> Any:
        application = honest(backend)

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            while halves:
                await asyncio.sleep(POLL)
            await application(scope, receive, send)

        return serve


@fault("GEN-4")
def half_bodies_block_others() -> None:
    """While the body of a request is not complete no other is read."""
    lock = asyncio.Lock()

    @instead(operation, "read_body")
    async def lie(honest: Any, *arguments: Any) -> Any:
        async with lock:
            return await honest(*arguments)


@fault("GEN-4")
def unread_answers_block_others() -> None:
    """While a client does not read its answers nothing is sent to any other."""
    lock = asyncio.Lock()

    @instead(Channel, "send_bytes")
    async def lie(honest: Any, channel: Channel, data: bytes) -> None:
        async with lock:
            await honest(channel, data)
