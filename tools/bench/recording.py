"""Recording of the connections of a run, in one order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

UPGRADED = b"HTTP/1.1 101 "  # how the answer to a websocket handshake begins


class Kind(Enum):
    """Kinds of steps on a connection."""

    OPENED = auto()  # by the client, as all connections
    SENT = auto()  # by the client
    RECEIVED = auto()  # from the server
    FINISHED = auto()  # the client sends no more
    RESET = auto()  # by the client
    CRASH = auto()  # by the server, in either way
    NEGLECTED = auto()  # by the client, which reads no more of it


@dataclass(frozen=True)
class Step:
    """One thing that happened.

    Attributes:
        kind: Kind of step.
        connection: Number of the connection, from 0 in the order of opening.
        data: Sent or received bytes, empty for other kinds.
    """

    kind: Kind
    connection: int
    data: bytes = b""


@dataclass(frozen=True)
class Recording:
    """A run as a server saw it. The client did one thing at a time, so the order shows which step waited for which.

    Attributes:
        steps: Steps on all connections, in the order of time.
    """

    steps: tuple[Step, ...]

    @staticmethod
    def of(steps: Iterable[Step]) -> Recording:
        """Return a recording with neighbours merged where pieces of an answer follow each other on a connection."""
        pieces: list[list[bytes]] = []
        merged: list[Step] = []
        for step in steps:
            last = merged[-1] if merged else None
            if last is not None and step.kind is Kind.RECEIVED is last.kind and last.connection == step.connection:
                pieces[-1].append(step.data)
                continue
            merged.append(step)
            pieces.append([step.data])
        joined = zip(merged, pieces, strict=True)
        return Recording(tuple(Step(step.kind, step.connection, b"".join(data)) for step, data in joined))

    @property
    def connections(self) -> int:
        """Number of connections."""
        return sum(step.kind is Kind.OPENED for step in self.steps)

    @property
    def sent(self) -> int:
        """Number of bytes that the client sent."""
        return sum(len(step.data) for step in self.steps if step.kind is Kind.SENT)

    @property
    def received(self) -> int:
        """Number of bytes that the server sent."""
        return sum(len(step.data) for step in self.steps if step.kind is Kind.RECEIVED)

    def answers(self) -> list[bytes]:
        """All that the server sent, by connection."""
        parts: list[list[bytes]] = [[] for _ in range(self.connections)]
        for step in self.steps:
            if step.kind is Kind.RECEIVED:
                parts[step.connection].append(step.data)
        return [b"".join(part) for part in parts]

    def requests(self) -> list[bytes]:
        """Return the first line that the client sent on each connection, or what there is of it."""
        lines = [b""] * self.connections
        for step in self.steps:
            if step.kind is Kind.SENT and not lines[step.connection]:
                lines[step.connection] = step.data.partition(b"\r\n")[0][:200]
        return lines
