"""The result of a load run. JSON is its file form; every other output is made from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any

from hanami_proto.validation import Check, Within, checked_as
from hanami_reports.common.file_names import LOAD_RESULT
from hanami_reports.common.text import UNCHECKED_CERTIFICATE
from hanami_reports.model.faults import FaultResult
from hanami_reports.model.histogram import Count, Histogram
from hanami_reports.model.loading import load_json, plain, read_file
from hanami_reports.model.overlap import OverlapCounts
from hanami_reports.model.series import Second, Seconds, Series
from hanami_reports.model.server_usage import ServerUsage

FORMAT = "hanami-load-result"
FORMAT_VERSION = 1
Share = Annotated[float, Within(0, 1e6)]


class RunState(StrEnum):
    """Verdict on a run, or on one limit."""

    PASS = "PASS"  # noqa: S105 - a verdict, no secret
    FAIL = "FAIL"  # a limit is exceeded
    INVALID = "INVALID"  # no conclusion possible: the generator was the bottleneck, too few samples, nothing sent
    INTERRUPTED = "INTERRUPTED"
    LOST = "LOST"  # the target was unreachable or went down
    INTERNAL_ERROR = "INTERNAL ERROR"


class LoadExit(IntEnum):
    """Exit status of a load run; the same numbers as those of a conformance run where the meaning is the same."""

    PASS = 0
    FAIL = 1
    INTERRUPTED = 2
    INTERNAL_ERROR = 3
    USAGE = 4
    INVALID = 5
    TARGET_LOST = 6


EXIT_STATUSES: Mapping[RunState, LoadExit] = {
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
        metric: Metric of messages: ``response``, ``service``, ``rate``, ``throughput``, ``unsent``, ``unanswered``,
            ``incorrect``, ``failed``; or of the generator: ``cpu``, ``generator delay``, ``event-loop delay``.
        selector: Message type, with ``*`` as a wildcard; ``generator`` and a process name for the generator.
        statistic: ``p99``, ``max``, ``mean``, ``count``, ``share``, ``per second`` ...
        bound: Bound for people: ``<= 50 ms``.
        value: Measured value in the unit of the bound; None if it could not be measured.
        value_text: Measured value for people.
        samples: Number of samples behind the value.
        least_samples: Number of samples that the limit needs.
        state: PASS, FAIL or INVALID.
        explanation: One line unless the state is PASS.
    """

    metric: str
    selector: str
    statistic: str
    bound: str
    value: Annotated[float, Within(-1e300, 1e300)] | None
    value_text: str
    samples: Count
    least_samples: Count
    state: RunState
    explanation: str = ""


@dataclass(frozen=True)
class ErrorClass:
    """Failures of one kind.

    Attributes:
        series: Message type.
        kind: Class of the failure, such as ``rejected``, ``incorrect answer``, ``lost connection``.
        message: Message of the first of them, one line.
        count: Number of failures.
        first_seen: Time of the first, seconds since measuring began.
        exchange: Name of a file in ``exchanges/`` for ``hanami-conformance replay``; empty if none was kept.
        in_faults: Number of those that a fault of the run may have caused.
    """

    series: str
    kind: str
    message: str
    count: Count
    first_seen: Seconds
    exchange: str = ""
    in_faults: Count = 0


DOUBTFUL_CPU_WAIT = 0.05  # share of a run; above it, a maximum may be the time for which one send was suspended


@dataclass(frozen=True)
class Generator:
    """Health of one process that generated load.

    Attributes:
        name: ``local``, or the name of a worker.
        cpu: Share of one core over the run, 0 to 1.
        cpu_most: Greatest share within a second.
        event_loop_delay: Time between the requested and the actual wake-up of the event loop.
        generator_delay: Time from schedule to sending, without waits for the window or the target.
        gc_pauses: Number of garbage-collection pauses.
        gc_longest: Longest of these pauses, seconds.
        memory: Resident memory at the end, bytes.
        complete: Whether the process reported until the end.
        cpu_wait: Share of the run for which it was ready to run and the system did not run it, 0 to 1.
        cpu_quota_reached: Whether a quota of CPU time was the main reason for that.
    """

    name: str
    cpu: Share
    cpu_most: Share
    event_loop_delay: Histogram
    generator_delay: Histogram
    gc_pauses: Count
    gc_longest: Seconds
    memory: Count
    complete: bool = True
    cpu_wait: Share = 0.0
    cpu_quota_reached: bool = False


