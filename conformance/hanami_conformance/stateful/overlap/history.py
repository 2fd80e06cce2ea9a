"""The history of operations, some of which overlap in time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

ALONE = 0  # branch of an operation beside which no other is executed

# Answers in the form that models read.
ACCEPTED, REJECTED = "accepted", "rejected"
COMPLETE, INCOMPLETE = "complete", "not complete"
LISTED, ABSENT = "listed", "not listed"
KNOWN, DIFFERENT = "the known output", "a different output"


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation on one resource, with the span of time in which it takes effect.

    Attributes:
        branch: Number of the branch that executed it, ALONE for none.
        action: Name of the action, such as ``finalize``.
        resource: Name of the resource, such as ``upload 0``.
        answer: Answer in the form that a model reads; None if there is none, or it says nothing of the effect.
        begin: Time at which its request was complete, seconds of the monotonic clock.
        end: Time at which its answer had arrived, infinite without an answer: the effect may come at any later time.
        arguments: Arguments that a model needs.
        text: Description of the operation and its answer, for people.
    """

    branch: int
    action: str
    resource: str
    answer: object | None
    begin: float
    end: float
    arguments: Mapping[str, object] = field(default_factory=dict)
    text: str = ""

    def overlaps(self, other: Operation) -> bool:
        """Return whether another branch executed the other operation, and neither was over before the other began."""
        return self.branch != other.branch and self.begin < other.end and other.begin < self.end

    def __str__(self) -> str:
        return self.text or f"{self.action} of {self.resource}: {self.answer or 'no answer'}"


class History:
    """Operations in the order in which they were added, which threads may do."""

    def __init__(self) -> None:
        self._operations: list[Operation] = []
        self._lock = threading.Lock()

    def add(self, operation: Operation) -> None:
        """Add an operation that is over, or has no answer."""
        with self._lock:
            self._operations.append(operation)

    def __iter__(self) -> Iterator[Operation]:
        with self._lock:
            return iter(tuple(self._operations))

    def of(self, resource: str) -> list[Operation]:
        """Return the operations on a resource by their begin."""
        return sorted((one for one in self if one.resource == resource), key=lambda one: one.begin)

    def overlapping(self) -> list[tuple[Operation, Operation]]:
        """Return all pairs of operations that overlap."""
        branches = [one for one in self if one.branch != ALONE]
        return [(one, other) for one, other in combinations(branches, 2) if one.overlaps(other)]
