"""Shared objects in the reports of a load run: what was checked, and the operations that no order explains."""

from __future__ import annotations

from collections.abc import Iterator

from hanami_reports.model.load import LoadResult
from hanami_reports.model.overlap import OverlapCounts, OverlapViolation

MOST_PRINTED = 3  # violations on a terminal


def overlap_line(counts: OverlapCounts) -> str:
    """Return the line that says what was checked."""
    operations = f"{counts.operations:,} operations, {counts.overlapping:,} pairs of which overlapped"
    undecided = f"; undecided, with too many orders to try: {counts.undecided:,}" if counts.undecided else ""
    return (
        f"shared objects: an order explains the answers of {counts.explained:,} of {counts.windows:,}{undecided} "
        f"({operations})"
    )


def violation_lines(violation: OverlapViolation) -> list[str]:
    """Return the operations of a violation, indented, under lines that say what they are."""
    lines = [f"{violation.requirement}: no order explains", *(f"  {line}" for line in violation.operations)]
    if violation.others:
        lines += ["whatever was answered before to", *(f"  {line}" for line in violation.others)]
    return lines


def overlap_lines(result: LoadResult) -> Iterator[str]:
    """Yield the lines of a terminal; none for a run without shared objects."""
    if result.overlap is None:
        return
    yield overlap_line(result.overlap)
    for violation in result.overlap.violations[:MOST_PRINTED]:
        yield from (f"  {line}" for line in violation_lines(violation))
    if result.overlap.unexplained > MOST_PRINTED:
        yield f"  and {result.overlap.unexplained - MOST_PRINTED} more"
