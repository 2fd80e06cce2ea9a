"""HTTP responses under load, each within a deadline and a limit of size, whatever the target sends.

The limits of gevent take effect only when a greenlet waits, and one whose target never pauses would wait for nothing:
neither its own deadline nor any other user would have a turn.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import time
from functools import partial
from typing import Any

import gevent

from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.limits import MOST_RESPONSE, format_mib
from hanami_loadtests.engine.arrival import ArrivalReader, clock
from hanami_loadtests.engine.failures import TooLarge

MOST_HELD = 64 << 20  # bytes of all responses that are being read in this process
PIECE = 1 << 16  # bytes of a body that are read at once
TURN_SECONDS = 0.02  # after which others have a turn


class Turns:
    """Gives other users a turn now and then, also where a target never lets this one wait."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def share(self) -> None:
        """Let others go on, if the last turn is long ago."""
        if time.monotonic() - self._last > TURN_SECONDS:
            gevent.sleep(0)
            self._last = time.monotonic()


class ResponseLimits:
    """The limits of the responses on one connection.

    Args:
        connection: Connection to the target.

    Attributes:
        reader: Reader of the connection, which knows when the last bytes arrived.
    """

    _held = 0  # bytes of responses that are being read in this process

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.reader = ArrivalReader(connection)
        self._turns = Turns()
        self._end = 0.0
        self._received = 0

    def begin(self, seconds: float) -> None:
        """Begin an exchange that may take so many seconds."""
        self._end = time.monotonic() + seconds
        self._connection.settimeout(seconds)

    def end(self) -> None:
        """End an exchange, whose bytes are no longer held."""
        ResponseLimits._held -= self._received
        self._received = 0

    def before_read(self) -> None:
        """Limit the next read by the time that is left.

        Raises:
            TimeoutError: If none is.
        """
        self._turns.share()
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline passed")
        self._connection.settimeout(left)

    def after_read(self, size: int) -> None:
        """Count bytes that were read.

        Raises:
            TooLarge: If the response, or all of them together, exceed their limit.
        """
        self._received += size
        ResponseLimits._held += size
        if self._received > MOST_RESPONSE:
            raise TooLarge(f"more than {format_mib(MOST_RESPONSE)}")
        if ResponseLimits._held > MOST_HELD:
            raise TooLarge(f"more than {format_mib(MOST_HELD)} in all answers that are being read")


class _BoundedStream(io.RawIOBase):
    """What a target sends, within limits."""

    def __init__(self, stream: Any, limits: ResponseLimits) -> None:
        self._stream = stream
        self._limits = limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._limits.before_read()
        size = self._limits.reader.receive_into(buffer, self._stream.readinto)
        self._limits.after_read(size)
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response that is read within the limits of its connection."""

    def __init__(self, limits: ResponseLimits, connection: socket.socket, **options: Any) -> None:
        super().__init__(connection, **options)
        self.fp = io.BufferedReader(_BoundedStream(self.fp.detach(), limits))


class BoundedConnection(http.client.HTTPConnection):
    """A connection to a target, on which no response exceeds its limits.

    Args:
        endpoint: Where the target listens.
        seconds: Time limit of connecting.

    Attributes:
        sent: Time at which the sending of the last request began, seconds of the clock; None before.

    Raises:
        ConnectError: If there is no connection.
    """

    def __init__(self, endpoint: Endpoint, seconds: float) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self.sock = endpoint.connect(Deadline.after(seconds))
        self._limits = ResponseLimits(self.sock)
        self.sent: float | None = None
        self.response_class = partial(_Response, self._limits)  # type: ignore[assignment]

    def send(self, data: Any) -> None:
        """Send a part of a request."""
        if self.sent is None:
            self.sent = clock()
        super().send(data)

    @property
    def arrived(self) -> float:
        """Time at which the last bytes of the last response had arrived, seconds of the clock."""
        return self._limits.reader.at

    def exchange(
        self, method: str, path: str, content: bytes | None, headers: dict[str, str], seconds: float
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send a request, and return its response and the whole body.

        Raises:
            TimeoutError: If that takes longer than ``seconds``.
            TooLarge: If the response exceeds a limit of size.
            OSError, http.client.HTTPException: If there is no whole response.
        """
        self._limits.begin(seconds)
        self.sent = None
        try:
            self.request(method, path, content, headers)
            response = self.getresponse()
            with contextlib.closing(response):  # it may outlive a connection that is not kept
                return response, _whole_body(response)
        finally:
            self._limits.end()


def _whole_body(response: http.client.HTTPResponse) -> bytes:
    # Piece by piece: as much memory as a target announces would be reserved at once.
    pieces = []
    while piece := response.read(PIECE):
        pieces.append(piece)
    body = b"".join(pieces)
    if response.length:  # the library reports an early end only where a body is read at once
        raise http.client.IncompleteRead(body, response.length)
    return body
