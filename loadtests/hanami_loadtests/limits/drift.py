"""Limits of drift: whether response times or the memory of the server grow while the load stays the same.

The slope is that of Theil and Sen, the median of the slopes between all pairs of intervals, which single stalls do not
move; its interval is that of Sen (1968), from the distribution of Kendall's statistic, whatever that of the noise is.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_loadtests.limits.limit import LimitsError, seconds_of
from hanami_loadtests.limits.table import checked_table
from hanami_reports.common.format import format_memory, format_time
from hanami_reports.model.histogram import MICROSECONDS, coarse_bucket_bounds
from hanami_reports.model.load import LimitResult, RunState
from hanami_reports.model.sample_size import samples_for
from hanami_reports.model.series import Series
from hanami_reports.model.server_usage import ServerUsage

RESPONSE, MEMORY = METRICS = ("response", "server.memory")
LEAST_INTERVALS = 10  # of which a slope and its interval mean something
MOST_INTERVALS = 120
NORMAL_975 = 1.959964  # quantile of the normal distribution for an interval of 95 %
PER = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
SIZES = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}
_KEYS = {"metric", "of", "statistic", "at_most"}


@dataclass(frozen=True)
class DriftLimit:
    """A limit of drift.

    Attributes:
        metric: ``response`` or ``server.memory``.
        of: Type of message; empty for the server.
        percent: Percentile of the response time; None for the server.
        bound: Greatest slope, seconds or bytes per second.
        per: Unit of time in texts, one of PER.
        least_intervals: Fewest intervals that are conclusive.
    """

    metric: str
    of: str
    percent: float | None
    bound: float
    per: str
    least_intervals: int = LEAST_INTERVALS

    def check(self, series: Mapping[str, Series], server: ServerUsage | None, begin: float, end: float) -> LimitResult:
        """Check the limit.

        Args:
            series: Type of message to its series, with slices by second.
            server: What the server used, None where that is unknown.
            begin: Begin of the run or stage, seconds since measuring began.
            end: Its end, likewise.
        """
        first, last = max(0, math.ceil(begin)), int(end)
        if self.percent is None:
            times, values = _memory(server, first, last)
        else:
            times, values = _percentiles(series.get(self.of, Series()), self.percent, first, last)
        if len(values) < self.least_intervals:
            text = f"{len(values)} intervals with enough samples are too few, {self.least_intervals} are needed"
            return self._result(None, "-", len(values), RunState.INVALID, text)
        slope, low, high = theil_sen(times, values)
        text = f"{self._text(slope)} (95 % interval {self._text(low)} to {self._text(high)})"
        if high <= self.bound:
            return self._result(slope, text, len(values), RunState.PASS, "")
        if low > self.bound:
            return self._result(slope, text, len(values), RunState.FAIL, f"{text} is above {self._text(self.bound)}")
        explanation = f"{text}: more time is needed to decide"
        return self._result(slope, text, len(values), RunState.INVALID, explanation)

    def _text(self, slope: float) -> str:
        amount = abs(slope) * PER[self.per]
        text = format_memory(int(amount)) if self.percent is None else format_time(amount)
        return f"{'-' if slope < 0 else ''}{text} per {self.per}"

    def _result(
        self, value: float | None, value_text: str, samples: int, state: RunState, explanation: str
    ) -> LimitResult:
        statistic = "slope" if self.percent is None else f"p{self.percent:g} slope"
        return LimitResult(
            metric=f"{self.metric} drift",
            selector=self.of or "server",
            statistic=statistic,
            bound=f"<= {self._text(self.bound)}",
            value=value,
            value_text=value_text,
            samples=samples,
            least_samples=self.least_intervals,
            state=state,
            explanation=explanation,
        )


def theil_sen(times: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the slope of values over times, and the bounds of its 95 % interval."""
    first, second = np.triu_indices(len(times), 1)
    slopes = np.sort((values[second] - values[first]) / (times[second] - times[first]))
    count = len(times)
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    reach = NORMAL_975 * deviation
    low = max(0, math.floor((len(slopes) - reach) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])


