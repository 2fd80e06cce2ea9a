"""An entry of a list of known failures, and what became of it in a run."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


@dataclass(frozen=True)
class Entry:
    """One failure that is known.

    Attributes:
        requirement: id of the requirement that is broken, empty where a case is named.
        case: ``file::test[parameters]``, or ``file::test`` for a test with any parameters; empty for a requirement.
        message: text that the failure holds.
        reason: why it is not mended, for people.
        link: where more is told, may be empty.
        owner: who is to mend it, may be empty.
        expires: the last day that it is excused, as ISO 8601 writes a date; empty for no end.
        flaky: whether it comes and goes.
        line: of the file that it begins at; 0 where that is not known.
    """

    requirement: str = ""
    case: str = ""
    message: str = ""
    reason: str = ""
    link: str = ""
    owner: str = ""
    expires: str = ""
    flaky: bool = False
    line: int = 0

    @property
    def subject(self) -> str:
        """What it is about."""
        return self.requirement or self.case

    def covers(self, case: str, requirements: Collection[str]) -> bool:
        """Whether it is about a case.

        Args:
            case: id of the case.
            requirements: of a case that failed those that it broke, else those that it can break.
        """
        if self.requirement:
            return self.requirement in requirements
        return self.case == case or ("[" not in self.case and self.case == test_of(case))

    def is_told_in(self, texts: Iterable[str]) -> bool:
        """Whether its message stands in one of the texts of a failure."""
        return any(self.message in text for text in texts)

    def is_over(self, today: date) -> bool:
        """Whether it has expired."""
        return bool(self.expires) and date.fromisoformat(self.expires) < today

    @property
    def because(self) -> str:
        """Its reason and its link, on one line."""
        return f"{self.reason} ({self.link})" if self.link else self.reason


class Problem(StrEnum):
    """What is wrong with an entry."""

    STALE = "no longer holds"
    OTHERWISE = "fails otherwise"
    NOWHERE = "names nothing"
    EXPIRED = "has expired"


@dataclass(frozen=True)
class EntryResult:
    """What became of an entry in a run.

    Attributes:
        entry: as the list has it.
        cases: ids of those that failed as it says.
        problem: what is wrong with it, None for nothing.
        explanation: the problem for people, one line; empty for none.
    """

    entry: Entry
    cases: tuple[str, ...] = ()
    problem: Problem | None = None
    explanation: str = ""


@dataclass(frozen=True)
class KnownFailuresReport:
    """What became of a list in a run.

    Attributes:
        file: of the list, as it was named.
        server: that the list is for, as it says; may be empty.
        entries: in the order of the list.
    """

    file: str
    server: str = ""
    entries: tuple[EntryResult, ...] = ()

    @property
    def wrong(self) -> tuple[EntryResult, ...]:
        """Entries that must be mended."""
        return tuple(one for one in self.entries if one.problem is not None)

    def place(self, entry: Entry) -> str:
        """Where an entry stands."""
        return f"{self.file}:{entry.line}" if entry.line else self.file

    def in_short(self) -> str:
        """Return what is wrong with the list, in a few words; empty for nothing."""
        counts = {problem: sum(one.problem is problem for one in self.entries) for problem in Problem}
        parts = [_words(problem, count) for problem, count in counts.items() if count]
        return f"known failures: {', '.join(parts)}" if parts else ""

    def mending(self, result: str) -> str:
        """Return the command that mends the list after a run.

        Args:
            result: path of the run's result.
        """
        late = any(one.problem is Problem.EXPIRED and one.cases for one in self.entries)
        return update_command(self.file, result) + (" --expires YYYY-MM-DD" if late else "")


def update_command(file: str, result: str) -> str:
    """Return the command that brings a list up to date."""
    return f"hanami-conformance known --update {shlex.quote(file)} --from {shlex.quote(result)}"


def test_of(case: str) -> str:
    """The test of a case: its id without the parameters."""
    return case.partition("[")[0]


def _words(problem: Problem, count: int) -> str:
    many = {
        Problem.STALE: "no longer hold",
        Problem.OTHERWISE: "fail otherwise",
        Problem.NOWHERE: "name nothing",
        Problem.EXPIRED: "have expired",
    }
    return f"1 entry {problem.value}" if count == 1 else f"{count} entries {many[problem]}"
