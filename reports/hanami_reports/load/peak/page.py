"""The page of a capacity search: one file that needs no network."""

from __future__ import annotations

from hanami_reports.common.format import NOTHING, format_percent, format_rate, format_span, format_time
from hanami_reports.common.text import pluralise
from hanami_reports.load import charts, tables
from hanami_reports.load.charts import Chart, LoadLine
from hanami_reports.load.page import render_with_charts
from hanami_reports.load.peak.terminal import WORDS, fit_lines
from hanami_reports.model.peak import PeakPoint, PeakResult
from hanami_reports.model.sample_size import supported

PERCENTILES = ((99, "p99", "--p99"), (95, "p95", "--series-2"), (50, "p50", "--p50"))


def peak_page(result: PeakResult) -> str:
    """Return the page, HTML."""
    overview = curve_charts(result)
    points = sorted(result.points, key=lambda one: (one.load, one.number))
    return render_with_charts(
        "peak.html.j2",
        overview,
        result=result,
        state=result.state.value,
        target=str(result.manifest.get("target", "")),
        facts=facts(result),
        overview=overview,
        fit=fit_lines(result),
        points=[(point, _cells(result, point)) for point in points],
        words=WORDS,
        configuration=list(tables.flat(result.configuration)),
        manifest=list(tables.flat(result.manifest)),
    )


def facts(result: PeakResult) -> list[tables.Fact]:
    """Return the key numbers of a search."""
    made = []
    if result.high is not None and result.low is not None:
        bounds = f"{result.unit.quantity(result.low)} to {result.unit.quantity(result.high)}"
        made.append(tables.Fact("95 % interval", bounds))
    if result.knee is not None:
        made.append(tables.Fact("knee", result.unit.quantity(result.knee), "the most answers per response time"))
    if (first := result.broken_first) is not None:
        note = f"{first.explanation}, {first.points} of {first.of} failing points"
        made.append(tables.Fact("broke first", first.limit, note))
    duration = format_span(result.manifest.get("duration", 0))
    made.append(tables.Fact("measured", pluralise(len(result.points), "point"), f"in {duration}"))
    return made


def curve_charts(result: PeakResult) -> list[Chart]:
    """Return response time and throughput over load."""
    points = sorted((one for one in result.points if one.samples), key=lambda one: one.load)
    if not points:
        return []
    unit = "users" if result.unit == "users" else f"load, {result.unit.value}"
    times = [
        LoadLine(name, [(one.load, getattr(one, name)) for one in points], color) for _, name, color in PERCENTILES
    ]
    rates = [LoadLine("answers per second", [(one.load, one.rate) for one in points], "--series-3", "@rate")]
    band = (result.low, result.high) if result.low is not None and result.high is not None else None
    marked = "The shaded band is the 95 % interval of the peak. " if band else ""
    return [
        charts.over_load("peak-times", f"Response time over {unit}", f"{marked}A dot for each point.", times, band),
        charts.over_load("peak-rate", f"Valid answers per second over {unit}", f"{marked}", rates, band),
    ]


def _cells(result: PeakResult, point: PeakPoint) -> list[str]:
    times = ((50, point.p50), (95, point.p95), (99, point.p99))
    return [
        result.unit.quantity(point.load),
        format_rate(point.rate),
        *(
            NOTHING if time is None else f"{format_time(time)}{'' if supported(percent, point.samples) else ' †'}"
            for percent, time in times
        ),
        format_percent(point.unsent) if point.unsent else NOTHING,
        format_span(point.seconds),
    ]
