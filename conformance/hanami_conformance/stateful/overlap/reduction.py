"""The operations of an unexplained history that matter: those whose answers alone no order explains."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hanami_conformance.stateful.overlap.history import Operation
from hanami_conformance.stateful.overlap.linearizability import Undecided, Unexplained

OBSERVATIONS = ("progress", "list", "content", "get", "cycle")  # actions that change nothing

Search = Callable[[Sequence[Operation]], Unexplained | None]


@dataclass(frozen=True)
class ReducedHistory:
    """The smallest part of a history that no order explains.

    Attributes:
        essential: Operations whose answers no order explains.
        others: Operations that may have changed something before the last of these answers; no answers of theirs would
            explain the essential ones.
    """

    essential: tuple[Operation, ...]
    others: tuple[Operation, ...]


def reduce_history(history: Sequence[Operation], search: Search) -> ReducedHistory:
    """Return the smallest part of a history that no order explains.

    An operation that may have changed something is never left out, since without it the answers to others may lose
    their explanation: its answer becomes unknown instead. One that changes nothing explains nothing, and is left out.

    Args:
        history: Operations on one resource that no order explains.
        search: Returns why no order explains some operations, None if one does; it may give up.
    """
    originals = sorted(history, key=lambda one: one.begin)
    kept = _shortest_beginning(dict(enumerate(originals)), search)
    for number, operation in tuple(kept.items()):
        fewer = {other: one for other, one in kept.items() if other != number}
        if operation.action not in OBSERVATIONS:
            fewer[number] = _unanswered(operation)
        if _is_unexplained(fewer, search):
            kept = fewer
    essential = tuple(one for _, one in sorted(kept.items()) if one.answer is not None)
    others = tuple(originals[number] for number, one in sorted(kept.items()) if one.answer is None)
    return ReducedHistory(essential, others)


def _shortest_beginning(history: dict[int, Operation], search: Search) -> dict[int, Operation]:
    """Return the operations up to the first answer with which no order explains them."""
    ends = sorted(one.end for one in history.values() if one.answer is not None)
    explained, unexplained = -1, len(ends) - 1  # places of answers; more of them are never easier to explain
    while unexplained - explained > 1:
        middle = (explained + unexplained) // 2
        if _is_unexplained(_until(history, ends[middle]), search):
            unexplained = middle
        else:
            explained = middle
    return _until(history, ends[unexplained])


def _until(history: dict[int, Operation], end: float) -> dict[int, Operation]:
    return {number: one if one.end <= end else _unanswered(one) for number, one in history.items() if one.begin <= end}


def _unanswered(operation: Operation) -> Operation:
    return replace(operation, answer=None, end=math.inf)


def _is_unexplained(history: dict[int, Operation], search: Search) -> bool:
    try:
        return search(list(history.values())) is not None
    except Undecided:
        return False
