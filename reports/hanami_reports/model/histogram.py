"""Histograms of time: log-linear, three significant digits, 1 us to 60 s. Merging is addition, so it is exact.

The layout is that of HdrHistogram (2048 buckets of 1 us, then 1024 for each doubling): a value is off by less than
0.1 % of itself. It is written here because counts must travel between processes and into reports as plain numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIGHEST = 60_000_000  # us
_LINEAR_BITS = 11
_HALF = 1 << (_LINEAR_BITS - 1)
COARSE = 64  # fine buckets in a coarse one, 16 for each doubling: enough for curves over time and heat maps
MICROSECONDS = 1_000_000  # in a second


def bucket_of(microseconds: int) -> int:
    """Index of the bucket that a time is counted in.

    Args:
        microseconds: 0 to HIGHEST.
    """
    shift = microseconds.bit_length() - _LINEAR_BITS
    return microseconds if shift <= 0 else shift * _HALF + (microseconds >> shift)


def bounds_of(bucket: int) -> tuple[int, int]:
    """Least and greatest time of a bucket, us, both inclusive."""
    if bucket < 2 * _HALF:
        return bucket, bucket
    shift = bucket // _HALF - 1
    low = (bucket - shift * _HALF) << shift
    return low, low + (1 << shift) - 1


def coarse_bounds(bucket: int) -> tuple[int, int]:
    """Least and greatest time of a coarse bucket, us, both inclusive."""
    return bounds_of(bucket * COARSE)[0], bounds_of((bucket + 1) * COARSE - 1)[1]


@dataclass
class Histogram:
    """How often each time was seen.

    Attributes:
        counts: bucket to how often.
        total: sum of all times, us.
        least: us, 0 while nothing was seen.
        most: us, exact even where it is above HIGHEST, where it is counted in the last bucket.
    """

    counts: Counter[int] = field(default_factory=Counter)
    total: int = 0
    least: int = 0
    most: int = 0

    def record(self, microseconds: int) -> None:
        """Count one time; a negative one counts as 0."""
        microseconds = max(microseconds, 0)
        if microseconds < self.least or not self.counts:
            self.least = microseconds
        self.most = max(self.most, microseconds)
        self.total += microseconds
        self.counts[bucket_of(min(microseconds, HIGHEST))] += 1

    def add(self, other: Histogram) -> None:
        """Count all that another one counted."""
        if not other.counts:
            return
        self.least = min(self.least, other.least) if self.counts else other.least
        self.most = max(self.most, other.most)
        self.total += other.total
        self.counts.update(other.counts)

    @property
    def count(self) -> int:
        """Number of times that were counted."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float:
        """Seconds; 0 while nothing was counted."""
        return self.total / self.count / MICROSECONDS if self.counts else 0.0

    def percentile(self, percent: float) -> float:
        """Return the time that ``percent`` of 100 of the times do not exceed, seconds.

        It is the smallest recorded time with at least that share at or below it, as its bucket tells it: not below the
        true one, and not above it by more than 0.1 %.

        Raises:
            ValueError: nothing was counted.
        """
        return float(self.percentiles([percent])[0])

    def percentiles(self, percents: list[float]) -> NDArray[np.float64]:
        """Several percentiles at once; seconds, shape (len(percents),). See :meth:`percentile`."""
        if not self.counts:
            raise ValueError("no percentile of nothing")
        buckets = np.array(sorted(self.counts), dtype=np.int64)
        reached = np.cumsum([self.counts[bucket] for bucket in buckets.tolist()])
        # A hair less than the share: 99.9 % of 1000 is 999, whatever binary fractions say.
        ranks = np.maximum(np.ceil(np.array(percents) * reached[-1] / 100 - 1e-9), 1)
        places = np.searchsorted(reached, ranks)
        tops = [min(bounds_of(int(buckets[place]))[1], self.most) for place in places]
        return np.maximum(np.array(tops, dtype=np.float64), self.least) / MICROSECONDS

    def share_above(self, seconds: float) -> float:
        """Share of the times that are longer, 0 to 1; 0 while nothing was counted."""
        if not self.counts:
            return 0.0
        edge = bucket_of(min(round(seconds * MICROSECONDS), HIGHEST))
        return sum(count for bucket, count in self.counts.items() if bucket > edge) / self.count

    def data(self) -> dict[str, Any]:
        """Return the file form: plain numbers, buckets ascending."""
        buckets = sorted(self.counts)
        return {
            "bucket": buckets,
            "count": [self.counts[bucket] for bucket in buckets],
            "total": self.total,
            "least": self.least,
            "most": self.most,
        }

    @staticmethod
    def of(data: Mapping[str, Any]) -> Histogram:
        """Read the file form.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        buckets, counts = data["bucket"], data["count"]
        if not all(type(number) is int and number >= 0 for number in (*buckets, *counts)):
            raise TypeError("buckets and counts of a histogram are whole numbers")
        found = dict(zip(buckets, counts, strict=True))
        return Histogram(Counter(found), int(data["total"]), int(data["least"]), int(data["most"]))
