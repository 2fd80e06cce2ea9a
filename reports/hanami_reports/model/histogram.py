"""Histograms of times: log-linear, three significant digits, 1 us to 60 s. Merging is addition, and so exact.

The layout is that of HdrHistogram: 2048 buckets of 1 us, then 1024 for each doubling, so that a bucket is off by less
than 0.1 % of a time. It is written here because counts travel between processes and into reports as plain numbers.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from hanami_proto.validation import Check, Within

HIGHEST = 60_000_000  # us
_LINEAR_BITS = 11
_HALF = 1 << (_LINEAR_BITS - 1)
COARSE = 64  # buckets in a coarse bucket, 16 for each doubling: enough for curves over time and heat maps
MICROSECONDS = 1_000_000  # in a second

MOST = (1 << 63) - 1  # more than any run counts, but no number that a damaged file makes too long to show
Count = Annotated[int, Within(0, MOST)]


def bucket_for(microseconds: int) -> int:
    """Return the index of the bucket that counts a time.

    Args:
        microseconds: Time from 0 to HIGHEST.
    """
    shift = microseconds.bit_length() - _LINEAR_BITS
    return microseconds if shift <= 0 else shift * _HALF + (microseconds >> shift)


def bucket_bounds(bucket: int) -> tuple[int, int]:
    """Return the least and the greatest time of a bucket in us, both inclusive."""
    if bucket < 2 * _HALF:
        return bucket, bucket
    shift = bucket // _HALF - 1
    low = (bucket - shift * _HALF) << shift
    return low, low + (1 << shift) - 1


def coarse_bucket_bounds(bucket: int) -> tuple[int, int]:
    """Return the least and the greatest time of a coarse bucket in us, both inclusive."""
    return bucket_bounds(bucket * COARSE)[0], bucket_bounds((bucket + 1) * COARSE - 1)[1]


def coarse_percentile(answers: Counter[int], percent: float) -> float | None:
    """Return a percentile of times in coarse buckets to within one of them (6 %), seconds; None without any.

    Args:
        answers: Coarse bucket to the number of times in it.
        percent: Percentage of the times that are at most as long.
    """
    rank, passed = max(math.ceil(answers.total() * percent / 100 - 1e-9), 1), 0
    for bucket in sorted(answers):
        passed += answers[bucket]
        if passed >= rank:
            return coarse_bucket_bounds(bucket)[1] / MICROSECONDS
    return None


def buckets_up_to(highest: int) -> Check:
    """Return the annotation of a counter of buckets in a file.

    Args:
        highest: Index of the last bucket.
    """

    def check(counts: Counter[int]) -> Counter[int]:
        if counts and not (min(counts) >= 0 and max(counts) <= highest):
            raise ValueError(f"has a bucket beyond {highest}")
        if counts and not (min(counts.values()) >= 0 and max(counts.values()) <= MOST):
            raise ValueError("has a negative or an enormous count")
        return counts

    return Check(check)


@dataclass
class Histogram:
    """Counts of times.

    Attributes:
        counts: Number of times in each bucket.
        total: Sum of all times, us.
        least: Shortest time, us; 0 while nothing is counted.
        most: Longest time, us; exact even beyond HIGHEST, where the last bucket counts it.
    """

    counts: Annotated[Counter[int], buckets_up_to(bucket_for(HIGHEST))] = field(default_factory=Counter)
    total: Count = 0
    least: Count = 0
    most: Count = 0

    def record(self, microseconds: int) -> None:
        """Count one time; a negative time counts as 0."""
        microseconds = max(microseconds, 0)
        if microseconds < self.least or not self.counts:
            self.least = microseconds
        self.most = max(self.most, microseconds)
        self.total += microseconds
        self.counts[bucket_for(min(microseconds, HIGHEST))] += 1

    def add(self, other: Histogram) -> None:
        """Add the counts of another histogram."""
        if not other.counts:
            return
        self.least = min(self.least, other.least) if self.counts else other.least
        self.most = max(self.most, other.most)
        self.total += other.total
        self.counts.update(other.counts)

    @property
    def count(self) -> int:
        """Number of counted times."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float:
        """Mean in seconds; 0 while nothing is counted."""
        return self.total / self.count / MICROSECONDS if self.counts else 0.0

    def percentile(self, percent: float) -> float:
        """Return the time that ``percent`` of 100 of the times do not exceed, seconds.

        This is the smallest recorded time with at least that share at or below it, to the accuracy of its bucket: not
        below the true time, and not above it by more than 0.1 %.

        Raises:
            ValueError: If nothing is counted.
        """
        return float(self.percentiles([percent])[0])

    def percentiles(self, percents: list[float]) -> NDArray[np.float64]:
        """Return several percentiles in seconds, shape (len(percents),); see :meth:`percentile`."""
        if not self.counts:
            raise ValueError("no percentile of nothing")
        buckets = np.array(sorted(self.counts), dtype=np.int64)
        reached = np.cumsum([self.counts[bucket] for bucket in buckets.tolist()])
        # A hair less than the share: 99.9 % of 1000 is 999, whatever binary fractions say.
        ranks = np.maximum(np.ceil(np.array(percents) * reached[-1] / 100 - 1e-9), 1)
        places = np.searchsorted(reached, ranks)
        tops = [min(bucket_bounds(int(buckets[place]))[1], self.most) for place in places]
        return np.maximum(np.array(tops, dtype=np.float64), self.least) / MICROSECONDS

    def share_above(self, seconds: float) -> float:
        """Return the share of longer times, 0 to 1; 0 while nothing is counted."""
        if not self.counts:
            return 0.0
        edge = bucket_for(min(round(seconds * MICROSECONDS), HIGHEST))
        return sum(count for bucket, count in self.counts.items() if bucket > edge) / self.count
