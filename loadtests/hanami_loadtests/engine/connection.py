"""A websocket for load: frames are sent as they are, messages are received whole, every wait has a deadline.

It uses plain sockets, which gevent makes cooperative where Locust runs.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gevent import Timeout
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State

from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.clients.endpoint import ConnectError, Endpoint
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.clients.websocket_connection import READ_SIZE, WebSocketConnection
from hanami_conformance.clients.websocket_events import CloseInfo
from hanami_conformance.common.shortage import shortage_in
from hanami_conformance.common.text import printable_line
from hanami_loadtests.engine.arrival import ArrivalReader
from hanami_loadtests.engine.bounded_response import Turns
from hanami_loadtests.engine.failures import (
    ConnectionLost,
    GeneratorShortage,
    NoAnswer,
    NoConnection,
    Rejected,
    unless_shortage,
)

CLOSE_SECONDS = 1.0
TLS_SECONDS = 1.0  # after which a TLS handshake that is over its limit ends
MOST_MESSAGE = 1 << 20  # greatest size of a received message, bytes; outputs of clusters may need more
MOST_UNREAD = 16  # messages of the greatest size that may arrive before one is received
HEAD_END = b"\r\n\r\n"  # end of the answer to the handshake
WHOLE_BINARY = 0x82  # first byte of an unfragmented binary frame without extension
LENGTH_IN_2 = 126  # second byte of an unmasked frame whose length is in the next two bytes; above, it is longer
clock: Callable[[], float] = time.perf_counter


class Connection(WebSocketConnection):
    """One websocket, open from the start.

    Args:
        endpoint: Where the target listens.
        deadline: Seconds that connecting, the handshake, and sending one frame may take.
        max_size: Greatest size of a received message, bytes.
        headers: Further header fields of the handshake.

    Attributes:
        sent: Time at which the sending of the last frame began, seconds of the clock.
        arrived: Time at which the last message that :meth:`receive` returned had arrived, seconds of the clock.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        deadline: float,
        max_size: int = MOST_MESSAGE,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(endpoint, max_size)
        self._deadline = deadline
        self._turns = Turns()
        self._unread = 0  # bytes since the last message that was received, control frames among them
        self._most_unread = MOST_UNREAD * max_size
        self._messages: deque[tuple[bytes, float]] = deque()  # with the times of their arrival
        self._reader: ArrivalReader | None = None
        self.sent = self.arrived = clock()
        self._partial: int | None = None  # received bytes of an incomplete frame; None where that is not known
        try:
            # The limits of gevent hold for each step of a TLS handshake, which a server may draw out.
            with Timeout(deadline + TLS_SECONDS, NoAnswer(f"no TLS handshake within {deadline:g} s")):
                self._connect(Deadline.after(deadline))
        except ConnectError as error:
            raise unless_shortage(NoConnection(f"no connection: {error}"), error, endpoint.place) from error
        try:
            self._shake_hands(headers)
        except OSError as error:
            self.reset()
            raise unless_shortage(ConnectionLost(f"no websocket: {error}"), error, endpoint.place) from error
        except BaseException:
            self.reset()
            raise

    def _shake_hands(self, headers: Mapping[str, str]) -> None:
        end = clock() + self._deadline
        self._request_handshake(headers)
        self._flush(self._deadline)
        while self.is_connecting:
            if clock() >= end or not self._read(end - clock()):
                raise NoAnswer(f"no answer to the websocket handshake within {self._deadline:g} s")
        error = self._protocol.handshake_exc
        if error is not None and isinstance(error.__cause__, EOFError):  # the answer has ended before its end
            raise ConnectionLost("websocket handshake: the connection was closed without a whole answer")
        if error is not None:
            raise Rejected(f"websocket handshake: {self._rejection_reason()}")
        # What follows an accepted handshake in the same read belongs to the next step, however the reads are cut.
        if self._protocol.state is State.CONNECTING:
            raise ConnectionLost(f"websocket handshake: {self.close_info}")

    def attach(self, token: str, uuid: str, target: str) -> None:
        """Send the first message and wait until it is accepted (both workflows, step 2).

        Args:
            token: REST token.
            uuid: Uuid of a file or a cluster.
            target: ``file_upload`` or ``cluster``.

        Raises:
            Rejected: If the answer is not a success.
            NoAnswer, ConnectionLost: If there is no answer.
        """
        first = json.dumps({"token": token, "uuid": uuid, "target": target}).encode()
        self.send(Frame(Opcode.TEXT, first).serialize(mask=True))
        payload = self.receive(self._deadline)
        if payload is None:
            raise NoAnswer(f"no answer to the first message within {self._deadline:g} s")
        answer = json_object(payload)
        if answer is None or answer.get("success") not in (1, True):
            raise Rejected(f"the first message was not accepted: {printable_line(payload.decode('utf-8', 'replace'))}")

    def send(self, frame: bytes) -> None:
        """Send a serialised frame.

        Messages that arrive meanwhile are read, so that a target that waits for us to read its answers can go on.

        Raises:
            ConnectionLost: If the connection has ended.
            NoAnswer: If the target does not read the frame before the deadline.
        """
        if self.close_info is not None:
            raise ConnectionLost(str(self.close_info))
        end = clock() + self._deadline
        view = memoryview(frame)
        opened = self._open_socket
        opened.settimeout(0)
        self.sent = clock()
        try:
            while view:
                try:
                    view = view[opened.send(view) :]
                except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    self._wait_writable(end)
        except OSError as error:
            if lacking := shortage_in(error):
                raise GeneratorShortage(lacking) from error
            self._read_rest(error)
            raise ConnectionLost(str(self.close_info)) from error

    def _wait_writable(self, end: float) -> None:
        left = end - clock()
        if left <= 0:
            raise NoAnswer(f"the target reads no more bytes within {self._deadline:g} s")
        poller = select.poll()  # not select, which refuses descriptors from 1024 on
        poller.register(self._open_socket, select.POLLIN | select.POLLOUT)
        if any(event & ~select.POLLOUT for _, event in poller.poll(left * 1000)):
            self._read(0)
            self._open_socket.settimeout(0)
            if self.close_info is not None:
                raise ConnectionLost(str(self.close_info))

    def receive(self, timeout: float) -> bytes | None:
        """Return the next message.

        Args:
            timeout: Seconds to wait for it; with 0 or less only messages that have arrived are read.

        Returns:
            Payload of the message, None if none arrives in time.

        Raises:
            ConnectionLost: If the connection has ended and every message before that was received.
        """
        if self._messages:
            return self._next_message()
        end = clock() + timeout
        while True:
            if self.close_info is not None:
                raise ConnectionLost(str(self.close_info))
            if not self._read(end - clock()):
                return None
            if self._messages:
                return self._next_message()
            if clock() >= end:  # also while something else keeps arriving
                return None

    def _next_message(self) -> bytes:
        self._unread = 0
        payload, self.arrived = self._messages.popleft()
        return payload

    def _read(self, timeout: float) -> bool:
        self._turns.share()
        return super()._read(timeout)

    def _receive(self, opened: socket.socket) -> bytes:
        if self._reader is None:
            self._reader = ArrivalReader(opened)
        return self._reader.receive(READ_SIZE)

    def _feed(self, data: bytes) -> None:
        self._unread += len(data)
        if self._unread > self._most_unread:
            self._on_close(CloseInfo(None, "too much that nothing asked for", by_suite=True))
            return
        if data and self._partial == 0 and not self._fragments:
            data = self._take_whole_frames(data)
            if not data:
                return
        if self.is_connecting and data.endswith(HEAD_END) and data.count(HEAD_END) == 1:
            self._partial = 0
        elif self._partial is not None:
            self._partial += len(data)
        super()._feed(data)
        with contextlib.suppress(OSError):
            self._flush(self._deadline)  # a pong, or the answer to a close

    def _take_whole_frames(self, data: bytes) -> bytes:
        """Take unfragmented binary frames, which nearly all are, and return the rest.

        The library takes three times as long for them, which shows in the number of round trips.
        """
        at, size = 0, len(data)
        while size - at >= 2 and data[at] == WHOLE_BINARY:
            length, begin = data[at + 1], at + 2
            if length == LENGTH_IN_2 and size - at >= 4:
                length, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
                if length < LENGTH_IN_2:
                    break  # a length that is not the shortest form: left to the library
            elif length >= LENGTH_IN_2:
                break
            if size - begin < length:
                break
            at = begin + length
            self._messages.append((data[begin:at], self._arrival))
        return data[at:]

    def _on_frame(self, frame: Frame) -> None:
        if self._partial is not None:
            self._partial -= _wire_size(len(frame.data))
        super()._on_frame(frame)

    def _on_message(self, payload: bytes, *, text: bool) -> None:  # noqa: ARG002 - both kinds are read alike
        self._messages.append((payload, self._arrival))

    @property
    def _arrival(self) -> float:
        return clock() if self._reader is None else self._reader.at

    @property
    def unsolicited(self) -> int:
        """Number of messages that arrived and were not received."""
        return len(self._messages)

    def close(self) -> None:
        """Close cleanly, and wait a moment for the target to answer the close."""
        with contextlib.suppress(OSError):
            if self.is_open and self.close_info is None:
                self._protocol.send_close(CloseCode.NORMAL_CLOSURE, "")
                self._flush(self._deadline)
                end = clock() + min(CLOSE_SECONDS, self._deadline)
                while self.close_info is None and clock() < end and self._read(end - clock()):
                    pass
        self._close_socket()

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self._reset_socket()


def _wire_size(payload: int) -> int:
    """Return the size of an unmasked frame in its shortest form, bytes.

    After a longer form some bytes seem to be missing for ever, so that the library reads everything that follows.
    """
    if payload < LENGTH_IN_2:
        return payload + 2
    return payload + (4 if payload < 1 << 16 else 10)
