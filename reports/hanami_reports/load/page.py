"""The report of a load run as a page: one file, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from hanami_reports.common.format import memory_words, span_words
from hanami_reports.common.page import draw
from hanami_reports.load import chart_sections, tables
from hanami_reports.load.charts import Chart
from hanami_reports.model.load import LoadResult, RunState

ECHARTS = "../vendor/echarts/echarts.min.js"
# RunState or verdict to the class that gives its colour.
TINTS: Mapping[str, str] = {
    RunState.PASS: "pass",
    RunState.FAIL: "fail",
    RunState.LOST: "fail",
    RunState.INTERRUPTED: "known",
    RunState.INVALID: "open",
    RunState.INTERNAL_ERROR: "open",
    "worse": "fail",
    "better": "pass",
}
OPEN_TYPES = 3  # so many are open from the first; of more only those that went wrong, or else the first


@dataclass(frozen=True)
class TypeSection:
    """What is shown of one type of message."""

    row: tables.Counts
    charts: list[Chart]
    table: list[chart_sections.TimeRow]
    open: bool


def load_page(result: LoadResult) -> str:
    """Return the page, HTML."""
    rows = tables.counts_of(result)
    overall = chart_sections.overview(result)
    types = [
        TypeSection(
            row,
            chart_sections.of_type(result, row.name, row.anchor),
            chart_sections.time_table(result, row.name),
            shown,
        )
        for row, shown in zip(rows, _opened(result, rows), strict=True)
    ]
    target = tables.target_of(result)
    return render(
        "load.html.j2",
        [*overall, *(chart for one in types for chart in one.charts)],
        result=result,
        limits=tables.worst_first(result.limits),
        state=result.state.value,
        meaning=tables.MEANING[result.state],
        target=target,
        facts=tables.facts(result),
        rows=rows,
        overview=overall,
        types=types,
        errors=[(error, tables.replay_line(error, result)) for error in result.errors],
        processes=[tables.process_of(one, memory_words(one.memory)) for one in result.generators],
        process_columns=tables.PROCESS_COLUMNS,
        time_columns=chart_sections.TIME_COLUMNS,
        why_invalid=tables.why_invalid(result) if result.state is RunState.INVALID else [],
        configuration=list(tables.flat(result.configuration)),
        manifest=list(tables.flat(result.manifest)),
        nothing_sent=tables.nothing_sent(result),
    )


def _opened(result: LoadResult, rows: Iterable[tables.Counts]) -> list[bool]:
    broken = {limit.selector for limit in result.limits if limit.state is not RunState.PASS}
    held = list(rows)
    if len(held) <= OPEN_TYPES:
        return [True] * len(held)
    wrong = [row.name in broken or any(count for _, count in row.bad) for row in held]
    chosen = [place for place, one in enumerate(wrong) if one][:OPEN_TYPES] or [0]
    return [place in chosen for place in range(len(held))]


def render(template: str, charts: Iterable[Chart], **context: Any) -> str:
    """Return a page with charts.

    Args:
        template: its name.
        charts: that its elements of class ``chart`` show.
        context: of the template.
    """
    drawn = {chart.id: chart.data() for chart in charts}
    # A run in which nothing was sent has nothing to draw.
    scripts = ("theme.js", ECHARTS, "load.js") if drawn else ("theme.js",)
    values = {"charts": _json(drawn), "span": span_words, "clock": _clock, "tint": TINTS.get}
    return draw(template, values | context, styles=("base.css", "load.css"), scripts=scripts)


def _json(data: Mapping[str, Any]) -> Markup:
    """For an element of type ``application/json``: nothing in it can end that element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704


def _clock(seconds: float) -> str:
    whole = int(seconds)
    rest = f"{whole // 60 % 60:02d}:{whole % 60:02d}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{rest}" if whole >= 3600 else rest
