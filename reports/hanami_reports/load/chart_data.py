"""What is drawn and tabled of a load run, as plain numbers: curves of percentiles, intervals of time, heat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hanami_reports.model.histogram import MICROSECONDS, Histogram, coarse_bounds
from hanami_reports.model.load import LoadResult
from hanami_reports.model.sample_size import BEYOND, supported
from hanami_reports.model.series import Series

INTERVALS = 240  # at most, over the whole run
HEAT_COLUMNS = 96  # at most
HEAT_ROWS = 4  # coarse buckets in a row of the heat map, so four rows for each doubling of the time
POINTS_PER_DECADE = 24  # of a percentile curve
LEAST_FOR_P99 = 100  # answers in an interval; with fewer its p99 is its maximum
_WIDTHS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True)
class Curve:
    """Percentiles of a histogram, on an axis where each nine takes the same room.

    Attributes:
        one_in: n for the time that one message of n exceeds: 2 is the median, 100 is p99; ascending.
        seconds: that time.
        known: how many of the points, from the first, have enough samples; those behind are guesses of a few messages.
    """

    one_in: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    known: int = 0


def curve_of(times: Histogram) -> Curve:
    """Return the percentile curve, up to the greatest time seen."""
    count = times.count
    if not count:
        return Curve()
    # The same places for all curves, so that they can be read out together; and the two that matter for this one.
    steps = np.arange(int(np.log10(count) * POINTS_PER_DECADE) + 1)
    grid = np.unique(np.concatenate([10 ** (steps / POINTS_PER_DECADE), [max(1.0, count / BEYOND), float(count)]]))
    seconds = times.percentiles((100 - 100 / grid).tolist())
    return Curve(tuple(grid.tolist()), tuple(seconds.tolist()), int((grid <= count / BEYOND + 1e-9).sum()))


@dataclass(frozen=True)
class Axis:
    """Intervals of time that a run is cut into.

    Attributes:
        first: the second that the first begins at, since the run began.
        last: the last second that anything is known of.
        width: of an interval, seconds.
        end: when measuring ended, seconds since it began; what came later was waited for.
    """

    first: int
    last: int
    width: int
    end: float = float("inf")

    @property
    def starts(self) -> list[int]:
        """Second that each interval begins at."""
        return list(range(self.first, self.last + 1, self.width))

    def place(self, second: int) -> int:
        """Index of the interval that a second is in."""
        return (second - self.first) // self.width

    def whole(self, place: int) -> bool:
        """Whether load was made in all of an interval, so that what came in it tells of a rate."""
        over = self.first + place * self.width + self.length(place) > self.end
        return place == 0 or not over

    def length(self, place: int) -> int:
        """Seconds in an interval; the last may be shorter."""
        return min(self.width, self.last + 1 - self.first - place * self.width)


def axis_of(result: LoadResult, most: int = INTERVALS) -> Axis | None:
    """Intervals for all that is known of a run second by second; None where nothing is.

    Args:
        result: of the run.
        most: intervals.
    """
    seconds = [*result.in_flight, *result.users]
    for series in result.series.values():
        seconds.extend(series.slices)
    if not seconds:
        return None
    first, last = min(seconds), max(seconds)
    end = result.duration or float("inf")
    return Axis(first, last, width_for(last + 1 - first, most), end)


def width_for(seconds: int, most: int) -> int:
    """Return the least round width with which so many seconds make no more than ``most`` intervals."""
    least = -(-seconds // most)
    return next((width for width in _WIDTHS if width >= least), -(-least // 3600) * 3600)


@dataclass
class Interval:
    """What came in one interval.

    Attributes:
        seconds: its length.
        whole: see :meth:`Axis.whole`.
        succeeded, failed, bytes_up, bytes_down, scheduled, sent: see :class:`hanami_reports.model.series.Slice`.
        response: coarse bucket of the response time to how often.
    """

    seconds: int
    whole: bool = True
    succeeded: int = 0
    failed: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    scheduled: int = 0
    sent: int = 0
    response: Counter[int] = field(default_factory=Counter)

    def per_second(self, number: float) -> float | None:
        """Return a number that came in it as a rate; None where load was not made in all of it."""
        return number / self.seconds if self.whole else None

    def percentile(self, percent: float) -> float | None:
        """Response time within a coarse bucket (6 %), seconds; None where the interval has too few answers."""
        number = self.response.total()
        if number < (LEAST_FOR_P99 if percent > 50 else 1):
            return None
        rank, passed = max(np.ceil(number * percent / 100 - 1e-9), 1), 0
        for bucket in sorted(self.response):
            passed += self.response[bucket]
            if passed >= rank:
                return coarse_bounds(bucket)[1] / MICROSECONDS
        raise AssertionError("the last bucket holds the last rank")

    @property
    def most(self) -> float | None:
        """The greatest response time within a coarse bucket (6 %), seconds; None without answers."""
        return coarse_bounds(max(self.response))[1] / MICROSECONDS if self.response else None


def intervals_of(series: Series, axis: Axis) -> list[Interval]:
    """Return what came of one type of message, interval by interval."""
    made = [Interval(axis.length(place), axis.whole(place)) for place in range(len(axis.starts))]
    for second, one in series.slices.items():
        into = made[axis.place(second)]
        into.succeeded += one.succeeded
        into.failed += one.failed
        into.bytes_up += one.bytes_up
        into.bytes_down += one.bytes_down
        into.scheduled += one.scheduled
        into.sent += one.sent
        into.response.update(one.response)
    return made


def peaks(counts: Mapping[int, int], axis: Axis) -> list[int | None]:
    """Return the greatest count in each interval, None where none is known."""
    made: list[int | None] = [None] * len(axis.starts)
    for second, count in counts.items():
        place = axis.place(second)
        made[place] = max(count, made[place] or 0)
    return made


def backlog(series: Iterable[Sequence[Interval]]) -> list[int]:
    """Return how many messages were scheduled and not sent at the end of each interval; empty where slices lack it."""
    held = [list(one) for one in series]
    if not any(interval.scheduled for one in held for interval in one):
        return []
    steps = [sum(interval.scheduled - interval.sent for interval in places) for places in zip(*held, strict=True)]
    return [max(int(count), 0) for count in np.cumsum(steps)]


@dataclass(frozen=True)
class Heat:
    """How often each response time came in each interval.

    Attributes:
        axis: intervals, its columns.
        below: the time that the first row begins at, seconds.
        tops: greatest time of each row, seconds, ascending.
        cells: column, row, answers; only where there are any.
    """

    axis: Axis
    below: float
    tops: tuple[float, ...]
    cells: tuple[tuple[int, int, int], ...]


def heat_of(series: Series, axis: Axis) -> Heat | None:
    """Return the heat map of one type of message; None where no answer came.

    Args:
        series: the type.
        axis: of the run, with no more than HEAT_COLUMNS intervals.
    """
    counts: Counter[tuple[int, int]] = Counter()
    for second, one in series.slices.items():
        for bucket, count in one.response.items():
            counts[axis.place(second), bucket // HEAT_ROWS] += count
    if not counts:
        return None
    low, high = min(row for _, row in counts), max(row for _, row in counts)
    tops = tuple(coarse_bounds((row + 1) * HEAT_ROWS - 1)[1] / MICROSECONDS for row in range(low, high + 1))
    below = coarse_bounds(low * HEAT_ROWS)[0] / MICROSECONDS
    return Heat(axis, below, tops, tuple((place, row - low, count) for (place, row), count in sorted(counts.items())))


@dataclass(frozen=True)
class ChunkTimes:
    """Service times of chunks by where in their file they are.

    Attributes:
        label: ``0``, ``1``, ``2-3``, ``4-7`` ...
        count: samples.
        p50, p99: seconds, None where there are too few samples.
        most: seconds.
    """

    label: str
    count: int
    p50: float | None
    p99: float | None
    most: float


def chunk_times(series: Series) -> list[ChunkTimes]:
    """Latency by chunk index; empty for what is no chunk."""
    made = []
    for index, times in sorted(series.by_index.items()):
        if not times.counts:
            continue
        low, high = (0, 0) if index == 0 else (2 ** (index - 1), 2**index - 1)
        known = {percent: times.percentile(percent) for percent in (50.0, 99.0) if supported(percent, times.count)}
        label = f"{low:,}" if low == high else f"{low:,}\N{EN DASH}{high:,}"
        made.append(ChunkTimes(label, times.count, known.get(50.0), known.get(99.0), times.most / MICROSECONDS))
    return made
