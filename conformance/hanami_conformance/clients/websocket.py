"""The websocket client of the suite: blocking, bounded, recorded, and able to misbehave on purpose."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from websockets.frames import CloseCode
from websockets.protocol import State

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown
from hanami_conformance.cases.recording import Summary, current_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import AdaptiveTimeout, Deadline
from hanami_conformance.clients.endpoint import ConnectError, Endpoint
from hanami_conformance.clients.limits import MOST_UNREAD, MOST_UNREAD_MESSAGES
from hanami_conformance.clients.websocket_connection import WebSocketConnection
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.common.machine_watch import MACHINE
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.signals import uninterrupted
from hanami_conformance.common.text import hex_preview, printable_line
from hanami_reports.common.websocket_frames import BINARY, CONTINUATION, PING, PONG, close_payload, encode_frame

SEGMENT_PAUSE = 0.002  # seconds, so that the system does not merge segments
SHORTEST_WAIT = 0.001  # seconds; 0 would not wait at all
CONTROLS = (b"between", b"", bytes(125))  # payloads of control frames; at most 125 bytes (RFC 6455, 5.5)
STALLED = 0.5  # seconds after which a target that reads nothing counts as stalled


class WebSocket(WebSocketConnection):
    """One connection to a target.

    Args:
        endpoint: Where the target listens.
        timeouts: Time limits of the waits, by kind.
        limit: Limit of the connections that are open at the same time.

    Attributes:
        awaiting: Kind of the next wait, which selects its adaptive timeout.
        describe: Returns the text that stands for a received message in the record; the attached socket replaces it.
    """

    def __init__(self, endpoint: Endpoint, timeouts: AdaptiveTimeout, limit: ConnectionLimit) -> None:
        super().__init__(endpoint)
        self._url = endpoint.websocket_url
        self._timeouts = timeouts
        self._limit = limit
        self._channel = current_case().channel("ws")
        self._messages: deque[Message] = deque()
        self._unread = 0  # bytes of them
        self._opened = time.monotonic()
        self._leaving = False
        self.awaiting = "handshake"
        self.describe: Callable[[Message], str] = str

    @property
    def channel(self) -> str:
        """Name of this connection in the record."""
        return self._channel

    def open(self, headers: Mapping[str, str] | None = None, cuts: Sequence[int] = ()) -> None:
        """Open the connection (requirement ATT-1).

        Args:
            headers: Headers that replace usual ones in the handshake.
            cuts: Offsets in the handshake where a new TCP segment begins.

        Raises:
            TargetDown: If the target accepts no connection.
            ResponseTimeout: If the handshake is not answered before the deadline.
            ConnectionClosed: If the handshake is rejected or the connection ends during it.
        """
        deadline = self._timeouts.deadline("handshake")
        self._limit.acquire()
        case = current_case()
        try:
            _, waited = MACHINE.connect(lambda: self._connect(Deadline.after(deadline.seconds)), self._endpoint.place)
        except MachineShortage:
            self._limit.release()
            raise
        except ConnectError as error:
            self._limit.release()
            raise TargetDown(f"no connection to {self._url}: {error}") from error
        deadline = deadline.postponed(waited)
        self._opened = time.monotonic()
        try:
            request = self._request_handshake(headers)
            head = request.serialize().decode("latin-1")
            case.sent_event(self._channel, "open", f"websocket handshake with {self._url}", head=head)
            self._send_segments(cuts)
            while self.is_connecting:
                self._wait(deadline, f"an answer to the websocket handshake with {self._url}")
        except (ResponseTimeout, ConnectionClosed):
            self._abandon("no handshake")
            raise
        rejection, response = self._protocol.handshake_exc, self.handshake_response
        head = "" if response is None else replace(response, body=b"").serialize().decode("latin-1")
        if rejection is not None or self._protocol.state is State.CONNECTING:
            if rejection is not None:
                self.close_info = CloseInfo(None, f"handshake rejected: {self._rejection_reason()}")
                body = b"" if response is None else bytes(response.body)
                case.received_event(self._channel, "open", self.close_info.reason, body, head=head)
            self._close_socket()
            raise ConnectionClosed(f"a websocket at {self._url}", str(self.close_info))
        case.received_event(self._channel, "open", "websocket open", head=head)
        self.awaiting = "answer to a first message"

    def send_text(self, text: str) -> None:
        """Send a text message; see :meth:`send`."""
        payload = text.encode()
        current_case().sent_event(self._channel, "text", lambda: f"text {printable_line(text)}", payload)
        self._require_open()
        self._protocol.send_text(payload)
        self._send_pending()

    def send(self, payload: bytes, summary: Summary | None = None) -> None:
        """Send a binary message.

        Args:
            payload: Bytes of the message.
            summary: Description of the message for the record.

        Raises:
            ConnectionClosed: If the connection has ended.
            ResponseTimeout: If the target does not read the bytes before the deadline.
        """
        described = summary or (lambda: f"binary {len(payload)} bytes {hex_preview(payload)}")
        current_case().sent_event(self._channel, "binary", described, payload)
        self._require_open()
        self._protocol.send_binary(payload)
        self._send_pending()

    def send_fragments(self, parts: Sequence[bytes], *, summary: str, between: str = "") -> None:
        """Send one binary message in several frames (requirement DATA-11).

        Args:
            parts: Payloads of the frames; some may be empty.
            summary: Description of the message for the record.
            between: Control frame between any two frames, ``ping`` or an unsolicited ``pong``; empty for none.
        """
        described = f"{summary} in {len(parts)} fragments{f' with {between}s between them' if between else ''}"
        frames: list[bytes] = []  # as far as they are sent
        current_case().sent_event(self._channel, "binary", described, b"".join(parts), frames=lambda: b"".join(frames))
        self._require_open()
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            frames.append(encode_frame(CONTINUATION if index else BINARY, part, masked=True, fin=last))
            if index == 0:
                self._protocol.send_binary(part, fin=last)
            else:
                self._protocol.send_continuation(part, fin=last)
            self._send_pending()
            if between and not last:
                control = CONTROLS[index % len(CONTROLS)]
                frames.append(encode_frame(PING if between == "ping" else PONG, control, masked=True))
                send = self._protocol.send_ping if between == "ping" else self._protocol.send_pong
                send(control)
                self._send_pending()

    def send_segmented(self, payloads: Sequence[bytes], cuts: Sequence[int], what: str) -> None:
        """Send binary messages back to back, cut into TCP segments anywhere (requirement DATA-1).

        Args:
            payloads: Payloads of the messages.
            cuts: Offsets in the bytes of all frames where a new segment begins.
            what: Description of the messages for the record.
        """
        for number, payload in enumerate(payloads, start=1):
            summary = f"{what}: message {number} of {len(payloads)}"
            current_case().sent_event(self._channel, "binary", summary, payload)
        self._require_open()
        for payload in payloads:
            self._protocol.send_binary(payload)
        self._send_segments(cuts)

    def _send_segments(self, cuts: Sequence[int]) -> None:
        data = b"".join(self._protocol.data_to_send())
        for begin, end in itertools.pairwise([0, *cuts, len(data)]):
            self._send_all(data[begin:end], self._timeouts.seconds(self.awaiting))
            if end < len(data):
                time.sleep(SEGMENT_PAUSE)

    def send_raw(self, data: bytes, what: str) -> None:
        """Send bytes past the websocket protocol: no frame, or a part of one."""
        current_case().sent_event(self._channel, "raw", f"{what}: {hex_preview(data)}", data)
        with contextlib.suppress(OSError):
            super()._send_all(data, self._timeouts.setting)

    def send_without_reading(self, payloads: Sequence[bytes], what: str) -> None:
        """Send messages without reading answers until the target accepts no more bytes."""
        sent: list[bytes] = []
        current_case().sent_event(
            self._channel,
            "binary",
            what,
            payloads[0],
            frames=lambda: b"".join(encode_frame(BINARY, payload, masked=True) for payload in sent),
        )
        self._require_open()
        with contextlib.suppress(OSError):  # the target is stalled
            for payload in payloads:
                sent.append(payload)
                self._protocol.send_binary(payload)
                for data in self._protocol.data_to_send():
                    super()._send_all(data, STALLED)

    def half_close(self) -> None:
        """Close the sending side of the connection and leave the other open."""
        self._leaving = True
        current_case().note(self._channel, "half-close", "sending side closed by the suite")
        self._half_close()

    def receive(self, awaited: str, extra: float = 0.0) -> Message:
        """Wait for the next message.

        Args:
            awaited: Description of the expected message, for the report.
            extra: Seconds on top of the deadline.

        Raises:
            ResponseTimeout: If no message arrives before the deadline.
            ConnectionClosed: If the connection ends instead.
        """
        deadline = self._timeouts.deadline(self.awaiting, extra)
        began = time.monotonic()
        while not self._messages:
            if self.close_info is not None:
                raise ConnectionClosed(awaited, str(self.close_info))
            self._wait(deadline, awaited)
        self._timeouts.record_reply(self.awaiting, time.monotonic() - began)
        message = self._messages.popleft()
        self._unread -= len(message.data)
        self._controls = 0
        return message

    def receive_or_close(self, awaited: str) -> Message | CloseInfo:
        """Wait for the next message or the end of the connection, whichever comes first.

        Raises:
            ResponseTimeout: If neither happens before the deadline.
        """
        try:
            return self.receive(awaited)
        except ConnectionClosed:
            assert self.close_info is not None
            return self.close_info

    def push_back(self, answer: Message | CloseInfo) -> None:
        """Put a message back for the next reader; the end of the connection is remembered anyway."""
        if isinstance(answer, Message):
            self._messages.appendleft(answer)
            self._unread += len(answer.data)

    def wait_idle(self, seconds: float) -> float | None:
        """Stay idle until the connection has reached an age.

        Returns:
            Age in seconds at which the target ended the connection, None if it did not.
        """
        deadline = Deadline(self._opened + seconds, seconds)
        while self.close_info is None:
            if deadline.passed:
                return None
            with contextlib.suppress(ResponseTimeout):
                self._wait(deadline, "the end of an idle connection")
        return time.monotonic() - self._opened

    def close(self, within: float | None = None) -> list[Message]:
        """Close cleanly and return the unsolicited messages.

        The target has handled all earlier messages before it answers the close, so unsolicited answers arrive first. A
        target that does not answer the close in time is left with a broken connection; that violates no requirement.

        Args:
            within: Seconds that the answer to the close may take; None for the time limit of the target.
        """
        if self._socket is None:
            return list(self._messages)
        self._leaving = True
        if self.is_open:
            payload = close_payload(CloseCode.NORMAL_CLOSURE)
            current_case().sent_event(self._channel, "close", "close 1000", payload)
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE, "")
            with contextlib.suppress(ConnectionClosed, ResponseTimeout):
                self._send_pending()
        with contextlib.suppress(ResponseTimeout, ConnectionClosed):
            self.awaiting = "close"
            limit = self._timeouts.seconds(self.awaiting)
            deadline = Deadline.after(limit if within is None else min(limit, within))
            while self.close_info is None:
                self._wait(deadline, "the close to be answered")
        self._close_socket()
        return self._take_messages()

    def reset(self) -> None:
        """End the connection with a TCP reset, without a close frame."""
        if self._socket is None:
            return
        current_case().note(self._channel, "reset", "connection reset by the suite")
        self._reset_socket()
        self._abandon("reset by the suite")

    def _take_messages(self) -> list[Message]:
        left = list(self._messages)
        self._messages.clear()
        self._unread = 0
        return left

    def _require_open(self) -> None:
        if self._protocol.state is not State.OPEN:
            raise ConnectionClosed("an open connection to send on", str(self.close_info))

    def _send_pending(self) -> None:
        self._flush(self._timeouts.seconds(self.awaiting))

    def _send_all(self, data: bytes, timeout: float) -> None:
        try:
            super()._send_all(data, max(timeout, SHORTEST_WAIT))
        except TimeoutError as error:
            self._timeouts.record_timeout(self.awaiting, timeout, socket=True)
            raise ResponseTimeout(f"the target to read {len(data)} bytes", "a connection that is stalled") from error
        except OSError as error:
            self._read_rest(error)
            raise ConnectionClosed("an open connection to send on", str(self.close_info)) from error

    def _wait(self, deadline: Deadline, awaited: str) -> None:
        """Read once, and answer pings and closes."""
        if self._socket is None:
            raise ConnectionClosed(awaited, str(self.close_info))
        # Also where the deadline passes while something else keeps arriving.
        if deadline.passed or not self._read(max(deadline.remaining(), SHORTEST_WAIT)):
            self._timeouts.record_timeout(self.awaiting, deadline.seconds, socket=True)
            current_case().note(self._channel, "timeout", f"{awaited}: not within {deadline.seconds:g} s")
            raise ResponseTimeout(f"{awaited} within {deadline.seconds:g} s", self._unfinished())
        with contextlib.suppress(ConnectionClosed):
            self._flush(deadline.remaining())

    def _unfinished(self) -> str:
        """Return what arrived in place of a message."""
        if self._fragments:
            return "only the beginning of a message"
        if self._controls:
            return "nothing but pings and pongs"
        is_partial = self._protocol.reader.buffer and not self.is_connecting
        return "only the beginning of a message" if is_partial else "nothing"

    def _feed(self, data: bytes) -> None:
        with uninterrupted():  # the parser could not continue after an interrupt
            super()._feed(data)

    def _on_message(self, payload: bytes, *, text: bool) -> None:
        message = Message(text, payload)
        kind = "text" if text else "binary"
        current_case().received_event(self._channel, kind, lambda: self.describe(message), payload)
        self._messages.append(message)
        self._unread += len(payload)
        if self._unread > MOST_UNREAD or len(self._messages) > MOST_UNREAD_MESSAGES:
            self._on_close(CloseInfo(None, "too many messages that nothing asked for", by_suite=True))

    def _on_close(self, info: CloseInfo) -> None:
        if self.close_info is not None:
            return
        self.close_info = info
        kind, payload = "close", b""
        if info.code is None:
            kind = "reset" if os.strerror(errno.ECONNRESET) in info.reason else "end"
        elif info.code != CloseCode.NO_STATUS_RCVD:  # which stands for a close frame without a code
            payload = close_payload(info.code, info.reason)
        current_case().received_event(self._channel, kind, str(info), payload)
        if not self._leaving and not info.by_suite:
            current_case().socket_ended(time.monotonic() - self._opened, str(info), dropped=info.code is None)

    def _abandon(self, reason: str) -> None:
        if self.close_info is None:
            self.close_info = CloseInfo(None, reason)
        self._close_socket()

    def _close_socket(self) -> None:
        if self._socket is not None:
            super()._close_socket()
            self._limit.release()
