"""The limit of open connections: real servers have few workers, and each open websocket occupies one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

from hanami_conformance.cases.failures import Unsupported


class KeptConnection(Protocol):
    """A connection on which nothing is under way."""

    @property
    def is_open(self) -> bool:
        """Whether nothing has closed it on this side."""

    @property
    def has_ended(self) -> bool:
        """Whether the target has closed it, or sent bytes that nothing asked for."""

    def close(self) -> None:
        """Close the connection."""


@dataclass
class ConnectionLimit:
    """Counts the websockets and bare connections that are open at the same time.

    REST calls open one connection at a time on top of these. A connection that is kept after a REST call is that one,
    until another call is made beside it.

    Attributes:
        limit: Value of the ``--max-connections`` option, by which cases adapt to the target.
        share: Number of connections that this process may open, where several share the limit; None for all of them.
    """

    limit: int
    share: int | None = None
    _open: int = field(default=0, init=False)
    _kept: list[KeptConnection] = field(default_factory=list, init=False, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    @property
    def most(self) -> int:
        """Number of connections that this process may open at the same time."""
        return self.limit if self.share is None else self.share

    def require(self, connections: int) -> None:
        """Skip a test that needs more connections at the same time than the limit allows.

        Raises:
            Unsupported: If the limit is smaller.
            RuntimeError: If the share of this process is smaller; the case runs again in a process that has all.
        """
        if connections > self.limit:
            raise Unsupported(
                f"needs {connections} connections at the same time, the limit is {self.limit} (--max-connections)"
            )
        if connections > self.most:
            raise RuntimeError(f"needs {connections} connections at the same time, this process has {self.most}")

    @property
    def is_reached(self) -> bool:
        """Whether no further connection may be opened."""
        with self._lock:
            return self._open >= self.most

    def acquire(self) -> None:
        """Count a connection that is about to be opened.

        Raises:
            RuntimeError: If the limit or the share is reached; an internal error that the target never sees.
        """
        with self._lock:
            if self._open >= self.most:
                raise RuntimeError(f"more than {self.most} connections at the same time")
            self._open += 1
        self._close_kept(self.most + 1)

    def release(self) -> None:
        """Count a connection that was closed."""
        with self._lock:
            self._open -= 1

    def keep(self, connection: KeptConnection) -> None:
        """Note a connection that stays open after the REST call that it was opened for."""
        with self._lock:
            self._kept = [kept for kept in self._kept if kept.is_open and kept is not connection] + [connection]

    def reuse(self, connection: KeptConnection) -> bool:
        """Take a kept connection for another REST call, and make room for that; return whether it can be used."""
        with self._lock:
            is_kept = any(kept is connection for kept in self._kept)
            self._kept = [kept for kept in self._kept if kept is not connection]
        self.make_room()
        return is_kept and connection.is_open and not connection.has_ended

    def make_room(self) -> None:
        """Close kept connections beside which a REST call would be one connection too many."""
        self._close_kept(self.most)

    def _close_kept(self, most: int) -> None:
        """Close so many kept connections that at most this number is open, or none is kept."""
        with self._lock:
            kept = [one for one in self._kept if one.is_open]
            excess = max(0, len(kept) + self._open - most)
            closing, self._kept = kept[:excess], kept[excess:]
        for connection in closing:
            connection.close()
