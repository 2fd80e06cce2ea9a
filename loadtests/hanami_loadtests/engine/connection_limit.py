"""The limit of open sockets: real servers have few workers, and each open websocket occupies one."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from gevent.event import Event


@dataclass
class SocketLimit:
    """Limits the sockets that are open at the same time in this process; users wait in a queue for their turn.

    Attributes:
        limit: Greatest number of sockets, 0 for no limit.
    """

    limit: int
    _open: int = 0
    _queue: deque[tuple[int, Event]] = field(default_factory=deque)

    @contextlib.contextmanager
    def sockets(self, count: int) -> Iterator[float]:
        """Hold a number of sockets within the block, acquired together: two users with half of theirs would deadlock.

        Yields:
            Seconds spent in the queue, which are not the target's.

        Raises:
            ValueError: If the limit is smaller than ``count``.
        """
        if not self.limit:
            yield 0.0
            return
        if count > self.limit:
            raise ValueError(f"needs {count} sockets at the same time, the limit is {self.limit}")
        began = time.perf_counter()
        self._acquire(count)
        try:
            yield time.perf_counter() - began
        finally:
            self._release(count)

    def _acquire(self, count: int) -> None:
        if not self._queue and self._open + count <= self.limit:
            self._open += count
            return
        place = (count, Event())
        self._queue.append(place)
        try:
            place[1].wait()
        except BaseException:
            if place[1].is_set():
                self._release(count)
            else:
                self._queue.remove(place)
                self._wake_waiting()
            raise

    def _release(self, count: int) -> None:
        self._open -= count
        self._wake_waiting()

    def _wake_waiting(self) -> None:
        # Places are handed over: a user that releases one and needs it again has to queue behind the others.
        while self._queue and self._open + self._queue[0][0] <= self.limit:
            count, turn = self._queue.popleft()
            self._open += count
            turn.set()
