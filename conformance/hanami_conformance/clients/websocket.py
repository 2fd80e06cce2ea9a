"""The websocket client: blocking, bounded, recorded, and able to misbehave on purpose.

Built on the Sans-I/O layer of ``websockets``, so that fragments, control frames and the end of a connection are in the
hands of the test.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown
from hanami_conformance.cases.recording import Summary, current_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import AdaptiveTimeout, Deadline
from hanami_conformance.clients.tcp import explain
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.common.signals import uninterrupted
from hanami_conformance.common.text import hex_preview, printable_line

READ_SIZE = 1 << 16
SEGMENT_PAUSE = 0.002  # seconds, so that the system does not put segments together
CONTROLS = (b"between", b"", bytes(125))  # payloads of control frames; 125 bytes are the most (RFC 6455, 5.5)
STUCK = 0.5  # seconds after which a target is taken to take no more

# The library logs whole messages, tokens among them.
_SILENT = logging.getLogger("conformance.websocket")
_SILENT.disabled = True
NORMAL_CLOSURE = 1000


class WebSocket:
    """One connection to a target.

    Args:
        url: ``ws://`` or ``wss://`` address.
        timeouts: how long an answer may take.
        limit: Limit of the connections that are open at the same time.
        ssl_context: for ``wss``.
    """

    def __init__(
        self, url: str, timeouts: AdaptiveTimeout, limit: ConnectionLimit, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._url = url
        self._timeouts = timeouts
        self._limit = limit
        self._ssl_context = ssl_context
        self._channel = current_case().channel("ws")
        self._protocol = ClientProtocol(parse_uri(url), max_size=None, logger=_SILENT)
        self._messages: deque[Message] = deque()
        self._fragments: list[bytes] = []
        self._fragments_are_text = False
        self._socket: socket.socket | None = None
        self._opened = time.monotonic()
        self._leaving = False
        self.close_info: CloseInfo | None = None
        self.awaiting = "handshake"  # kind of the next wait, for its adaptive timeout
        self.describe: Callable[[Message], str] = str  # how the record shows what comes; the attached side knows better

    @property
    def channel(self) -> str:
        """The name of this connection in the record."""
        return self._channel

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._socket is not None and self._protocol.state is State.OPEN

    def open(self, headers: Mapping[str, str] | None = None, cuts: Sequence[int] = ()) -> None:
        """Open the connection (requirement ATT-1).

        Args:
            headers: of the handshake, in place of usual ones.
            cuts: offsets in the handshake where a new TCP segment begins.

        Raises:
            TargetDown: the target takes no connection.
            ResponseTimeout: no answer to the handshake until the deadline.
            ConnectionClosed: the handshake was refused or broken off.
        """
        deadline = self._timeouts.deadline("handshake")
        uri = self._protocol.uri
        self._limit.acquire()
        case = current_case()
        try:
            raw = socket.create_connection((uri.host, uri.port), timeout=deadline.remaining())
        except OSError as error:
            self._limit.release()
            raise TargetDown(f"no connection to {self._url}: {error}") from error
        self._socket = raw
        self._opened = time.monotonic()
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._ssl_context is not None:
                self._socket = self._ssl_context.wrap_socket(raw, server_hostname=uri.host)
            case.sent_event(self._channel, "open", f"websocket handshake with {self._url}")
            request = self._protocol.connect()
            for name, value in (headers or {}).items():
                del request.headers[name]
                request.headers[name] = value
            self._protocol.send_request(request)
            self._flush_cut(cuts)
            while self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is None:
                self._read(deadline, f"an answer to the websocket handshake with {self._url}")
        except (ResponseTimeout, ConnectionClosed):
            self._abandon("no handshake")
            raise
        except OSError as error:
            self._abandon(f"no TLS: {explain(error)}")
            raise ConnectionClosed(f"a websocket at {self._url}", str(self.close_info)) from error
        if self._protocol.handshake_exc is not None:
            self.close_info = None
            self._abandon(f"handshake refused: {self._protocol.handshake_exc}")
            raise ConnectionClosed(f"a websocket at {self._url}", str(self.close_info))
        case.received_event(self._channel, "open", "websocket open")
        self.awaiting = "answer to a first message"

    def send_text(self, text: str) -> None:
        """Send a text message.

        Raises:
            ConnectionClosed, ResponseTimeout: see :meth:`send`.
        """
        payload = text.encode()
        current_case().sent_event(self._channel, "text", lambda: f"text {printable_line(text)}", payload)
        self._need_open()
        self._protocol.send_text(payload)
        self._flush(self._timeouts.deadline(self.awaiting))

    def send(self, payload: bytes, summary: Summary | None = None) -> None:
        """Send a binary message.

        Args:
            payload: its bytes.
            summary: what it is, for the record.

        Raises:
            ConnectionClosed: the connection is gone.
            ResponseTimeout: the target does not take the bytes until the deadline.
        """
        shown = summary or (lambda: f"binary {len(payload)} bytes {hex_preview(payload)}")
        current_case().sent_event(self._channel, "binary", shown, payload)
        self._need_open()
        self._protocol.send_binary(payload)
        self._flush(self._timeouts.deadline(self.awaiting))

    def send_fragments(self, parts: Sequence[bytes], *, summary: str, between: str = "") -> None:
        """Send one binary message in several frames (requirement DATA-11).

        Args:
            parts: payloads of the frames; some may be empty.
            summary: what the message is, for the record.
            between: control frame that goes between any two frames, ``ping`` or ``pong``, which needs no ping before.

        Raises:
            ConnectionClosed, ResponseTimeout: see :meth:`send`.
        """
        shown = f"{summary} in {len(parts)} fragments{f' with {between}s between them' if between else ''}"
        current_case().sent_event(self._channel, "binary", shown, b"".join(parts))
        self._need_open()
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            if index == 0:
                self._protocol.send_binary(part, fin=last)
            else:
                self._protocol.send_continuation(part, fin=last)
            self._flush(self._timeouts.deadline(self.awaiting))
            if between and not last:
                send = self._protocol.send_ping if between == "ping" else self._protocol.send_pong
                send(CONTROLS[index % len(CONTROLS)])
                self._flush(self._timeouts.deadline(self.awaiting))

    def send_segmented(self, payloads: Sequence[bytes], cuts: Sequence[int], what: str) -> None:
        """Send binary messages one right behind the other, cut into TCP segments anywhere (requirement DATA-1).

        Args:
            payloads: of the messages.
            cuts: offsets in the bytes of all frames where a new segment begins.
            what: the messages are, for the record.

        Raises:
            ConnectionClosed, ResponseTimeout: see :meth:`send`.
        """
        current_case().sent_event(self._channel, "binary", what, b"".join(payloads))
        self._need_open()
        for payload in payloads:
            self._protocol.send_binary(payload)
        self._flush_cut(cuts)

    def _flush_cut(self, cuts: Sequence[int]) -> None:
        data = b"".join(self._protocol.data_to_send())
        for begin, end in itertools.pairwise([0, *cuts, len(data)]):
            self._transmit(data[begin:end], self._timeouts.deadline(self.awaiting))
            if end < len(data):
                time.sleep(SEGMENT_PAUSE)

    def send_raw(self, data: bytes, what: str) -> None:
        """Send bytes past the websocket protocol: no frame, or a part of one."""
        assert self._socket is not None
        current_case().sent_event(self._channel, "raw", f"{what}: {hex_preview(data)}", data)
        with contextlib.suppress(OSError):
            self._socket.settimeout(self._timeouts.setting)
            self._socket.sendall(data)

    def send_without_reading(self, payloads: Sequence[bytes], what: str) -> None:
        """Send messages for as long as the target takes them without being read, then stop in the middle."""
        assert self._socket is not None
        current_case().sent_event(self._channel, "binary", what, payloads[0])
        self._need_open()
        for payload in payloads:
            self._protocol.send_binary(payload)
            try:
                self._socket.settimeout(STUCK)
                for data in self._protocol.data_to_send():
                    self._socket.sendall(data)
            except OSError:
                return  # the target takes no more

    def half_close(self) -> None:
        """Close the sending side of the connection and leave the other open."""
        self._leaving = True
        current_case().note(self._channel, "close", "sending side closed by the suite")
        self._half_close()

    def receive(self, awaited: str, extra: float = 0.0) -> Message:
        """Wait for the next message.

        Args:
            awaited: what it should be, for the report.
            extra: seconds on top of the deadline.

        Raises:
            ResponseTimeout: none came until the deadline.
            ConnectionClosed: the connection ended instead.
        """
        deadline = self._timeouts.deadline(self.awaiting, extra)
        began = time.monotonic()
        while not self._messages:
            if self.close_info is not None:
                raise ConnectionClosed(awaited, str(self.close_info))
            self._read(deadline, awaited)
        self._timeouts.record_reply(self.awaiting, time.monotonic() - began)
        return self._messages.popleft()

    def receive_or_close(self, awaited: str) -> Message | CloseInfo:
        """Wait for the next message or the end of the connection, whichever comes first.

        Raises:
            ResponseTimeout: neither came until the deadline.
        """
        try:
            return self.receive(awaited)
        except ConnectionClosed:
            assert self.close_info is not None
            return self.close_info

    def push_back(self, answer: Message | CloseInfo) -> None:
        """Put a message back that is for somebody else to judge; an ending stays known anyway."""
        if isinstance(answer, Message):
            self._messages.appendleft(answer)

    def wait_closed(self, awaited: str) -> tuple[CloseInfo, list[Message]]:
        """Wait until the target has ended the connection.

        Returns:
            The ending, and the messages that came before it.

        Raises:
            ResponseTimeout: it did not until the deadline.
        """
        deadline = self._timeouts.deadline(self.awaiting)
        while self.close_info is None:
            self._read(deadline, awaited)
        left = list(self._messages)
        self._messages.clear()
        return self.close_info, left

    def wait_idle(self, seconds: float) -> float | None:
        """Stay idle until the connection is so old; its age where the target ended it before that, else None."""
        deadline = Deadline(self._opened + seconds, seconds)
        while self.close_info is None:
            if deadline.passed:
                return None
            with contextlib.suppress(ResponseTimeout):
                self._read(deadline, "the end of an idle connection")
        return time.monotonic() - self._opened

    def close(self) -> list[Message]:
        """Close cleanly and return every message that came and nobody asked for.

        The target has handled all earlier messages before it answers the close, so an answer too many is seen here.
        A target that does not answer the close in time is left with a broken connection; that breaks no requirement.
        """
        if self._socket is None:
            return list(self._messages)
        self._leaving = True
        if self._protocol.state is State.OPEN:
            current_case().sent_event(self._channel, "close", "close 1000")
            self._protocol.send_close(NORMAL_CLOSURE, "")
            with contextlib.suppress(ConnectionClosed, ResponseTimeout):
                self._flush(self._timeouts.deadline(self.awaiting))
        with contextlib.suppress(ResponseTimeout, ConnectionClosed):
            self.awaiting = "close"
            deadline = self._timeouts.deadline(self.awaiting)
            while self.close_info is None:
                self._read(deadline, "the close to be answered")
        self._release()
        left = list(self._messages)
        self._messages.clear()
        return left

    def reset(self) -> None:
        """Break the connection off: a TCP reset, no close frame."""
        if self._socket is None:
            return
        current_case().note(self._channel, "close", "connection reset by the suite")
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._abandon("reset by the suite")

    def _need_open(self) -> None:
        if self._protocol.state is not State.OPEN:
            raise ConnectionClosed("an open connection to send on", str(self.close_info))

    def _flush(self, deadline: Deadline) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transmit(data, deadline)
            else:
                self._half_close()

    def _transmit(self, data: bytes, deadline: Deadline) -> None:
        assert self._socket is not None
        try:
            self._socket.settimeout(max(deadline.remaining(), 0.001))
            self._socket.sendall(data)
        except TimeoutError as error:
            self._timeouts.record_timeout(self.awaiting, socket=True)
            raise ResponseTimeout(f"the target to take {len(data)} bytes", "a connection that takes no more") from error
        except OSError as error:
            self._drain_after_break()
            self._end(CloseInfo(None, str(error)))
            raise ConnectionClosed("a connection that takes messages", str(self.close_info)) from error

    def _drain_after_break(self) -> None:
        # What the target sent before the connection broke, a close frame above all, says why it did.
        assert self._socket is not None
        with contextlib.suppress(OSError):
            self._socket.settimeout(0.001)
            while data := self._socket.recv(READ_SIZE):
                with uninterrupted():  # the parser would not go on after it
                    self._protocol.receive_data(data)
                    self._take_events()

    def _half_close(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(OSError):
            # Past the shutdown of an encrypted socket, which would read no more than bytes that nobody can read.
            socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def _read(self, deadline: Deadline, awaited: str) -> None:
        if self._socket is None:
            raise ConnectionClosed(awaited, str(self.close_info))
        try:
            if deadline.passed:  # also while something else keeps coming
                raise TimeoutError  # noqa: TRY301 - one end for both
            self._socket.settimeout(max(deadline.remaining(), 0.001))
            data = self._socket.recv(READ_SIZE)
        except TimeoutError as error:
            self._timeouts.record_timeout(self.awaiting, socket=True)
            current_case().note(self._channel, "close", f"{awaited}: not within {deadline.seconds:g} s")
            raise ResponseTimeout(f"{awaited} within {deadline.seconds:g} s", "nothing") from error
        except OSError as error:
            self._end(CloseInfo(None, str(error)))
            return
        with uninterrupted():  # the parser would not go on after it
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            self._take_events()
        with contextlib.suppress(ConnectionClosed):
            self._flush(deadline)  # pongs, and the answer to a close
        if not data:
            self._end(self._ending_of_protocol())

    def _take_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                continue
            assert isinstance(event, Frame)
            self._take_frame(event)
        if self._protocol.parser_exc is not None and self.close_info is None:
            self._end(CloseInfo(None, f"not websocket: {self._protocol.parser_exc}"))
        elif self._protocol.close_rcvd is not None:
            self._end(self._ending_of_protocol())

    def _take_frame(self, frame: Frame) -> None:
        case = current_case()
        payload = bytes(frame.data)
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if frame.opcode is not Opcode.CONT:
                self._fragments = []
                self._fragments_are_text = frame.opcode is Opcode.TEXT
            self._fragments.append(payload)
            if frame.fin:
                message = Message(self._fragments_are_text, b"".join(self._fragments))
                kind = "text" if message.text else "binary"
                case.received_event(self._channel, kind, lambda: self.describe(message), message.data)
                self._messages.append(message)

    def _ending_of_protocol(self) -> CloseInfo:
        close = self._protocol.close_rcvd
        return CloseInfo(None, "end of stream") if close is None else CloseInfo(close.code, close.reason)

    def _end(self, ending: CloseInfo) -> None:
        if self.close_info is None:
            self.close_info = ending
            current_case().received_event(self._channel, "close", str(ending))
            if not self._leaving:
                current_case().socket_ended(time.monotonic() - self._opened, str(ending))

    def _abandon(self, reason: str) -> None:
        if self.close_info is None:
            self.close_info = CloseInfo(None, reason)
        self._release()

    def _release(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None
            self._limit.release()
