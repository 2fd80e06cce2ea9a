"""The report of a load run as a page: one file, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from hanami_reports.html.environment import draw
from hanami_reports.load import sections, view
from hanami_reports.load.charts import Chart
from hanami_reports.load.model import LoadResult, State
from hanami_reports.load.words import memory_words, span_words

ECHARTS = "../vendor/echarts/echarts.min.js"
# State or verdict to the class that gives its colour.
TINTS: Mapping[str, str] = {
    State.PASS: "pass",
    State.FAIL: "fail",
    State.LOST: "fail",
    State.INTERRUPTED: "known",
    State.INVALID: "open",
    State.FAULT: "open",
    "worse": "fail",
    "better": "pass",
}
OPEN_TYPES = 3  # so many are open from the first; of more only those that went wrong, or else the first


@dataclass(frozen=True)
class TypeSection:
    """What is shown of one type of message."""

    row: view.Counts
    charts: list[Chart]
    table: list[sections.TimeRow]
    open: bool


def load_page(result: LoadResult) -> str:
    """The page, HTML."""
    rows = view.counts_of(result)
    overall = sections.overview(result)
    types = [
        TypeSection(row, sections.of_type(result, row.name, row.anchor), sections.time_table(result, row.name), shown)
        for row, shown in zip(rows, _opened(result, rows), strict=True)
    ]
    target = view.target_of(result)
    return render(
        "load.html.j2",
        [*overall, *(chart for one in types for chart in one.charts)],
        result=result,
        limits=view.worst_first(result.limits),
        state=result.state.value,
        meaning=view.MEANING[result.state],
        target=target,
        facts=view.facts(result),
        rows=rows,
        overview=overall,
        types=types,
        errors=[(error, view.replay_line(error, result)) for error in result.errors],
        processes=[view.process_of(one, memory_words(one.memory)) for one in result.generators],
        process_columns=view.PROCESS_COLUMNS,
        time_columns=sections.TIME_COLUMNS,
        why_invalid=view.why_invalid(result) if result.state is State.INVALID else [],
        configuration=list(view.flat(result.configuration)),
        manifest=list(view.flat(result.manifest)),
        nothing_sent=view.nothing_sent(result),
    )


def _opened(result: LoadResult, rows: Iterable[view.Counts]) -> list[bool]:
    broken = {limit.selector for limit in result.limits if limit.state is not State.PASS}
    held = list(rows)
    if len(held) <= OPEN_TYPES:
        return [True] * len(held)
    wrong = [row.name in broken or any(count for _, count in row.bad) for row in held]
    chosen = [place for place, one in enumerate(wrong) if one][:OPEN_TYPES] or [0]
    return [place in chosen for place in range(len(held))]


def render(template: str, charts: Iterable[Chart], **context: Any) -> str:
    """A page with charts.

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
