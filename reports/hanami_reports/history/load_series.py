"""Rates and percentiles of load runs as series over a history, with the places at which they changed."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hanami_reports.history.change_points import change_points
from hanami_reports.load.compare.comparison import METRICS, ZERO_SUBSTITUTE, Metric, Quantity, format_ratio
from hanami_reports.load.compare.runs import LoadRun
from hanami_reports.model.series import Series


@dataclass(frozen=True)
class Change:
    """A change of one metric.

    Attributes:
        at: Index of the first run behind the change, among all runs.
        before: Geometric mean of the stretch before it.
        after: Geometric mean of the stretch behind it.
    """

    at: int
    before: float
    after: float

    @property
    def ratio(self) -> float:
        """After / before."""
        return self.after / self.before


@dataclass(frozen=True)
class LoadSeries:
    """One quantity over the runs, such as a metric of a message type.

    Attributes:
        type: Message type, or what else the quantity is of.
        metric: The quantity.
        values: Value in each run; None where the run allows no conclusion or has too few samples.
        changes: Its changes, in the order of the runs.
        intervals: 95 % interval of each value, None without one; empty where no run has any.
    """

    type: str
    metric: Quantity
    values: tuple[float | None, ...]
    changes: tuple[Change, ...] = ()
    intervals: tuple[tuple[float, float] | None, ...] = ()

    @property
    def name(self) -> str:
        """Metric and type: ``response p99 of upload chunk``."""
        return f"{self.metric.name} of {self.type}"

    @property
    def median(self) -> float:
        """Median over the runs."""
        return statistics.median(value for value in self.values if value is not None)

    @property
    def texts(self) -> tuple[str, str, str]:
        """Median, newest value with its interval, and changes, as texts."""
        formatted = self.metric.formatted
        known = [index for index, value in enumerate(self.values) if value is not None]
        newest = "-"
        if known and (value := self.values[known[-1]]) is not None:
            newest = formatted(value)
            if self.intervals and (interval := self.intervals[known[-1]]) is not None:
                newest += f" ({formatted(interval[0])} to {formatted(interval[1])})"
        ratios = (f"\N{MULTIPLICATION SIGN} {format_ratio(one.ratio)} at run {one.at + 1}" for one in self.changes)
        return formatted(self.median) if known else "-", newest, ", ".join(ratios) or "none"

    def worsening(self, tolerance: float) -> Change | None:
        """Return its last change if that is one to the worse beyond the tolerance, None otherwise.

        Args:
            tolerance: Difference that does not matter, as a share.
        """
        if not self.changes:
            return None
        last = self.changes[-1]
        is_worse = last.ratio > 1 + tolerance if self.metric.more_is_worse else last.ratio < 1 - tolerance
        return last if is_worse else None


def load_series(runs: Sequence[LoadRun]) -> list[LoadSeries]:
    """Return a series for each metric and message type that the runs with a conclusion have."""
    used = [index for index, run in enumerate(runs) if run.is_conclusive]
    types = dict.fromkeys(name for index in used for name in runs[index].result.series)
    found = [_values(runs, used, name, metric) for name in types for metric in METRICS]
    return find_changes([one for one in found if any(one.values)], used)


def find_changes(found: Sequence[LoadSeries], used: Sequence[int]) -> list[LoadSeries]:
    """Return series of the same runs with their changes.

    A change is looked for only where every run with a conclusion has a value.

    Args:
        found: The series.
        used: Indexes of the runs with a conclusion.
    """
    found = list(found)
    whole = [place for place, one in enumerate(found) if all(one.values[index] is not None for index in used)]
    if not whole or not used:
        return found
    logarithms = np.array([_logarithms(found[place], used) for place in whole]).T
    points = change_points(logarithms)
    for column, place in enumerate(whole):
        places = [point.at for point in points if column in point.series]
        found[place] = _with_changes(found[place], used, logarithms[:, column].tolist(), places)
    return found


def _values(runs: Sequence[LoadRun], used: Sequence[int], name: str, metric: Metric) -> LoadSeries:
    values: list[float | None] = [None] * len(runs)
    for index in used:
        result = runs[index].result
        values[index] = metric.value(result.series.get(name, Series()), result)
    return LoadSeries(name, metric, tuple(values))


def _logarithms(series: LoadSeries, used: Iterable[int]) -> list[float]:
    values = [series.values[index] or 0.0 for index in used]
    least = min(value for value in values if value) * ZERO_SUBSTITUTE
    return [math.log(value or least) for value in values]


def _with_changes(series: LoadSeries, used: Sequence[int], logs: Sequence[float], places: Sequence[int]) -> LoadSeries:
    edges = [0, *places, len(used)]
    means = [math.exp(statistics.fmean(logs[begin:end])) for begin, end in itertools.pairwise(edges) if end > begin]
    changes = tuple(Change(used[at], means[place], means[place + 1]) for place, at in enumerate(places))
    return replace(series, changes=changes)
