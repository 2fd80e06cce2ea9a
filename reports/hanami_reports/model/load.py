"""The result of a load run. JSON is its file form; every other output is made from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from hanami_reports.model.histogram import Histogram
from hanami_reports.model.loading import read_from
from hanami_reports.model.series import Series

FORMAT = "hanami-load-result"
FORMAT_VERSION = 1
LOAD_RESULT = "load.json"


class RunState(StrEnum):
    """What is said of a run, or of one limit."""

    PASS = "PASS"  # noqa: S105 - a verdict, no secret
    FAIL = "FAIL"  # a limit is broken
    INVALID = "INVALID"  # nothing can be said: the generator was the bottleneck, too few samples, nothing sent
    INTERRUPTED = "INTERRUPTED"
    LOST = "LOST"  # the target was not there, or was gone
    INTERNAL_ERROR = "INTERNAL ERROR"


class LoadExit:
    """Exit status of a load run; those of a conformance run where they mean the same."""

    PASS = 0
    FAIL = 1
    INTERRUPTED = 2
    INTERNAL_ERROR = 3
    USAGE = 4
    INVALID = 5
    TARGET_LOST = 6


EXIT_OF: Mapping[RunState, int] = {
    RunState.PASS: LoadExit.PASS,
    RunState.FAIL: LoadExit.FAIL,
    RunState.INTERRUPTED: LoadExit.INTERRUPTED,
    RunState.INVALID: LoadExit.INVALID,
    RunState.LOST: LoadExit.TARGET_LOST,
    RunState.INTERNAL_ERROR: LoadExit.INTERNAL_ERROR,
}


@dataclass(frozen=True)
class LimitResult:
    """One limit and whether it holds.

    Attributes:
        metric: what is measured: ``response``, ``service``, ``rate``, ``throughput``, ``unsent``, ``unanswered``,
            ``incorrect``, ``failed``, or one of the generator: ``cpu``, ``generator delay``, ``event-loop delay``.
        selector: type of message that it is asked of, with ``*``; ``generator`` for the generator itself.
        statistic: ``p99``, ``max``, ``mean``, ``count``, ``share``, ``per second`` ...
        bound: as people read it: ``<= 50 ms``.
        value: what was measured, in the unit of the bound; None where it could not be.
        value_text: the value as people read it.
        samples: that the value is made of.
        least_samples: that it must be made of to count.
        state: PASS, FAIL or INVALID.
        explanation: One line, where it is not PASS.
    """

    metric: str
    selector: str
    statistic: str
    bound: str
    value: float | None
    value_text: str
    samples: int
    least_samples: int
    state: RunState
    explanation: str = ""


@dataclass(frozen=True)
class ErrorClass:
    """Failures of one kind.

    Attributes:
        series: type of message.
        kind: class of the failure, such as ``rejected``, ``incorrect answer``, ``lost connection``.
        message: Message of the first of them, one line.
        count: how often.
        first_seen: When the first was detected, seconds since measuring began.
        exchange: file that ``hanami-conformance replay`` takes, beside the result; empty where none was kept.
    """

    series: str
    kind: str
    message: str
    count: int
    first_seen: float
    exchange: str = ""


@dataclass(frozen=True)
class Generator:
    """How one process that made load fared.

    Attributes:
        name: ``local``, or the name of a worker.
        cpu: share of one core, 0 to 1, over the run.
        cpu_most: the greatest share within a second.
        event_loop_delay: How much later than requested its event loop woke up.
        generator_delay: How much later than scheduled it sent, where neither window nor server held it back.
        gc_pauses: number of pauses for garbage collection.
        gc_longest: the longest, seconds.
        memory: resident at the end, bytes.
        complete: whether it reported to the end.
    """

    name: str
    cpu: float
    cpu_most: float
    event_loop_delay: Histogram
    generator_delay: Histogram
    gc_pauses: int
    gc_longest: float
    memory: int
    complete: bool = True


@dataclass(frozen=True)
class LoadResult:
    """Everything that one load run found out.

    Attributes:
        manifest: versions, target, started (ISO 8601), duration (seconds of measuring), warm-up, host.
        configuration: what was asked for: dialect, model, rate, window, sizes, users by scenario. Runs are compared
            only where it is the same.
        state: see :class:`RunState`.
        exit_status: see :class:`LoadExit`.
        reasons: why, a line each.
        limits: in the order of their file, those of the generator last.
        series: type of message to what came of it.
        errors: the most frequent first.
        generators: the processes that made the load.
        in_flight: second since the run began to messages that were sent and not answered at its end.
        users: second since the run began to users at its end.
        leftovers: what could not be deleted on the target.
    """

    manifest: Mapping[str, Any]
    configuration: Mapping[str, Any]
    state: RunState
    exit_status: int
    reasons: tuple[str, ...]
    limits: tuple[LimitResult, ...]
    series: Mapping[str, Series]
    errors: tuple[ErrorClass, ...] = ()
    generators: tuple[Generator, ...] = ()
    in_flight: Mapping[int, int] = field(default_factory=dict)
    users: Mapping[int, int] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Seconds of measuring."""
        return float(self.manifest.get("duration", 0.0))

    def to_json(self) -> str:
        """Return the file form."""
        data = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "state": self.state.value,
            "exit_status": self.exit_status,
            "reasons": self.reasons,
            "manifest": self.manifest,
            "configuration": self.configuration,
            "limits": [asdict(limit) for limit in self.limits],
            "series": {name: series.data() for name, series in self.series.items()},
            "errors": [asdict(error) for error in self.errors],
            "generators": [generator_data(one) for one in self.generators],
            "in_flight": sorted(self.in_flight.items()),
            "users": sorted(self.users.items()),
            "leftovers": self.leftovers,
        }
        return json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n"


