"""Numbers behind the charts of a load run: percentile curves, time intervals, heat maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hanami_reports.load.bands import Band, bands_for
from hanami_reports.model.histogram import MICROSECONDS, Histogram, coarse_bucket_bounds, coarse_percentile
from hanami_reports.model.load import LoadResult
from hanami_reports.model.sample_size import BEYOND, known_percentile
from hanami_reports.model.series import Series, Slice

INTERVALS = 240  # at most, over the whole run
HEAT_COLUMNS = 96  # at most
HEAT_ROWS = 4  # coarse buckets in a row of the heat map, so four rows for each doubling of the time
POINTS_PER_DECADE = 24  # of a percentile curve
LEAST_FOR_P99 = 100  # answers in an interval; with fewer, p99 would be the maximum
_WIDTHS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True)
class Curve:
    """Percentiles of a histogram, on an axis where each nine takes the same room.

    Attributes:
        one_in: Positions, ascending: one message in ``n`` is slower, so 2 is the median and 100 is p99.
        seconds: Time at each position.
        known: Number of points, from the first, with enough samples.
    """

    one_in: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    known: int = 0


def percentile_curve(times: Histogram) -> Curve:
    """Return the percentile curve up to the maximum."""
    count = times.count
    if not count:
        return Curve()
    # Curves share positions, so that a tooltip shows all of them; the two added ones end the known part and the curve.
    steps = np.arange(int(np.log10(count) * POINTS_PER_DECADE) + 1)
    grid = np.unique(np.concatenate([10 ** (steps / POINTS_PER_DECADE), [max(1.0, count / BEYOND), float(count)]]))
    seconds = times.percentiles((100 - 100 / grid).tolist())
    return Curve(tuple(grid.tolist()), tuple(seconds.tolist()), int((grid <= count / BEYOND + 1e-9).sum()))


@dataclass(frozen=True)
class Axis:
    """Time intervals of a run.

    Attributes:
        first: First second with data, counted from the start of measuring.
        last: Last second with data.
        width: Width of an interval, seconds.
        end: End of measuring, seconds since its start; later answers belong to the drain.
        bands: Stages and faults of the run.
    """

    first: int
    last: int
    width: int
    end: float = float("inf")
    bands: tuple[Band, ...] = ()

    @property
    def starts(self) -> list[int]:
        """First second of each interval."""
        return list(range(self.first, self.last + 1, self.width))

    def place(self, second: int) -> int:
        """Return the index of the interval of a second."""
        return (second - self.first) // self.width

    def whole(self, place: int) -> bool:
        """Whether the interval is within the measured time, so that its counts are a rate."""
        return place == 0 or self.first + place * self.width + self.length(place) <= self.end

    def length(self, place: int) -> int:
        """Return the length of an interval in seconds; the last may be shorter."""
        return min(self.width, self.last + 1 - self.first - place * self.width)


def time_axis(result: LoadResult, most: int = INTERVALS) -> Axis | None:
    """Return the intervals of a run; None without any data by second.

    Args:
        result: Result of a load run.
        most: Greatest number of intervals.
    """
    seconds = [*result.in_flight, *result.users]
    for series in result.series.values():
        seconds.extend(series.slices)
    if not seconds:
        return None
    first, last = min(seconds), max(seconds)
    end = result.duration or float("inf")
    return Axis(first, last, width_for(last + 1 - first, most), end, bands_for(result))


def width_for(seconds: int, most: int) -> int:
    """Return the smallest round width that divides ``seconds`` into at most ``most`` intervals."""
    least = -(-seconds // most)
    return next((width for width in _WIDTHS if width >= least), -(-least // 3600) * 3600)


@dataclass
class Interval:
    """The sum of the seconds in one interval.

    Attributes:
        seconds: Length of the interval.
        whole: Whether it is within the measured time, see :meth:`Axis.whole`.
        total: Sum of its seconds.
    """

    seconds: int
    whole: bool = True
    total: Slice = field(default_factory=Slice)

    def per_second(self, number: float) -> float | None:
        """Return a count as a rate; None for an interval that is not whole."""
        return number / self.seconds if self.whole else None

    def percentile(self, percent: float) -> float | None:
        """Return a response time to within a coarse bucket (6 %), seconds; None with too few answers."""
        answers = self.total.response.total()
        if answers < (LEAST_FOR_P99 if percent > 50 else 1):
            return None
        return coarse_percentile(self.total.response, percent)

    @property
    def most(self) -> float | None:
        """Longest response time to within a coarse bucket (6 %), seconds; None without answers."""
        response = self.total.response
        return coarse_bucket_bounds(max(response))[1] / MICROSECONDS if response else None


def intervals_for(series: Series, axis: Axis) -> list[Interval]:
    """Return one message type by interval."""
    made = [Interval(axis.length(place), axis.whole(place)) for place in range(len(axis.starts))]
    for second, one in series.slices.items():
        made[axis.place(second)].total.add(one)
    return made


def peaks(counts: Mapping[int, int], axis: Axis) -> list[int | None]:
    """Return the greatest count in each interval, None without any."""
    made: list[int | None] = [None] * len(axis.starts)
    for second, count in counts.items():
        place = axis.place(second)
        made[place] = max(count, made[place] or 0)
    return made


def backlog(series: Iterable[Sequence[Interval]]) -> list[int]:
    """Return how many messages were scheduled and not sent at the end of each interval; empty where slices lack it."""
    held = [list(one) for one in series]
    if not any(interval.total.scheduled for one in held for interval in one):
        return []
    steps = [
        sum(interval.total.scheduled - interval.total.sent for interval in places) for places in zip(*held, strict=True)
    ]
    return [max(int(count), 0) for count in np.cumsum(steps)]


@dataclass(frozen=True)
class Heat:
    """Number of answers by interval and response time.

    Attributes:
        axis: Intervals, the columns.
        below: Lower bound of the first row, seconds.
        tops: Upper bound of each row, seconds, ascending.
        cells: Column, row and number of answers; without empty cells.
    """

    axis: Axis
    below: float
    tops: tuple[float, ...]
    cells: tuple[tuple[int, int, int], ...]


def heat_data(series: Series, axis: Axis) -> Heat | None:
    """Return the heat map of one message type; None without answers.

    Args:
        series: Message type.
        axis: Intervals of the run, at most HEAT_COLUMNS.
    """
    counts: Counter[tuple[int, int]] = Counter()
    for second, one in series.slices.items():
        for bucket, count in one.response.items():
            counts[axis.place(second), bucket // HEAT_ROWS] += count
    if not counts:
        return None
    low, high = min(row for _, row in counts), max(row for _, row in counts)
    tops = tuple(coarse_bucket_bounds((row + 1) * HEAT_ROWS - 1)[1] / MICROSECONDS for row in range(low, high + 1))
    below = coarse_bucket_bounds(low * HEAT_ROWS)[0] / MICROSECONDS
    return Heat(axis, below, tops, tuple((place, row - low, count) for (place, row), count in sorted(counts.items())))


@dataclass(frozen=True)
class ChunkTimes:
    """Service times of chunks by index.

    Attributes:
        label: Range of indexes: ``0``, ``1``, ``2-3``, ``4-7`` ...
        count: Number of samples.
        p50: Median in seconds, None with too few samples.
        p99: 99th percentile in seconds, None with too few samples.
        most: Maximum in seconds.
    """

    label: str
    count: int
    p50: float | None
    p99: float | None
    most: float


def chunk_times(series: Series) -> list[ChunkTimes]:
    """Return the service times by chunk index; empty for messages that are no chunks."""
    made = []
    for index, times in sorted(series.by_index.items()):
        if not times.counts:
            continue
        low, high = (0, 0) if index == 0 else (2 ** (index - 1), 2**index - 1)
        percentiles = known_percentile(times, 50), known_percentile(times, 99)
        label = f"{low:,}" if low == high else f"{low:,}\N{EN DASH}{high:,}"
        made.append(ChunkTimes(label, times.count, *percentiles, times.most / MICROSECONDS))
    return made
