"""Several results side by side: the cases of a requirement in rows, the results in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hanami_reports.model.conformance import CaseResult, Outcome, RunResult
from hanami_reports.model.known_failures import strip_parameters

ABSENT = "absent"  # a case that a result does not have
# Mark of an outcome; its name always stands beside the mark, or is read out.
OUTCOME_MARKS: Mapping[str, str] = {
    Outcome.PASSED: "✓",
    Outcome.FAILED: "✗",
    Outcome.LOST: "!",
    Outcome.ERROR: "‼",
    Outcome.KNOWN: "◆",
    Outcome.BLOCKED: "■",
    Outcome.VACUOUS: "∅",
    Outcome.UNSUPPORTED: "\N{EN DASH}",
    Outcome.SKIPPED: "»",
    Outcome.NOT_RUN: "?",
    ABSENT: "·",
}
_PROBLEMS = (Outcome.FAILED, Outcome.LOST, Outcome.ERROR, Outcome.BLOCKED, Outcome.VACUOUS)


@dataclass(frozen=True)
class CaseRow:
    """The cases of one test that have the same outcomes.

    Attributes:
        test: Id of the test, without parameters.
        cases: Ids of the cases.
        outcomes: Outcome in each result, :data:`ABSENT` where the result does not have the cases.
    """

    test: str
    cases: tuple[str, ...]
    outcomes: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the results that have the cases disagree."""
        return len(set(self.outcomes) - {ABSENT}) > 1

    @property
    def has_problem(self) -> bool:
        """Whether any result has a problem with the cases."""
        return any(outcome in _PROBLEMS for outcome in self.outcomes)


class CaseGrid:
    """The cases of several results.

    Args:
        results: Results in the order of the columns.
    """

    def __init__(self, results: Sequence[RunResult]) -> None:
        self._cases = [{case.id: case for case in result.cases} for result in results]
        self._requirements = [{one.id: one.cases for one in result.requirements} for result in results]

    def rows(self, requirement: str) -> list[CaseRow]:
        """Return the cases of a requirement: first those that differ, then those with problems, then the others."""
        names = dict.fromkeys(name for own in self._requirements for name in own.get(requirement, ()))
        groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for name in names:
            outcomes = tuple(_outcome(own.get(name)) for own in self._cases)
            if any(outcome != ABSENT for outcome in outcomes):
                groups.setdefault((strip_parameters(name), outcomes), []).append(name)
        rows = [CaseRow(test, tuple(cases), outcomes) for (test, outcomes), cases in groups.items()]
        return sorted(rows, key=lambda row: (not row.differs, not row.has_problem))


def _outcome(case: CaseResult | None) -> str:
    return case.outcome.value if case is not None else ABSENT
