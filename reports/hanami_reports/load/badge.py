"""The verdict on a load run as a badge, SVG."""

from __future__ import annotations

from collections.abc import Mapping

from hanami_reports.common.badge import GREEN, GREY, RED, YELLOW, render_badge
from hanami_reports.model.load import LoadResult, RunState

LABEL = "hanami load"
COLOURS: Mapping[RunState, str] = {
    RunState.PASS: GREEN,
    RunState.FAIL: RED,
    RunState.LOST: RED,
    RunState.INVALID: YELLOW,
}


def load_badge(result: LoadResult) -> str:
    """Return the badge: ``hanami load | fail, 2 of 7 limits``."""
    text = result.state.value.lower()
    exceeded = sum(limit.state is RunState.FAIL for limit in result.limits)
    if result.state is RunState.FAIL and exceeded:
        text = f"{text}, {exceeded} of {len(result.limits)} limits"
    return render_badge(LABEL, text, COLOURS.get(result.state, GREY))
