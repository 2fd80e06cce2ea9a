"""What two sets of runs say of each type of message and metric."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hanami_reports.common.format import count_words, megabyte_words, percent_words, rate_words, time_words
from hanami_reports.load.compare.runs import LoadRun, Side, differences, surroundings
from hanami_reports.load.compare.statistics import LEAST_RUNS, Ratio, Verdict, ratios
from hanami_reports.model.load import LoadExit, LoadResult, RunState
from hanami_reports.model.sample_size import known_percentile
from hanami_reports.model.series import Series

NOTED_SHARE = 0.001  # of messages; where sides differ by as much in what failed, a reader must know
LEAST_OF_NOTHING = 0.001  # of the smallest number: stands for 0, of which there is no logarithm


@dataclass(frozen=True)
class Metric:
    """Something that is measured of each type of message in a run.

    Attributes:
        name: of it, with unit.
        value: of a series, None where it has too few samples; 0 for nothing.
        words: how people read it.
        more_is_worse: as of times.
    """

    name: str
    value: Callable[[Series, LoadResult], float | None]
    words: Callable[[float], str]
    more_is_worse: bool


METRICS = (
    Metric("response p50", lambda series, _: known_percentile(series.response, 50), time_words, True),
    Metric("response p99", lambda series, _: known_percentile(series.response, 99), time_words, True),
    Metric("valid/s", lambda series, run: series.rate(run.duration), rate_words, False),
    Metric("MB/s", lambda series, run: series.speed(run.duration), megabyte_words, False),
)


@dataclass(frozen=True)
class Row:
    """One metric of one type of message.

    Attributes:
        type: of message.
        metric: of it.
        base, new: medians of the runs, None where they have too few samples.
        ratio: NEW / BASE, None where one of them is not known.
        verdict: what is said of it.
    """

    type: str
    metric: Metric
    base: float | None
    new: float | None
    ratio: Ratio | None
    verdict: Verdict

    @property
    def hidden(self) -> float:
        """How much worse than BASE it could be without that these runs show it, as a share; 0 where not known."""
        if self.ratio is None or self.ratio.low is None or self.ratio.high is None:
            return 0.0
        return max(0.0, self.ratio.high - 1 if self.metric.more_is_worse else 1 - self.ratio.low)

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """BASE, NEW, ratio and interval in words."""
        base, new = ("-" if value is None else self.metric.words(value) for value in (self.base, self.new))
        if self.ratio is None:
            return base, new, "-", "-"
        low, high = self.ratio.low, self.ratio.high
        between = "-" if low is None or high is None else f"{ratio_words(low)} to {ratio_words(high)}"
        return base, new, ratio_words(self.ratio.ratio), between


def ratio_words(ratio: float) -> str:
    """Return a ratio with three digits after the point where it is near 1, else three significant ones."""
    return f"{ratio:.3f}" if 0.1 <= ratio < 10 else f"{ratio:.3g}"


@dataclass(frozen=True)
class LoadComparison:
    """NEW beside BASE.

    Attributes:
        base, new: the runs.
        tolerance: difference that does not matter, as a share.
        rows: the worst first.
        notes: what a reader must know, a line each.
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
        """What is said of all."""
        verdicts = {row.verdict for row in self.rows}
        if self.regressions or Verdict.WORSE in verdicts:
            return Verdict.WORSE
        if not verdicts or Verdict.FEW_RUNS in verdicts:
            return Verdict.FEW_RUNS
        if verdicts == {Verdict.FEW_SAMPLES}:
            return Verdict.FEW_SAMPLES
        return Verdict.BETTER if Verdict.BETTER in verdicts else Verdict.SAME

    @property
    def exit_status(self) -> int:
        """0 where nothing is worse, 1 where something is, 5 where there are too few runs or samples to say so."""
        if self.verdict is Verdict.WORSE:
            return LoadExit.FAIL
        few = self.verdict in (Verdict.FEW_RUNS, Verdict.FEW_SAMPLES)
        return LoadExit.INVALID if few else LoadExit.PASS

    @property
    def headline(self) -> str:
        """What is said of all, one line."""
        worse = [row for row in self.rows if row.verdict is Verdict.WORSE]
        if self.verdict is Verdict.WORSE:
            said = [f"{row.metric.name} of {row.type} is {row.cells[2]} times that of BASE" for row in worse[:1]]
            more = f", and {len(worse) - 1} more" if len(worse) > 1 else ""
            return "; ".join([*self.regressions, *said]) + more
        if self.verdict is Verdict.FEW_RUNS:
            counts = f"BASE has {len(self.base.used)}, NEW {len(self.new.used)}"
            return f"{LEAST_RUNS} runs of each side are needed that are neither INVALID nor interrupted; {counts}"
        if self.verdict is Verdict.FEW_SAMPLES:
            return "the runs are too short: no metric has enough samples in all of them"
        if self.verdict is Verdict.BETTER:
            better = sum(row.verdict is Verdict.BETTER for row in self.rows)
            return f"{better} of {count_words(len(self.judged), 'metric')} are better, and none is worse"
        metrics = count_words(len(self.judged), "metric")
        told = f"of {metrics}, none differs by more than chance and tolerance"
        widest = max(self.judged, key=lambda row: row.hidden)
        if widest.hidden <= self.tolerance:
            return told
        what = f"{widest.metric.name} of {widest.type}"
        return f"{told}; {what} could be up to {widest.hidden:.0%} worse without that these runs show it"


