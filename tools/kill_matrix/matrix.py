"""The matrix: which test detected which fault, and the problems that make it fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol

from hanami_reports.model.conformance import CaseResult, ExitStatus, Level, Outcome, RunResult

FORMAT = "hanami-kill-matrix"
FORMAT_VERSION = 1
DETECTING = (Outcome.FAILED, Outcome.LOST)
REGULAR_STATUSES = frozenset(
    {ExitStatus.CONFORMANT, ExitStatus.NOT_CONFORMANT, ExitStatus.TARGET_LOST, ExitStatus.NOTHING_RAN}
)


class FaultInfo(Protocol):
    """A fault as a row describes it."""

    @property
    def name(self) -> str:
        """Value of ``--fault``."""

    @property
    def violates(self) -> tuple[str, ...]:
        """Ids of the violated requirements, the main one first."""

    @property
    def text(self) -> str:
        """Behaviour of the server, one line."""


@dataclass(frozen=True)
class Row:
    """One fault and the tests that detected it.

    Attributes:
        fault: Name of the fault.
        violates: Ids of the requirements that it violates, the main one first.
        text: Behaviour of the server, one line.
        exit_status: Exit status of the run, None if it did not end in time.
        seconds: Duration of the run.
        cases: Number of cases in the result.
        planned: Number of cases that should have run.
        unfinished: Cases that did not run or made no assertions, and the reasons.
        tests: Tests that ran.
        detected_by: Tests that failed or lost the server, and the requirements that their failures are attributed to.
        failed_cases: Number of cases that failed or lost the server.
        example: Reason of the first of these failures, with the expected and the actual behaviour.
    """

    fault: str
    violates: tuple[str, ...]
    text: str
    exit_status: int | None
    seconds: float
    cases: int
    planned: int
    unfinished: Mapping[str, str]
    tests: tuple[str, ...]
    detected_by: Mapping[str, tuple[str, ...]]
    failed_cases: int
    example: str

    @property
    def correctly_attributed(self) -> tuple[str, ...]:
        """Tests whose failures are attributed to a requirement that the fault violates."""
        return tuple(test for test, named in self.detected_by.items() if set(named) & set(self.violates))

    @property
    def failed_requirements(self) -> tuple[str, ...]:
        """Requirements that failures are attributed to."""
        return tuple(dict.fromkeys(name for names in self.detected_by.values() for name in names))

    @property
    def other_requirements(self) -> tuple[str, ...]:
        """Requirements that failures are attributed to although the fault does not violate them."""
        return tuple(name for name in self.failed_requirements if name not in self.violates)

    def merge(self, other: Row) -> Row:
        """Return this row together with that of other cases against the same fault."""
        statuses = (self.exit_status, other.exit_status)
        status = None if None in statuses else max(one for one in statuses if one is not None)
        detected_by = dict(self.detected_by)
        for test, names in other.detected_by.items():
            detected_by[test] = tuple(dict.fromkeys((*detected_by.get(test, ()), *names)))
        return replace(
            self,
            exit_status=status,
            seconds=round(self.seconds + other.seconds, 1),
            cases=self.cases + other.cases,
            planned=self.planned + other.planned,
            unfinished={**self.unfinished, **other.unfinished},
            tests=(*self.tests, *other.tests),
            detected_by=detected_by,
            failed_cases=self.failed_cases + other.failed_cases,
            example=self.example if self.correctly_attributed else other.example or self.example,
        )


@dataclass(frozen=True)
class Collateral:
    """How many requirements, or cases, fail for a fault: few, where it is attributed to what it violates alone.

    Attributes:
        mean: Mean over the faults.
        most: Largest number.
        fault: Fault with that number.
    """

    mean: float
    most: int
    fault: str

    def __str__(self) -> str:
        return f"mean {self.mean:g}, at most {self.most} ({self.fault})"


@dataclass(frozen=True)
class Matrix:
    """All faults against all tests.

    Attributes:
        rows: Rows in the order of the catalogue of faults.
        tests: Every test of the suite with the requirements that it names, in the order of the suite.
        observing: Tests that only record behaviour and assert nothing.
        levels: Every selected requirement with its level.
        baseline_problems: Problems of the run against the unmodified server.
        complete: Whether all faults were tried, so that tests and requirements without a fault are problems.
        manifest: Facts about the runs for the page and the file.
    """

    rows: tuple[Row, ...]
    tests: Mapping[str, tuple[str, ...]]
    observing: frozenset[str]
    levels: Mapping[str, Level]
    baseline_problems: tuple[str, ...]
    complete: bool
    manifest: Mapping[str, object] = field(default_factory=dict)

    @property
    def killed(self) -> int:
        """Number of faults that were detected under a requirement that they violate."""
        return sum(bool(row.correctly_attributed) for row in self.rows)

    @property
    def collateral(self) -> Mapping[str, Collateral]:
        """How many requirements fail for a fault, how many of them it does not violate, and how many cases fail."""
        counts: Mapping[str, Callable[[Row], int]] = {
            "failed requirements": lambda row: len(row.failed_requirements),
            "failed requirements that it does not violate": lambda row: len(row.other_requirements),
            "failed cases": lambda row: row.failed_cases,
        }
        return {what: self._collateral(count) for what, count in counts.items()} if self.rows else {}

    def _collateral(self, count: Callable[[Row], int]) -> Collateral:
        worst = max(self.rows, key=count)
        return Collateral(round(sum(map(count, self.rows)) / len(self.rows), 2), count(worst), worst.fault)

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that makes the matrix fail, one line each."""
        return (
            *self.baseline_problems,
            *self._problems_of_rows(),
            *self._problems_of_tests(),
            *self._problems_of_requirements(),
        )

    def _problems_of_rows(self) -> Iterator[str]:
        for row in self.rows:
            if row.exit_status not in REGULAR_STATUSES:
                ended = "did not end in time" if row.exit_status is None else f"ended with status {row.exit_status}"
                yield f"the run against {row.fault} {ended}"
                continue
            if not row.detected_by:
                yield f"{row.fault} survives: {row.text}"
            elif not row.correctly_attributed:
                named = ", ".join(row.other_requirements) or "none"
                violated = ", ".join(row.violates)
                yield f"{row.fault} is detected, but under the wrong requirement: {named} instead of {violated}"
            if row.exit_status == ExitStatus.TARGET_LOST:
                continue  # the other cases could not run without the server
            if row.cases < row.planned:
                yield f"{row.cases} cases ran against {row.fault} instead of {row.planned}"
            for case, reason in row.unfinished.items():
                yield f"a case made no assertions against {row.fault}: {case}: {reason}"

    def _problems_of_tests(self) -> Iterator[str]:
        detecting = {test for row in self.rows for test in row.detected_by}
        for test, requirements in self.tests.items():
            if not requirements:
                yield f"{test} names no requirement"
            if self.complete and test not in detecting and test not in self.observing:
                yield f"{test} detects no fault"

    def _problems_of_requirements(self) -> Iterator[str]:
        named = {name for names in self.tests.values() for name in names}
        violated = {name for row in self.rows for name in row.violates}
        for requirement, level in self.levels.items():
            if requirement not in named:
                yield f"{requirement} has no test"
            if self.complete and level is not Level.OBSERVE and requirement not in violated:
                yield f"{requirement} ({level.value}) is violated by no fault"

    def to_json(self) -> str:
        """Return the matrix as the text of ``matrix.json``."""
        rows = [
            {
                **asdict(row),
                "correctly_attributed": row.correctly_attributed,
                "failed_requirements": row.failed_requirements,
                "other_requirements": row.other_requirements,
            }
            for row in self.rows
        ]
        data = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "passed": not self.problems,
            "problems": self.problems,
            "collateral": {what: asdict(figures) for what, figures in self.collateral.items()},
            "manifest": self.manifest,
            "faults": rows,
            "tests": self.tests,
            "observing": sorted(self.observing),
        }
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def test_of(case_id: str) -> str:
    """Return the test that a case belongs to: its id without parameters."""
    return case_id.split("[", maxsplit=1)[0]


