"""The transports of uvicorn, made to stand clients that behave badly (GEN-4)."""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio import BaseTransport, Transport
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

if TYPE_CHECKING:
    HttpBase: Any
else:
    HttpBase = AutoHTTPProtocol  # of one parser or the other, whichever is installed

# A peer that vanished without a word is noticed after about a minute.
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
CLOSE_TIMEOUT = 2.0  # seconds that a client gets to answer a close frame, or to read what is before it
REQUEST_TIMEOUT = 30.0  # seconds that a new connection gets to send the head of a request


class RestProtocol(HttpBase):  # type: ignore[misc]  # see HttpBase
    """One HTTP connection, which must begin a request in time."""

    def connection_made(self, transport: Transport) -> None:
        """Start the clock, and watch for peers that vanish; a websocket inherits the connection and this watch."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in KEEPALIVE.items():
                if hasattr(socket, name):
                    connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._clock = asyncio.get_running_loop().call_later(REQUEST_TIMEOUT, self._end_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._clock.cancel()
        super().connection_lost(exc)

    def _end_if_silent(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.close()


class SocketProtocol(WebSocketsSansIOProtocol):
    """One websocket connection: bounded in memory, and closed so that the client gets to know why."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin the handshake."""
        super().connection_made(transport)
        self.close_timeout = CLOSE_TIMEOUT
        self._failed = False

    def data_received(self, data: bytes) -> None:
        """Read on, unless the rest means nothing after a violation of the websocket protocol."""
        if self._failed:
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.handle_parser_exception()  # the handshake was too long or too odd to be read at all

    def handle_cont(self, event: Frame) -> None:
        """Take a fragment; endless empty ones must not pile up."""
        if event.data or event.fin:
            super().handle_cont(event)

    def pause_writing(self) -> None:
        """Stop to read from a client that does not read: its pings are answered, too."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again, unless messages still wait for the application."""
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    def handle_parser_exception(self) -> None:
        """Tell the client why, and read the rest of what it sends.

        To close at once would reset the connection, since there are bytes that nobody read, and the client would lose
        the close frame.
        """
        self._failed = True
        close = self.conn.close_sent
        if close is not None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._abort_later()

    async def send(self, message: Any) -> None:
        """Send an ASGI message; a close is not kept waiting by a client that does not read."""
        if message["type"] != "websocket.close":
            await super().send(message)
            return
        try:
            async with asyncio.timeout(self.close_timeout):
                await self.writable.wait()
        except TimeoutError:
            self.transport.abort()
            return
        await super().send(message)
        self._abort_later()

    def _abort_later(self) -> None:
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)


class ClientErrorFilter(logging.Filter):
    """Keeps tracebacks out of the log for what is a fault of a client, or the end of the server."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is worth telling."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (UnicodeDecodeError, asyncio.CancelledError))