def _memory(server: ServerUsage | None, first: int, last: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    samples = {} if server is None else server.samples
    chosen = [second for second in sorted(samples) if first <= second < last]
    width = max(1, -(-len(chosen) // MOST_INTERVALS))
    groups = [chosen[place : place + width] for place in range(0, len(chosen), width)]
    return (
        np.array([float(np.mean(group)) for group in groups]),
        np.array([float(np.mean([samples[second].memory for second in group])) for group in groups]),
    )


def _percentiles(
    series: Series, percent: float, first: int, last: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the percentile of each interval that has samples for it, seconds; intervals are as short as possible."""
    total = sum(one.response.total() for second, one in series.slices.items() if first <= second < last)
    needed = samples_for(f"p{percent:g}")
    count = max(1, min(MOST_INTERVALS, last - first, total // needed))
    width = max(1, -(-(last - first) // count))
    times, values = [], []
    for begin in range(first, last, width):
        answers = Counter[int]()
        for second in range(begin, min(begin + width, last)):
            if second in series.slices:
                answers.update(series.slices[second].response)
        if answers.total() >= needed * 0.8:  # arrivals vary
            times.append(begin + width / 2)
            values.append(_percentile(answers, percent))
    return np.array(times), np.array(values)


def _percentile(answers: Counter[int], percent: float) -> float:
    """Return a percentile in seconds, interpolated within its coarse bucket: a bucket would hide a slow drift."""
    rank, passed = answers.total() * percent / 100, 0
    for bucket in sorted(answers):
        if passed + answers[bucket] >= rank:
            low, high = coarse_bucket_bounds(bucket)
            return (low + (high + 1 - low) * (rank - passed) / answers[bucket]) / MICROSECONDS
        passed += answers[bucket]
    raise AssertionError("the last bucket holds the last rank")


def parse_drift(where: str, entries: Any, table: str = "drift") -> tuple[DriftLimit, ...]:
    """Return the limits of drift of a run or a stage.

    Args:
        where: Place in the file.
        entries: Value of ``drift``.
        table: Name of the table in the file.

    Raises:
        ValueError: If one is invalid; one line with the place.
    """
    if not isinstance(entries, list):
        raise LimitsError(f"{where}: write [[{table}]] with two brackets, once for each limit")
    return tuple(_drift(f"{where}: drift {number}", entry) for number, entry in enumerate(entries, start=1))


def _drift(where: str, entry: Any) -> DriftLimit:
    entry = checked_table(where, entry, sorted(_KEYS))
    metric = entry.get("metric")
    if metric not in METRICS:
        raise LimitsError(f"{where}: metric {metric!r}: choose one of {', '.join(METRICS)}")
    if metric == MEMORY:
        if "of" in entry or "statistic" in entry:
            raise LimitsError(f"{where}: {MEMORY} has neither of nor statistic")
        return DriftLimit(metric, "", None, *_bound(where, entry.get("at_most"), SIZES, "1 MB per hour"))
    of, statistic = entry.get("of"), entry.get("statistic")
    if not isinstance(of, str) or not of:
        raise LimitsError(f'{where}: of must be a type of message, such as "direct request"')
    if not isinstance(statistic, str) or not re.fullmatch(r"p[1-9]\d?(\.\d)?", statistic):
        raise LimitsError(f"{where}: statistic {statistic!r}: give p50, p99 or another percentile")
    return DriftLimit(metric, of, float(statistic[1:]), *_bound(where, entry.get("at_most"), None, "1 ms per minute"))


def _bound(where: str, given: Any, units: Mapping[str, float] | None, example: str) -> tuple[float, str]:
    match = re.fullmatch(r"\s*(.+?)\s+per\s+(second|minute|hour)\s*", given) if isinstance(given, str) else None
    error = LimitsError(f'{where}: at_most {given!r}: write a slope with its units, "{example}"')
    if match is None:
        raise error
    try:
        amount = seconds_of(match[1]) if units is None else _size(match[1], units)
    except ValueError:
        raise error from None
    return amount / PER[match[2]], match[2]


def _size(text: str, units: Mapping[str, float]) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(\S+)", text)
    if match is None or match[2] not in units:
        raise ValueError(text)
    return float(match[1]) * units[match[2]]
