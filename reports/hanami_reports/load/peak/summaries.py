"""A capacity search for CI: JUnit XML, Markdown, and a badge."""

from __future__ import annotations

from hanami_reports.common.badge import GREY, render_badge
from hanami_reports.common.format import format_rate, format_span
from hanami_reports.common.junit import case_element, document, suite_element
from hanami_reports.common.markdown import LIMIT, Page, code
from hanami_reports.load.badge import COLOURS
from hanami_reports.load.peak.terminal import WORDS, fit_lines, format_percentile
from hanami_reports.model.load import RunState
from hanami_reports.model.peak import PeakResult

BADGE_LABEL = "hanami peak"
_COLUMNS = ("point", "load", "outcome", "answers/s", "p50", "p95", "p99", "measured")
_KINDS = {RunState.PASS: "", RunState.FAIL: "failure"}  # all other states are errors, which allow no conclusion


def peak_junit(result: PeakResult) -> str:
    """Return the result as JUnit XML: one test case, the search."""
    kind = _KINDS.get(result.state, "error")
    message = "; ".join(result.reasons) or result.headline
    case = {"classname": "peak", "name": "capacity", "time": "0.000"}
    cases = [case_element(case, kind, {"type": result.state.value, "message": message}, message)]
    duration = float(result.manifest.get("duration", 0.0))
    attributes = {
        "name": "peak",
        "timestamp": str(result.manifest.get("started", "")).split("+", maxsplit=1)[0],
        "hostname": "localhost",
        "time": f"{duration:.3f}",
    }
    properties = [
        ("target", str(result.manifest.get("target", ""))),
        ("state", result.state.value),
        ("peak", result.headline),
    ]
    return document("hanami-load", [suite_element(attributes, cases, properties)], duration)


def peak_markdown(result: PeakResult) -> str:
    """Return the result as Markdown, for the summary of a CI job or a pull request."""
    page = Page(LIMIT)
    mark = "\N{WHITE HEAVY CHECK MARK}" if result.state is RunState.PASS else "\N{CROSS MARK}"
    lines = [f"## {mark} Hanami capacity: {result.state.value}, {result.headline}"]
    lines += [code(reason) for reason in result.reasons]
    lines.append(f"target {code(str(result.manifest.get('target', '')))}")
    if result.knee is not None:
        lines.append(f"knee: {result.unit.quantity(result.knee)}")
    if (first := result.broken_first) is not None:
        lines.append(f"broke first: {code(f'{first.limit}: {first.explanation}')}")
    page.lines([*lines, *fit_lines(result)])
    rows = [
        (
            str(point.number),
            result.unit.quantity(point.load),
            WORDS.get(point.state, point.state.value),
            format_rate(point.rate),
            *(format_percentile(point, percent) for percent in (50, 95, 99)),
            format_span(point.seconds),
        )
        for point in sorted(result.points, key=lambda one: (one.load, one.number))
    ]
    if rows:
        page.section("### Points", _COLUMNS, rows)
    return page.text()


def peak_badge(result: PeakResult) -> str:
    """Return the badge: ``hanami peak | 812/s``."""
    found = result.low if result.peak is None else result.peak
    text = result.state.value.lower() if found is None else result.unit.quantity(found)
    at_least = "at least " if found is not None and result.peak is None else ""
    return render_badge(BADGE_LABEL, f"{at_least}{text}", COLOURS.get(result.state, GREY))
