"""The comparison of two sets of runs, by message type and metric."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hanami_reports.common.format import format_megabytes, format_percent, format_rate, format_time
from hanami_reports.common.text import pluralise
from hanami_reports.load.compare.runs import LoadRun, Side, configuration_differences, environment_differences
from hanami_reports.load.compare.statistics import LEAST_RUNS, Ratio, Verdict, ratios
from hanami_reports.model.load import LoadExit, LoadResult, RunState
from hanami_reports.model.sample_size import known_percentile
from hanami_reports.model.series import Series

NOTED_SHARE = 0.001  # difference between the error shares of both sides that is worth a note
ZERO_SUBSTITUTE = 0.001  # share of the smallest value that stands for 0, which has no logarithm
MOST_DIFFERENCES = 5  # in an error


@dataclass(frozen=True)
class Quantity:
    """Something that runs have a value of.

    Attributes:
        name: Name with unit.
        formatted: Function for the text of a value.
        more_is_worse: Whether a greater value is worse, as for times.
    """

    name: str
    formatted: Callable[[float], str]
    more_is_worse: bool


@dataclass(frozen=True)
class Metric(Quantity):
    """A metric of a message type in a load run.

    Attributes:
        value: Function for the value; None with too few samples, 0 for nothing.
    """

    value: Callable[[Series, LoadResult], float | None]


METRICS = (
    Metric("response p50", format_time, True, lambda series, _: known_percentile(series.response, 50)),
    Metric("response p99", format_time, True, lambda series, _: known_percentile(series.response, 99)),
    Metric("valid/s", format_rate, False, lambda series, run: series.rate(run.duration)),
    Metric("MB/s", format_megabytes, False, lambda series, run: series.speed(run.duration)),
)


@dataclass(frozen=True)
class Row:
    """One metric of one message type.

    Attributes:
        type: Name of the message type.
        metric: Compared metric.
        base: Median of the BASE runs, None with too few samples.
        new: Median of the NEW runs, None with too few samples.
        ratio: NEW / BASE, None if one of them is unknown.
        verdict: Verdict on the metric.
    """

    type: str
    metric: Metric
    base: float | None
    new: float | None
    ratio: Ratio | None
    verdict: Verdict

    @property
    def undetected(self) -> float:
        """Greatest slowdown that these runs cannot exclude, as a share; 0 if unknown."""
        if self.ratio is None or self.ratio.low is None or self.ratio.high is None:
            return 0.0
        return max(0.0, self.ratio.high - 1 if self.metric.more_is_worse else 1 - self.ratio.low)

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """BASE, NEW, ratio and interval as text."""
        base, new = ("-" if value is None else self.metric.formatted(value) for value in (self.base, self.new))
        if self.ratio is None:
            return base, new, "-", "-"
        low, high = self.ratio.low, self.ratio.high
        interval = "-" if low is None or high is None else f"{format_ratio(low)} to {format_ratio(high)}"
        return base, new, format_ratio(self.ratio.ratio), interval


def format_ratio(ratio: float) -> str:
    """Return a ratio with three decimals near 1, otherwise with three significant digits."""
    return f"{ratio:.3f}" if 0.1 <= ratio < 10 else f"{ratio:.3g}"


@dataclass(frozen=True)
class LoadComparison:
    """NEW compared with BASE.

    Attributes:
        base: Runs before the change.
        new: Runs after the change.
        tolerance: Difference that does not matter, as a share.
        rows: Metrics, the worst first.
        notes: Remarks on the runs, one line each.
        regressions: Failures in NEW that BASE does not have, whatever the ratios say; one line each.
    """

    base: Side
    new: Side
    tolerance: float
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    regressions: tuple[str, ...]

    @property
    def judged(self) -> list[Row]:
        """Rows with enough samples in all runs."""
        return [row for row in self.rows if row.verdict is not Verdict.FEW_SAMPLES]

    @property
    def few(self) -> list[Row]:
        """Rows with too few samples in a run."""
        return [row for row in self.rows if row.verdict is Verdict.FEW_SAMPLES]

    @property
    def verdict(self) -> Verdict:
        """Verdict on all metrics."""
        verdicts = {row.verdict for row in self.rows}
        if self.regressions or Verdict.WORSE in verdicts:
            return Verdict.WORSE
        if not verdicts or Verdict.FEW_RUNS in verdicts:
            return Verdict.FEW_RUNS
        if verdicts == {Verdict.FEW_SAMPLES}:
            return Verdict.FEW_SAMPLES
        return Verdict.BETTER if Verdict.BETTER in verdicts else Verdict.SAME

    @property
    def exit_status(self) -> LoadExit:
        """FAIL if anything is worse, INVALID with too few runs or samples."""
        if self.verdict is Verdict.WORSE:
            return LoadExit.FAIL
        few = self.verdict in (Verdict.FEW_RUNS, Verdict.FEW_SAMPLES)
        return LoadExit.INVALID if few else LoadExit.PASS

    @property
    def headline(self) -> str:
        """Verdict with its reason, one line."""
        if self.verdict is Verdict.WORSE:
            return self._worse_headline()
        if self.verdict is Verdict.FEW_RUNS:
            counts = f"BASE has {len(self.base.used)}, NEW {len(self.new.used)}"
            return f"{LEAST_RUNS} runs of each side are needed that are neither INVALID nor interrupted; {counts}"
        if self.verdict is Verdict.FEW_SAMPLES:
            return "the runs are too short: no metric has enough samples in all of them"
        metrics = pluralise(len(self.judged), "metric")
        if self.verdict is Verdict.BETTER:
            better = sum(row.verdict is Verdict.BETTER for row in self.rows)
            return f"{better} of {metrics} are better, and none is worse"
        same = f"of {metrics}, none differs by more than chance and tolerance"
        widest = max(self.judged, key=lambda row: row.undetected)
        if widest.undetected <= self.tolerance:
            return same
        name = f"{widest.metric.name} of {widest.type}"
        return f"{same}; these runs cannot exclude that {name} is up to {widest.undetected:.0%} worse"

    def _worse_headline(self) -> str:
        worse = [row for row in self.rows if row.verdict is Verdict.WORSE]
        lines = list(self.regressions)
        if worse:
            row = worse[0]
            lines.append(f"{row.metric.name} of {row.type} is {row.cells[2]} times that of BASE")
        more = f", and {len(worse) - 1} more" if len(worse) > 1 else ""
        return "; ".join(lines) + more


_ORDER = (Verdict.WORSE, Verdict.BETTER, Verdict.SAME, Verdict.FEW_RUNS, Verdict.FEW_SAMPLES)


def compare_load(base: Side, new: Side, tolerance: float) -> LoadComparison:
    """Compare two sets of runs.

    Args:
        base: Runs before the change.
        new: Runs after the change.
        tolerance: Difference that does not matter, as a share: 0.05 for 5 %.

    Raises:
        ValueError: If a run is there twice, or configurations differ; one line.
    """
    _check_distinct(base, new)
    if different := configuration_differences((base, new)):
        more = f"; and {len(different) - MOST_DIFFERENCES} more" if len(different) > MOST_DIFFERENCES else ""
        raise ValueError(f"different configurations: {'; '.join(different[:MOST_DIFFERENCES])}{more}")
    rows = sorted(_rows(base.used, new.used, tolerance), key=lambda row: _ORDER.index(row.verdict))
    return LoadComparison(base, new, tolerance, tuple(rows), tuple(_notes(base, new)), tuple(_regressions(base, new)))


def _check_distinct(base: Side, new: Side) -> None:
    """Reject a run that is there twice, on both sides or as a copy: runs are the samples.

    Raises:
        ValueError: If there is one.
    """
    if both := {run.file.resolve() for run in base.used} & {run.file.resolve() for run in new.used}:
        raise ValueError(f"{min(both)} is on both sides")
    for one, other in itertools.combinations((*base.used, *new.used), 2):
        if one.result == other.result:
            raise ValueError(f"{one.name} and {other.name} are copies of one run, which would count twice")


def _notes(base: Side, new: Side) -> Iterable[str]:
    for side in (base, new):
        for run in side.left_out:
            reason = f" ({run.result.reasons[0]})" if run.result.reasons else ""
            yield f"not used, {run.result.state.value}: {run.name}{reason}"
    yield from (f"different environments: {line}" for line in environment_differences((base, new)))
    yield from _error_shares(base, new)


def _error_shares(base: Side, new: Side) -> Iterable[str]:
    """Note different shares of errors: their times are in no percentile, which makes a side look better."""
    for name in dict.fromkeys(name for side in (base, new) for run in side.used for name in run.result.series):
        before, after = (_error_share(side, name) for side in (base, new))
        if abs(after - before) >= NOTED_SHARE:
            shares = f"{format_percent(before)} failed or unanswered in BASE, {format_percent(after)} in NEW"
            yield f"{name}: {shares}; times are those of successful messages"


def _error_share(side: Side, name: str) -> float:
    series = [run.result.series[name] for run in side.used if name in run.result.series]
    errors = sum(one.failed + one.incorrect + one.unanswered for one in series)
    return errors / max(sum(one.sent for one in series), 1)


def _regressions(base: Side, new: Side) -> Iterable[str]:
    """Return incorrect answers and lost targets of NEW alone. They are no matter of statistics or tolerance."""
    incorrect = _incorrect(new)
    if incorrect and not _incorrect(base):
        yield f"NEW has {pluralise(incorrect, 'incorrect answer')}, BASE has none"
    lost = _lost(new)
    if lost and not _lost(base):
        yield f"the target was LOST in {pluralise(lost, 'run')} of NEW, in none of BASE"


def _incorrect(side: Side) -> int:
    return sum(one.incorrect for run in side.used for one in run.result.series.values())


def _lost(side: Side) -> int:
    return sum(run.result.state is RunState.LOST for run in side.left_out)


Values = Sequence[float | None]


def _rows(base: Sequence[LoadRun], new: Sequence[LoadRun], tolerance: float) -> list[Row]:
    types = dict.fromkeys(name for run in (*base, *new) for name in run.result.series)
    values: dict[tuple[str, Metric], tuple[Values, Values]] = {}
    for name, metric in itertools.product(types, METRICS):
        pair = _values(base, name, metric), _values(new, name, metric)
        # A metric that is 0 in all runs, such as MB/s of messages without payload, is left out.
        if any(value is None or value > 0 for side in pair for value in side):
            values[name, metric] = pair
    # All metrics with enough samples are compared together, so that many of them raise no more false alarms.
    known = [key for key, pair in values.items() if all(side and None not in side for side in pair)]
    found: Mapping[tuple[str, Metric], Ratio] = {}
    if known:
        positive = [_positive(*values[key]) for key in known]
        matrices = [np.array([pair[side] for pair in positive]).T for side in (0, 1)]
        found = dict(zip(known, ratios(matrices[0], matrices[1]), strict=True))
    return [_row(*key, *pair, found.get(key), tolerance) for key, pair in values.items()]


def _values(runs: Sequence[LoadRun], name: str, metric: Metric) -> Values:
    return [metric.value(run.result.series.get(name, Series()), run.result) for run in runs]


def _positive(base: Values, new: Values) -> tuple[list[float], list[float]]:
    """Return the values of both sides with a small number in place of 0."""
    least = min(value for value in (*base, *new) if value) * ZERO_SUBSTITUTE
    return [value or least for value in base], [value or least for value in new]


def _row(name: str, metric: Metric, base: Values, new: Values, ratio: Ratio | None, tolerance: float) -> Row:
    if ratio is not None:
        verdict = ratio.verdict(more_is_worse=metric.more_is_worse, tolerance=tolerance)
    else:
        verdict = Verdict.FEW_SAMPLES if base and new else Verdict.FEW_RUNS
    return Row(name, metric, _median(base), _median(new), ratio, verdict)


def _median(values: Values) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known and len(known) == len(values) else None