_ORDER = (Verdict.WORSE, Verdict.BETTER, Verdict.SAME, Verdict.FEW_RUNS, Verdict.FEW_SAMPLES)


def compare_load(base: Side, new: Side, tolerance: float) -> LoadComparison:
    """Compare.

    Args:
        base: runs before.
        new: runs after.
        tolerance: difference that does not matter, as a share: 0.05 for 5 %.

    Raises:
        ValueError: they were asked for otherwise; one line that says what differs.
    """
    _check_apart(base, new)
    if unlike := differences((base, new)):
        more = f"; and {len(unlike) - 5} more" if len(unlike) > 5 else ""
        raise ValueError(f"different configurations: {'; '.join(unlike[:5])}{more}")
    rows = sorted(_rows(base.used, new.used, tolerance), key=lambda row: _ORDER.index(row.verdict))
    return LoadComparison(base, new, tolerance, tuple(rows), tuple(_notes(base, new)), tuple(_regressions(base, new)))


def _check_apart(base: Side, new: Side) -> None:
    """Refuse a run that is there twice, on both sides or as a copy on one: runs are the samples.

    Raises:
        ValueError: one is.
    """
    if both := {run.file.resolve() for run in base.used} & {run.file.resolve() for run in new.used}:
        raise ValueError(f"{min(both)} is on both sides")
    for one, other in itertools.combinations((*base.used, *new.used), 2):
        if one.result == other.result:
            raise ValueError(f"{one.name} and {other.name} are copies of one run, which would count twice")


def _notes(base: Side, new: Side) -> list[str]:
    left = [
        f"not used, {run.result.state.value}: {run.name}" + "".join(f" ({reason})" for reason in run.result.reasons[:1])
        for side in (base, new)
        for run in side.left_out
    ]
    return [*left, *(f"not the same: {line}" for line in surroundings((base, new))), *_failing(base, new)]


def _failing(base: Side, new: Side) -> Iterable[str]:
    """Where another share of messages came to nothing: their times are in no percentile, which may flatter a side."""
    for name in dict.fromkeys(name for side in (base, new) for run in side.used for name in run.result.series):
        shares = []
        for side in (base, new):
            series = [run.result.series[name] for run in side.used if name in run.result.series]
            bad = sum(one.failed + one.incorrect + one.unanswered for one in series)
            shares.append(bad / max(sum(one.sent for one in series), 1))
        if abs(shares[1] - shares[0]) >= NOTED_SHARE:
            was, actual = map(percent_words, shares)
            yield f"{name}: {was} failed or unanswered in BASE, {actual} in NEW; times are of what succeeded"


def _regressions(base: Side, new: Side) -> list[str]:
    """Incorrect answers and a target that is gone are no matter of statistics, and no tolerance covers them."""
    found = []
    was, actual = (
        sum(one.incorrect for run in side.used for one in run.result.series.values()) for side in (base, new)
    )
    if actual and not was:
        found.append(f"NEW has {count_words(actual, 'incorrect answer')}, BASE has none")
    was, actual = (sum(run.result.state is RunState.LOST for run in side.left_out) for side in (base, new))
    if actual and not was:
        found.append(f"the target was LOST in {count_words(actual, 'run')} of NEW, in none of BASE")
    return found


def _rows(base: Sequence[LoadRun], new: Sequence[LoadRun], tolerance: float) -> list[Row]:
    types = dict.fromkeys(name for run in (*base, *new) for name in run.result.series)
    asked = [(name, metric) for name in types for metric in METRICS]
    values = [(_values(base, name, metric), _values(new, name, metric)) for name, metric in asked]
    # What is 0 in all runs, such as MB/s of messages without payload, is no metric of theirs.
    kept = [any(value is None or value > 0 for side in pair for value in side) for pair in values]
    asked, values = list(itertools.compress(asked, kept)), list(itertools.compress(values, kept))
    known = [place for place, pair in enumerate(values) if all(one and None not in one for one in pair)]
    found: Mapping[int, Ratio] = {}
    if known:
        matrices = [np.array([_positive(values[place])[side] for place in known]).T for side in (0, 1)]
        found = dict(zip(known, ratios(matrices[0], matrices[1]), strict=True))
    return [_row(*one, *values[place], found.get(place), tolerance) for place, one in enumerate(asked)]


def _values(runs: Sequence[LoadRun], name: str, metric: Metric) -> list[float | None]:
    return [metric.value(run.result.series.get(name, Series()), run.result) for run in runs]


def _positive(pair: tuple[list[float | None], list[float | None]]) -> list[list[float]]:
    least = min(value for side in pair for value in side if value) * LEAST_OF_NOTHING
    return [[value or least for value in side] for side in pair]


def _row(
    name: str,
    metric: Metric,
    base: Sequence[float | None],
    new: Sequence[float | None],
    ratio: Ratio | None,
    tolerance: float,
) -> Row:
    medians = [
        None if not side or None in side else statistics.median(value for value in side if value is not None)
        for side in (base, new)
    ]
    if ratio is not None:
        verdict = ratio.verdict(more_is_worse=metric.more_is_worse, tolerance=tolerance)
    else:
        verdict = Verdict.FEW_SAMPLES if base and new else Verdict.FEW_RUNS
    return Row(name, metric, medians[0], medians[1], ratio, verdict)
