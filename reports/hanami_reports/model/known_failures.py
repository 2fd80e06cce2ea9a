"""Entries of a list of known failures, and their state after a run."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

ANY_TEXT = "..."  # in a message: what differs from run to run


@dataclass(frozen=True)
class ListedFailure:
    """One failure of an entry: a requirement or a case, with a message.

    Attributes:
        requirement: Id of the violated requirement; empty if the failure is listed by its case.
        case: ``file::test[parameters]``, ``file::test`` for all parameters, or ``file`` for all tests of a step; empty
            if the failure is listed by its requirement.
        message: Text that the failure contains; ``...`` stands for any text.
    """

    requirement: str = ""
    case: str = ""
    message: str = ""

    @property
    def subject(self) -> str:
        """Requirement or case of the failure."""
        return self.requirement or self.case

    @property
    def name(self) -> str:
        """Subject and message, for people."""
        return f"{self.subject} {self.message!r}"

    @property
    def is_of_file(self) -> bool:
        """Whether any test of a file may fail like this."""
        return bool(self.case) and "::" not in self.case

    def covers(self, case: str, requirements: Collection[str]) -> bool:
        """Whether the failure is listed for a case.

        Args:
            case: Id of the case.
            requirements: Requirements that the case violated if it failed, otherwise those that it can violate.
        """
        if self.requirement:
            return self.requirement in requirements
        if self.is_of_file:
            return self.case == case.partition("::")[0]
        return self.case == case or ("[" not in self.case and self.case == strip_parameters(case))

    def lists(self, case: str, violated: Collection[str], texts: Iterable[str]) -> bool:
        """Whether a failure of a case is this one: one of its texts contains the message."""
        return self.covers(case, violated) and any(_contains(text, self.message) for text in texts)


@dataclass(frozen=True)
class Entry:
    """One known defect, with the failures that it causes.

    Attributes:
        requirement: Id of the requirement of its first failure; empty if that is listed by its case.
        case: Case of its first failure; empty if that is listed by its requirement.
        message: Text that the first failure contains.
        reason: Reason why it is not fixed, for people.
        link: Address of more information; may be empty.
        owner: Person who fixes it; may be empty.
        expires: Last day of the entry, as ISO 8601; empty for no end.
        flaky: Whether the failure is intermittent.
        line: Line of the file where the entry begins; 0 if unknown.
        also: Its further failures.
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
    also: tuple[ListedFailure, ...] = ()

    @property
    def failures(self) -> tuple[ListedFailure, ...]:
        """All its failures."""
        return ListedFailure(self.requirement, self.case, self.message), *self.also

    def with_failures(self, failures: Sequence[ListedFailure]) -> Entry:
        """Return the entry with other failures, at least one."""
        first, *also = failures
        return replace(self, **vars(first), also=tuple(also))

    @property
    def subject(self) -> str:
        """Requirements and cases of the entry in a few words."""
        first, *others = dict.fromkeys(failure.subject for failure in self.failures)
        return f"{first} and {len(others)} more" if others else first

    def lists(self, case: str, violated: Collection[str], texts: Collection[str]) -> bool:
        """Whether a failure of a case is one of its failures."""
        return any(failure.lists(case, violated, texts) for failure in self.failures)

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


def _contains(text: str, message: str) -> bool:
    """Whether a text contains the parts of a message between ``...``, in their order."""
    place = 0
    for part in message.split(ANY_TEXT):
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


def strip_parameters(case: str) -> str:
    """Return the id of a case without its parameters."""
    return case.partition("[")[0]
