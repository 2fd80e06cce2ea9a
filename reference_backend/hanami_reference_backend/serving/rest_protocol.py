"""HTTP protocol of uvicorn with limits of size, of time, and of work at once (GEN-4)."""

from __future__ import annotations

import socket
from asyncio import Transport
from http import HTTPStatus

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hanami_reference_backend.common.settings import KIB
from hanami_reference_backend.serving.timeout import CLOSE_TIMEOUT, UNREAD_TIMEOUT, Timeout

# A peer that vanished silently is detected after about a minute.
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
HEAD_TIMEOUT = 30.0  # seconds from the connection, or from the first byte of a later request, to the end of its head
BODY_TIMEOUT = 60.0  # seconds from there to the end of the request, if nobody else ends it before
MAX_HEAD = 64 * KIB  # bytes without content: a head, trailers, an extension of a chunk
MAX_HEADERS = 128  # of a head and its trailers; the websockets library has the same limit
PIECE = 8 * KIB  # bytes that are parsed at once: at most 450 small requests


class RequestFlow(FlowControl):
    """Flow control that does not resume reading while requests wait for earlier ones.

    Attributes:
        is_held: Whether requests wait.
    """

    is_held = False

    def resume_reading(self) -> None:
        """Resume reading, unless requests wait."""
        if not self.is_held:
            super().resume_reading()


class RestProtocol(HttpToolsProtocol):
    """An HTTP connection whose requests must arrive in time, with a head of limited size.

    Each request has a deadline as a whole, so that a client which sends a byte now and then does not keep the
    connection for ever.
    """

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start the timeout, and enable keepalive, which a websocket on this connection inherits."""
        super().connection_made(transport)
        self.flow: RequestFlow = RequestFlow(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in KEEPALIVE.items():
                if hasattr(socket, name):
                    connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._arrival = Timeout()
        self._reading = Timeout()
        self._unread = b""
        self._in_head = True
        self._overhead = 0  # bytes since the last content
        self._header_count = 0
        self._rejected = False
        self.start_arrival(HEAD_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeouts."""
        self._arrival.stop()
        self._reading.stop()
        self._unread = b""
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, unless earlier requests must be answered first."""
        if self._rejected or self.transport.is_closing():
            return
        if self._unread:
            self._unread += data  # reading is paused, so this is the last for now
        else:
            self._parse(data)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to the websocket protocol, and keep nothing of it here."""
        if self._has_too_many_headers():
            return  # rejected next
        self._arrival.stop()
        self._reading.stop()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Start to count the bytes and headers of a request, and the time for a request behind another one."""
        super().on_message_begin()
        self._in_head, self._overhead, self._header_count = True, 0, 0
        if not self._arrival.is_running:
            self.start_arrival(HEAD_TIMEOUT)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header or a trailer, if there are not too many."""
        self._header_count += 1
        if not self._has_too_many_headers():
            super().on_header(name, value.strip(b" \t"))  # the parser leaves the blanks at its end (RFC 9112, 5.1)

    def on_headers_complete(self) -> None:
        """Start the request, and the timeout for its body."""
        if self._has_too_many_headers():
            return
        self._in_head, self._overhead = False, 0
        self.start_arrival(BODY_TIMEOUT)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Store a part of the body."""
        self._overhead = 0
        if not self._has_too_many_headers():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the timeout: the request has arrived."""
        self._overhead = 0
        self._arrival.stop()
        if not self._has_too_many_headers():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the requests that were sent before this response."""
        super().on_response_complete()
        if self._unread:
            self.loop.call_soon(self._parse_unread)

    def pause_writing(self) -> None:
        """Start the timeout of a client that does not read."""
        super().pause_writing()
        self._reading.start(UNREAD_TIMEOUT, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timeout: the client reads."""
        self._reading.stop()
        super().resume_writing()

    def start_arrival(self, seconds: float) -> None:
        """Start the timeout of what must arrive next."""
        self._arrival.start(seconds, self._end_if_late)

    def _end_if_late(self) -> None:
        self._arrival.stop()
        cycle = self.cycle
        if cycle is not None and not cycle.more_body and not cycle.response_complete:
            self.start_arrival(HEAD_TIMEOUT)  # the server is late: it still works on the request before
        else:
            self.transport.close()

    def _parse(self, data: bytes) -> None:
        """Parse bytes, and keep the rest when a request has to wait for the response to the one before."""
        for start in range(0, len(data), PIECE):
            if self.pipeline:
                self._unread = data[start:]
                self.flow.pause_reading()
                self.flow.is_held = True
                return
            if not self._arrival.is_running:
                self.start_arrival(HEAD_TIMEOUT)
            piece = data[start : start + PIECE]
            self._overhead += len(piece)
            super().data_received(piece)
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return
            if self._overhead > MAX_HEAD or self._has_too_many_headers():
                self._reject()
                return

    def _has_too_many_headers(self) -> bool:
        return self._header_count > MAX_HEADERS

    def _parse_unread(self) -> None:
        if self.pipeline or self.transport.is_closing():
            return
        unread, self._unread = self._unread, b""
        self.flow.is_held = False
        self._parse(unread)
        self.flow.resume_reading()

    def _reject(self) -> None:
        """Reject a request with a long head, and discard further bytes of the client.

        An immediate close would reset the connection because of the unread bytes, and the client would lose the
        response.
        """
        self._rejected = True
        if not self._in_head or (self.cycle is not None and not self.cycle.response_complete):
            self.transport.close()  # another response is due first
            return
        reason = f"a request has at most {MAX_HEADERS} headers and {MAX_HEAD} bytes before its body\n".encode()
        self.transport.write(
            STATUS_LINE[HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE]
            + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
            + b"content-length: %d\r\n\r\n%s" % (len(reason), reason)
        )
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._arrival.start(CLOSE_TIMEOUT, self.transport.abort)