def row_from(fault: FaultInfo, result: RunResult | None, status: int | None, seconds: float, planned: int) -> Row:
    """Return the row of a fault.

    Args:
        fault: Fault of the server.
        result: Result of the run, None if it left none.
        status: Exit status of the run, None if it did not end in time.
        seconds: Duration of the run.
        planned: Number of cases that should have run.
    """
    cases = result.cases if result is not None else ()
    failures = [case for case in cases if case.outcome in DETECTING]
    detected_by: dict[str, tuple[str, ...]] = {}
    for case in failures:
        names = (*detected_by.get(test_of(case.id), ()), *_attributed(case))
        detected_by[test_of(case.id)] = tuple(dict.fromkeys(names))
    correct = [case for case in failures if set(_attributed(case)) & set(fault.violates)]
    examples = correct or failures
    return Row(
        fault=fault.name,
        violates=fault.violates,
        text=fault.text,
        exit_status=status,
        seconds=round(seconds, 1),
        cases=len(cases),
        planned=planned,
        unfinished=_unfinished(cases),
        tests=tuple(dict.fromkeys(test_of(case.id) for case in cases)),
        detected_by=detected_by,
        failed_cases=len(failures),
        example=examples[0].reason if examples else "",
    )


def _attributed(case: CaseResult) -> Sequence[str]:
    return case.violated or case.requirements[:1]


def _unfinished(cases: Sequence[CaseResult]) -> dict[str, str]:
    without_verdict = (Outcome.NOT_RUN, Outcome.VACUOUS, Outcome.ERROR)
    return {case.id: case.reason for case in cases if case.outcome in without_verdict}


def baseline_problems(result: RunResult | None, status: int | None) -> tuple[str, ...]:
    """Return the problems of a run against the unmodified server, one line each."""
    if result is None or status != ExitStatus.CONFORMANT:
        headline = "it left no result" if result is None else result.headline
        return (f"the run against the unmodified server ended with status {status}: {headline}",)
    empty = [case.id for case in result.cases if not (case.exchanges and case.checks)]
    return tuple(f"a case sent or compared nothing against the unmodified server: {case}" for case in empty)
