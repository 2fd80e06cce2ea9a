"""The sending half of the websocket client: each message recorded, whole or in other forms on the wire."""

from __future__ import annotations

import array
import contextlib
import fcntl
import itertools
import termios
import time
from collections.abc import Callable, Iterator, Sequence

from websockets.protocol import State

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout
from hanami_conformance.cases.recording import Summary, current_case
from hanami_conformance.clients.deadline import SHORTEST_WAIT, AdaptiveTimeout, Deadline
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.tcp import SEGMENT_PAUSE
from hanami_conformance.clients.websocket_connection import WebSocketConnection
from hanami_conformance.clients.websocket_forms import ONE_FRAME, MessageForm
from hanami_conformance.common.text import hex_preview, printable_line
from hanami_reports.common.websocket_frames import BINARY, CONTINUATION, PING, PONG, TEXT, encode_frame

CONTROLS = (b"between", b"", bytes(125))  # payloads of control frames; at most 125 bytes (RFC 6455, 5.5)
LONGEST_FILLING = 2.0  # seconds
FILLING_PAUSE = 0.1  # seconds without a further byte, after which the target has filled a connection
STALLED = 0.5  # seconds after which a target that reads nothing counts as stalled


class WebSocketSender(WebSocketConnection):
    """One connection to a target, with everything that the suite sends on it.

    Args:
        endpoint: Where the target listens.
        timeouts: Time limits of the waits, by kind.

    Attributes:
        awaiting: Kind of the next wait, which selects its adaptive timeout.
    """

    def __init__(self, endpoint: Endpoint, timeouts: AdaptiveTimeout) -> None:
        super().__init__(endpoint)
        self._timeouts = timeouts
        self._channel = current_case().channel("ws")
        self._gathering = False
        self.awaiting = "handshake"

    @property
    def channel(self) -> str:
        """Name of this connection in the record."""
        return self._channel

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

    def hold(self, payload: bytes, summary: Summary, form: MessageForm = ONE_FRAME) -> Callable[[], None]:
        """Send a binary message but for its last byte, or for its last fragment if it has several.

        Args:
            payload: Bytes of the message.
            summary: Description of the message for the record.
            form: Frames of the message.

        Returns:
            Function that sends the rest; it raises as :meth:`send` does.
        """
        self._require_open()
        parts, _ = form.parts(payload)
        frames = [
            encode_frame(CONTINUATION if index else BINARY, part, masked=True, fin=index == len(parts) - 1)
            for index, part in enumerate(parts)
        ]
        data = b"".join(frames)
        held = 1 if len(frames) == 1 else len(frames[-1])
        self._send_all(data[:-held], self._timeouts.seconds(self.awaiting))

        def release() -> None:
            current_case().sent_event(self._channel, "binary", summary, payload, frames=lambda: data)
            self._send_all(data[-held:], self._timeouts.seconds(self.awaiting))

        return release

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

    @contextlib.contextmanager
    def gathered(self, cuts: Sequence[int] = ()) -> Iterator[None]:
        """Send all messages of the block together at its end, so that each meets the next one waiting.

        Args:
            cuts: Offsets in the bytes of all frames where a new TCP segment begins; none for one write.

        Raises:
            ConnectionClosed, ResponseTimeout: As :meth:`send`.
        """
        self._gathering = True
        try:
            yield
        finally:
            self._gathering = False
        self._send_segments(cuts)

    def send_segmented(self, payloads: Sequence[bytes], cuts: Sequence[int], what: str) -> None:
        """Send binary messages back to back, cut into TCP segments anywhere (requirement DATA-1).

        Args:
            payloads: Payloads of the messages.
            cuts: Offsets in the bytes of all frames where a new segment begins.
            what: Description of the messages for the record.
        """
        with self.gathered(cuts):
            for number, payload in enumerate(payloads, start=1):
                self.send(payload, f"{what}: message {number} of {len(payloads)}")

    def send_formed(self, payload: bytes, form: MessageForm, summary: Summary, *, text: bool = False) -> None:
        """Send one message in frames and TCP segments of another form, with the same meaning.

        Args:
            payload: Bytes of the message.
            form: Form of the message.
            summary: Description of the message for the record.
            text: Whether it is a text message.
        """
        parts, control = form.parts(payload)
        frames: list[bytes] = []
        current_case().sent_event(
            self._channel, "text" if text else "binary", summary, payload, frames=lambda: b"".join(frames)
        )
        self._require_open()
        sends = {PING: self._protocol.send_ping, PONG: self._protocol.send_pong}
        for index, part in enumerate(parts):
            is_last = index == len(parts) - 1
            opcode = CONTINUATION if index else TEXT if text else BINARY
            frames.append(encode_frame(opcode, part, masked=True, fin=is_last))
            if index:
                self._protocol.send_continuation(part, fin=is_last)
            elif text:
                self._protocol.send_text(part, fin=is_last)
            else:
                self._protocol.send_binary(part, fin=is_last)
            if control is not None and not is_last:
                frames.append(encode_frame(control, b"between", masked=True))
                sends[control](b"between")
        data = b"".join(self._protocol.data_to_send())
        self._send_pieces(data, form.cuts(len(data)))

    def _send_segments(self, cuts: Sequence[int]) -> None:
        self._send_pieces(b"".join(self._protocol.data_to_send()), cuts)

    def _send_pieces(self, data: bytes, cuts: Sequence[int]) -> None:
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

    def wait_until_filled(self) -> None:
        """Wait, without reading, until no more arrives, for a limited time."""
        waiting, deadline = -1, Deadline.after(LONGEST_FILLING)
        while not deadline.passed:
            before, waiting = waiting, self._waiting_bytes()
            if waiting == before:
                return
            time.sleep(FILLING_PAUSE)

    def _waiting_bytes(self) -> int:
        count = array.array("i", [0])
        fcntl.ioctl(self._open_socket, termios.FIONREAD, count)
        return count[0]

    def _require_open(self) -> None:
        if self._protocol.state is not State.OPEN:
            raise ConnectionClosed("an open connection to send on", str(self.close_info))

    def _send_pending(self) -> None:
        if self._gathering:
            return
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
