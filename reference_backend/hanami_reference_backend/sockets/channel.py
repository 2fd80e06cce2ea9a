"""A websocket on plain ASGI."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from hanami_reference_backend.common.errors import clean_close_reason

TURN = 0.005  # seconds that one socket may work before it yields to the others
ALLOW_LARGE_MESSAGES = "hanami.allow_large_messages"  # ASGI extension of our server, with a function under ``call``


class ChannelClosedError(Exception):
    """The websocket has ended, or was closed by this side."""


class Channel:
    """One websocket.

    It uses plain ASGI calls, since the websocket class of the framework would double the cost of a message.

    Attributes:
        peer: Address of the client, for the log.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        self.peer = f"{client[0]}:{client[1]}" if client else "unknown"
        self._receive = receive
        self._send = send
        self._closed = False
        self._ending: asyncio.Task[None] | None = None
        self._turn_ends = 0.0
        extensions: dict[str, Any] = scope.get("extensions") or {}
        self._large_messages = extensions.get(ALLOW_LARGE_MESSAGES)

    def allow_large_messages(self) -> None:
        """Take messages up to the limit of the server, and no longer only those that may be a first message."""
        if self._large_messages is not None:
            self._large_messages["call"]()

    async def open(self) -> None:
        """Finish the handshake.

        Raises:
            ChannelClosedError: If the client has disconnected.
        """
        await self._receive()  # the message websocket.connect
        await self._transmit({"type": "websocket.accept"})

    async def receive(self) -> bytes | str:
        """Return the next message: bytes for a binary one, a string for a text one.

        Raises:
            ChannelClosedError: If the websocket has ended.
        """
        await self._give_turn()
        message = await self._receive()
        if self._closed or message["type"] != "websocket.receive":
            self._closed = True
            raise ChannelClosedError
        data: bytes | None = message.get("bytes")
        if data is not None:
            return data
        text: str = message["text"]
        return text

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message; waits while the client does not read.

        Raises:
            ChannelClosedError: If the websocket has ended.
        """
        await self._transmit({"type": "websocket.send", "bytes": data})

    async def send_text(self, text: str) -> None:
        """Send a text message, otherwise like :meth:`send_bytes`."""
        await self._transmit({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        """Close the websocket, if it is still open."""
        if not self._closed:
            self._closed = True
            await self._send_close(code, reason)

    def end(self, code: int, reason: str) -> None:
        """Close the websocket from outside of its session.

        From this call on, :meth:`receive` returns no further messages.
        """
        if not self._closed:
            self._closed = True
            self._ending = asyncio.create_task(self._send_close(code, reason))

    async def _send_close(self, code: int, reason: str) -> None:
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": clean_close_reason(reason)})
        except (OSError, RuntimeError):
            return  # ended in the meantime

    async def _transmit(self, message: Message) -> None:
        if self._closed:
            raise ChannelClosedError
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:  # lost, or closed while the client did not read
            self._closed = True
            raise ChannelClosedError from error

    async def _give_turn(self) -> None:
        # A burst of small messages never awaits anything, so without this it would block all other sockets.
        now = time.monotonic()
        if now >= self._turn_ends:
            await asyncio.sleep(0)
            self._turn_ends = time.monotonic() + TURN
