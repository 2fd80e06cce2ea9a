"""One point of a search: how long it must last, and what its load run says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hanami_loadtests.limits.drift import RESPONSE, DriftLimit
from hanami_loadtests.limits.file import Limits
from hanami_loadtests.limits.limit import COUNTS, TIMES
from hanami_loadtests.peak.search import Outcome
from hanami_reports.common.format import format_time
from hanami_reports.model.histogram import Histogram
from hanami_reports.model.load import LimitResult, LoadResult, RunState
from hanami_reports.model.peak import LoadUnit, PeakPoint

MARGIN = 1.2  # more than the samples that the limits need, since arrivals vary
AT_EDGE = 3.0  # times the samples near the edge, where a percentile of few samples is a matter of chance
RISE = 0.05  # of the median within a point, as a share of the limit, that the whole 95 % interval must exceed
LEAST_INTERVALS = 8  # of a second, for a slope: a point of ten seconds has nine whole ones
OUTCOMES = {RunState.PASS: Outcome.HOLDS, RunState.FAIL: Outcome.FAILS, RunState.INVALID: Outcome.INCONCLUSIVE}


@dataclass(frozen=True)
class PointLength:
    """Rule for the length of a point: long enough for every percentile that a limit is about.

    A p99 needs 1,000 answers, ten beyond it; near the edge three times as many.

    Attributes:
        limits: Limits of the search.
        unit: Unit of loads.
        least: Fewest seconds of measuring.
    """

    limits: Limits
    unit: LoadUnit
    least: float

    def seconds(self, load: float, earlier: Sequence[tuple[PeakPoint, LoadResult]], *, at_edge: bool) -> float:
        """Return the seconds of measuring of a point.

        Args:
            load: Load of the point.
            earlier: Earlier points, each with its load run.
            at_edge: Whether the point is near the edge.
        """
        factor = AT_EDGE if at_edge else MARGIN
        return max(self.least, *(factor * one for one in self._needed(load, earlier)), 0.0)

    def _needed(self, load: float, earlier: Sequence[tuple[PeakPoint, LoadResult]]) -> Iterable[float]:
        """Yield the seconds that each limit takes to get its samples."""
        measured = [one for one in earlier if one[0].samples and one[1].duration]
        if not measured:
            per_second = {LoadUnit.MESSAGES: load, LoadUnit.FILES: load / 60}.get(self.unit, 0.0)
            least = max((one.least_samples for one in self.limits.limits if one.metric not in COUNTS), default=0)
            yield least / per_second if per_second else 0.0
            return
        point, result = min(measured, key=lambda one: abs(one[0].load - load))
        # A closed load does not get more answers from a busy server; an arrival rate does from one that keeps up.
        growth = 1.0 if self.unit is LoadUnit.USERS else load / point.load
        for limit in result.limits:
            if limit.least_samples and limit.samples and not limit.selector.startswith("generator "):
                yield limit.least_samples / (limit.samples / result.duration * growth)


def point_from(
    number: int, load: float, result: LoadResult, series: Sequence[str], limits: Limits | None = None
) -> PeakPoint:
    """Return the point of a load run.

    Args:
        number: Number of the point.
        load: Its load.
        result: Its load run.
        series: Types of message that the load is counted in.
        limits: Limits of the search, of which no response time may come nearer and nearer; None in a closed model,
            whose users bound every queue.
    """
    rising = rising_times(limits, result) if limits is not None and result.state is RunState.PASS else []
    counted = [result.series[name] for name in series if name in result.series]
    times = Histogram()
    for one in counted:
        times.add(one.response)
    scheduled, unsent = sum(one.sent + one.unsent for one in counted), sum(one.unsent for one in counted)
    p50, p95, p99 = times.percentiles([50, 95, 99]).tolist() if times.counts else (None, None, None)
    return PeakPoint(
        number=number,
        load=load,
        state=RunState.FAIL if rising else result.state,
        seconds=result.duration,
        rate=round(sum(one.rate(result.duration) for one in counted), 3),
        samples=times.count,
        mean=times.mean if times.counts else None,
        p50=p50,
        p95=p95,
        p99=p99,
        unsent=unsent / scheduled if scheduled else 0.0,
        broken=(*rising, *(one for one in result.limits if one.state is not RunState.PASS)),
        reasons=(*(f"{one.selector}: response times rise: {one.value_text}" for one in rising), *result.reasons),
    )


def rising_times(limits: Limits, result: LoadResult) -> list[LimitResult]:
    """Return the response times that rise within a load run, so that they exceed their limit soon after it.

    A server that gets a little more than it bears has a queue that fills slowly: a short run ends before the limit is
    broken, at a load that no server could hold for long.

    Args:
        limits: Limits of the run.
        result: The run.
    """
    found, seconds = [], result.duration
    for name in result.series if seconds else ():
        bounds = [one.bound for one in limits.limits if one.metric in TIMES and one.selects(name)]
        if not bounds:
            continue
        slope = DriftLimit(RESPONSE, name, 50.0, RISE * min(bounds) / seconds, "second", LEAST_INTERVALS)
        checked = slope.check(result.series, None, 0.0, seconds)
        if checked.state is RunState.FAIL:
            # In words that are the same for points of different lengths.
            bound = f"<= {RISE:.0%} of {format_time(min(bounds))} within a point"
            found.append(replace(checked, metric="rise of response", statistic="p50", bound=bound))
    return found
