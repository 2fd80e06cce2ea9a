"""Which test noticed which fault, and what is lacking."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol

from hanami_reports.model.conformance import CaseResult, ExitStatus, Level, Outcome, RunResult

FORMAT = "hanami-kill-matrix"
FORMAT_VERSION = 1
NOTICED = (Outcome.FAILED, Outcome.LOST)
CRASH = (ExitStatus.CONFORMANT, ExitStatus.NOT_CONFORMANT, ExitStatus.TARGET_LOST, ExitStatus.NOTHING_RAN)


class Lie(Protocol):
    """What a row needs to know of a fault: its name, the requirements that it breaks, and what the server does."""

    @property
    def name(self) -> str:
        """As ``--fault`` takes it."""

    @property
    def violates(self) -> tuple[str, ...]:
        """Ids of requirements, first the one that it is about."""

    @property
    def text(self) -> str:
        """What the server does, one line."""


@dataclass(frozen=True)
class Row:
    """One fault and who noticed it.

    Attributes:
        fault: its name.
        breaks: requirements that it breaks, first the one that it is about.
        text: what the server does.
        exit_status: of the run, None where it did not end in time.
        seconds: that the run took.
        cases: that it had.
        planned: cases that it should have had.
        unfinished: cases that were not run though the server was there, or judged nothing, and why.
        tests: those that ran.
        noticed: tests that failed or lost the server, and the requirements that they blame.
        example: why the first of them failed, expected and came.
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
    noticed: Mapping[str, tuple[str, ...]]
    example: str

    @property
    def rightly(self) -> tuple[str, ...]:
        """The tests that blame a requirement which the fault breaks."""
        return tuple(test for test, blamed in self.noticed.items() if set(blamed) & set(self.violates))

    def joined(self, other: Row) -> Row:
        """Return this row and that of other cases against the same fault."""
        statuses = (self.exit_status, other.exit_status)
        status = None if None in statuses else max(one for one in statuses if one is not None)
        noticed = dict(self.noticed)
        for test, blamed in other.noticed.items():
            noticed[test] = tuple(dict.fromkeys((*noticed.get(test, ()), *blamed)))
        return replace(
            self,
            exit_status=status,
            seconds=round(self.seconds + other.seconds, 1),
            cases=self.cases + other.cases,
            planned=self.planned + other.planned,
            unfinished={**self.unfinished, **other.unfinished},
            tests=(*self.tests, *other.tests),
            noticed=noticed,
            example=self.example if self.rightly else other.example or self.example,
        )

    @property
    def besides(self) -> tuple[str, ...]:
        """Requirements that were blamed and that the fault is not said to break."""
        blamed = dict.fromkeys(name for names in self.noticed.values() for name in names)
        return tuple(name for name in blamed if name not in self.violates)


