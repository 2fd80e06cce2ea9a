"""Rows of text for the tables of a load report."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hanami_reports.common.file_names import EXCHANGES
from hanami_reports.common.format import (
    NOTHING,
    format_megabytes,
    format_memory,
    format_percent,
    format_rate,
    format_span,
    format_time,
)
from hanami_reports.common.text import pluralise
from hanami_reports.model.histogram import MICROSECONDS, Histogram
from hanami_reports.model.load import ErrorClass, Generator, LimitResult, LoadResult, RunState
from hanami_reports.model.sample_size import supported
from hanami_reports.model.series import WHOLES, Series, total

PERCENTS = (50.0, 90.0, 95.0, 99.0, 99.9)
MEDIAN = 50.0
BAD_COUNTS = ("failed", "incorrect", "unanswered", "unsent")
GENERATOR = "generator"  # first word of a selector for a process of the generator

MEANING: Mapping[RunState, str] = {
    RunState.PASS: "every limit holds, and the generator kept up",
    RunState.FAIL: "a limit is exceeded",
    RunState.INVALID: "the run allows no conclusion about the target",
    RunState.INTERRUPTED: "the run ended early",
    RunState.LOST: "the target was unreachable or went down",
    RunState.INTERNAL_ERROR: "the suite failed, so there is no conclusion about the target",
}

# Why a limit of the generator makes a run worthless.
_WHY_INVALID = {
    "cpu": "A generator without a free core sends late and reads late: the measured times are its own, "
    "not the target's.",
    "CPU wait": "The system ran other programs in its place: end them, give it a CPU of its own, or raise its quota. "
    "The measured times are too long by as much, and answers may have come too late for it alone.",
    "generator delay": "Messages left later than scheduled though neither window nor target held them back, "
    "so the target received less load than requested.",
    "event-loop delay": "The event loop woke up late, and every measured time is too long by as much.",
    "unsent": "Messages that were never sent are in no percentile, and they would have been the slowest.",
}


@dataclass(frozen=True)
class TimeCell:
    """A time as text; ``few`` if too few samples are beyond it."""

    text: str
    few: bool = False


@dataclass(frozen=True)
class TimeCells:
    """Percentiles and the maximum of a histogram."""

    p50: TimeCell
    p90: TimeCell
    p95: TimeCell
    p99: TimeCell
    p999: TimeCell
    longest: TimeCell

    def __iter__(self) -> Iterator[TimeCell]:
        return iter((self.p50, self.p90, self.p95, self.p99, self.p999, self.longest))


def time_cells(times: Histogram) -> TimeCells:
    """Return the cells of a histogram."""
    if not times.counts:
        nothing = TimeCell(NOTHING)
        return TimeCells(nothing, nothing, nothing, nothing, nothing, nothing)
    percentiles = zip(PERCENTS, times.percentiles(list(PERCENTS)).tolist(), strict=True)
    cells = [TimeCell(format_time(seconds), not supported(percent, times.count)) for percent, seconds in percentiles]
    p50, p90, p95, p99, p999 = cells
    return TimeCells(p50, p90, p95, p99, p999, TimeCell(format_time(times.most / MICROSECONDS)))


@dataclass(frozen=True)
class MessageCounts:
    """Counts of one message type.

    Attributes:
        name: Name of the type.
        anchor: Anchor of its section.
        sent: Messages sent.
        valid: Messages with a valid answer.
        rate: Valid answers per second.
        up: Valid payload sent, MB/s.
        down: Valid payload received, MB/s.
        bad: Name and number of each of BAD_COUNTS.
        cancelled: Messages cancelled at shutdown.
        response: Times from schedule to answer.
        service: Times from sending to answer.
        folded: Whether it has too few answers even for a median, and no problem.
    """

    name: str
    anchor: str
    sent: str
    valid: str
    rate: str
    up: str
    down: str
    bad: tuple[tuple[str, int], ...]
    cancelled: int
    response: TimeCells
    service: TimeCells
    folded: bool = False

    @property
    def few(self) -> bool:
        """Whether any of its times has too few samples."""
        return any(cell.few for cell in (*self.response, *self.service))


def message_counts(result: LoadResult) -> list[MessageCounts]:
    """Return a row for each message type, in the order of the result."""
    folded = folded_types(result)
    return [
        _message_counts(name, f"type-{place}", series, result.duration, folded=name in folded)
        for place, (name, series) in enumerate(result.series.items())
    ]


def total_counts(result: LoadResult) -> MessageCounts:
    """Return the row of all message types together; whole files are left out, since their messages are in it."""
    return _message_counts("all messages", "messages", total(result.series), result.duration)


def folded_types(result: LoadResult) -> set[str]:
    """Return the types that have too few answers even for a median, and neither an error nor a broken limit.

    They are no news, and many. Whole files are never among them, and neither are all types at the same time.
    """
    broken = {limit.selector for limit in result.limits if limit.state is not RunState.PASS}
    folded = {
        name
        for name, one in result.series.items()
        if not supported(MEDIAN, one.response.count)
        and name not in (*WHOLES, *broken)
        and not any(getattr(one, bad) for bad in BAD_COUNTS)
    }
    return folded if folded < result.series.keys() else set()


def overload_lines(result: LoadResult) -> list[str]:
    """Return in words how much of its schedule the target kept up with, for each type of which messages were unsent."""
    if not result.duration:
        return []
    unsent = {name: one for name, one in result.series.items() if one.unsent}
    by_share = sorted(unsent.items(), key=lambda item: -item[1].unsent / (item[1].sent + item[1].unsent))
    return [f"{name}: {_overload_text(one, result.duration)}" for name, one in by_share]


def _overload_text(one: Series, duration: float) -> str:
    scheduled = one.sent + one.unsent
    rates = f"{format_rate(scheduled / duration)}/s scheduled, {format_rate(one.rate(duration))}/s achieved"
    return f"{rates}, {format_percent(one.unsent / scheduled)} never sent"


def _message_counts(name: str, anchor: str, series: Series, duration: float, *, folded: bool = False) -> MessageCounts:
    return MessageCounts(
        name=name,
        anchor=anchor,
        sent=f"{series.sent:,}",
        valid=f"{series.succeeded:,}",
        rate=_unless_zero(series.rate(duration), format_rate),
        up=_unless_zero(series.speed_up(duration), format_megabytes),
        down=_unless_zero(series.speed_down(duration), format_megabytes),
        bad=tuple((bad, getattr(series, bad)) for bad in BAD_COUNTS),
        cancelled=series.cancelled,
        response=time_cells(series.response),
        service=time_cells(series.service),
        folded=folded,
    )


def _unless_zero(number: float, formatted: Callable[[float], str]) -> str:
    return formatted(number) if number else NOTHING


@dataclass(frozen=True)
class Fact:
    """A key number of a run; ``bad`` if it should be 0 and is not."""

    name: str
    text: str
    note: str = ""
    bad: bool = False


def facts(result: LoadResult) -> list[Fact]:
    """Return the key numbers of a run, the bad ones first."""
    made = []
    series = result.series
    for name in ("incorrect", "failed", "unanswered", "unsent"):
        counts = {kind: getattr(one, name) for kind, one in series.items()}
        if counts:
            most = max(counts, key=lambda kind: counts[kind])
            made.append(Fact(name, f"{sum(counts.values()):,}", most if counts[most] else "", counts[most] > 0))
    for name, speed in (("MB/s up", Series.speed_up), ("MB/s down", Series.speed_down)):
        fastest, kind = max(((speed(one, result.duration), kind) for kind, one in series.items()), default=(0.0, ""))
        if fastest:
            made.append(Fact(name, format_megabytes(fastest), f"of {kind}, the most"))
    if result.duration:
        model = f"{_text(result.configuration['model'])} model" if "model" in result.configuration else ""
        made.append(Fact("measured for", format_span(result.duration), model))
    if result.users:
        made.append(Fact("users", f"{max(result.users.values()):,}", "at most"))
    return made


def nothing_sent(result: LoadResult) -> bool:
    """Whether no message left the generator."""
    return not any(one.sent for one in result.series.values())


@dataclass(frozen=True)
class ProcessRow:
    """A process that generated load."""

    name: str
    complete: bool
    cells: tuple[str, ...]


PROCESS_COLUMNS = (
    "CPU mean",
    "CPU max",
    "CPU wait",
    "event-loop delay p50",
    "event-loop delay p99",
    "event-loop delay max",
    "generator delay p50",
    "generator delay p99",
    "generator delay max",
    "GC pauses",
    "GC longest",
    "memory",
)


def process_row(one: Generator) -> ProcessRow:
    """Return the row of a process, with a cell for each of PROCESS_COLUMNS."""
    event_loop, generator = time_cells(one.event_loop_delay), time_cells(one.generator_delay)
    cells = (
        *(format_percent(one.cpu), format_percent(one.cpu_most), format_percent(one.cpu_wait)),
        *(cell.text for times in (event_loop, generator) for cell in (times.p50, times.p99, times.longest)),
        *(f"{one.gc_pauses:,}", format_time(one.gc_longest), format_memory(one.memory)),
    )
    return ProcessRow(one.name, one.complete, cells)


def why_invalid(result: LoadResult) -> list[str]:
    """Return the problems of the generator or the samples, and why they make a run INVALID."""
    lines = [_why_limit_invalid(limit) for limit in result.limits if limit.state is RunState.INVALID]
    lines.extend(
        f"{one.name}: it did not report until the end, so its last events are missing from every number."
        for one in result.generators
        if not one.complete
    )
    return lines


def _why_limit_invalid(limit: LimitResult) -> str:
    reason = ""
    if is_generator_limit(limit) or limit.metric == "unsent":
        reason = _WHY_INVALID.get(limit.metric, "")
    if limit.samples < limit.least_samples:
        samples = pluralise(limit.samples, "sample")
        reason = f"It has {samples} and needs {limit.least_samples:,}, so another run might give the opposite result."
    return f"{limit_name(limit)}: {limit_text(limit)}. {reason}".rstrip()


def is_generator_limit(limit: LimitResult) -> bool:
    """Whether a limit is for the generator, and not for messages."""
    return limit.selector.split(" ")[0] == GENERATOR


def worst_first(limits: Iterable[LimitResult]) -> list[LimitResult]:
    """Return exceeded limits first, then those without a conclusion, each in the order of their file."""
    order = {RunState.FAIL: 0, RunState.INVALID: 1}
    return sorted(limits, key=lambda limit: order.get(limit.state, 2))


def limit_name(limit: LimitResult) -> str:
    """Return a limit as a name: ``response p99 of upload chunk``."""
    selector = "all" if limit.selector == "*" else limit.selector
    return f"{limit.metric} {limit.statistic} of {selector}"


def limit_text(limit: LimitResult) -> str:
    """Return value, bound and explanation on one line."""
    value = limit.value_text or "could not be measured"
    return f"{value}, the limit is {limit.bound}" + (f" ({limit.explanation})" if limit.explanation else "")


def replay_command(error: ErrorClass, result: LoadResult) -> str:
    """Return the command that replays a kept exchange from the folder of the reports; empty for none."""
    if not error.exchange:
        return ""
    file, user = f"{EXCHANGES}/{error.exchange}", str(result.manifest.get("user") or "") or "USER"
    command = ("hanami-conformance", "replay", file, "--target", target_address(result), "--user", user)
    return shlex.join(command)


def target_address(result: LoadResult) -> str:
    """Return the address of the target, or a placeholder."""
    target = result.manifest.get("target", "")
    if isinstance(target, Mapping):
        target = target.get("url") or target.get("name") or ""
    return str(target) or "URL"


def flat(data: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Return all entries of nested data, with dotted names and texts, in their order."""
    for name, value in data.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
