"""The times of the faults of a run, by which a process knows which messages they may have affected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class FaultTime:
    """The time of one fault.

    Attributes:
        begin: Begin, seconds of the clock; the planned one until it has begun.
        recovery: Seconds after its end in which the target may recover.
        restarts: Whether the server is another process after it.
        end: End, seconds of the clock; infinite until it has ended.
        has_begun: Whether it has begun.
        problem: Why it could not be begun or ended as planned, one line; empty where it was.
        is_target_failure: Whether the target is the reason of the problem, and not this machine or the suite.
    """

    begin: float
    recovery: float
    restarts: bool = False
    end: float = math.inf
    has_begun: bool = False
    problem: str = ""
    is_target_failure: bool = False

    def affects(self, since: float, until: float) -> bool:
        """Whether something between two times may be an effect of it: it overlaps the fault or the recovery from it."""
        return self.begin <= until and since < self.end + self.recovery


def last_restart(faults: Sequence[FaultTime]) -> int | None:
    """Return the place of the last fault that has replaced the process of the server; None for none."""
    places = reversed(range(len(faults)))
    return next((place for place in places if faults[place].restarts and faults[place].end < math.inf), None)


def affecting(faults: Sequence[FaultTime], since: float, until: float) -> int | None:
    """Return the place of the last fault that may have affected something between two times, None for none."""
    return next((place for place in reversed(range(len(faults))) if faults[place].affects(since, until)), None)


def calm_seconds(faults: Sequence[FaultTime], begin: float, end: float) -> float:
    """Return the seconds between two times that no fault can have affected."""
    left, covered = max(end - begin, 0.0), begin  # covered: what is before it was looked at
    for one in faults:
        if one.has_begun:
            start, covered = max(one.begin, covered), max(covered, min(one.end + one.recovery, end))
            left -= max(covered - start, 0.0)
    return left
