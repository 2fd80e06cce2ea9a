"""What the tables of a load report say: rows of words, made from a result."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hanami_reports.common.file_names import EXCHANGES
from hanami_reports.common.format import (
    NOTHING,
    count_words,
    megabyte_words,
    percent_words,
    rate_words,
    span_words,
    time_words,
)
from hanami_reports.model.histogram import MICROSECONDS, Histogram
from hanami_reports.model.load import ErrorClass, Generator, LimitResult, LoadResult, RunState
from hanami_reports.model.sample_size import supported
from hanami_reports.model.series import Series

PERCENTS = (50.0, 90.0, 99.0, 99.9)
GENERATOR = "generator"  # what the selectors of limits begin with that ask after a process of the generator

MEANING: Mapping[RunState, str] = {
    RunState.PASS: "every limit holds, and the generator kept up",
    RunState.FAIL: "a limit is broken",
    RunState.INVALID: "nothing can be said of the target",
    RunState.INTERRUPTED: "the run was ended before its time",
    RunState.LOST: "the target was not there, or was gone",
    RunState.INTERNAL_ERROR: "the suite failed, so nothing can be said of the target",
}

# Why a generator that is not well makes a run worthless.
_WHY_INVALID = {
    "cpu": "A generator without a free core sends late and reads late: the times it takes are its own, "
    "not the target's.",
    "generator delay": "Messages were sent later than scheduled although neither window nor target held them back, "
    "so the target was asked for less than the schedule says.",
    "event-loop delay": "The event loop woke up late, and every time that it took is too long by as much.",
    "unsent": "Messages that were scheduled and never sent are in no percentile, and would have been the slowest ones.",
}


@dataclass(frozen=True)
class Cell:
    """A number in words; ``few`` where too few samples lie beyond it."""

    text: str
    few: bool = False


def time_cells(times: Histogram) -> list[Cell]:
    """p50, p90, p99, p99.9 and the maximum."""
    if not times.counts:
        return [Cell(NOTHING)] * (len(PERCENTS) + 1)
    cells = [
        Cell(time_words(seconds), not supported(percent, times.count))
        for percent, seconds in zip(PERCENTS, times.percentiles(list(PERCENTS)).tolist(), strict=True)
    ]
    return [*cells, Cell(time_words(times.most / MICROSECONDS))]


@dataclass(frozen=True)
class Counts:
    """What came of one type of message, in words."""

    name: str
    anchor: str
    sent: str
    verified: str
    rate: str
    up: str
    down: str
    bad: tuple[tuple[str, int], ...]  # failed, incorrect, unanswered, unsent
    cancelled: int
    response: list[Cell]
    service: list[Cell]

    @property
    def few(self) -> bool:
        """Whether any of its times has too few samples."""
        return any(cell.few for cell in (*self.response, *self.service))


def counts_of(result: LoadResult) -> list[Counts]:
    """One row for each type of message, in the order of the result."""
    return [
        _counts(name, f"type-{place}", series, result.duration)
        for place, (name, series) in enumerate(result.series.items())
    ]


def _counts(name: str, anchor: str, series: Series, duration: float) -> Counts:
    def shown(number: float, words: Callable[[float], str]) -> str:
        return words(number) if number else NOTHING

    return Counts(
        name=name,
        anchor=anchor,
        sent=f"{series.sent:,}",
        verified=f"{series.succeeded:,}",
        rate=shown(series.rate(duration), rate_words),
        up=shown(series.speed_up(duration), megabyte_words),
        down=shown(series.speed_down(duration), megabyte_words),
        bad=(
            ("failed", series.failed),
            ("incorrect", series.incorrect),
            ("unanswered", series.unanswered),
            ("unsent", series.unsent),
        ),
        cancelled=series.cancelled,
        response=time_cells(series.response),
        service=time_cells(series.service),
    )


@dataclass(frozen=True)
class Fact:
    """A number that a run is known by; ``bad`` where it should be 0 and is not."""

    what: str
    text: str
    note: str = ""
    bad: bool = False


def facts(result: LoadResult) -> list[Fact]:
    """Return the few numbers that a run is known by, the worst first."""
    series = list(result.series.items())
    made = []
    for what in ("incorrect", "failed", "unanswered", "unsent"):
        counts = [(name, getattr(one, what)) for name, one in series]
        most = max(counts, key=lambda pair: pair[1], default=("", 0))
        if series:
            made.append(Fact(what, f"{sum(count for _, count in counts):,}", most[0] if most[1] else "", most[1] > 0))
    for what, speed in (("MB/s up", Series.speed_up), ("MB/s down", Series.speed_down)):
        fastest, name = max(((speed(one, result.duration), name) for name, one in series), default=(0.0, ""))
        if fastest:
            made.append(Fact(what, megabyte_words(fastest), f"of {name}, the most"))
    if result.duration:
        model = f"{_plain(result.configuration['model'])} model" if "model" in result.configuration else ""
        made.append(Fact("measured for", span_words(result.duration), model))
    if result.users:
        made.append(Fact("users", f"{max(result.users.values()):,}", "at most"))
    return made


def nothing_sent(result: LoadResult) -> bool:
    """Whether no message left the generator."""
    return not any(one.sent for one in result.series.values())


@dataclass(frozen=True)
class Process:
    """A process that made load, in words."""

    name: str
    complete: bool
    cells: tuple[str, ...]


PROCESS_COLUMNS = (
    "CPU mean",
    "CPU most",
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


def process_of(one: Generator, memory: str) -> Process:
    """How a process fared."""
    times = []
    for histogram in (one.event_loop_delay, one.generator_delay):
        cells = time_cells(histogram)
        times += [cells[0].text, cells[2].text, cells[4].text]
    pauses = (f"{one.gc_pauses:,}", time_words(one.gc_longest))
    return Process(
        one.name, one.complete, (percent_words(one.cpu), percent_words(one.cpu_most), *times, *pauses, memory)
    )


def why_invalid(result: LoadResult) -> list[str]:
    """Return what is wrong with the generator or the samples, and why nothing follows from such a run."""
    said = []
    for limit in result.limits:
        if limit.state is not RunState.INVALID:
            continue
        reason = _WHY_INVALID.get(limit.metric, "") if of_generator(limit) or limit.metric == "unsent" else ""
        if limit.samples < limit.least_samples:
            reason = (
                f"It is made of {count_words(limit.samples, 'sample')} where {limit.least_samples:,} are needed, "
                "so another run might as well say the opposite."
            )
        said.append(" ".join(part for part in (f"{named(limit)}: {said_of(limit)}.", reason) if part))
    said.extend(
        f"{one.name}: it did not report to the end. What it saw last is missing from every number."
        for one in result.generators
        if not one.complete
    )
    return said


def of_generator(limit: LimitResult) -> bool:
    """Whether a limit asks after the generator, and not after messages."""
    return limit.selector.split(" ")[0] == GENERATOR


def worst_first(limits: Iterable[LimitResult]) -> list[LimitResult]:
    """Limits that do not hold before those that do, each in the order of their file."""
    order = {RunState.FAIL: 0, RunState.INVALID: 1}
    return sorted(limits, key=lambda limit: order.get(limit.state, 2))


def named(limit: LimitResult) -> str:
    """Return a limit as a name: ``response p99 of upload chunk``."""
    of = "all" if limit.selector == "*" else limit.selector
    return f"{limit.metric} {limit.statistic} of {of}"


def said_of(limit: LimitResult) -> str:
    """Value and bound, and why it is as it is, one line."""
    value = limit.value_text or "could not be measured"
    return f"{value}, the limit is {limit.bound}" + (f" ({limit.explanation})" if limit.explanation else "")


def replay_line(error: ErrorClass, result: LoadResult) -> str:
    """Return the command that sends a kept exchange again, in the folder of the reports; empty for none."""
    if not error.exchange:
        return ""
    user = str(result.manifest.get("user") or "") or "USER"
    file, target, user = map(shlex.quote, (f"{EXCHANGES}/{error.exchange}", target_of(result), user))
    return f"hanami-conformance replay {file} --target {target} --user {user}"


def target_of(result: LoadResult) -> str:
    """Address of the target, or words that stand for it."""
    target = result.manifest.get("target", "")
    if isinstance(target, Mapping):
        target = target.get("url") or target.get("name") or ""
    return str(target) or "URL"


def flat(data: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, str]]:
    """All entries of nested data, with dotted names and plain words; in the order of the data."""
    for name, value in data.items():
        whole = f"{above}{name}"
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{whole}.")
        else:
            yield whole, _plain(value)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
