"""The page of a run: the matrix of requirements, each of which opens to its sentence, its tests and their exchange.

A page stays below :data:`LIMIT` whatever the result holds. Exchanges are left out first, then cases, then parameters of
cases; what was left out is counted. Where that is not enough everything is told more shortly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hanami_reports.common.file_names import DEFAULT_FOLDER
from hanami_reports.common.page import draw
from hanami_reports.conformance.html.requirements import MARKS, OUTCOME_STYLES, requirement_views, steps_of
from hanami_reports.conformance.html.selection import SpaceBudget, tell
from hanami_reports.model.conformance import ExitStatus, Level, RunResult, Verdict

LIMIT = 3_000_000  # bytes of a page
STYLES = ("base.css", "conformance.css", "ladder.css")
SCRIPTS = ("theme.js", "conformance.js")
EXCHANGES_ROOM = 1_600_000  # bytes
CASES_ROOM = 700_000  # bytes
PARAMETERS_SHOWN = 200  # of each test
PARTS = (1, 4, 16, 64, 1024)  # everything is divided by the next of them until the page is small enough


class PageTooLargeError(ValueError):
    """A result of which not even the numbers fit on a page."""


def conformance_page(result: RunResult, folder: Path = DEFAULT_FOLDER) -> str:
    """Return the page, HTML.

    Args:
        result: of a run.
        folder: where its reports are; it stands in the lines that are to be copied.

    Raises:
        PageTooLargeError: it has far more requirements than a catalogue can have.
    """
    return smallest(lambda part: _page(result, folder, part))


def smallest(draw_part: Callable[[int], str]) -> str:
    """Return the first page that is small enough, of those that show less and less.

    Raises:
        PageTooLargeError: none is.
    """
    for part in PARTS:
        page = draw_part(part)
        if len(page.encode("utf-8", "backslashreplace")) < LIMIT:
            return page
    raise PageTooLargeError(f"not even the numbers of this result fit on a page of {LIMIT:,} bytes")


def verdict_style(result: RunResult) -> str:
    """Return the style of a headline."""
    if result.exit_status == ExitStatus.CONFORMANT:
        return "pass"
    return "fail" if result.exit_status in (ExitStatus.NOT_CONFORMANT, ExitStatus.TARGET_LOST) else "open"


def about(result: RunResult) -> Mapping[str, str]:
    """Return what ran against what, a line each."""
    manifest = result.manifest
    target, options = manifest.get("target", {}), manifest.get("options", {})
    packages = manifest.get("packages", {})
    return {
        name: str(value)
        for name, value in {
            "target": target.get("url", ""),
            "dialect": manifest.get("dialect", ""),
            "profile": options.get("profile", ""),
            "seed": options.get("seed", ""),
            "started": manifest.get("started", ""),
            "suite": manifest.get("suite", ""),
            "run": manifest.get("run_id", ""),
            "python": manifest.get("python", ""),
            "platform": manifest.get("platform", ""),
            **{str(name): version for name, version in packages.items()},
            **{str(name): f"sha256 {digest}" for name, digest in manifest.get("digests", {}).items()},
        }.items()
        if value not in ("", None)
    }


def _page(result: RunResult, folder: Path, part: int) -> str:
    room = SpaceBudget(EXCHANGES_ROOM // part, CASES_ROOM // part)
    told = tell(result, folder, room)
    views = requirement_views(result, told, parameters_shown=PARAMETERS_SHOWN // part)
    values = {
        "result": result,
        "summary": result.summary(),
        "style_of_verdict": verdict_style(result),
        "verdicts": {verdict.value: result.count(verdict) for verdict in Verdict if result.count(verdict)},
        "levels": [level.value for level in Level],
        "level_counts": list(Counter(view.requirement.level.value for view in views).items()),
        "marks": MARKS,
        "outcome_styles": OUTCOME_STYLES,
        "views": views,
        "steps": steps_of(views),
        "unasked": [one.id for one in result.requirements if not one.selected][: 1000 // part],
        "told": told,
        "about": about(result),
        "target": address_of(result),
    }
    return draw("conformance.html.j2", values, styles=STYLES, scripts=SCRIPTS)


def address_of(result: RunResult) -> str:
    """Return the target of a run in a few words."""
    target: Mapping[str, Any] = result.manifest.get("target", {})
    return "the reference backend" if target.get("reference") else str(target.get("url") or "an unknown target")
