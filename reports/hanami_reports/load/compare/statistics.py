"""Ratios of runs, with intervals that hold for all metrics at the same time.

A run gives one number for each metric. Differences between runs (the machine, the scheduler, the moment) are larger
than those within a run, so runs are the samples. Numbers are compared as logarithms, since the result is a ratio.

A permutation test decides whether a difference is more than chance: if both sides were equal, any other division of the
runs into two sides would be as likely. For every division the greatest difference over *all* metrics is taken (maxT of
Westfall and Young, 1993), each in units of its own standard error. A difference beyond the 95 % quantile of these
occurs by chance in at most one comparison of twenty, however many metrics there are, and no distribution is assumed.
The same quantile gives the intervals. Divisions are enumerated if they are few, otherwise drawn with a fixed seed, so
that the same files always give the same result.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

LEAST_RUNS = 5  # of a side; with 3 of each, one division of ten is as extreme as the real one: never significant
CONFIDENCE = 0.95
DIVISIONS = 5_000  # at most
SEED = 20_260
RESOLUTION = 0.0005  # of a logarithm: times have three digits, so no standard error is smaller

Numbers = NDArray[np.float64]


class Verdict(StrEnum):
    """Verdict on a metric."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "no difference"
    FEW_RUNS = "too few runs"
    FEW_SAMPLES = "too few samples"


@dataclass(frozen=True)
class Ratio:
    """NEW / BASE of one metric.

    Attributes:
        ratio: Ratio of the geometric means.
        low: Lower end of the simultaneous 95 % interval, None with too few runs.
        high: Upper end of the interval, None with too few runs.
    """

    ratio: float
    low: float | None = None
    high: float | None = None

    def verdict(self, *, more_is_worse: bool, tolerance: float) -> Verdict:
        """Return the verdict: worse or better only if the whole interval is beyond the tolerance.

        Args:
            more_is_worse: Whether a greater value is worse, as for times.
            tolerance: Difference that does not matter, as a share: 0.05 for 5 %.
        """
        if self.low is None or self.high is None:
            return Verdict.FEW_RUNS
        # The tolerance is a share of BASE in both directions: 5 % less is 0.95.
        if self.low > 1 + tolerance:
            return Verdict.WORSE if more_is_worse else Verdict.BETTER
        if self.high < 1 - tolerance:
            return Verdict.BETTER if more_is_worse else Verdict.WORSE
        return Verdict.SAME


def ratios(base: Numbers, new: Numbers) -> list[Ratio]:
    """Return NEW / BASE of every metric.

    Args:
        base: Values greater than 0, shape (runs, metrics).
        new: Values greater than 0, shape (runs, metrics).
    """
    if not base.size or not new.size:
        return []
    first, second = np.log(base), np.log(new)
    found = second.mean(axis=0) - first.mean(axis=0)
    if min(len(first), len(second)) < LEAST_RUNS:
        return [Ratio(math.exp(one)) for one in found]
    error = _error(first, second)
    width = _quantile(first, second) * error
    return [
        Ratio(math.exp(middle), math.exp(middle - half), math.exp(middle + half))
        for middle, half in zip(found.tolist(), width.tolist(), strict=True)
    ]


def _error(first: Numbers, second: Numbers) -> Numbers:
    """Return the standard error of the difference of means for each metric."""
    squared = first.var(axis=-2, ddof=1) / first.shape[-2] + second.var(axis=-2, ddof=1) / second.shape[-2]
    error: Numbers = np.maximum(np.sqrt(squared), RESOLUTION)
    return error


def _quantile(first: Numbers, second: Numbers) -> float:
    """Return the 95 % quantile of the greatest difference over all metrics by chance, in standard errors.

    The runs as they are show the effect of chance if both sides are equal; the runs without the difference of their
    means show it beside a real difference. The greater of both makes the interval.
    """
    together = np.concatenate([first, second])
    centred = np.concatenate([first - first.mean(axis=0), second - second.mean(axis=0)])
    divisions = _divisions(len(first), len(together))
    return max(_greatest(together, divisions), _greatest(centred, divisions))


def _greatest(runs: Numbers, divisions: NDArray[np.int64]) -> float:
    rest = np.argsort(_members(divisions, len(runs)), axis=1, kind="stable")[:, : len(runs) - divisions.shape[1]]
    greatest = []
    for piece in np.array_split(np.arange(len(divisions)), max(1, len(divisions) // 500)):
        first, second = runs[divisions[piece]], runs[rest[piece]]
        differences = np.abs(second.mean(axis=1) - first.mean(axis=1)) / _error(first, second)
        greatest.append(differences.max(axis=1))
    # The smallest value that at most 5 % of all divisions exceed.
    ranked = np.sort(np.concatenate(greatest))
    return float(ranked[math.ceil(CONFIDENCE * len(ranked)) - 1])


def _members(divisions: NDArray[np.int64], runs: int) -> NDArray[np.bool_]:
    members = np.zeros((len(divisions), runs), dtype=bool)
    np.put_along_axis(members, divisions, values=True, axis=1)
    return members


def _divisions(side: int, runs: int) -> NDArray[np.int64]:
    """Return the runs of the first side for every division, or for many of them; shape (divisions, side)."""
    if math.comb(runs, side) <= DIVISIONS:
        return np.array(list(itertools.combinations(range(runs), side)), dtype=np.int64)
    draw = np.random.default_rng(SEED)
    drawn = draw.permuted(np.tile(np.arange(runs), (DIVISIONS, 1)), axis=1)[:, :side]
    drawn[0] = np.arange(side)  # the real division belongs to them
    return drawn
