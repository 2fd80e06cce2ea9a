"""Which bytes of a file have arrived."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Intervals:
    """A set of byte offsets, kept as disjoint half-open intervals in order (PROG-2: bytes count, not chunks)."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        """How many intervals there are."""
        return len(self._starts)

    def __iter__(self) -> zip[tuple[int, int]]:
        return zip(self._starts, self._ends, strict=True)

    def add(self, start: int, end: int) -> None:
        """Add the offsets ``start`` to ``end - 1``; none when ``start >= end``."""
        if start >= end:
            return
        # Everything that overlaps or touches the new interval becomes part of it.
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def total(self) -> int:
        """How many offsets are in the set."""
        return sum(self._ends) - sum(self._starts)

    def covers(self, size: int) -> bool:
        """Whether all offsets ``0`` to ``size - 1`` are in the set."""
        return size == 0 or (self._starts[:1] == [0] and self._ends[0] >= size)
