"""The verdict on a conformance run as a badge, SVG."""

from __future__ import annotations

from collections.abc import Mapping

from hanami_reports.common.badge import GREEN, GREY, RED, YELLOW, render_badge
from hanami_reports.model.conformance import NO_NEW_FAILURES, ExitStatus, RunResult

LABEL = "hanami"
_COLOURS: Mapping[int, str] = {
    ExitStatus.CONFORMANT: GREEN,
    ExitStatus.NOT_CONFORMANT: RED,
    ExitStatus.TARGET_LOST: RED,
    ExitStatus.NOTHING_RAN: YELLOW,
}


def badge_svg(result: RunResult) -> str:
    """Return the badge: ``hanami | conformant``."""
    text = result.headline.lower()
    if result.headline == NO_NEW_FAILURES:
        return render_badge(LABEL, f"{text}, {len(result.known_violations)} known", YELLOW)
    return render_badge(LABEL, text, _COLOURS.get(result.exit_status, GREY))
