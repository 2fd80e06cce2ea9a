"""The budget of connections: real servers have few workers, and each open websocket keeps one."""

from __future__ import annotations

from dataclasses import dataclass, field

from hanami_conformance.cases.failures import Unsupported


@dataclass
class ConnectionLimit:
    """Counts the connections that are held open at the same time: websockets, and bare ones.

    A REST call opens one for as long as it takes, one at a time, on top of these.

    Attributes:
        limit: most connections at the same time, the ``--max-connections`` option.
    """

    limit: int
    _open: int = field(default=0, init=False)

    def require(self, connections: int) -> None:
        """Say how many connections a test holds at the same time.

        Raises:
            Unsupported: the budget is smaller.
        """
        if connections > self.limit:
            raise Unsupported(
                f"needs {connections} connections at the same time, the limit is {self.limit} (--max-connections)"
            )

    def acquire(self) -> None:
        """Count a connection that is about to be opened.

        Raises:
            RuntimeError: the budget is used up; a fault of the suite, the target never sees it.
        """
        if self._open >= self.limit:
            raise RuntimeError(f"more than {self.limit} connections at the same time")
        self._open += 1

    def release(self) -> None:
        """Count a connection that was closed."""
        self._open -= 1
