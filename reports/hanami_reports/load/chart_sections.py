"""The charts of a load report, with the text under each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hanami_reports.common.format import (
    MEGABYTE,
    NOTHING,
    format_megabytes,
    format_rate,
    format_span,
    format_time,
)
from hanami_reports.common.text import pluralise
from hanami_reports.load import charts
from hanami_reports.load.chart_data import (
    HEAT_COLUMNS,
    LEAST_FOR_P99,
    Axis,
    Interval,
    backlog,
    chunk_times,
    heat_data,
    intervals_for,
    peaks,
    percentile_curve,
    time_axis,
)
from hanami_reports.load.charts import PALETTE, Chart, CurveLine, Line
from hanami_reports.model.histogram import MICROSECONDS, Histogram
from hanami_reports.model.load import LoadResult
from hanami_reports.model.sample_size import BEYOND, supported, supported_up_to
from hanami_reports.model.series import Series

TIME_COLUMNS = ("valid/s", "failed/s", "MB/s up", "MB/s down", "p50", "p99", "max")
TABLE_ROWS = 60
Values = list[float | None]


@dataclass(frozen=True)
class TimeRow:
    """An interval as text, with a cell for each of TIME_COLUMNS."""

    start: int
    cells: tuple[str, ...]


def _rates(intervals: Sequence[Interval], count: str, unit: float = 1) -> Values:
    """Return a count of each interval as a rate."""
    return [one.per_second(getattr(one.total, count) / unit) for one in intervals]


def _failure_rates(intervals: Sequence[Interval]) -> Values:
    # Unanswered messages fail after measuring, so the last intervals count as well.
    return [one.total.failed / one.seconds for one in intervals]


def overview(result: LoadResult) -> list[Chart]:
    """Return the charts of all message types together."""
    made = []
    colors = _colors(result)
    answered = {name: result.series[name] for name in colors if result.series[name].response.counts}
    left_out = len(result.series) - len(colors)
    note = f" The {len(colors)} most frequent types; {left_out:,} more have charts below." if left_out else ""
    if answered:
        lines = [CurveLine(name, percentile_curve(one.response), colors[name]) for name, one in answered.items()]
        text = _curves_text(answered) + note
        made.append(charts.curves("all-curves", "Response time by percentile", text, lines))
    axis = time_axis(result)
    if axis is None:
        return made
    intervals = {name: intervals_for(one, axis) for name, one in result.series.items()}
    frequent = {name: intervals[name] for name in colors}
    cut_off = "" if axis.whole(len(axis.starts) - 1) else ", without answers after the last whole one"
    made.extend(_response_over_time(frequent, colors, axis, note))
    text = f"In intervals of {format_span(axis.width)}{cut_off}.{note}"
    valid = [Line(name, _rates(own, "succeeded"), colors[name], "@rate") for name, own in frequent.items()]
    if valid:
        made.append(charts.over_time("all-rate", "Valid answers per second", text, axis, valid))
    for way, size in (("up", "bytes_up"), ("down", "bytes_down")):
        payload = list(_payload_lines(frequent, colors, size))
        if payload:
            made.append(charts.over_time(f"all-{way}", f"Valid payload {way}, MB/s", text, axis, payload))
    made.extend(_waiting(result, axis, list(intervals.values())))
    failing = [
        Line(name, _failure_rates(own), colors.get(name, "--soft"), "@rate")
        for name, own in intervals.items()
        if any(one.total.failed for one in own)
    ]
    if failing:
        title = "Failures per second, incorrect answers included"
        text = "By the time of detection; unanswered messages are detected at the end."
        made.append(charts.over_time("all-failed", title, text, axis, failing))
    return made


def _response_over_time(
    frequent: Mapping[str, Sequence[Interval]], colors: Mapping[str, str], axis: Axis, note: str
) -> Iterable[Chart]:
    text = (
        f"From the scheduled time, by the time of the answer; to within 6 %, in intervals of {format_span(axis.width)}."
    )
    for percent, few in ((50, ""), (99, f" No p99 in intervals with fewer than {LEAST_FOR_P99} answers.")):
        values = {name: [one.percentile(percent) for one in own] for name, own in frequent.items()}
        lines = [
            Line(name, own, colors[name]) for name, own in values.items() if any(value is not None for value in own)
        ]
        if lines:
            title = f"Response time over the run, p{percent}"
            yield charts.over_time(f"all-p{percent}", title, f"{text}{few}{note}", axis, lines, log=True)


def _colors(result: LoadResult) -> dict[str, str]:
    """Return a colour for each of the most frequent types, as many as there are colours."""
    by_count = sorted(result.series, key=lambda name: -(result.series[name].sent + result.series[name].unsent))
    chosen = set(by_count[: len(PALETTE)])
    return dict(zip((name for name in result.series if name in chosen), PALETTE, strict=False))


def _curves_text(answered: Mapping[str, Series]) -> str:
    slowest = max(answered, key=lambda name: answered[name].response.most)
    return (
        f"From the scheduled time to the valid answer. The slowest: "
        f"{format_time(answered[slowest].response.most / MICROSECONDS)}, {slowest}. "
        f"Dotted: fewer than {BEYOND} messages beyond."
    )


def _payload_lines(intervals: Mapping[str, Sequence[Interval]], colors: Mapping[str, str], size: str) -> Iterable[Line]:
    for name, own in intervals.items():
        values = _rates(own, size, MEGABYTE)
        if any(values):
            yield Line(name, values, colors[name], "@megabytes")


def _waiting(result: LoadResult, axis: Axis, intervals: Sequence[Sequence[Interval]]) -> Iterable[Chart]:
    """Return the chart of messages that wait for an answer or for being sent."""
    lines, texts = [], []
    if result.in_flight:
        lines.append(Line("in flight", peaks(result.in_flight, axis), "--series-1", "@count", area=True))
        texts.append(f"Sent and not answered: at most {pluralise(max(result.in_flight.values()), 'message')}.")
    if behind := backlog(intervals):
        lines.append(Line("scheduled, not sent", behind, "--fail", "@count"))
        texts.append(f"Scheduled and not yet sent: at most {pluralise(max(behind), 'message')}.")
    if result.users:
        lines.append(Line("users", peaks(result.users, axis), "--series-3", "@count", dotted=True))
    unsent = sum(one.unsent for one in result.series.values())
    unanswered = sum(one.unanswered for one in result.series.values())
    texts.append(f"At the end {unsent:,} were unsent and {unanswered:,} unanswered.")
    if lines:
        yield charts.over_time("all-held", "In flight, scheduled and not sent, users", " ".join(texts), axis, lines)


def type_charts(result: LoadResult, name: str, anchor: str) -> list[Chart]:
    """Return the charts of one message type.

    Args:
        result: Result of a load run.
        name: Name of the type.
        anchor: Prefix for the ids of the charts.
    """
    series = result.series[name]
    made = []
    if series.response.counts:
        lines = [
            CurveLine("response", percentile_curve(series.response), "--response"),
            CurveLine("service", percentile_curve(series.service), "--service", dashed=True),
        ]
        title = "Time by percentile: response (from scheduled), service (from sent)"
        made.append(charts.curves(f"{anchor}-curve", title, _percentiles_text(series.response), lines))
    axis, coarse = time_axis(result), time_axis(result, HEAT_COLUMNS)
    if axis is not None and coarse is not None and series.slices:
        made.extend(_over_time(series, anchor, axis))
        heat = heat_data(series, coarse)
        if heat is not None:
            title = "Response times over the run: answers in each cell"
            text = f"Each column is {format_span(coarse.width)} of the run; a stronger colour means more answers."
            made.append(charts.heat_map(f"{anchor}-heat", title, text, heat))
    chunks = chunk_times(series)
    if chunks:
        text = "A time that grows with the index is typical of a server that copies the received part for each chunk."
        made.append(charts.by_chunk(f"{anchor}-chunks", "Service time by chunk index", text, chunks))
    return made


def _over_time(series: Series, anchor: str, axis: Axis) -> Iterable[Chart]:
    intervals = intervals_for(series, axis)
    if series.response.counts:
        lines = [
            Line("max", [one.most for one in intervals], "--max"),
            Line("p99", [one.percentile(99) for one in intervals], "--p99"),
            Line("p50", [one.percentile(50) for one in intervals], "--p50"),
        ]
        few = sum(0 < one.total.response.total() < LEAST_FOR_P99 for one in intervals)
        text = f"To within 6 %, in intervals of {format_span(axis.width)}, by the time of the answer."
        if few:
            total = pluralise(len(intervals), "interval")
            text += f" No p99 in {few:,} of {total}: fewer than {LEAST_FOR_P99} answers there."
        yield charts.over_time(f"{anchor}-time", "Response time over the run", text, axis, lines, log=True)
    rates = [Line("valid", _rates(intervals, "succeeded"), "--pass", "@rate", area=True)]
    if any(one.total.scheduled for one in intervals):
        rates.append(Line("scheduled", _rates(intervals, "scheduled"), "--soft", "@rate", dotted=True))
    if any(one.total.failed for one in intervals):
        rates.append(Line("failed", _failure_rates(intervals), "--fail", "@rate"))
    yield charts.over_time(f"{anchor}-rate", "Messages per second", _rate_text(series), axis, rates)
    payload = [
        Line(name, _rates(intervals, size, MEGABYTE), color, "@megabytes", area=True)
        for name, size, color in (("up", "bytes_up", "--series-1"), ("down", "bytes_down", "--series-2"))
        if getattr(series, size)
    ]
    if payload:
        title, text = "Valid payload, MB/s", "Payload of valid answers only."
        yield charts.over_time(f"{anchor}-bytes", title, text, axis, payload)


def _percentiles_text(times: Histogram) -> str:
    count = times.count
    percentiles = [
        f"p{percent:g} {format_time(times.percentile(percent))}"
        for percent in (50.0, 99.0, 99.9)
        if supported(percent, count)
    ]
    known = supported_up_to(count)
    if known:
        note = f"Known up to p{known:.4g}; beyond, dotted, there are fewer than {BEYOND} of {count:,} answers."
    else:
        note = f"{pluralise(count, 'answer')} are too few for any percentile, so the whole curve is dotted."
    return f"{', '.join(percentiles) or 'response'}; max {format_time(times.most / MICROSECONDS)}. {note}"


def _rate_text(series: Series) -> str:
    errors = series.failed + series.incorrect + series.unanswered
    return f"{series.succeeded:,} of {series.sent:,} sent were valid, {errors:,} were errors; {series.unsent:,} unsent."


def time_table(result: LoadResult, name: str) -> list[TimeRow]:
    """Return one message type over time, as a table of at most TABLE_ROWS rows."""
    axis = time_axis(result, TABLE_ROWS)
    series = result.series[name]
    if axis is None or not series.slices:
        return []
    return [TimeRow(start, _cells(one)) for start, one in zip(axis.starts, intervals_for(series, axis), strict=True)]


def _cells(one: Interval) -> tuple[str, ...]:
    total = one.total
    return (
        _cell(one.per_second(total.succeeded), format_rate),
        _cell(total.failed / one.seconds, format_rate),
        _cell(one.per_second(total.bytes_up), format_megabytes),
        _cell(one.per_second(total.bytes_down), format_megabytes),
        *(_cell(value, format_time) for value in (one.percentile(50), one.percentile(99), one.most)),
    )


def _cell(value: float | None, formatted: Callable[[float], str]) -> str:
    return NOTHING if value is None else formatted(value)
