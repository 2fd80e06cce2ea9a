"""Coverage of the input models: which pairs of values met in a row that was judged, and why the others did not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from hanami_conformance.cases.step import Step
from hanami_conformance.combinations.covering_rows import Plan
from hanami_conformance.combinations.input_model import Pair, pairs_of
from hanami_reports.model.coverage import ModelCoverage, NotCovered

NOT_RUN = "its rows did not run"

Steps = tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Cause:
    """The smallest row with a failure: the values that cause it.

    Attributes:
        steps: Values that are not plain.
        failure: Failure of the row.
    """

    steps: Steps
    failure: Exception

    def is_in(self, steps: Steps) -> bool:
        """Return whether a row has all of the values, whatever number stands for a class."""
        names = _names(steps)
        return bool(self.steps) and _names(self.steps) <= names

    def without(self, steps: Steps) -> Steps:
        """Return a row with these values set back to the plain ones."""
        dimensions = {step.action for step in self.steps}
        return tuple(step for step in steps if step.action not in dimensions)


def _names(steps: Steps) -> set[tuple[str, str]]:
    return {(step.action, str(step.arguments.get("value"))) for step in steps}


@dataclass
class CoverageLog:
    """The rows of a run.

    Attributes:
        plans: Plan of each model that is in use.
        executed: Executed rows with a verdict, by case: name of the model, and the row.
        left_out: Planned rows that were not executed, by model, each with the reason.
        causes: Smallest failing rows so far, by model.
        raised: Causes that are the failure of a case.
    """

    plans: dict[str, Plan] = field(default_factory=dict)
    executed: dict[str, list[tuple[str, Steps]]] = field(default_factory=lambda: defaultdict(list))
    left_out: dict[str, list[tuple[Steps, str]]] = field(default_factory=lambda: defaultdict(list))
    causes: dict[str, list[Cause]] = field(default_factory=lambda: defaultdict(list))
    raised: list[Cause] = field(default_factory=list)

    def coverage(self, judged: Collection[str]) -> tuple[ModelCoverage, ...]:
        """Return the coverage of each model.

        Args:
            judged: Ids of the cases that have a verdict.
        """
        rows: dict[str, list[Steps]] = defaultdict(list)
        for case, executed in self.executed.items():
            for name, steps in executed if case in judged else ():
                rows[name].append(steps)
        return tuple(_coverage(plan, rows[name], self.left_out[name]) for name, plan in self.plans.items())


def _coverage(plan: Plan, rows: Sequence[Steps], left_out: Sequence[tuple[Steps, str]]) -> ModelCoverage:
    model = plan.model
    met: set[Pair] = set().union(*(pairs_of(model.row(steps)) for steps in rows))
    reasons = {pair: reason for steps, reason in left_out for pair in pairs_of(model.row(steps))}
    excluded: list[tuple[Pair, str]] = []
    missing: list[tuple[Pair, str]] = []
    covered = 0
    for pair in model.pairs():
        if pair in met:
            covered += 1
        elif reason := plan.exclusion(*pair):
            excluded.append((pair, reason))
        else:
            missing.append((pair, reasons.get(pair, NOT_RUN)))
    return ModelCoverage(
        name=model.name,
        title=model.title,
        dimensions=len(model.dimensions),
        values=sum(len(dimension.values) for dimension in model.dimensions),
        rows=len(rows),
        pairs=covered + len(excluded) + len(missing),
        covered=covered,
        excluded=tuple(_grouped(excluded)),
        missing=tuple(_grouped(missing)),
    )


def _grouped(pairs: Sequence[tuple[Pair, str]]) -> Iterator[NotCovered]:
    """Yield pairs by their reason and by the value that most of them share."""
    rest = list(pairs)
    while rest:
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for pair, reason in rest:
            for choice in pair:
                counts[str(choice), reason] += 1
        value, reason = max(counts, key=lambda key: counts[key])
        members = [pair for pair, why in rest if why == reason and value in map(str, pair)]
        others = [str(choice) for pair in members for choice in pair if str(choice) != value]
        yield NotCovered(value, tuple(others), reason)
        rest = [(pair, why) for pair, why in rest if why != reason or value not in map(str, pair)]
