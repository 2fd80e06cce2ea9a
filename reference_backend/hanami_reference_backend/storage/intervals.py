"""Set of received bytes of a file."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Intervals:
    """A set of byte offsets as sorted, disjoint, half-open intervals (PROG-2: bytes count, not chunks)."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        """Return the number of intervals."""
        return len(self._starts)

    def __iter__(self) -> zip[tuple[int, int]]:
        return zip(self._starts, self._ends, strict=True)

    def add(self, start: int, end: int) -> None:
        """Add the offsets ``start`` to ``end - 1``, none if ``start >= end``."""
        if start >= end:
            return
        # Intervals that overlap or touch the new one are merged into it.
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def touches(self, start: int, end: int) -> bool:
        """Return whether some interval overlaps or touches the offsets ``start`` to ``end - 1``."""
        return bisect_left(self._ends, start) < bisect_right(self._starts, end)

    def total(self) -> int:
        """Return the number of offsets in the set."""
        return sum(self._ends) - sum(self._starts)

    def covers(self, size: int) -> bool:
        """Return whether all offsets ``0`` to ``size - 1`` are in the set."""
        return size == 0 or (self._starts[:1] == [0] and self._ends[0] >= size)
