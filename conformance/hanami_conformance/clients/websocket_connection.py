"""One websocket over one TCP connection, for the suite and for load alike.

It is built on the Sans-I/O layer of ``websockets``, which leaves fragments, control frames and the end of a connection
to its caller. It uses no extension but compression, where the handshake offers it and the target accepts it, and sends
no pings of its own. Every wait has a time limit. Errors of the network are raised as OSError; each caller decides what
they mean.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import struct
from collections.abc import Mapping

from websockets.exceptions import NegotiationError, PayloadTooBig
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.uri import parse_uri

from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.limits import MOST_MESSAGE, format_mib
from hanami_conformance.clients.websocket_events import CloseInfo
from hanami_conformance.common.text import printable_line
from hanami_proto.websocket import WebSocketClient

READ_SIZE = 1 << 16
LONGEST_REASON = 300  # characters
EXTENSIONS, SUBPROTOCOL = "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"
COMPRESSION = "permessage-deflate; client_max_window_bits"  # as browsers offer it (RFC 7692)
SWITCHING = 101
MOST_LAST_READS = 256  # of what arrived before a send failed; more than the system buffers
DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
# The library logs whole messages, tokens among them.
_SILENT = logging.getLogger("hanami.websocket")
_SILENT.disabled = True


class WebSocketConnection:
    """Handshake, frames in both directions, whole messages, and how the connection ended.

    Args:
        endpoint: Where the target listens.
        max_size: Greatest size of a received message, bytes; a greater one ends the connection.

    Attributes:
        close_info: How the connection ended; None while it has not.
        handshake_response: Response to the handshake; None before it has arrived.
    """

    def __init__(self, endpoint: Endpoint, max_size: int = MOST_MESSAGE) -> None:
        self._protocol = WebSocketClient(parse_uri(endpoint.websocket_url), max_size=max_size, logger=_SILENT)
        self._endpoint = endpoint
        self._socket: socket.socket | None = None
        self._fragments: list[bytes] = []
        self._fragments_are_text = False
        self._controls = 0  # control frames since the last message
        self.close_info: CloseInfo | None = None
        self.handshake_response: Response | None = None

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._socket is not None and self._protocol.state is State.OPEN

    @property
    def is_connecting(self) -> bool:
        """Whether the answer to the handshake has yet to arrive."""
        return (
            self._protocol.state is State.CONNECTING
            and self._protocol.handshake_exc is None
            and self.close_info is None
        )

    @property
    def _open_socket(self) -> socket.socket:
        assert self._socket is not None
        return self._socket

    def _connect(self, deadline: Deadline) -> None:
        self._socket = self._endpoint.connect(deadline)

    def _request_handshake(self, headers: Mapping[str, str] | None = None) -> Request:
        """Hand the request of the handshake to the protocol; it is sent by :meth:`_flush`."""
        if headers and headers.get(EXTENSIONS) == COMPRESSION:
            self._protocol.available_extensions = [ClientPerMessageDeflateFactory(client_max_window_bits=True)]
        request = self._protocol.connect()
        for name, value in (headers or {}).items():
            request.headers.pop(name, None)
            request.headers[name] = value
        self._protocol.send_request(request)
        return request

    def _rejection_reason(self) -> str:
        """Return why the answer to the handshake does not open a websocket."""
        error, answer = self._protocol.handshake_exc, self.handshake_response
        reason = str(error)
        if error is not None and error.__cause__ is not None:
            reason += f": {error.__cause__}"
        if answer is not None and answer.status_code == SWITCHING:
            unrequested = (*answer.headers.get_all(EXTENSIONS), *answer.headers.get_all(SUBPROTOCOL))
            if isinstance(error, NegotiationError) and unrequested:
                reason = f"it answers with {', '.join(unrequested)!r}, which the handshake did not offer"
        elif answer is not None and (location := ", ".join(answer.headers.get_all("Location"))):
            reason += f", a redirect to {location}"
        return printable_line(reason, LONGEST_REASON)

    def _flush(self, timeout: float) -> None:
        """Send everything that the protocol has to send, each piece within ``timeout`` seconds."""
        for data in self._protocol.data_to_send():
            if data:
                self._send_all(data, timeout)
            else:
                self._half_close()

    def _send_all(self, data: bytes, timeout: float) -> None:
        self._open_socket.settimeout(timeout)
        self._open_socket.sendall(data)

    def _half_close(self) -> None:
        with contextlib.suppress(OSError):
            # Past the shutdown of an encrypted socket, which would read no more than bytes that nobody can read.
            socket.socket.shutdown(self._open_socket, socket.SHUT_WR)

    def _read(self, timeout: float) -> bool:
        """Read once; False if nothing arrived within ``timeout`` seconds."""
        opened = self._open_socket
        try:
            opened.settimeout(max(timeout, 0))
            data = self._receive(opened)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError as error:
            self._on_close(CloseInfo(None, str(error)))
            return True
        self._feed(data)
        return True

    def _receive(self, opened: socket.socket) -> bytes:
        """Read bytes from the socket, within its time limit."""
        return opened.recv(READ_SIZE)

    def _read_rest(self, error: OSError) -> None:
        """Read everything left after a failed send: a close frame that arrived before explains the failure."""
        with contextlib.suppress(OSError):
            for _ in range(MOST_LAST_READS):
                if self.close_info is not None or not self._read(0):
                    break
        self._on_close(CloseInfo(None, str(error)))

    def _feed(self, data: bytes) -> None:
        """Let the protocol process received bytes; none of them stand for the end of the stream."""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._on_frame(event)
            elif isinstance(event, Response):
                self.handshake_response = event
        close, error = self._protocol.close_rcvd, self._protocol.parser_exc
        if close is not None:
            self._on_close(CloseInfo(close.code, close.reason))
        elif isinstance(error, PayloadTooBig):
            self._on_close(CloseInfo(None, _too_big(error), by_suite=True))
        elif error is not None and not isinstance(error, EOFError):
            self._on_close(CloseInfo(None, f"malformed websocket frame: {error}"))
        elif not data:
            self._on_close(CloseInfo(None, "unexpected end of stream"))

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode not in DATA:
            self._controls += 1
            if frame.opcode is Opcode.PONG:
                self._on_pong(bytes(frame.data))
            return
        if frame.opcode is not Opcode.CONT:
            self._fragments_are_text = frame.opcode is Opcode.TEXT
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            payload = self._fragments[0] if len(self._fragments) == 1 else b"".join(self._fragments)
            self._fragments.clear()
            self._on_message(payload, text=self._fragments_are_text)

    def _on_message(self, payload: bytes, *, text: bool) -> None:
        raise NotImplementedError

    def _on_pong(self, payload: bytes) -> None:
        """Note a pong."""

    def _on_close(self, info: CloseInfo) -> None:
        if self.close_info is None:
            self.close_info = info

    def _reset_socket(self) -> None:
        """Close the TCP connection with a reset, without a close frame."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._close_socket()

    def _close_socket(self) -> None:
        self._fragments.clear()  # of a message that never ended: failures keep their sockets until the end of a run
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None


def _too_big(error: PayloadTooBig) -> str:
    size = (error.size or 0) + (error.current_size or 0)
    return f"a message of {size:,} bytes or more, the limit is {format_mib(error.max_size)}"
