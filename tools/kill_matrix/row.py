"""A row of the matrix: one fault, and the tests that detected it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

from hanami_reports.model.conformance import (
    JUDGED_OUTCOMES,
    CaseResult,
    ExitStatus,
    Outcome,
    RequirementResult,
    RunResult,
)
from hanami_reports.model.findings import Finding, find

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
    """One fault and the tests that detected it, or one faulty client and the scenarios that did.

    Attributes:
        fault: Name of the fault.
        violates: Ids of the requirements that it violates, the main one first.
        text: Behaviour of the server, one line.
        exit_status: Exit status of the run, None if it did not end in time.
        seconds: Duration of the run.
        cases: Number of cases in the result.
        planned: Number of cases that should have run.
        judged: Number of cases that said something about the target.
        unfinished: Cases that did not run or made no assertions, and the reasons.
        tests: Tests that ran.
        failures: Cases that failed or lost the server.
        requirements: Requirements of the run, with their levels.
    """

    fault: str
    violates: tuple[str, ...]
    text: str
    exit_status: int | None
    seconds: float
    cases: int
    planned: int
    judged: int
    unfinished: Mapping[str, str]
    tests: tuple[str, ...]
    failures: tuple[CaseResult, ...]
    requirements: tuple[RequirementResult, ...]

    @cached_property
    def detected_by(self) -> Mapping[str, tuple[str, ...]]:
        """Tests that failed or lost the server, and the requirements that their failures are attributed to."""
        found: dict[str, tuple[str, ...]] = {}
        for case in self.failures:
            names = (*found.get(test_of(case), ()), *_attributed(case))
            found[test_of(case)] = tuple(dict.fromkeys(names))
        return found

    @property
    def failed_cases(self) -> int:
        """Number of cases that failed or lost the server."""
        return len(self.failures)

    @property
    def example(self) -> str:
        """Reason of the first failure that is attributed to a violated requirement, or else of the first one."""
        correct = (case for case in self.failures if set(_attributed(case)) & set(self.violates))
        return next((case.reason for case in (*correct, *self.failures)), "")

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The failures as a report shows them: those with one cause together, the most important first."""
        return find(RunResult({}, ExitStatus.NOT_CONFORMANT, "", self.requirements, self.failures))

    @property
    def first_finding(self) -> str:
        """Requirement that the first finding names first; empty if there is none."""
        return next((one.id for finding in self.findings[:1] for one in finding.requirements), "")

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

    @property
    def outcome(self) -> str:
        """Whether the fault was detected, and under which requirement; one line."""
        if self.correctly_attributed:
            return f"killed by {len(self.correctly_attributed)}"
        if self.detected_by:
            return f"detected under the wrong requirement: {', '.join(self.other_requirements)}"
        return "SURVIVED" if self.judged else "NOT JUDGED"

    def merge(self, other: Row) -> Row:
        """Return this row together with that of other cases against the same fault."""
        statuses = (self.exit_status, other.exit_status)
        status = None if None in statuses else max(one for one in statuses if one is not None)
        return replace(
            self,
            exit_status=status,
            seconds=round(self.seconds + other.seconds, 1),
            cases=self.cases + other.cases,
            planned=self.planned + other.planned,
            judged=self.judged + other.judged,
            unfinished={**self.unfinished, **other.unfinished},
            tests=(*self.tests, *other.tests),
            failures=(*self.failures, *other.failures),
            requirements=self.requirements or other.requirements,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the row in the form of ``matrix.json``."""
        return {
            "fault": self.fault,
            "violates": self.violates,
            "text": self.text,
            "exit_status": self.exit_status,
            "seconds": self.seconds,
            "cases": self.cases,
            "planned": self.planned,
            "judged": self.judged,
            "unfinished": self.unfinished,
            "tests": self.tests,
            "detected_by": self.detected_by,
            "failed_cases": self.failed_cases,
            "example": self.example,
            "correctly_attributed": self.correctly_attributed,
            "failed_requirements": self.failed_requirements,
            "other_requirements": self.other_requirements,
            "findings": [
                {"title": finding.title, "requirements": [one.id for one in finding.requirements]}
                for finding in self.findings
            ],
        }


def test_of(case: CaseResult) -> str:
    """Return the test that a case belongs to: its id without parameters, of a case about a client its scenario."""
    return case.scenario or case.id.split("[", maxsplit=1)[0]


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
    return Row(
        fault=fault.name,
        violates=fault.violates,
        text=fault.text,
        exit_status=status,
        seconds=round(seconds, 1),
        cases=len(cases),
        planned=planned,
        judged=sum(case.outcome in JUDGED_OUTCOMES for case in cases),
        unfinished=_unfinished(cases),
        tests=tuple(dict.fromkeys(test_of(case) for case in cases)),
        failures=tuple(case for case in cases if case.outcome in DETECTING),
        requirements=result.requirements if result is not None else (),
    )


def _attributed(case: CaseResult) -> Sequence[str]:
    return case.violated or case.requirements[:1]


def _unfinished(cases: Sequence[CaseResult]) -> dict[str, str]:
    without_verdict = (Outcome.NOT_RUN, Outcome.VACUOUS, Outcome.ERROR)
    return {case.id: case.reason for case in cases if case.outcome in without_verdict}
