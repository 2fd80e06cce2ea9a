"""Entries of a list of known failures, and their state after a run."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


@dataclass(frozen=True)
class Entry:
    """One known failure.

    Attributes:
        requirement: Id of the violated requirement; empty if the entry is for a case.
        case: ``file::test[parameters]``, or ``file::test`` for all parameters; empty if the entry is for a requirement.
        message: Text that the failure contains.
        reason: Reason why it is not fixed, for people.
        link: Address of more information; may be empty.
        owner: Person who fixes it; may be empty.
        expires: Last day of the entry, as ISO 8601; empty for no end.
        flaky: Whether the failure is intermittent.
        line: Line of the file where the entry begins; 0 if unknown.
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
        """Requirement or case of the entry."""
        return self.requirement or self.case

    def covers(self, case: str, requirements: Collection[str]) -> bool:
        """Whether the entry is for a case.

        Args:
            case: Id of the case.
            requirements: Requirements that the case violated if it failed, otherwise those that it can violate.
        """
        if self.requirement:
            return self.requirement in requirements
        return self.case == case or ("[" not in self.case and self.case == strip_parameters(case))

    def matches_text(self, texts: Iterable[str]) -> bool:
        """Whether one of the texts of a failure contains the message."""
        return any(self.message in text for text in texts)

    def has_expired(self, today: date) -> bool:
        """Whether the last day is over."""
        return bool(self.expires) and date.fromisoformat(self.expires) < today

    @property
    def explanation(self) -> str:
        """Reason and link on one line."""
        return f"{self.reason} ({self.link})" if self.link else self.reason


class Problem(StrEnum):
    """A reason to change an entry."""

    STALE = "is stale"
    DIFFERENT_FAILURE = "fails differently"
    UNKNOWN_SUBJECT = "matches no test"
    EXPIRED = "has expired"


_PLURALS = {
    Problem.STALE: "are stale",
    Problem.DIFFERENT_FAILURE: "fail differently",
    Problem.UNKNOWN_SUBJECT: "match no test",
    Problem.EXPIRED: "have expired",
}


@dataclass(frozen=True)
class EntryResult:
    """State of an entry after a run.

    Attributes:
        entry: Entry of the list.
        cases: Ids of the cases that failed as listed.
        problem: Problem of the entry, None for none.
        explanation: Problem for people, one line; empty for none.
    """

    entry: Entry
    cases: tuple[str, ...] = ()
    problem: Problem | None = None
    explanation: str = ""


@dataclass(frozen=True)
class KnownFailuresReport:
    """State of a list after a run.

    Attributes:
        file: Name of the list, as given.
        server: Server that the list is for; may be empty.
        entries: Entries in the order of the list.
    """

    file: str
    server: str = ""
    entries: tuple[EntryResult, ...] = ()

    @property
    def wrong(self) -> tuple[EntryResult, ...]:
        """Entries with a problem."""
        return tuple(one for one in self.entries if one.problem is not None)

    def place(self, entry: Entry) -> str:
        """Return file and line of an entry."""
        return f"{self.file}:{entry.line}" if entry.line else self.file

    def summary(self) -> str:
        """Return the problems of the list in a few words; empty for none."""
        parts = []
        for problem, plural in _PLURALS.items():
            if count := sum(one.problem is problem for one in self.entries):
                parts.append(f"1 entry {problem.value}" if count == 1 else f"{count} entries {plural}")
        return f"known failures: {', '.join(parts)}" if parts else ""

    def update_command(self, result: str) -> str:
        """Return the command that updates the list after a run.

        Args:
            result: Path of the result.
        """
        needs_day = any(one.problem is Problem.EXPIRED and one.cases for one in self.entries)
        command = f"hanami-conformance known --update {shlex.quote(self.file)} --from {shlex.quote(result)}"
        return command + (" --expires YYYY-MM-DD" if needs_day else "")


def strip_parameters(case: str) -> str:
    """Return the id of a case without its parameters."""
    return case.partition("[")[0]
