"""What a load run found out about operations of several clients on one object."""

from __future__ import annotations

from dataclasses import dataclass

from hanami_reports.model.histogram import Count

MOST_VIOLATIONS = 10  # that are kept with their operations; further ones are counted


@dataclass(frozen=True)
class OverlapViolation:
    """Operations on one object whose answers no order explains.

    Attributes:
        requirement: Id of the violated requirement.
        operations: The operations, a line each: from its request to its answer, and what it was answered.
        others: Operations that may have changed something before, likewise; no answers of theirs would explain the
            first ones.
    """

    requirement: str
    operations: tuple[str, ...]
    others: tuple[str, ...] = ()


@dataclass
class OverlapCounts:
    """Windows, each with all operations on one object from its creation to its end.

    Attributes:
        explained: Windows of which some order of the operations explains every answer.
        unexplained: Windows of which no order does.
        undecided: Windows that were given up because there were too many orders to try.
        operations: Operations in all windows.
        overlapping: Pairs of operations of different clients that overlapped.
        violations: Those of the first unexplained windows.
    """

    explained: Count = 0
    unexplained: Count = 0
    undecided: Count = 0
    operations: Count = 0
    overlapping: Count = 0
    violations: tuple[OverlapViolation, ...] = ()

    @property
    def windows(self) -> int:
        """Number of windows."""
        return self.explained + self.unexplained + self.undecided

    def add(self, other: OverlapCounts) -> None:
        """Add windows of the same run."""
        self.explained += other.explained
        self.unexplained += other.unexplained
        self.undecided += other.undecided
        self.operations += other.operations
        self.overlapping += other.overlapping
        self.violations = (*self.violations, *other.violations)[:MOST_VIOLATIONS]
