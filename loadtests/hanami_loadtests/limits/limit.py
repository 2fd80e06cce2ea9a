"""One limit: a metric of a type of message, and its bound."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hanami_reports.common.format import MEGABYTE, format_time
from hanami_reports.model.load import LimitResult, RunState
from hanami_reports.model.series import Series

TIMES = ("response", "service", "scheduling_delay")
COUNTS = ("incorrect", "failed", "unanswered", "unsent")
SPEEDS = ("throughput", "rate")
METRICS = (*TIMES, *SPEEDS, *COUNTS)
UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}


class LimitsError(ValueError):
    """An invalid file of limits."""


@dataclass(frozen=True)
class Limit:
    """A limit.

    Attributes:
        metric: One of METRICS.
        of: Type of message, with ``*`` for any text.
        statistic: ``p50`` to ``p99.99``, ``mean``, ``max``; ``count`` or ``share``; for speeds only ``mean``.
        bound: Bound in seconds, MB/s, messages/s, a number, or a share.
        at_least: Whether the bound is the least value instead of the greatest.
        least_samples: Smallest number of samples that is conclusive.
        abort: Whether the run ends as soon as the limit is broken.
    """

    metric: str
    of: str
    statistic: str
    bound: float
    at_least: bool = False
    least_samples: int = 0
    abort: bool = False

    def selects(self, name: str) -> bool:
        """Return whether the limit is about a type of message."""
        return fnmatch.fnmatchcase(name, self.of)

    def check(self, series: Mapping[str, Series], seconds: float) -> list[LimitResult]:
        """Check the limit for each selected type of message; counts for all of them together.

        Args:
            series: Type of message to its series.
            seconds: Seconds of measuring.
        """
        chosen = {name: one for name, one in series.items() if self.selects(name)}
        if not chosen:
            like = difflib.get_close_matches(self.of, series, 1)
            meant = f": did you mean {like[0]!r}?" if like else ""
            return [self._result(self.of, None, 0, RunState.INVALID, f"no such message was sent{meant}")]
        if self.metric in COUNTS:
            return [self._check_count(chosen)]
        return [self._check_one(name, one, seconds) for name, one in chosen.items()]

    def _check_count(self, chosen: Mapping[str, Series]) -> LimitResult:
        counted = sum(getattr(one, self.metric) for one in chosen.values())
        scheduled = sum(one.sent + one.unsent for one in chosen.values())
        value = counted / scheduled if self.statistic == "share" and scheduled else float(counted)
        return self._compare(self.of, value, scheduled)

    def _check_one(self, name: str, one: Series, seconds: float) -> LimitResult:
        if self.metric in SPEEDS:
            value = one.speed(seconds) / MEGABYTE if self.metric == "throughput" else one.rate(seconds)
            return self._compare(name, value, one.succeeded - one.late + one.early)
        times = getattr(one, self.metric)
        if not times.count:
            return self._result(name, None, 0, RunState.INVALID, "no valid answers")
        if self.statistic == "max":
            value = times.most / 1e6
        elif self.statistic == "mean":
            value = times.mean
        else:
            value = times.percentile(float(self.statistic.removeprefix("p")))
        return self._compare(name, value, times.count)

    def _compare(self, name: str, value: float, samples: int) -> LimitResult:
        if samples < self.least_samples:
            explanation = f"{samples} samples are too few, {self.least_samples} are needed"
            return self._result(name, value, samples, RunState.INVALID, explanation)
        holds = value >= self.bound if self.at_least else value <= self.bound
        if holds:
            return self._result(name, value, samples, RunState.PASS, "")
        how = "below" if self.at_least else "above"
        return self._result(
            name, value, samples, RunState.FAIL, f"{self.format_value(value)} is {how} {self.format_value(self.bound)}"
        )

    def _result(self, name: str, value: float | None, samples: int, state: RunState, explanation: str) -> LimitResult:
        return LimitResult(
            metric=self.metric,
            selector=name,
            statistic=self.statistic,
            bound=f"{'>=' if self.at_least else '<='} {self.format_value(self.bound)}",
            value=value,
            value_text="-" if value is None else self.format_value(value),
            samples=samples,
            least_samples=self.least_samples,
            state=state,
            explanation=explanation,
        )

    def format_value(self, value: float) -> str:
        """Return a value of this metric as text with its unit."""
        if self.metric in TIMES:
            return format_time(value)
        if self.metric == "throughput":
            return f"{value:.3g} MB/s"
        if self.metric == "rate":
            return f"{value:.4g}/s"
        return f"{value:.3%}" if self.statistic == "share" else f"{value:g}"


def seconds_of(text: str) -> float:
    """Parse a time with its unit, such as ``250 us``, ``50ms`` or ``2 s``; return seconds.

    Raises:
        ValueError: If the text is no time.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s)\s*", text)
    if match is None:
        raise ValueError(f"{text!r} is no time: write 250 us, 50 ms or 2 s")
    return float(match[1]) * UNITS[match[2]]
