"""When received bytes arrived: the system notes it, however late this process comes to read them.

A generator that waits for a CPU reads an answer late. That is no time of the target. Linux notes the arrival for plain
sockets; elsewhere, and for TLS, bytes count as arrived when they are read.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any

SO_TIMESTAMPING = 37  # of Linux, for all usual processors
SOFTWARE = (1 << 3) | (1 << 4)  # note when bytes arrive, and pass it on
STAMP = struct.Struct("qq")  # seconds and nanoseconds of the system's clock
READING_SECONDS = 50e-6  # that reading both clocks may take
MOST_READINGS = 5
NOTES_SIZE = 128  # bytes, more than a stamp needs

clock: Callable[[], float] = time.perf_counter


class ArrivalReader:
    """Reads from one connection, and knows when the last bytes that it read had arrived.

    Args:
        connection: Connected socket.

    Attributes:
        at: Time at which the bytes of the last read had arrived, seconds of the clock.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._is_noted = False
        self.at = clock()
        if not isinstance(connection, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, SOFTWARE)
                self._is_noted = True

    def receive(self, size: int) -> bytes:
        """Read at most so many bytes, as ``recv`` does."""
        if not self._is_noted:
            data = self._connection.recv(size)
            self.at = clock()
            return data
        data, notes, _, _ = self._connection.recvmsg(size, NOTES_SIZE)
        self._note(notes)
        return data

    def receive_into(self, buffer: Any, read: Callable[[Any], int | None]) -> int:
        """Read into a buffer, and return the number of bytes.

        Args:
            buffer: Where the bytes go.
            read: Reads the bytes where their arrival is not noted.
        """
        if not self._is_noted:
            size = read(buffer) or 0
            self.at = clock()
            return size
        size, notes, _, _ = self._connection.recvmsg_into([buffer], NOTES_SIZE)
        self._note(notes)
        return size

    def _note(self, notes: list[tuple[int, int, bytes]]) -> None:
        self.at, now = _both_clocks()
        for _, kind, data in notes:
            if kind == SO_TIMESTAMPING:
                seconds, nanoseconds = STAMP.unpack_from(data)
                self.at -= max(now - seconds - nanoseconds / 1e9, 0.0)


def _both_clocks() -> tuple[float, float]:
    """Return the same moment by our clock and by that of the system."""
    for _ in range(MOST_READINGS):
        before, now, after = clock(), time.time(), clock()
        if after - before < READING_SECONDS:  # otherwise another process ran in between
            break
    return before, now
