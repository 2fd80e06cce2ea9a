"""``load-compare.html``: two sets of runs on one page, their percentile curves over each other."""

from __future__ import annotations

from collections.abc import Sequence

from hanami_reports.common.format import count_words, percent_words
from hanami_reports.load.chart_data import curve_of
from hanami_reports.load.charts import Chart, CurveLine, curves
from hanami_reports.load.compare.comparison import LoadComparison
from hanami_reports.load.compare.runs import LoadRun
from hanami_reports.load.compare.statistics import LEAST_RUNS
from hanami_reports.load.page import render
from hanami_reports.load.tables import flat
from hanami_reports.model.histogram import Histogram

FAINT = 20  # runs of a side that have a line of their own
_SIDES = (("BASE", "--series-1"), ("NEW", "--series-2"))


def compare_page(comparison: LoadComparison) -> str:
    """Return the page, HTML."""
    sides = (comparison.base, comparison.new)
    first = next((run.result for side in sides for run in side.used), None)
    charts = _charts(comparison)
    return render(
        "load_compare.html.j2",
        charts,
        comparison=comparison,
        verdict=comparison.verdict.value,
        tolerance=percent_words(comparison.tolerance),
        least=LEAST_RUNS,
        overlays=charts,
        configuration=list(flat(first.configuration)) if first else [],
        sides=[(name, side) for (name, _), side in zip(_SIDES, sides, strict=True)],
    )


def _charts(comparison: LoadComparison) -> list[Chart]:
    used = (comparison.base.used, comparison.new.used)
    sides = [(name, color, runs) for (name, color), runs in zip(_SIDES, used, strict=True)]
    types = dict.fromkeys(name for _, _, runs in sides for run in runs for name in run.result.series)
    made = []
    for place, name in enumerate(types):
        lines: list[CurveLine] = []
        said = []
        for side, color, runs in sides:
            times = [run.result.series[name].response for run in runs if name in run.result.series]
            lines += [CurveLine(f"{side}, each run", curve_of(one), color, faint=True) for one in times[:FAINT]]
            lines.append(CurveLine(f"{side}, all runs", curve_of(_merged(times)), color))
            said.append(f"{side}: {count_words(sum(one.count for one in times), 'answer')} in {_runs(runs)}")
        if any(line.curve.one_in for line in lines):
            shown = [line for line in lines if line.curve.one_in]
            says = f"{'; '.join(said)}. Thin: each run. Dotted: fewer than 10 messages lie beyond."
            made.append(curves(f"overlay-{place}", f"Response time by percentile: {name}", says, shown))
    return made


def _merged(times: Sequence[Histogram]) -> Histogram:
    merged = Histogram()
    for one in times:
        merged.add(one)
    return merged


def _runs(runs: Sequence[LoadRun]) -> str:
    return count_words(len(runs), "run")