def generator_data(one: Generator) -> dict[str, Any]:
    """Return the file form, also what workers send to their master."""
    plain = {name: value for name, value in vars(one).items() if not isinstance(value, Histogram)}
    return {**plain, "event_loop_delay": one.event_loop_delay.data(), "generator_delay": one.generator_delay.data()}


def load_load_result(text: str) -> LoadResult:
    """Read a result from its file form.

    Raises:
        ValueError: the text is none, or of a version that this release does not know; one line.
    """
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not a result of a load run: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f'not a result of a load run: "format" is not "{FORMAT}"')
    if data.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"result of format version {data.get('format_version')}, this release reads {FORMAT_VERSION}")
    from hanami_reports.model.load_form import check_form  # noqa: PLC0415 - takes time, and most runs read no result

    try:
        check_form(data)
        return LoadResult(
            manifest=dict(data["manifest"]),
            configuration=dict(data["configuration"]),
            state=RunState(data["state"]),
            exit_status=int(data["exit_status"]),
            reasons=tuple(map(str, data["reasons"])),
            limits=tuple(LimitResult(**{**one, "state": RunState(one["state"])}) for one in data["limits"]),
            series={name: Series.of(one) for name, one in data["series"].items()},
            errors=tuple(ErrorClass(**one) for one in data["errors"]),
            generators=tuple(generator_of(one) for one in data["generators"]),
            in_flight={int(second): int(count) for second, count in data["in_flight"]},
            users={int(second): int(count) for second, count in data["users"]},
            leftovers=tuple(map(str, data["leftovers"])),
        )
    except ValueError as error:
        raise ValueError(f"incomplete result of a load run: {error}") from error


def generator_of(data: Mapping[str, Any]) -> Generator:
    """Read the file form.

    Raises:
        KeyError, TypeError: it is none.
    """
    times = {name: Histogram.of(data[name]) for name in ("event_loop_delay", "generator_delay")}
    return Generator(**{**data, **times})


def is_load_result(file: Path) -> bool:
    """Whether a file calls itself a result of a load run; it may be broken all the same."""
    try:
        with file.open(encoding="utf-8") as opened:
            return f'"{FORMAT}"' in opened.read(4096)
    except (OSError, UnicodeDecodeError):
        return False


def read_load_result(path: Path) -> LoadResult:
    """Read the result of a load run.

    Args:
        path: of the file, or of the folder that it is in.

    Raises:
        ValueError: it cannot be read, or is none; one line that says why.
    """
    return read_from(path, LOAD_RESULT, load_load_result)
