"""The page of a history: what is worse, all runs, the cases that changed, and a chart for each series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hanami_reports.common.format import format_percent
from hanami_reports.common.text import format_moment
from hanami_reports.history.change_points import LEAST_RUNS, LEAST_SIDE
from hanami_reports.history.history import History, HistoryExit, LoadHistory, flake_text
from hanami_reports.history.load_series import LoadSeries
from hanami_reports.history.peaks import CAPACITY
from hanami_reports.history.result_pages import page_link
from hanami_reports.history.runs import started
from hanami_reports.history.terminal import mark_text
from hanami_reports.load import charts
from hanami_reports.load.charts import Chart, Line
from hanami_reports.load.compare.comparison import format_ratio
from hanami_reports.load.page import render_with_charts
from hanami_reports.load.tables import flat

MOST_CHARTS = 40  # of a configuration: those with changes first
MOST_CASES = 200
_TINTS = {HistoryExit.STEADY: "pass", HistoryExit.WORSE: "fail", HistoryExit.TOO_FEW: "open"}
_UNITS = {"valid/s": "@rate", "MB/s": "@megabytes"}


def history_page(history: History, folder: Path) -> str:
    """Return the page, HTML.

    Args:
        history: The history.
        folder: Folder of the page.
    """
    groups = [*history.load, *history.peaks]
    drawn = [_charts(one, place) for place, one in enumerate(groups)]
    return render_with_charts(
        "history.html.j2",
        [chart for own in drawn for chart in own],
        history=history,
        tint_name=_TINTS[history.exit_status],
        tolerance=format_percent(history.tolerance),
        least_runs=LEAST_RUNS,
        least_side=LEAST_SIDE,
        load=list(zip(groups, drawn, strict=True)),
        searches=len(history.peaks),
        page_link=lambda file: page_link(file, folder),
        most_cases=MOST_CASES,
        marks=mark_text,
        flakes=flake_text,
        ratio=format_ratio,
        flat=flat,
    )


def _charts(one: LoadHistory, place: int) -> list[Chart]:
    chosen = sorted(one.series, key=lambda series: not series.changes)[:MOST_CHARTS]
    labels = [format_moment(started(run)).removesuffix(" UTC") or run.name for run in one.runs]
    return [_chart(series, labels, f"history-{place}-{number}") for number, series in enumerate(chosen)]


def _chart(series: LoadSeries, labels: Sequence[str], anchor: str) -> Chart:
    unit = "@number" if series.metric.name == CAPACITY else _UNITS.get(series.metric.name, "@ms")
    scale = 1000.0 if unit == "@ms" else 1e-6 if unit == "@megabytes" else 1.0
    values = [None if value is None else value * scale for value in series.values]
    lines = [Line("each run", values, "--series-1", unit)]
    if series.intervals:
        for side, name in enumerate(("lower bound", "upper bound")):
            bounds = [None if one is None else one[side] for one in series.intervals]
            lines.append(Line(name, bounds, "--soft", unit, dotted=True))
    if series.changes:
        lines.append(Line("level", [value * scale for value in _levels(series)], "--fail", unit, dotted=True))
        formatted = series.metric.formatted
        text = "; ".join(
            f"from run {change.at + 1} on {formatted(change.after)}, before {formatted(change.before)}"
            for change in series.changes
        )
    else:
        text = f"Median {series.metric.formatted(series.median)}; no change."
    return charts.by_run(anchor, series.name, text, labels, lines)


def _levels(series: LoadSeries) -> list[float]:
    """Return the level at each run: the geometric mean of its stretch."""
    levels = [series.changes[0].before] * len(series.values)
    for change in series.changes:
        levels[change.at :] = [change.after] * (len(levels) - change.at)
    return levels
