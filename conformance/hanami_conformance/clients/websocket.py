"""The websocket client of the suite: blocking, bounded, recorded, and able to misbehave on purpose."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from websockets.frames import CloseCode
from websockets.protocol import State

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown
from hanami_conformance.cases.preparations import PREPARATIONS
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import SHORTEST_WAIT, AdaptiveTimeout, Deadline
from hanami_conformance.clients.endpoint import ConnectError, Endpoint
from hanami_conformance.clients.limits import MOST_UNREAD, MOST_UNREAD_MESSAGES
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.clients.websocket_sender import WebSocketSender
from hanami_conformance.common.machine_watch import MACHINE
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.signals import uninterrupted
from hanami_reports.common.websocket_frames import close_payload

OPENING = "opening a websocket"  # as a preparation
HANDSHAKE = "ATT-1"  # requirement that a usual handshake violates if it fails


@contextlib.contextmanager
def _opening() -> Iterator[None]:
    """Attribute a usual handshake that fails to ATT-1, and note whether it did so before."""
    failed_before = PREPARATIONS.is_failing(OPENING)
    try:
        yield
    except (ResponseTimeout, ConnectionClosed) as violation:
        PREPARATIONS.note(OPENING, worked=False)
        violation.reattribute(HANDSHAKE)
        violation.lasting |= failed_before
        raise
    PREPARATIONS.note(OPENING, worked=True)


class WebSocket(WebSocketSender):
    """One connection to a target.

    Args:
        endpoint: Where the target listens.
        timeouts: Time limits of the waits, by kind.
        limit: Limit of the connections that are open at the same time.

    Attributes:
        describe: Returns the text that stands for a received message in the record; the attached socket replaces it.
    """

    def __init__(self, endpoint: Endpoint, timeouts: AdaptiveTimeout, limit: ConnectionLimit) -> None:
        super().__init__(endpoint, timeouts)
        self._url = endpoint.websocket_url
        self._limit = limit
        self._messages: deque[Message] = deque()
        self._unread = 0  # bytes of them
        self._pongs: deque[bytes] = deque(maxlen=MOST_UNREAD_MESSAGES)  # payloads, of those that nobody waited for
        self._opened = time.monotonic()
        self._leaving = False
        self.describe: Callable[[Message], str] = str

    def open(self, headers: Mapping[str, str] | None = None, cuts: Sequence[int] = ()) -> None:
        """Open the connection (requirement ATT-1).

        Args:
            headers: Headers of the handshake, which replace usual ones or are added to them.
            cuts: Offsets in the handshake where a new TCP segment begins.

        Raises:
            TargetDown: If the target accepts no connection.
            ResponseTimeout: If the handshake is not answered before the deadline.
            ConnectionClosed: If the handshake is rejected or the connection ends during it.
        """
        if not headers and not cuts:
            with _opening():
                self._open(None, ())
        else:
            self._open(headers, cuts)

    def _open(self, headers: Mapping[str, str] | None, cuts: Sequence[int]) -> None:
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

    def receive_pong(self, payload: bytes, awaited: str) -> None:
        """Wait for the pong to a ping (RFC 6455, 5.5.2), which carries the payload of the ping.

        Other pongs are passed over, since a target may send some that nothing asked for (5.5.3), and messages are kept.

        Args:
            payload: Payload of the ping.
            awaited: Description of the expected pong, for the report.

        Raises:
            ResponseTimeout: If it does not arrive before the deadline.
            ConnectionClosed: If the connection ends instead.
        """
        kind, self.awaiting = self.awaiting, "pong"
        try:
            deadline = self._timeouts.deadline(self.awaiting)
            while payload not in self._pongs:
                if self.close_info is not None:
                    raise ConnectionClosed(awaited, str(self.close_info))
                self._wait(deadline, awaited)
        finally:
            self.awaiting = kind
        self._pongs.clear()

    def answer_pings(self) -> None:
        """Answer the pings among what has arrived, without waiting for anything."""
        if self._socket is not None and self.close_info is None and self._read(0):
            with contextlib.suppress(ConnectionClosed, ResponseTimeout):
                self._flush(self._timeouts.seconds(self.awaiting))

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

    def close(self, within: float | None = None, status: CloseCode | None = CloseCode.NORMAL_CLOSURE) -> list[Message]:
        """Close cleanly and return the unsolicited messages.

        The target has handled all earlier messages before it answers the close, so unsolicited answers arrive first. A
        target that does not answer the close in time is left with a broken connection; that violates no requirement.

        Args:
            within: Seconds that the answer to the close may take; None for the time limit of the target.
            status: Status of the close frame; None for one without a status.
        """
        if self._socket is None:
            return list(self._messages)
        self._leaving = True
        if self.is_open:
            payload = b"" if status is None else close_payload(status)
            what = "close without a status" if status is None else f"close {status.value}"
            current_case().sent_event(self._channel, "close", what, payload)
            self._protocol.send_close(status, "")
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

    def end(self) -> None:
        """End the connection without a close frame, as the end of a process does: by a TCP FIN, not a reset."""
        if self._socket is None:
            return
        current_case().note(self._channel, "half-close", "connection ended by the suite, without a close frame")
        self._half_close()
        self._abandon("ended by the suite")

    def _take_messages(self) -> list[Message]:
        left = list(self._messages)
        self._messages.clear()
        self._unread = 0
        return left

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

    def _on_pong(self, payload: bytes) -> None:
        self._pongs.append(payload)

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
