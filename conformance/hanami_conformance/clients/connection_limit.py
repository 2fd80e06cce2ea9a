"""The limit of open connections: real servers have few workers, and each open websocket occupies one."""

from __future__ import annotations

from dataclasses import dataclass, field

from hanami_conformance.cases.failures import Unsupported


@dataclass
class ConnectionLimit:
    """Counts the websockets and bare connections that are open at the same time.

    REST calls open one connection at a time on top of these.

    Attributes:
        limit: Value of the ``--max-connections`` option.
    """

    limit: int
    _open: int = field(default=0, init=False)

    def require(self, connections: int) -> None:
        """Skip a test that needs more connections at the same time than the limit allows.

        Raises:
            Unsupported: If the limit is smaller.
        """
        if connections > self.limit:
            raise Unsupported(
                f"needs {connections} connections at the same time, the limit is {self.limit} (--max-connections)"
            )

    def acquire(self) -> None:
        """Count a connection that is about to be opened.

        Raises:
            RuntimeError: If the limit is reached; an internal error that the target never sees.
        """
        if self._open >= self.limit:
            raise RuntimeError(f"more than {self.limit} connections at the same time")
        self._open += 1

    def release(self) -> None:
        """Count a connection that was closed."""
        self._open -= 1
