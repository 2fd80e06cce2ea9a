"""The matrix: which test detected which fault, and the problems that make it fail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from statistics import mean, median

from hanami_reports.model.conformance import CaseResult, ExitStatus, Level, RunResult
from tools.kill_matrix.row import REGULAR_STATUSES, Row

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Subject:
    """What a matrix is of: the words of its lines and of its page.

    Attributes:
        title: Title of the page.
        format: Name of the format of ``matrix.json``.
        target: What has the faults: ``server`` or ``client``.
        row: What a row is, such as ``fault``.
        column: What a column is, such as ``test``.
        about: What ran, one sentence.
    """

    title: str
    format: str
    target: str
    row: str
    column: str
    about: str


SERVERS = Subject(
    "kill matrix",
    "hanami-kill-matrix",
    "server",
    "fault",
    "test",
    "The suite ran against the reference backend once for each fault that can be injected into it.",
)


@dataclass(frozen=True)
class Collateral:
    """How much fails for a fault: little, where it is attributed to what it violates alone.

    Attributes:
        mean: Mean over the faults.
        median: Median over the faults.
        most: Largest number.
        fault: Fault with that number.
    """

    mean: float
    median: float
    most: int
    fault: str

    def __str__(self) -> str:
        return f"mean {self.mean:g}, median {self.median:g}, at most {self.most} ({self.fault})"


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
        subject: What has the faults.
        notes: What the figures do not show, one line each.
    """

    rows: tuple[Row, ...]
    tests: Mapping[str, tuple[str, ...]]
    observing: frozenset[str]
    levels: Mapping[str, Level]
    baseline_problems: tuple[str, ...]
    complete: bool
    manifest: Mapping[str, object] = field(default_factory=dict)
    subject: Subject = SERVERS
    notes: tuple[str, ...] = ()

    @property
    def killed(self) -> int:
        """Number of faults that were detected under a requirement that they violate."""
        return sum(bool(row.correctly_attributed) for row in self.rows)

    @property
    def collateral(self) -> Mapping[str, Collateral]:
        """For a fault: the failed requirements, those of them that it does not violate, failed cases, and findings."""
        counts: Mapping[str, Callable[[Row], int]] = {
            "failed requirements": lambda row: len(row.failed_requirements),
            "failed requirements that it does not violate": lambda row: len(row.other_requirements),
            "failed cases": lambda row: row.failed_cases,
            "findings": lambda row: len(row.findings),
        }
        return {what: self._collateral(count) for what, count in counts.items()} if self.rows else {}

    def _collateral(self, count: Callable[[Row], int]) -> Collateral:
        worst = max(self.rows, key=count)
        counts = [count(row) for row in self.rows]
        return Collateral(round(mean(counts), 2), median(counts), count(worst), worst.fault)

    @property
    def first_finding_right(self) -> int:
        """Number of faults whose first finding begins with a requirement that the fault violates."""
        return sum(row.first_finding in row.violates for row in self.rows)

    @property
    def first_findings(self) -> str:
        """How many faults have a first finding that names the right requirement, as a line of a report."""
        share = 100 * self.first_finding_right / len(self.rows) if self.rows else 0
        return (
            f"first finding begins with a violated requirement: {self.first_finding_right} of {len(self.rows)} "
            f"{self.subject.row}s ({share:.0f} %)"
        )

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
            if not row.judged:
                yield f"the run against {row.fault} judged nothing"
            elif not row.detected_by:
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
                yield f"{test} detects no {self.subject.row}"

    def _problems_of_requirements(self) -> Iterator[str]:
        named = {name for names in self.tests.values() for name in names}
        violated = {name for row in self.rows for name in row.violates}
        for requirement, level in self.levels.items():
            if requirement not in named:
                yield f"{requirement} has no {self.subject.column}"
            if self.complete and level is not Level.OBSERVE and requirement not in violated:
                yield f"{requirement} ({level.value}) is violated by no {self.subject.row}"

    def to_json(self) -> str:
        """Return the matrix as the text of ``matrix.json``."""
        data = {
            "format": self.subject.format,
            "format_version": FORMAT_VERSION,
            "passed": not self.problems,
            "problems": self.problems,
            "collateral": {what: asdict(figures) for what, figures in self.collateral.items()},
            "first_finding_right": self.first_finding_right,
            "notes": self.notes,
            "manifest": self.manifest,
            "faults": [row.to_json() for row in self.rows],
            "tests": self.tests,
            "observing": sorted(self.observing),
        }
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def baseline_problems(result: RunResult | None, status: int | None, subject: Subject = SERVERS) -> tuple[str, ...]:
    """Return the problems of a run against the unmodified server, or of the unmodified client, one line each."""
    if result is None or status != ExitStatus.CONFORMANT:
        headline = "it left no result" if result is None else result.headline
        failed = () if result is None else dict.fromkeys(name for case in result.cases for name in case.violated)
        named = f": {', '.join(failed)}" if failed else ""
        return (f"the run against the unmodified {subject.target} ended with status {status}: {headline}{named}",)
    # What a client sends is counted once for all cases of its scenario.
    sent = Counter[str]()
    for case in result.cases:
        sent[_sender(case)] += case.exchanges
    empty = [case.id for case in result.cases if not (sent[_sender(case)] and case.checks)]
    return tuple(f"a case sent or compared nothing against the unmodified {subject.target}: {case}" for case in empty)


def _sender(case: CaseResult) -> str:
    return case.scenario or case.id
