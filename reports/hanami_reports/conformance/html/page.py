"""The page of a run: the matrix of requirements, each of which opens to its tests and their exchanges.

A page stays below :data:`LIMIT` whatever the result holds. Exchanges are left out first, then cases, then parameters of
cases, and every omission is counted. If that is not enough, everything is shortened further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hanami_reports.common.file_names import DEFAULT_FOLDER
from hanami_reports.common.page import render_page
from hanami_reports.conformance.html.findings import finding_views
from hanami_reports.conformance.html.requirements import MARKS, OUTCOME_STYLES, matrix_rows, requirement_views
from hanami_reports.conformance.html.selection import SpaceBudget, select_cases
from hanami_reports.model.conformance import NO_NEW_FAILURES, ExitStatus, Level, RunResult, Verdict
from hanami_reports.model.findings import find

LIMIT = 3_000_000  # bytes of a page
STYLES = ("base.css", "conformance.css", "ladder.css")
SCRIPTS = ("theme.js", "conformance.js")
EXCHANGE_BYTES = 1_600_000
CASE_BYTES = 700_000
MOST_PARAMETERS = 200  # of each test
MOST_UNSELECTED = 1_000  # names of requirements
DIVISORS = (1, 4, 16, 64, 1024)  # everything is divided by the next of them until the page is small enough


class PageTooLargeError(ValueError):
    """A result of which not even the numbers fit on a page."""


def conformance_page(result: RunResult, folder: Path = DEFAULT_FOLDER) -> str:
    """Return the page, HTML.

    Args:
        result: Result of a run.
        folder: Folder of its reports, for the commands on the page.

    Raises:
        PageTooLargeError: If it has far more requirements than a catalogue can have.
    """
    return render_within_limit(lambda divisor: _page(result, folder, divisor))


def render_within_limit(render: Callable[[int], str]) -> str:
    """Return the first page that is small enough.

    Args:
        render: Function that renders a page with everything divided by a number.

    Raises:
        PageTooLargeError: If no page is small enough.
    """
    for divisor in DIVISORS:
        page = render(divisor)
        if len(page.encode("utf-8", "backslashreplace")) < LIMIT:
            return page
    raise PageTooLargeError(f"not even the numbers of this result fit on a page of {LIMIT:,} bytes")


def verdict_style(result: RunResult) -> str:
    """Return the CSS class of a headline."""
    if result.headline == NO_NEW_FAILURES:
        return "known"
    if result.exit_status == ExitStatus.CONFORMANT:
        return "pass"
    return "fail" if result.exit_status in (ExitStatus.NOT_CONFORMANT, ExitStatus.TARGET_LOST) else "open"


def run_details(result: RunResult) -> Mapping[str, str]:
    """Return names and values of the run's target, options and versions."""
    manifest = result.manifest
    target, options = manifest.get("target", {}), manifest.get("options", {})
    details = {
        "client": result.client,
        "target": target.get("url"),
        "dialect": manifest.get("dialect"),
        "profile": options.get("profile"),
        "seed": options.get("seed"),
        "started": manifest.get("started"),
        "suite": manifest.get("suite"),
        "run": manifest.get("run_id"),
        "python": manifest.get("python"),
        "platform": manifest.get("platform"),
    }
    details |= {str(name): version for name, version in manifest.get("packages", {}).items()}
    details |= {str(name): f"sha256 {digest}" for name, digest in manifest.get("digests", {}).items()}
    return {name: str(value) for name, value in details.items() if value not in ("", None)}


def verdict_counts(result: RunResult) -> dict[str, int]:
    """Return the number of selected requirements by verdict, without zeros."""
    return {verdict.value: count for verdict in Verdict if (count := result.count(verdict))}


def _page(result: RunResult, folder: Path, divisor: int) -> str:
    findings = find(result)
    budget = SpaceBudget(EXCHANGE_BYTES // divisor, CASE_BYTES // divisor)
    selected = select_cases(result, folder, budget, findings=findings)
    views = requirement_views(result, selected, most_parameters=MOST_PARAMETERS // divisor)
    unselected = [one.id for one in result.requirements if not one.selected]
    values = {
        "result": result,
        "summary": result.summary(),
        "style_of_verdict": verdict_style(result),
        "verdicts": verdict_counts(result),
        "levels": [level.value for level in Level],
        "level_counts": list(Counter(view.requirement.level.value for view in views).items()),
        "marks": MARKS,
        "outcome_styles": OUTCOME_STYLES,
        "findings": finding_views(findings, selected),
        "views": views,
        "anchors": {view.requirement.id: view.anchor for view in views},
        "rows": matrix_rows(views),
        "unselected": unselected[: MOST_UNSELECTED // divisor],
        "selected": selected,
        "details": run_details(result),
        "target": target_name(result),
    }
    return render_page("conformance.html.j2", values, styles=STYLES, scripts=SCRIPTS)


def target_name(result: RunResult) -> str:
    """Return the target of a run, or the client under test, in a few words."""
    target: Mapping[str, Any] = result.manifest.get("target", {})
    if result.client:
        return result.client
    return "the reference backend" if target.get("reference") else str(target.get("url") or "an unknown target")