@dataclass(frozen=True)
class StageResult:
    """A stage of a run.

    Attributes:
        name: Name of the stage.
        kind: ``ramp``, ``step``, ``spike``, ``soak`` or ``pause``.
        begin: Begin, seconds since measuring began.
        end: End, likewise; earlier than planned where the run was ended.
        users: Numbers of users at its begin and at its end.
        rate: Arrival rates of the whole run at its begin and at its end, None where the plan has no rates.
        series: Types of message that were scheduled in it, without slices; in a run with faults, those messages that
            none can have affected.
        counted: Seconds of it that no fault can have affected; None for all.
    """

    name: str
    kind: str
    begin: Seconds
    end: Seconds
    users: tuple[Count, Count]
    rate: tuple[Share, Share] | None
    series: Mapping[str, Series]
    counted: Seconds | None = None


@dataclass(frozen=True)
class Manifest:
    """Entries of a manifest that reports use; there may be any others."""

    duration: Seconds = 0.0
    target: str | dict[str, Any] = ""


def check_exit_status(status: int) -> int:
    """Return an exit status of a run.

    Raises:
        ValueError: If it is none.
    """
    if status not in EXIT_STATUSES.values():
        raise ValueError("is no exit status of a run")
    return status


@dataclass(frozen=True)
class LoadResult:
    """Result of a load run.

    Attributes:
        manifest: Versions, target, started (ISO 8601), duration (seconds of measuring), warm-up, host.
        configuration: Requested load: dialect, model, rate, window, sizes, users by scenario. Only runs with the same
            configuration are compared.
        state: Verdict of the run.
        exit_status: Exit status of the command.
        reasons: Reasons for the verdict, a line each.
        limits: Limits in the order of their file, those of the generator last.
        series: Message types.
        errors: Classes of failures, the most frequent first.
        generators: Processes that generated load.
        in_flight: Messages in flight at the end of each second since measuring began.
        users: Users at the end of each second since measuring began.
        leftovers: Resources that could not be deleted on the target.
        server: What the server used, None where its side was not seen.
        stages: Stages of the run; empty for a constant load.
        overlap: Operations of several clients on one object; None in a run without shared objects.
        faults: Faults of the run that have begun.
    """

    manifest: Annotated[Mapping[str, Any], checked_as(Manifest)]
    configuration: Mapping[str, Any]
    state: RunState
    exit_status: Annotated[int, Check(check_exit_status)]
    reasons: tuple[str, ...]
    limits: tuple[LimitResult, ...]
    series: Mapping[str, Series]
    errors: tuple[ErrorClass, ...] = ()
    generators: tuple[Generator, ...] = ()
    in_flight: Mapping[Second, Count] = field(default_factory=dict)
    users: Mapping[Second, Count] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()
    server: ServerUsage | None = None
    stages: tuple[StageResult, ...] = ()
    overlap: OverlapCounts | None = None
    faults: tuple[FaultResult, ...] = ()

    @property
    def duration(self) -> float:
        """Seconds of measuring."""
        return float(self.manifest.get("duration", 0.0))

    @property
    def maximum_note(self) -> str:
        """Line for a run whose maxima may be too long; empty for others."""
        wait = max((one.cpu_wait for one in self.generators), default=0.0)
        return f"CPU wait {wait:.0%}: maxima may be too long" if wait > DOUBTFUL_CPU_WAIT else ""

    @property
    def certificate_note(self) -> str:
        """Sentence for a run that did not check the certificate of the target; empty for others."""
        return "" if self.manifest.get("certificate_checked", True) else UNCHECKED_CERTIFICATE

    def to_json(self) -> str:
        """Return the file form."""
        data = {"format": FORMAT, "format_version": FORMAT_VERSION, **plain(self)}
        return json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n"


def parse_load_result(text: str) -> LoadResult:
    """Read a result from its file form.

    Raises:
        ValueError: If the text is no result of a load run, or of another version; one line.
    """
    return load_json(LoadResult, text, name="result of a load run", file_format=FORMAT, versions=(FORMAT_VERSION,))


def read_load_result(path: Path) -> LoadResult:
    """Read the result of a load run.

    Args:
        path: Path of the file or of its folder.

    Raises:
        ValueError: If there is no valid result; one line that names the file.
    """
    return read_file(path, LOAD_RESULT, parse_load_result)


def is_load_result(file: Path) -> bool:
    """Whether a file claims to be a result of a load run; it may be damaged all the same."""
    try:
        with file.open(encoding="utf-8") as opened:
            return f'"{FORMAT}"' in opened.read(4096)
    except (OSError, UnicodeDecodeError):
        return False
