"""The windows of shared objects: their operations overlap, and some order of them must explain every answer.

A window is the life of one object, so that no window depends on another one: the check is local to an object, and needs
nothing of what was before. It is made between two objects, when the clients of the first have nothing in flight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hanami_conformance.stateful.overlap.history import ALONE, History, Operation
from hanami_conformance.stateful.overlap.judgement import EXPECTED
from hanami_conformance.stateful.overlap.linearizability import Undecided, Unexplained
from hanami_conformance.stateful.overlap.reduction import reduce_history
from hanami_conformance.stateful.overlap.requirements import violated_requirement
from hanami_loadtests.engine.failures import IncorrectAnswer
from hanami_reports.model.overlap import MOST_VIOLATIONS, OverlapCounts, OverlapViolation

MOST_PLACES = 20_000  # of a search, about half a second; the usual window has as many as it has operations
REDUCTION_PLACES = 2_000  # of each search with fewer operations

Search = Callable[[Sequence[Operation], float], Unexplained | None]  # with the budget of places as its last argument


@dataclass(frozen=True)
class CheckedWindow:
    """The judgement of one window.

    Attributes:
        counts: The window, counted.
        failure: Answers that no order explains; None where there are none or it is undecided.
    """

    counts: OverlapCounts
    failure: IncorrectAnswer | None


def check_window(history: History, search: Search, violations: int = 0) -> CheckedWindow:
    """Check that some order of the operations on one object explains every answer.

    Args:
        history: Operations on the object.
        search: Returns why no order explains some operations, None if one does.
        violations: Number of violations that are kept already; beyond MOST_VIOLATIONS, operations are not reduced.
    """
    operations = list(history)
    counts = OverlapCounts(operations=len(operations), overlapping=len(history.overlapping()))
    try:
        failure = search(operations, MOST_PLACES)
    except Undecided:
        counts.undecided = 1
        return CheckedWindow(counts, None)
    if failure is None:
        counts.explained = 1
        return CheckedWindow(counts, None)
    counts.unexplained = 1
    requirement = violated_requirement(failure, history)
    if violations < MOST_VIOLATIONS:
        reduced = reduce_history(operations, lambda some: search(some, REDUCTION_PLACES))
        first = min(one.begin for one in (*reduced.essential, *reduced.others))
        lines = [tuple(_line(one, first) for one in some) for some in (reduced.essential, reduced.others)]
        counts.violations = (OverlapViolation(requirement, *lines),)
    # Without the order that comes before it, so that failures of one kind are counted together.
    return CheckedWindow(counts, IncorrectAnswer(requirement, EXPECTED, str(failure.operation)))


def _line(operation: Operation, first: float) -> str:
    """Return the span of an operation from its request to its answer, and what it was, on one line."""
    begin, end = ((at - first) * 1000 for at in (operation.begin, operation.end))
    span = f"{begin:.1f} ms on" if math.isinf(end) else f"{begin:.1f} to {end:.1f} ms"
    return f"{span}{f' client {operation.branch}' if operation.branch != ALONE else ''}: {operation}"
