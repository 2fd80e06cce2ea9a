"""The verdict of a run as a badge, SVG: for a README or a dashboard."""

from __future__ import annotations

from collections.abc import Mapping

from hanami_reports.common.badge import GREEN, GREY, RED, YELLOW, draw_badge
from hanami_reports.model.conformance import ExitStatus, RunResult

LABEL = "hanami"


_COLOURS: Mapping[int, str] = {
    ExitStatus.CONFORMANT: GREEN,
    ExitStatus.NOT_CONFORMANT: RED,
    ExitStatus.TARGET_LOST: RED,
    ExitStatus.NOTHING_RAN: YELLOW,
}


def badge_svg(result: RunResult) -> str:
    """Return the badge: ``hanami | conformant``."""
    words = result.headline.lower()
    if result.exit_status == ExitStatus.CONFORMANT and result.reason:
        words = f"{words}, {result.reason}"
    return draw_badge(LABEL, words, _COLOURS.get(result.exit_status, GREY))
