"""The budget of sockets: real servers have few workers, and each open websocket keeps one."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from gevent.event import Event


@dataclass
class SocketLimit:
    """Lets only so many sockets be open at the same time in this process; users wait for their turn, first come first.

    Attributes:
        limit: most sockets, 0 for no limit.
    """

    limit: int
    _taken: int = 0
    _queue: deque[tuple[int, Event]] = field(default_factory=deque)

    @contextlib.contextmanager
    def sockets(self, count: int) -> Iterator[float]:
        """Have a number of sockets in here, all of them at once: two that each hold half would wait for ever.

        Yields:
            Seconds that it took to get them: no target is to blame for these.

        Raises:
            ValueError: the budget is smaller than that.
        """
        if not self.limit:
            yield 0.0
            return
        if count > self.limit:
            raise ValueError(f"needs {count} sockets at the same time, the budget is {self.limit}")
        began = time.perf_counter()
        self._take(count)
        try:
            yield time.perf_counter() - began
        finally:
            self._give(count)

    def _take(self, count: int) -> None:
        if not self._queue and self._taken + count <= self.limit:
            self._taken += count
            return
        place = (count, Event())
        self._queue.append(place)
        try:
            place[1].wait()
        except BaseException:
            if place[1].is_set():
                self._give(count)
            else:
                self._queue.remove(place)
                self._hand_over()
            raise

    def _give(self, count: int) -> None:
        self._taken -= count
        self._hand_over()

    def _hand_over(self) -> None:
        # Handed over, not only free: who gives a socket back and wants it again has to queue behind the others.
        while self._queue and self._taken + self._queue[0][0] <= self.limit:
            count, turn = self._queue.popleft()
            self._taken += count
            turn.set()