@dataclass(frozen=True)
class Matrix:
    """All faults against all tests.

    Attributes:
        rows: in the order of the catalogue.
        tests: every test of the suite and the requirements that it names, in the order of the suite.
        observing: tests that record and judge nothing.
        levels: every requirement of the catalogue and its level.
        honest: what is wrong with the run against the honest server, empty where nothing is.
        whole: whether all faults were tried, so that what no fault brought out can be told.
    """

    rows: tuple[Row, ...]
    tests: Mapping[str, tuple[str, ...]]
    observing: frozenset[str]
    levels: Mapping[str, Level]
    honest: tuple[str, ...]
    whole: bool
    manifest: Mapping[str, object] = field(default_factory=dict)

    @property
    def lacking(self) -> tuple[str, ...]:
        """What makes the matrix red, a line each."""
        return (*self.honest, *self._of_rows(), *self._of_tests(), *self._of_requirements())

    def _of_rows(self) -> Iterator[str]:
        for row in self.rows:
            if row.exit_status not in CRASH:
                ended = "did not end in time" if row.exit_status is None else f"ended with status {row.exit_status}"
                yield f"the run against {row.fault} {ended}"
                continue
            if not row.noticed:
                yield f"{row.fault} survives: {row.text}"
            elif not row.rightly:
                named = ", ".join(row.besides) or "nothing"
                violated = ", ".join(row.violates)
                yield f"{row.fault} is detected, but under the wrong requirement: {named} instead of {violated}"
            if row.exit_status == ExitStatus.TARGET_LOST:
                continue
            if row.cases < row.planned:
                yield f"{row.cases} cases ran against {row.fault} instead of {row.planned}"
            for case, reason in row.unfinished.items():
                yield f"a case judged nothing against {row.fault}: {case}: {reason}"

    def _of_tests(self) -> Iterator[str]:
        noticing = {test for row in self.rows for test in row.noticed}
        for test, requirements in self.tests.items():
            if not requirements:
                yield f"{test} names no requirement"
            if self.whole and test not in noticing and test not in self.observing:
                yield f"{test} notices no fault"

    def _of_requirements(self) -> Iterator[str]:
        named = {name for names in self.tests.values() for name in names}
        broken = {name for row in self.rows for name in row.violates}
        for requirement, level in self.levels.items():
            if requirement not in named:
                yield f"{requirement} has no test"
            if self.whole and level is not Level.OBSERVE and requirement not in broken:
                yield f"{requirement} ({level.value}) is broken by no fault"

    def to_json(self) -> str:
        """Return the file form."""
        rows = [{**asdict(row), "rightly": row.rightly, "besides": row.besides} for row in self.rows]
        data = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "green": not self.lacking,
            "lacking": self.lacking,
            "manifest": self.manifest,
            "faults": rows,
            "tests": self.tests,
            "observing": sorted(self.observing),
        }
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def test_of(case_id: str) -> str:
    """The test that a case belongs to: its id without parameters."""
    return case_id.split("[", maxsplit=1)[0]


def row_of(lie: Lie, result: RunResult | None, status: int | None, seconds: float, planned: int) -> Row:
    """Return the row of a fault.

    Args:
        lie: that the server told.
        result: what the run left, None for nothing.
        status: its exit status, None where it did not end in time.
        seconds: that it took.
        planned: how many cases it should have had.
    """
    cases = result.cases if result is not None else ()
    noticed: dict[str, tuple[str, ...]] = {}
    for case in cases:
        if case.outcome in NOTICED:
            names = (*noticed.get(test_of(case.id), ()), *_blamed(case))
            noticed[test_of(case.id)] = tuple(dict.fromkeys(names))
    right = [case for case in cases if case.outcome in NOTICED and set(_blamed(case)) & set(lie.violates)]
    first = next(iter(right or (case for case in cases if case.outcome in NOTICED)), None)
    return Row(
        fault=lie.name,
        violates=lie.violates,
        text=lie.text,
        exit_status=status,
        seconds=round(seconds, 1),
        cases=len(cases),
        planned=planned,
        unfinished=_unfinished(cases),
        tests=tuple(dict.fromkeys(test_of(case.id) for case in cases)),
        noticed=noticed,
        example="" if first is None else first.reason,
    )


def _blamed(case: CaseResult) -> Sequence[str]:
    return case.violated or case.requirements[:1]


def _unfinished(cases: Sequence[CaseResult]) -> dict[str, str]:
    lacking = (Outcome.NOT_RUN, Outcome.VACUOUS, Outcome.ERROR)
    return {case.id: case.reason for case in cases if case.outcome in lacking}


def honest_lacks(result: RunResult | None, status: int | None) -> tuple[str, ...]:
    """Return what is wrong with a run against the honest server, a line each."""
    if result is None or status != ExitStatus.CONFORMANT:
        headline = "it left no result" if result is None else result.headline
        return (f"the run against the honest server ended with status {status}: {headline}",)
    empty = [case.id for case in result.cases if not (case.exchanges and case.checks)]
    return tuple(f"a case sent or compared nothing against the honest server: {case}" for case in empty)
