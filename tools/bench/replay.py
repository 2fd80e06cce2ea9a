"""A bare client that does again what was recorded, byte for byte, and does not think about it."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import struct
import time
from collections.abc import Sequence

from hanami_conformance.common.child_process import ProcessError
from tools.bench.recording import Kind, Recording
from tools.bench.script import Act, script_of

TIMEOUT = 30.0  # seconds for a connection, and for each answer
READ_SIZE = 256 * 1024  # bytes
RESET = struct.pack("ii", 1, 0)  # for SO_LINGER: close at once, by a reset
DATE = re.compile(rb"(?<=\r\ndate: )[^\r]*", re.IGNORECASE)  # what may differ, in no more and no fewer bytes
SHOWN = 60  # bytes of a difference that are shown


class Replay:
    """A recording that can be repeated with any server that gives the same answers.

    Args:
        recording: Recorded requests and answers.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._script = script_of(recording)
        self._requests = recording.requests()
        firm = zip(recording.answers(), self._script.firm, strict=True)
        self._expected = [comparable(answer[:size]) for answer, size in firm]

    def run(self, host: str, port: int) -> float:
        """Do all of it again; the answers are compared when the clock has stopped.

        Returns:
            Seconds that it took.

        Raises:
            ProcessError: If an answer differs from the recording; names the first difference.
        """
        lines = [Line() for _ in range(self.recording.connections)]
        number = 0
        begin = time.perf_counter()
        try:
            for act in self._script.acts:
                number = act.connection
                lines[number].do(act, (host, port))
            spent = time.perf_counter() - begin
        except (OSError, OutOfStepError) as error:
            self._compare(lines, whole=False)  # a difference is more informative than a missing answer
            raise ProcessError(f"the replay is out of step {self._where(number)}: {error}") from error
        finally:
            for line in lines:
                line.close()
        self._compare(lines, whole=True)
        return spent

    def _where(self, number: int) -> str:
        return f"on connection {number} ({self._requests[number].decode('latin-1')!a})"

    def _compare(self, lines: Sequence[Line], *, whole: bool) -> None:
        """Compare the received bytes with the recorded ones.

        Args:
            lines: All connections, in the order of the recording.
            whole: Whether the answers must be complete.

        Raises:
            ProcessError: If an answer differs from the recorded one.
        """
        for number, (expected, line, size) in enumerate(zip(self._expected, lines, self._script.firm, strict=True)):
            actual = comparable(b"".join(line.received)[:size])
            if actual == expected or (not whole and expected.startswith(actual)):
                continue
            pairs = enumerate(zip(expected, actual, strict=False))
            place = next((at for at, (one, other) in pairs if one != other), min(len(expected), len(actual)))
            place = max(0, place - SHOWN // 2)
            raise ProcessError(
                f"the replay got another answer {self._where(number)}:"
                f" {actual[place : place + SHOWN]!r}, not {expected[place : place + SHOWN]!r}"
            )


def comparable(answer: bytes) -> bytes:
    """Return an answer without the time of day."""
    return DATE.sub(b"", answer)


class OutOfStepError(Exception):
    """The server did not do what was recorded."""


class Line:
    """One connection of a replay.

    Attributes:
        received: Received bytes, one item for each read.
    """

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self._count = 0
        self._socket: socket.socket | None = None
        self._is_over = False

    def do(self, act: Act, address: tuple[str, int]) -> None:
        """Do one thing.

        Raises:
            OSError: If there is no connection, or none any more.
            OutOfStepError: If the answer is missing or different.
        """
        if act.kind is Kind.SENT:
            self._send(act.data)
        elif act.kind is Kind.RECEIVED:
            while self._count < act.total:
                self._read(act.total)
        elif act.kind is Kind.OPENED:
            self._open(address)
        elif act.kind is Kind.CRASH:
            while not self._is_over:
                self._read(None)
        elif act.closes:
            self.close()
        else:
            self._leave(by_reset=act.kind is Kind.RESET)

    def close(self) -> None:
        """Close it; nothing happens where it is closed already."""
        if self._socket is not None:
            self._socket.close()

    def _open(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # With a timeout of its own Python asks before each call whether the socket is ready: one of the system is free.
        whole = int(TIMEOUT)
        self._socket.settimeout(None)
        limit = struct.pack("ll", whole, int((TIMEOUT - whole) * 1e6))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)

    def _leave(self, *, by_reset: bool) -> None:
        assert self._socket is not None
        if by_reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.close()
            return
        with contextlib.suppress(OSError):  # the server may have gone first
            self._socket.shutdown(socket.SHUT_WR)

    def _read(self, total: int | None) -> None:
        """Read once.

        Args:
            total: Number of bytes expected since the connection was opened; None waits for its end.
        """
        assert self._socket is not None
        awaited = "the end" if total is None else f"{total} bytes"
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError as error:
            raise OutOfStepError(f"{self._count} bytes received, not {awaited} within {TIMEOUT:g} s") from error
        except ConnectionError:
            data = b""
        if data:
            self.received.append(data)
            self._count += len(data)
            return
        self._is_over = True
        if total is not None:
            raise OutOfStepError(f"{self._count} bytes received before the end, not {awaited}")

    def _send(self, data: bytes) -> None:
        assert self._socket is not None
        left = memoryview(data)
        end = 0.0
        while left:
            try:
                left = left[self._socket.send(left, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                end = end or time.monotonic() + TIMEOUT
                self._make_room(end)
            except ConnectionError:
                return  # the server has had enough; what it answered is read all the same

    def _make_room(self, end: float) -> None:
        """Wait for a server that takes no more, perhaps not before somebody reads what it sends."""
        assert self._socket is not None
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT | (0 if self._is_over else select.POLLIN))
        ready = poll.poll(max(0.0, end - time.monotonic()) * 1000)
        if not ready:
            raise OutOfStepError(f"the server took no more bytes for {TIMEOUT:g} s")
        if ready[0][1] & select.POLLIN and not self._is_over:
            self._read(None)
