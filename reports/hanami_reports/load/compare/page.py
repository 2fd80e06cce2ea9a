"""The page of a comparison of load runs, with the percentile curves of both sides over each other."""

from __future__ import annotations

from collections.abc import Sequence

from hanami_reports.common.format import format_percent
from hanami_reports.common.text import pluralise
from hanami_reports.load.chart_data import percentile_curve
from hanami_reports.load.charts import Chart, CurveLine, curves
from hanami_reports.load.compare.comparison import LoadComparison
from hanami_reports.load.compare.runs import Side
from hanami_reports.load.compare.statistics import LEAST_RUNS
from hanami_reports.load.page import render_with_charts
from hanami_reports.load.tables import flat
from hanami_reports.model.histogram import Histogram

MOST_FAINT = 20  # runs of a side with a line of their own
_COLORS = {"BASE": "--series-1", "NEW": "--series-2"}


def compare_page(comparison: LoadComparison) -> str:
    """Return the page, HTML."""
    sides = {"BASE": comparison.base, "NEW": comparison.new}
    runs = [run for side in sides.values() for run in side.used]
    overlays = _overlays(sides)
    return render_with_charts(
        "load_compare.html.j2",
        overlays,
        comparison=comparison,
        verdict=comparison.verdict.value,
        tolerance=format_percent(comparison.tolerance),
        least=LEAST_RUNS,
        overlays=overlays,
        configuration=list(flat(runs[0].result.configuration)) if runs else [],
        sides=list(sides.items()),
    )


def _overlays(sides: dict[str, Side]) -> list[Chart]:
    types = dict.fromkeys(name for side in sides.values() for run in side.used for name in run.result.series)
    made = []
    for place, name in enumerate(types):
        lines: list[CurveLine] = []
        counts = []
        for side_name, side in sides.items():
            times = [run.result.series[name].response for run in side.used if name in run.result.series]
            color = _COLORS[side_name]
            each = f"{side_name}, each run"
            lines += [CurveLine(each, percentile_curve(one), color, faint=True) for one in times[:MOST_FAINT]]
            lines.append(CurveLine(f"{side_name}, all runs", percentile_curve(_merged(times)), color))
            answers, runs = sum(one.count for one in times), len(side.used)
            counts.append(f"{side_name}: {pluralise(answers, 'answer')} in {pluralise(runs, 'run')}")
        lines = [line for line in lines if line.curve.one_in]
        if lines:
            text = f"{'; '.join(counts)}. Thin: each run. Dotted: fewer than 10 messages beyond."
            made.append(curves(f"overlay-{place}", f"Response time by percentile: {name}", text, lines))
    return made


def _merged(times: Sequence[Histogram]) -> Histogram:
    merged = Histogram()
    for one in times:
        merged.add(one)
    return merged
