"""Protocols of uvicorn that withstand misbehaving clients (GEN-4)."""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio import BaseTransport, Transport
from typing import TYPE_CHECKING, Any

from uvicorn import Config
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

from hanami_proto.websocket import WebSocketServer

if TYPE_CHECKING:
    HttpBase: Any
else:
    HttpBase = AutoHTTPProtocol  # that of the installed parser

# A peer that vanished silently is detected after about a minute.
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
CLOSE_TIMEOUT = 2.0  # seconds for a client to answer a close frame, or to read the messages before it
REQUEST_TIMEOUT = 30.0  # seconds for a new connection to send the head of a request


class RestProtocol(HttpBase):  # type: ignore[misc]  # see HttpBase
    """An HTTP connection that must start a request in time."""

    def connection_made(self, transport: Transport) -> None:
        """Start the timeout, and enable keepalive, which a websocket on this connection inherits."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in KEEPALIVE.items():
                if hasattr(socket, name):
                    connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._clock = asyncio.get_running_loop().call_later(REQUEST_TIMEOUT, self._end_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeout."""
        self._clock.cancel()
        super().connection_lost(exc)

    def _end_if_silent(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.close()


class SocketProtocol(WebSocketsSansIOProtocol):
    """A websocket connection with bounded memory that closes with a reason."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = WebSocketServer(max_size=config.ws_max_size, logger=self.logger)

    def connection_made(self, transport: BaseTransport) -> None:
        """Start the handshake."""
        super().connection_made(transport)
        self.close_timeout = CLOSE_TIMEOUT
        self._failed = False

    def data_received(self, data: bytes) -> None:
        """Read on, unless the client has violated the websocket protocol."""
        if self._failed:
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.handle_parser_exception()  # the handshake was too long or unreadable

    def handle_cont(self, event: Frame) -> None:
        """Store a fragment, unless it is empty: endless empty ones would use up memory."""
        if event.data or event.fin:
            super().handle_cont(event)

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read, since its pings need replies too."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Resume reading, unless messages still wait for the application."""
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    def handle_parser_exception(self) -> None:
        """Send the close frame, and discard further bytes of the client.

        An immediate close would reset the connection because of the unread bytes, and the client would lose the close
        frame.
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
        """Send an ASGI message; a close does not wait for a client that does not read."""
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
    """Keeps tracebacks of client errors and of the shutdown out of the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (UnicodeDecodeError, asyncio.CancelledError))
