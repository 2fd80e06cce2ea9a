"""The check that some order of overlapping operations explains all of their answers.

An operation takes effect at one moment between its begin and its end. The search tries orders as Wing and Gong do, and
remembers each pair of executed operations and state that it has been to, as Lowe does. Each resource is checked apart
from the others, which finds the same (Herlihy and Wing: linearizability is local) and keeps histories short.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hanami_conformance.stateful.overlap.history import ALONE, Operation

State = TypeVar("State", bound=Hashable)


class Model(Protocol[State]):
    """The correct behaviour of one resource."""

    @property
    def initial(self) -> State:
        """State before the first operation."""

    def next_states(self, state: State, operation: Operation) -> Iterable[State]:
        """Return the states after an operation in a state; none if a correct server cannot answer so.

        Without an answer these are the states after each answer that is possible; the search itself considers that the
        operation never happened.
        """


@dataclass(frozen=True)
class Unexplained:
    """The failure of a history that no order explains.

    Attributes:
        operation: Operation whose answer no order explains.
        explained: Longest beginning of an order that is explained.
        state: State behind that beginning.
    """

    operation: Operation
    explained: tuple[Operation, ...]
    state: Hashable

    def __str__(self) -> str:
        beside = "; ".join(str(one) for one in self.explained if one.branch != ALONE)
        return f"{self.operation}, which no order explains{f' after: {beside}' if beside else ''}"


class Undecided(Exception):  # noqa: N818 - no error: nothing is known about the history
    """The search reached its budget before it was over."""


def find_unexplained(
    history: Sequence[Operation], model: Model[State], most_places: float = math.inf
) -> Unexplained | None:
    """Return why no order of the operations on one resource is explained by its model, None if one is.

    Args:
        history: Operations on one resource.
        model: Correct behaviour of the resource.
        most_places: Budget of the search: pairs of executed operations and state that it goes to.

    Raises:
        Undecided: If the search would go to more places.
    """
    operations = sorted(history, key=lambda one: one.begin)
    answered = sum(1 << index for index, one in enumerate(operations) if one.answer is not None)
    # Executed operations as bits, the state behind them, and their order.
    open_branches: list[tuple[int, State, tuple[int, ...]]] = [(0, model.initial, ())]
    seen = {(0, model.initial)}
    longest, failure = -1, None
    while open_branches:
        executed, state, order = open_branches.pop()
        if not answered & ~executed:
            return None
        if len(seen) > most_places:
            raise Undecided
        candidates = _candidates(operations, executed)
        length = (executed & answered).bit_count()
        if length > longest:
            longest = length
            stuck = min((operations[index] for index in candidates), key=lambda one: one.end)
            failure = Unexplained(stuck, tuple(operations[index] for index in order), state)
        for index in reversed(candidates):
            for following in model.next_states(state, operations[index]):
                place = (executed | 1 << index, following)
                if place not in seen:
                    seen.add(place)
                    open_branches.append((*place, (*order, index)))
    return failure


def _candidates(operations: Sequence[Operation], executed: int) -> list[int]:
    """Return the operations that may come next: no other one was over before they began."""
    left = [index for index in range(len(operations)) if not executed >> index & 1]
    first_end = min((operations[index].end for index in left), default=0.0)
    return [index for index in left if operations[index].begin <= first_end]
