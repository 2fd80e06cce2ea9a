"""The recovery from a fault: when the target serves again as it did before.

Three things count, in the seconds after the fault as in those before it: valid answers per second, the share of
failures, and the 95th percentile of the response time. All types of message count together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hanami_reports.common.format import format_percent, format_rate, format_time
from hanami_reports.model.histogram import coarse_percentile
from hanami_reports.model.series import Slice

BEFORE_SECONDS = 10  # whole seconds before a fault, at most, that its recovery is compared with
LEAST_ANSWERS = 30  # that these seconds, and those in which the target counts as recovered, must have
STEADY_SECONDS = 3  # for which the target must serve as before, at least
LEAST_RATE = 0.8  # of the rate before; less where a second before had less
MORE_FAILURES = 0.01  # of all answers, on top of the share before
MOST_P95 = 2.0  # times the one before
MORE_P95 = 0.02  # seconds on top of the one before, where that is more
CHANCE = 2.0  # standard deviations of a count by which a rate may fall short by chance


@dataclass(frozen=True)
class Recovery:
    """The recovery from one fault.

    Attributes:
        seconds: Seconds from the end of the fault until the target served as before; None if it did not.
        explanation: Why there is no recovery, one line; empty if there is one.
        is_known: Whether enough was measured to say so.
        rate_before: Valid answers per second before the fault.
        p95_before: 95th percentile of the response time before the fault, seconds.
    """

    seconds: float | None
    explanation: str
    is_known: bool = True
    rate_before: float | None = None
    p95_before: float | None = None


@dataclass(frozen=True)
class _Service:
    """How a target served for some seconds."""

    seconds: int
    load: float
    total: Slice
    least: float  # valid answers in a second, by load

    @property
    def failed_share(self) -> float:
        ended = self.total.succeeded + self.total.failed
        return self.total.failed / ended if ended else 0.0

    @property
    def p95(self) -> float:
        """95th percentile of the response time to within 6 %, seconds; 0 without answers."""
        return coarse_percentile(self.total.response, 95) or 0.0


def find_recovery(
    slices: Mapping[int, Slice],
    load: Callable[[int], float],
    before: Sequence[int],
    end: float,
    until: float,
) -> Recovery:
    """Return when the target served as before.

    That is the begin of the first several seconds that are as before together: three, or as many as have 30 answers at
    the rate before. The first of them has at least half of the answers that it must have on the average.

    Args:
        slices: Second of the run to what happened in it, of all types of message together.
        load: Returns the load of a second, in any unit: the rate is compared by load.
        before: Whole seconds before the fault that no fault affects, ascending.
        end: End of the fault, seconds since measuring began.
        until: End of the run, or begin of the next fault, likewise.
    """
    base = _service(slices, load, before[-BEFORE_SECONDS:])
    answers = base.total.succeeded
    if answers < LEAST_ANSWERS or not base.load:
        return Recovery(None, f"{answers} valid answers before it are too few, {LEAST_ANSWERS} are needed", False)
    rate, p95 = answers / base.seconds, base.p95
    width = max(STEADY_SECONDS, math.ceil(LEAST_ANSWERS / rate))
    problem = f"the run leaves less than {width} s after it"
    for second in range(int(end), int(until) - width + 1):
        problem = _problem(base, _service(slices, load, range(second, second + width)))
        first = _service(slices, load, (second,))
        if not problem and first.total.succeeded >= _least_answers(base, first) / 2:
            return Recovery(max(0.0, round(second - end, 3)), "", True, rate, p95)
        problem = problem or _rate_problem(base, first)
    is_known = int(end) + width <= int(until)
    return Recovery(None, problem, is_known, rate, p95)


def _service(slices: Mapping[int, Slice], load: Callable[[int], float], seconds: Iterable[int]) -> _Service:
    chosen, total, rates = list(seconds), Slice(), []
    for second in chosen:
        one = slices.get(second, Slice())
        total.add(one)
        if load(second):
            rates.append(one.succeeded / load(second))
    return _Service(len(chosen), sum(map(load, chosen)), total, min(rates, default=0.0))


def _least_answers(base: _Service, now: _Service) -> float:
    """Return how many valid answers there must be for the rate to be as before."""
    expected = base.total.succeeded / base.load * now.load
    return min(expected * LEAST_RATE, expected - CHANCE * math.sqrt(expected), base.least * now.load)


def _rate_problem(base: _Service, now: _Service) -> str:
    rates = format_rate(now.total.succeeded / now.seconds), format_rate(base.total.succeeded / base.seconds)
    return f"{rates[0]} valid answers per second, {rates[1]} before"


def _problem(base: _Service, now: _Service) -> str:
    """Return what is not as before, one line; empty if nothing is."""
    if not now.load:
        return "nothing was to be sent"
    if now.total.succeeded < _least_answers(base, now):
        return _rate_problem(base, now)
    if now.failed_share > base.failed_share + MORE_FAILURES:
        return f"{format_percent(now.failed_share)} failed, {format_percent(base.failed_share)} before"
    if now.p95 > max(base.p95 * MOST_P95, base.p95 + MORE_P95):
        return f"p95 {format_time(now.p95)}, {format_time(base.p95)} before"
    return ""
