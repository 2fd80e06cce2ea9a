"""The end of what a client prints, however much that is."""

from __future__ import annotations

import math
import os
import selectors
import time
from threading import Event, Thread
from types import TracebackType
from typing import Self

READ_SIZE = 64 * 1024  # bytes
POLL = 0.05  # seconds; the pipe may stay open after the block, in a process that left the group
REST_SECONDS = 1.0  # for what is left to read after the block: such a process may print without end


class OutputTail:
    """Reads the output of processes during a block, and keeps the end of it.

    A file would keep all of it: a client that prints without end fills a disk in a minute.

    Args:
        limit: Number of bytes that are kept.

    Attributes:
        pipe: File descriptor that the processes write to.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tail = b""
        self._ended = Event()
        self._source, self.pipe = os.pipe()
        self._reader = Thread(target=self._read, name="output of the client", daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self.pipe)
        self._ended.set()
        self._reader.join()
        os.close(self._source)

    @property
    def text(self) -> str:
        """The end of the output, to be read behind the block."""
        return self._tail.decode("utf-8", "replace")

    def _read(self) -> None:
        """Read until nobody can write any more, or the block has ended and nothing is left to read, or no time."""
        until = math.inf
        with selectors.DefaultSelector() as selector:
            selector.register(self._source, selectors.EVENT_READ)
            while time.monotonic() < until:
                has_ended = self._ended.is_set()  # before it is asked for data: what was written until then is read
                if has_ended and math.isinf(until):
                    until = time.monotonic() + REST_SECONDS
                if selector.select(POLL):
                    data = os.read(self._source, READ_SIZE)
                    if not data:
                        return
                    self._tail = (self._tail + data)[-self._limit :]
                elif has_ended:
                    return
