"""Websocket protocol of uvicorn with limits of size, of time, and of work at once (GEN-4)."""

from __future__ import annotations

import asyncio
import time
from asyncio import BaseTransport
from collections.abc import Generator
from typing import Any

from uvicorn import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.http11 import Request

from hanami_proto.websocket import WebSocketServer
from hanami_reference_backend.common.settings import KIB
from hanami_reference_backend.serving.timeout import CLOSE_TIMEOUT, UNREAD_TIMEOUT, Timeout
from hanami_reference_backend.sockets.channel import ALLOW_LARGE_MESSAGES

MAX_FIRST_MESSAGE = 256 * KIB  # bytes; a websocket that nobody has authorised must not take much memory
MANY_FRAGMENTS = 1024  # of a message; a list of more would take many times the memory of their bytes
PIECE = 8 * KIB  # bytes that are parsed at once: at most 1400 empty frames
TURN = 0.005  # seconds that one connection may be parsed before the others have their turn


class SocketProtocol(WebSocketsSansIOProtocol):
    """A websocket connection with bounded memory that closes with a reason, and leaves time for others."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = WebSocketServer(max_size=config.ws_max_size, logger=self.logger)

    def connection_made(self, transport: BaseTransport) -> None:
        """Start the handshake."""
        super().connection_made(transport)
        self.close_timeout = CLOSE_TIMEOUT
        self._failed = False
        self._unread = b""
        self._reading = Timeout()
        self._max_message = self.config.ws_max_size
        self.conn.max_message_size = min(self._max_message, MAX_FIRST_MESSAGE)
        self._wanted = 0  # bytes that the parser waits for, such as those of the payload of a frame
        self._watch_parser()

    def _watch_parser(self) -> None:
        read_exact = self.conn.reader.read_exact

        def noted(count: int) -> Generator[None, None, bytearray]:
            self._wanted = count
            return read_exact(count)

        vars(self.conn.reader)["read_exact"] = noted

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeout, and leave no cycle of references behind."""
        vars(self.conn.reader).pop("read_exact", None)
        self._reading.stop()
        self._unread = b""
        super().connection_lost(exc)

    def handle_connect(self, event: Request) -> None:
        """Start the application, which may allow large messages once it has authorised the client."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions: Any = self.scope["extensions"]
            extensions[ALLOW_LARGE_MESSAGES] = {"call": self._allow_large_messages}

    def _allow_large_messages(self) -> None:
        self.conn.max_message_size = self._max_message

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, unless the client has violated the websocket protocol."""
        if self._failed:
            return
        if self._unread:
            self._unread += data  # reading is paused, so this is the last for now
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Parse bytes, and keep the rest when messages wait for the application, or others for their turn."""
        turn_ends = time.monotonic() + TURN
        end = 0
        while end < len(data):
            start, arrived = end, len(self.conn.reader.buffer)
            # The rest of a payload is one piece, since no other frame is in it. Without a part of one that has arrived,
            # the parser may be between two frames.
            end += max(PIECE, self._wanted - arrived) if arrived else PIECE
            super().data_received(data[start:end])
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                self.handle_parser_exception()  # the handshake was too long or unreadable
            if self._failed or self.transport.is_closing():
                return
            self._send_pongs()
            if end < len(data) and (not self._may_parse() or time.monotonic() >= turn_ends):
                self._unread = data[end:]
                self.transport.pause_reading()
                if self._may_parse():
                    self.loop.call_soon(self._parse_unread)
                return

    def _parse_unread(self) -> None:
        if not self._unread or not self._may_parse() or self._failed or self.transport.is_closing():
            return
        unread, self._unread = self._unread, b""
        self._parse(unread)
        if not self._unread and self._may_parse() and not self.transport.is_closing():
            self.transport.resume_reading()

    def _may_parse(self) -> bool:
        return not self.read_paused and self.writable.is_set()

    def handle_ping(self) -> None:
        """Leave the pong to the end of the piece: a flood of pings would cost a system call each."""

    def _send_pongs(self) -> None:
        pongs = b"".join(self.conn.data_to_send())
        if pongs:
            self.transport.write(pongs)

    def handle_cont(self, event: Frame) -> None:
        """Store a fragment, unless it is empty: endless empty ones would use up memory."""
        if len(self.frames) < MANY_FRAGMENTS or event.fin:
            if event.data or event.fin:
                super().handle_cont(event)
            return
        frames: list[Any] = self.frames
        if not isinstance(frames[-1], bytearray):
            frames[-1] = bytearray(frames[-1])
        frames[-1] += event.data

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read, since its pings need replies too."""
        super().pause_writing()
        self.transport.pause_reading()
        self._reading.start(UNREAD_TIMEOUT, self.transport.abort)

    def resume_writing(self) -> None:
        """Resume reading, unless messages still wait for the application."""
        self._reading.stop()
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()
            self._parse_unread()

    def handle_parser_exception(self) -> None:
        """Send the close frame, and discard further bytes of the client.

        An immediate close would reset the connection because of the unread bytes, and the client would lose the close
        frame.
        """
        self._failed = True
        self._unread = b""
        close = self.conn.close_sent
        if close is not None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._abort_later()

    async def receive(self) -> Any:
        """Return the next ASGI message, and parse what has arrived behind it."""
        message = await super().receive()
        self._parse_unread()
        return message

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
        self._parse_unread()

    def _abort_later(self) -> None:
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
