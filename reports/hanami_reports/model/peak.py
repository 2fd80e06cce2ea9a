"""The result of a capacity search. JSON is its file form; every other output is made from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from hanami_proto.validation import Check, Within, checked_as
from hanami_reports.common.file_names import PEAK_RESULT
from hanami_reports.model.histogram import Count
from hanami_reports.model.load import LimitResult, Manifest, RunState, check_exit_status
from hanami_reports.model.loading import load_json, plain, read_file
from hanami_reports.model.series import Seconds

FORMAT = "hanami-peak-result"
FORMAT_VERSION = 1
Load = Annotated[float, Within(0, 1e12)]


class LoadUnit(StrEnum):
    """Unit of a load."""

    MESSAGES = "messages/s"
    FILES = "files/min"
    USERS = "users"

    def quantity(self, load: float) -> str:
        """Return a load with its unit: ``812/s``, ``30/min``, ``16 users``."""
        number = f"{load:,.0f}" if load >= 999.5 else f"{load:.3g}"
        if self is LoadUnit.USERS:
            return f"{number} user{'' if load == 1 else 's'}"
        return f"{number}/{self.value.partition('/')[2]}"


@dataclass(frozen=True)
class PeakPoint:
    """One measured point of a search; its load run is kept in the folder of the same number.

    Attributes:
        number: Number of the point, from 1.
        load: Load, in the unit of the search.
        state: Verdict on the load run; FAIL, too, where its response times rose towards their limit.
        seconds: Seconds of measuring.
        rate: Verified answers per second, of the messages that the load is counted in.
        samples: Number of their response times.
        mean: Mean of the response times, seconds; None without any, as the following.
        p50: Median of the response times, seconds.
        p95: 95th percentile.
        p99: 99th percentile.
        unsent: Share of the scheduled messages that were not sent, 0 to 1.
        broken: Limits that did not hold.
        reasons: Reasons for the verdict, a line each.
    """

    number: Count
    load: Load
    state: RunState
    seconds: Seconds
    rate: Load
    samples: Count
    mean: Seconds | None
    p50: Seconds | None
    p95: Seconds | None
    p99: Seconds | None
    unsent: Annotated[float, Within(0, 1)]
    broken: tuple[LimitResult, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def is_generator_limited(self) -> bool:
        """Whether the point is inconclusive because the load generator could not offer its load."""
        return self.state is RunState.INVALID and any(one.selector.startswith("generator ") for one in self.broken)


@dataclass(frozen=True)
class BrokenFirst:
    """The limit that broke first.

    Attributes:
        limit: Limit, in words.
        load: Lowest load at which it broke.
        points: Number of failing points at which it broke.
        of: Number of failing points.
        explanation: Measured value at that load, in words.
    """

    limit: str
    load: Load
    points: Count
    of: Count
    explanation: str


@dataclass(frozen=True)
class ScalabilityFit:
    """Universal Scalability Law, fitted to the throughput of closed loads.

    The throughput of N users is ``rate * N / (1 + contention * (N - 1) + coherency * N * (N - 1))``.

    Attributes:
        rate: Answers per second of one user.
        contention: Share of the work that is serial.
        coherency: Cost of each pair of users.
        error: Root mean square of the relative error of the throughput.
    """

    rate: Load
    contention: Load
    coherency: Load
    error: Load

    @property
    def best(self) -> float | None:
        """Number of users with the greatest throughput; None where it never falls."""
        if self.coherency <= 0 or self.contention >= 1:
            return None
        return float(((1 - self.contention) / self.coherency) ** 0.5)


@dataclass(frozen=True)
class PeakResult:
    """Result of a capacity search.

    Attributes:
        manifest: Versions, target, started (ISO 8601), duration of the whole search in seconds.
        configuration: Load that was the same at all points, and the options of the search.
        state: PASS where the peak was found, and is as high as required; see the reasons otherwise.
        exit_status: Exit status of the command.
        reasons: Reasons for the state, a line each.
        unit: Unit of loads.
        peak: Highest load that holds the limits; None where it was not found.
        low: Lower bound of its 95 % interval; where only a lower bound was found, that.
        high: Upper bound of the interval; None where no load failed.
        knee: Load with the greatest throughput per response time.
        broken_first: Limit that broke first.
        fit: Fit of the Universal Scalability Law; None where it does not apply or is poor.
        points: Points in the order of their measuring.
    """

    manifest: Annotated[Mapping[str, Any], checked_as(Manifest)]
    configuration: Mapping[str, Any]
    state: RunState
    exit_status: Annotated[int, Check(check_exit_status)]
    reasons: tuple[str, ...]
    unit: LoadUnit
    peak: Load | None
    low: Load | None
    high: Load | None
    knee: Load | None
    broken_first: BrokenFirst | None
    fit: ScalabilityFit | None
    points: tuple[PeakPoint, ...]

    @property
    def headline(self) -> str:
        """The peak in words: ``812/s (95 % interval 790/s to 835/s)``, ``at least 3,200/s``."""
        if self.peak is not None and self.low is not None and self.high is not None:
            low, high = self.unit.quantity(self.low), self.unit.quantity(self.high)
            return f"{self.unit.quantity(self.peak)} (95 % interval {low} to {high})"
        return f"at least {self.unit.quantity(self.low)}" if self.low is not None else "not found"

    def to_json(self) -> str:
        """Return the file form."""
        data = {"format": FORMAT, "format_version": FORMAT_VERSION, **plain(self)}
        return json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n"


def parse_peak_result(text: str) -> PeakResult:
    """Read a result from its file form.

    Raises:
        ValueError: If the text is no result of a capacity search, or of another version; one line.
    """
    return load_json(PeakResult, text, name="result of a capacity search", file_format=FORMAT, versions=(1,))


def is_peak_result(file: Path) -> bool:
    """Whether a file claims to be a result of a capacity search; it may be damaged all the same."""
    try:
        with file.open(encoding="utf-8") as opened:
            return f'"{FORMAT}"' in opened.read(4096)
    except (OSError, UnicodeDecodeError):
        return False


def read_peak_result(path: Path) -> PeakResult:
    """Read the result of a capacity search.

    Args:
        path: Path of the file or of its folder.

    Raises:
        ValueError: If there is no valid result; one line that names the file.
    """
    return read_file(path, PEAK_RESULT, parse_peak_result)
