"""The budget of sockets: real servers have few workers, and each open websocket keeps one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from gevent.lock import BoundedSemaphore


@dataclass
class SocketBudget:
    """Lets only so many sockets be open at the same time in this process; users wait for their turn.

    Attributes:
        limit: most sockets, 0 for no limit.
    """

    limit: int
    _free: BoundedSemaphore | None = field(init=False)
    _turn: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(1))

    def __post_init__(self) -> None:
        self._free = BoundedSemaphore(self.limit) if self.limit else None

    @contextlib.contextmanager
    def sockets(self, count: int) -> Iterator[None]:
        """Have a number of sockets in here.

        Raises:
            ValueError: the budget is smaller than that.
        """
        if self._free is None:
            yield
            return
        if count > self.limit:
            raise ValueError(f"needs {count} sockets at the same time, the budget is {self.limit}")
        taken = 0
        try:
            with self._turn:  # one takes all that it needs: two that each hold half of it would wait for ever
                for _ in range(count):
                    self._free.acquire()
                    taken += 1
            yield
        finally:
            for _ in range(taken):
                self._free.release()
