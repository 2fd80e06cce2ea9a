"""Which charts a load report has, and what is said under each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hanami_reports.common.format import NOTHING, count_words, megabyte_words, rate_words, span_words, time_words
from hanami_reports.load import charts
from hanami_reports.load.chart_data import (
    HEAT_COLUMNS,
    LEAST_FOR_P99,
    Axis,
    Interval,
    axis_of,
    backlog,
    chunk_times,
    curve_of,
    heat_of,
    intervals_of,
    peaks,
)
from hanami_reports.load.charts import PALETTE, Chart, CurveLine, Line
from hanami_reports.model.histogram import MICROSECONDS, Histogram
from hanami_reports.model.load import LoadResult
from hanami_reports.model.sample_size import BEYOND, supported, supported_up_to
from hanami_reports.model.series import Series


@dataclass(frozen=True)
class TimeRow:
    """An interval of the whole run in words, for those who want numbers in place of pictures."""

    start: int
    cells: tuple[str, ...]


TIME_COLUMNS = ("verified/s", "failed/s", "MB/s up", "MB/s down", "p50", "p99", "max")
TABLE_ROWS = 60
_FAILED = "By when they were noticed; what is not answered at the end is noticed after it."


def overview(result: LoadResult) -> list[Chart]:
    """Charts of all types of messages together."""
    made = []
    colors = _colors(result)
    seen = [(name, result.series[name]) for name in colors if result.series[name].response.counts]
    rarer = len(result.series) - len(colors)
    rest = f" Of the {len(colors)} most frequent types; {rarer:,} more have charts of their own below." if rarer else ""
    if seen:
        lines = [CurveLine(name, curve_of(one.response), colors[name]) for name, one in seen]
        made.append(charts.curves("all-curves", "Response time by percentile", _curves_say(seen) + rest, lines))
    axis = axis_of(result)
    if axis is None:
        return made
    cut = {name: intervals_of(one, axis) for name, one in result.series.items()}
    drawn = {name: cut[name] for name in colors}
    cut_off = "" if axis.whole(len(axis.starts) - 1) else ", without what came after the last whole one"
    every = f"In intervals of {span_words(axis.width)}{cut_off}.{rest}"
    verified = [
        Line(name, [one.per_second(one.succeeded) for one in places], colors[name], "@rate")
        for name, places in drawn.items()
    ]
    if verified:
        made.append(charts.over_time("all-rate", "Verified answers per second", every, axis, verified))
    for way, size in (("up", "bytes_up"), ("down", "bytes_down")):
        moved = list(_moved(drawn, colors, size))
        if moved:
            made.append(charts.over_time(f"all-{way}", f"Verified payload {way}, MB/s", every, axis, moved))
    made.extend(_held(result, axis, list(cut.values())))
    failing = [
        Line(name, [one.failed / one.seconds for one in places], colors.get(name, "--soft"), "@rate")
        for name, places in cut.items()
        if any(one.failed for one in places)
    ]
    if failing:
        made.append(
            charts.over_time("all-failed", "Failures per second, incorrect answers among them", _FAILED, axis, failing)
        )
    return made


def _colors(result: LoadResult) -> dict[str, str]:
    """Return the most frequent types, no more than there are colours, and the colour that each has in all charts."""
    often = sorted(result.series, key=lambda name: -(result.series[name].sent + result.series[name].unsent))
    chosen = set(often[: len(PALETTE)])
    return dict(zip((name for name in result.series if name in chosen), PALETTE, strict=False))


def _curves_say(seen: Sequence[tuple[str, Series]]) -> str:
    slowest = max(seen, key=lambda pair: pair[1].response.most)
    return (
        f"From the scheduled time to the verified answer. The slowest of all: "
        f"{time_words(slowest[1].response.most / MICROSECONDS)}, {slowest[0]}. "
        f"Dotted: fewer than {BEYOND} messages lie beyond."
    )


def _moved(cut: Mapping[str, list[Interval]], colors: Mapping[str, str], size: str) -> Iterable[Line]:
    for name, places in cut.items():
        values = [one.per_second(getattr(one, size) / 1e6) for one in places]
        if any(values):
            yield Line(name, values, colors[name], "@megabytes")


def _held(result: LoadResult, axis: Axis, cut: Sequence[Sequence[Interval]]) -> Iterable[Chart]:
    """Return what waits: for an answer, or to be sent."""
    lines, says = [], []
    if result.in_flight:
        lines.append(Line("in flight", peaks(result.in_flight, axis), "--series-1", "@count", area=True))
        says.append(f"Sent and not answered: at most {count_words(max(result.in_flight.values()), 'message')}.")
    behind = backlog(cut)
    if behind:
        lines.append(Line("scheduled, not sent", behind, "--fail", "@count"))
        says.append(f"Scheduled and not yet sent: at most {count_words(max(behind), 'message')}.")
    if result.users:
        lines.append(Line("users", peaks(result.users, axis), "--series-3", "@count", dotted=True))
    unsent, unanswered = (
        sum(getattr(one, name) for one in result.series.values()) for name in ("unsent", "unanswered")
    )
    says.append(f"At the end {unsent:,} were unsent and {unanswered:,} unanswered.")
    if lines:
        yield charts.over_time("all-held", "In flight, scheduled and not sent, users", " ".join(says), axis, lines)


def of_type(result: LoadResult, name: str, anchor: str) -> list[Chart]:
    """Charts of one type of message.

    Args:
        result: of the run.
        name: of the type.
        anchor: what the ids of the charts begin with.
    """
    series = result.series[name]
    made = []
    if series.response.counts:
        lines = [
            CurveLine("response", curve_of(series.response), "--response"),
            CurveLine("service", curve_of(series.service), "--service", dashed=True),
        ]
        title = "Time by percentile: response (from scheduled), service (from sent)"
        made.append(charts.curves(f"{anchor}-curve", title, _curve_says(series.response), lines))
    axis, coarse = axis_of(result), axis_of(result, HEAT_COLUMNS)
    if axis is not None and coarse is not None and series.slices:
        made.extend(_in_time(series, anchor, axis))
        heat = heat_of(series, coarse)
        if heat is not None:
            says = (
                f"Each column is {span_words(coarse.width)} of the run; "
                "the stronger the colour, the more answers took so long."
            )
            made.append(
                charts.heat_map(f"{anchor}-heat", "Response times over the run: answers in each cell", says, heat)
            )
    chunks = chunk_times(series)
    if chunks:
        says = (
            "Place of the chunk in its file; a time that grows to the right tells of a server that copies what it has."
        )
        made.append(charts.by_chunk(f"{anchor}-chunks", "Service time by chunk index", says, chunks))
    return made


def _in_time(series: Series, anchor: str, axis: Axis) -> Iterable[Chart]:
    places = intervals_of(series, axis)
    if series.response.counts:
        lines = [
            Line("max", [one.most for one in places], "--max"),
            Line("p99", [one.percentile(99) for one in places], "--p99"),
            Line("p50", [one.percentile(50) for one in places], "--p50"),
        ]
        few = sum(0 < one.response.total() < LEAST_FOR_P99 for one in places)
        says = f"Within 6 %, in intervals of {span_words(axis.width)}, by when the answer came."
        if few:
            of = count_words(len(places), "interval")
            says += f" No p99 in {few:,} of {of}: fewer than {LEAST_FOR_P99} answers there."
        yield charts.over_time(f"{anchor}-time", "Response time over the run", says, axis, lines, log=True)
    rate = [Line("verified", [one.per_second(one.succeeded) for one in places], "--pass", "@rate", area=True)]
    if any(one.scheduled for one in places):
        rate.append(
            Line("scheduled", [one.per_second(one.scheduled) for one in places], "--soft", "@rate", dotted=True)
        )
    if any(one.failed for one in places):
        rate.append(Line("failed", [one.failed / one.seconds for one in places], "--fail", "@rate"))
    yield charts.over_time(f"{anchor}-rate", "Messages per second", _rate_says(series), axis, rate)
    moved = [
        Line(name, [one.per_second(getattr(one, size) / 1e6) for one in places], color, "@megabytes", area=True)
        for name, size, color in (("up", "bytes_up", "--series-1"), ("down", "bytes_down", "--series-2"))
        if getattr(series, size)
    ]
    if moved:
        yield charts.over_time(
            f"{anchor}-bytes", "Verified payload, MB/s", "Only what was verified counts.", axis, moved
        )


def _curve_says(times: Histogram) -> str:
    count = times.count
    words = [
        f"p{percent:g} {time_words(times.percentile(percent))}"
        for percent in (50.0, 99.0, 99.9)
        if supported(percent, count)
    ]
    known = supported_up_to(count)
    beyond = (
        f" Known up to p{known:.4g}; beyond, dotted, fewer than {BEYOND} of {count:,} answers tell." if known else ""
    )
    if not known:
        beyond = f" With {count_words(count, 'answer')} nothing is known for sure, so all is dotted."
    return f"{', '.join(words) or 'response'}; max {time_words(times.most / MICROSECONDS)}.{beyond}"


def _rate_says(series: Series) -> str:
    lost = series.failed + series.incorrect + series.unanswered
    return f"{series.succeeded:,} of {series.sent:,} sent were valid, {lost:,} were errors; {series.unsent:,} unsent."


def time_table(result: LoadResult, name: str) -> list[TimeRow]:
    """One type of message over time, as a table of no more than TABLE_ROWS rows."""
    axis = axis_of(result, TABLE_ROWS)
    series = result.series[name]
    if axis is None or not series.slices:
        return []
    return [TimeRow(start, _cells(one)) for start, one in zip(axis.starts, intervals_of(series, axis), strict=True)]


def _cells(one: Interval) -> tuple[str, ...]:
    times = [one.percentile(50), one.percentile(99), one.most]
    return (
        _rate(one.per_second(one.succeeded), rate_words),
        _rate(one.failed / one.seconds, rate_words),
        _rate(one.per_second(one.bytes_up), megabyte_words),
        _rate(one.per_second(one.bytes_down), megabyte_words),
        *(NOTHING if value is None else time_words(value) for value in times),
    )


def _rate(value: float | None, words: Callable[[float], str]) -> str:
    return NOTHING if value is None else words(value)
