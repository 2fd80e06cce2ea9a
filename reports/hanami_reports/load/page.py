"""The page of a load run: one file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from hanami_reports.common.format import format_span
from hanami_reports.common.page import render_page
from hanami_reports.load import chart_sections, overlap_section, server_section, tables
from hanami_reports.load.bands import band_notes
from hanami_reports.load.charts import Chart
from hanami_reports.load.faults import CAPTION, FAULT_COLUMNS, fault_rows
from hanami_reports.load.stages import STAGE_COLUMNS, stage_rows
from hanami_reports.model.load import LoadResult, RunState

ECHARTS = "../vendor/echarts/echarts.min.js"
# CSS class of a state or verdict.
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
MOST_OPEN = 3  # sections that are open when the page loads; of more, only those with a problem, or else the first


@dataclass(frozen=True)
class TypeSection:
    """The section of one message type."""

    row: tables.MessageCounts
    charts: list[Chart]
    table: list[chart_sections.TimeRow]
    open: bool


def load_page(result: LoadResult) -> str:
    """Return the page, HTML."""
    rows = tables.message_counts(result)
    overview = chart_sections.overview(result)
    server_charts = server_section.usage_charts(result)
    types = [
        TypeSection(
            row,
            chart_sections.type_charts(result, row.name, row.anchor),
            chart_sections.time_table(result, row.name),
            is_open,
        )
        for row, is_open in zip(rows, _open_sections(result, rows), strict=True)
    ]
    return render_with_charts(
        "load.html.j2",
        [*overview, *server_charts, *(chart for section in types for chart in section.charts)],
        result=result,
        limits=tables.worst_first(result.limits),
        state=result.state.value,
        meaning=tables.MEANING[result.state],
        target=tables.target_address(result),
        facts=tables.facts(result),
        rows=[row for row in rows if not row.folded],
        stages=stage_rows(result),
        stage_columns=STAGE_COLUMNS,
        faults=fault_rows(result),
        fault_columns=FAULT_COLUMNS,
        fault_caption=CAPTION,
        band_notes=band_notes(result),
        folded=[row for row in rows if row.folded],
        total=tables.total_counts(result),
        overload=tables.overload_lines(result),
        is_open=result.configuration.get("model") == "open",
        overview=overview,
        overlap_line="" if result.overlap is None else overlap_section.overlap_line(result.overlap),
        violation_lines=overlap_section.violation_lines,
        server_line=server_section.usage_line(result),
        server_rows=server_section.usage_rows(result.server) if result.server is not None else [],
        server_columns=server_section.COLUMNS,
        server_charts=server_charts,
        types=[one for one in types if not one.row.folded],
        few_types=[one for one in types if one.row.folded],
        errors=[(error, tables.replay_command(error, result)) for error in result.errors],
        processes=[tables.process_row(one) for one in result.generators],
        process_columns=tables.PROCESS_COLUMNS,
        time_columns=chart_sections.TIME_COLUMNS,
        why_invalid=tables.why_invalid(result) if result.state is RunState.INVALID else [],
        configuration=list(tables.flat(result.configuration)),
        manifest=list(tables.flat(result.manifest)),
        nothing_sent=tables.nothing_sent(result),
    )


def _open_sections(result: LoadResult, rows: list[tables.MessageCounts]) -> list[bool]:
    if len(rows) <= MOST_OPEN:
        return [True] * len(rows)
    broken = {limit.selector for limit in result.limits if limit.state is not RunState.PASS}
    problems = [place for place, row in enumerate(rows) if row.name in broken or any(count for _, count in row.bad)]
    chosen = problems[:MOST_OPEN] or [0]
    return [place in chosen for place in range(len(rows))]


def render_with_charts(template: str, charts: Iterable[Chart], **context: Any) -> str:
    """Return a page with charts.

    Args:
        template: File name of the template.
        charts: Charts for its elements of class ``chart``.
        context: Variables of the template.
    """
    data = {chart.id: chart.data() for chart in charts}
    # A run in which nothing was sent has no charts.
    scripts = ("theme.js", ECHARTS, "load.js") if data else ("theme.js",)
    values = {"charts": _script_json(data), "span": format_span, "clock": _clock, "tint": TINTS.get}
    return render_page(template, values | context, styles=("base.css", "load.css"), scripts=scripts)


def _script_json(data: Mapping[str, Any]) -> Markup:
    """Return JSON for a script element, without any text that could end the element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
