"""The limit of windows of shared objects that are undecided: such a run shows less than it seems to."""

from __future__ import annotations

from hanami_reports.model.load import LimitResult, RunState
from hanami_reports.model.overlap import OverlapCounts
from hanami_reports.model.series import SHARED


def check_undecided(counts: OverlapCounts) -> LimitResult:
    """Check that of every window it is known whether some order explains its answers."""
    undecided = counts.undecided
    explanation = f"of {undecided} of {counts.windows} objects there are too many orders of the operations to try"
    return LimitResult(
        metric="undecided",
        selector=SHARED,
        statistic="count",
        bound="<= 0",
        value=undecided,
        value_text=str(undecided),
        samples=counts.windows,
        least_samples=0,
        state=RunState.INVALID if undecided else RunState.PASS,
        explanation=explanation if undecided else "",
    )
