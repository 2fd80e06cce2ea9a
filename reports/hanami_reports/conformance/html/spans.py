"""The spans of operations in an exchange, from a request to its answer, and which of them overlap."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from hanami_reports.model.conformance import Event

ANSWERED = ("http", "text", "binary")  # kinds of sent events that an answer follows
ENDS = ("close", "reset", "end", "timeout", "refused")  # kinds of events after which no answer follows
MOST_BARS = 4  # beside each other


@dataclass(frozen=True)
class Span:
    """An operation.

    Attributes:
        channel: Name of its connection.
        first: Index of the event that sent its request.
        last: Index of the event with its answer, or of the one after which there can be none; ``first`` without any.
    """

    channel: str
    first: int
    last: int

    def overlaps(self, other: Span) -> bool:
        """Return whether another connection has an operation that is not over before this one begins, or after it."""
        return self.channel != other.channel and self.first < other.last and other.first < self.last


def spans(events: Sequence[Event]) -> list[Span]:
    """Return the operations of an exchange by their begin; answers on a connection are in the order of its requests."""
    waiting: dict[str, deque[int]] = {}
    found: list[Span] = []
    for index, event in enumerate(events):
        queue = waiting.setdefault(event.channel, deque())
        if event.direction == "sent":
            if event.kind in ANSWERED:
                queue.append(index)
        elif event.kind in ENDS:
            found += [Span(event.channel, first, index) for first in queue]
            queue.clear()
        elif event.direction == "received" and queue:
            found.append(Span(event.channel, queue.popleft(), index))
    # What is never answered, and says nothing of when that was clear, has no length.
    found += [Span(channel, first, first) for channel, queue in waiting.items() for first in queue]
    return sorted(found, key=lambda one: (one.first, one.last))


def overlapping(events: Sequence[Event]) -> list[Span]:
    """Return the operations that overlap one of another connection, by their begin."""
    operations = spans(events)
    found: set[Span] = set()
    active: list[Span] = []
    for one in operations:
        active = [other for other in active if other.last > one.first]
        beside = [other for other in active if other.overlaps(one)]
        if beside:
            found.update((one, *beside))
        active.append(one)
    return [one for one in operations if one in found]


def bars(events: Sequence[Event]) -> list[tuple[str, ...]]:
    """Return the bars beside each event: for each column ``begin``, ``during`` or ``end``, empty for no operation.

    The bar of an operation is in the column of its connection, or else in the first that is free; what has no free one
    is left out.
    """
    ends: list[int] = []  # of the last operation of each column
    own: dict[str, int] = {}  # column of each connection
    places: list[tuple[int, Span]] = []
    for one in overlapping(events):
        free = [index for index, end in enumerate(ends) if end < one.first]
        if own.get(one.channel) not in free:
            own[one.channel] = free[0] if free else len(ends)
        column = own[one.channel]
        if column < MOST_BARS:
            ends[column:] = [one.last, *ends[column + 1 :]]
            places.append((column, one))
    rows = [[""] * len(ends) for _ in events]
    for column, one in places:
        for index in range(one.first, one.last + 1):
            rows[index][column] = {one.first: "begin", one.last: "end"}.get(index, "during")
    return [tuple(row) for row in rows]
