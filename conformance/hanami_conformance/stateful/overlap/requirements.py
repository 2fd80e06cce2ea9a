"""The requirement that an operation violates whose answer no order explains, and that pairs of operations judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hanami_conformance.stateful.overlap.history import (
    ABSENT,
    ACCEPTED,
    COMPLETE,
    INCOMPLETE,
    LISTED,
    REJECTED,
    History,
    Operation,
)
from hanami_conformance.stateful.overlap.linearizability import Unexplained
from hanami_conformance.stateful.overlap.upload_model import DELETED, FINALIZED, UploadState

# Two actions that overlap to the requirement of their pair; of several pairs, the first in this order is named.
SAME_RESOURCE: Mapping[tuple[str, str], str] = {
    ("delete", "delete"): "DEL-1",
    ("delete", "finalize"): "DEL-1",
    ("chunk", "delete"): "DEL-1",
    ("delete", "progress"): "DEL-1",
    ("finalize", "finalize"): "FIN-5",
    ("chunk", "finalize"): "FIN-7",
    ("finalize", "progress"): "PROG-3",
    ("chunk", "progress"): "PROG-2",
    ("cycle", "delete_cluster"): "DIO-14",
    ("delete_cluster", "train"): "DIO-14",
    ("delete_cluster", "mode"): "DIO-14",
    ("delete_cluster", "delete_cluster"): "DIO-14",
    ("delete_cluster", "get"): "DIO-14",
    ("cycle", "mode"): "MODE-1",
    ("mode", "train"): "MODE-1",
    ("mode", "mode"): "MODE-1",
    ("chunk", "chunk"): "DATA-4",  # DATA-8 where they are in the two files of an upload
}
OTHER_RESOURCE: Mapping[tuple[str, str], str] = {
    ("chunk", "chunk"): "DATA-9",
    ("cycle", "cycle"): "DIO-10",
    ("cycle", "train"): "DIO-10",
    ("train", "train"): "DIO-10",
    ("init", "init"): "INIT-4",
    ("chunk", "init"): "DATA-9",
    ("finalize", "finalize"): "DATA-9",
    ("finalize", "init"): "FIN-1",
    ("chunk", "finalize"): "DATA-9",
    ("delete", "finalize"): "FIN-1",
    ("chunk", "delete"): "DATA-9",
    ("cycle", "delete_cluster"): "DIO-10",
    ("delete_cluster", "train"): "DIO-10",
    ("cycle", "mode"): "DIO-10",
    ("mode", "train"): "DIO-10",
}
# Answers that say themselves what they violate, whatever overlaps.
BY_ANSWER: Mapping[tuple[str, object], str] = {
    ("progress", COMPLETE): "PROG-2",
    ("progress", INCOMPLETE): "PROG-3",
    ("progress", REJECTED): "PROG-1",
    ("list", ABSENT): "FIN-1",
    ("list", LISTED): "DEL-1",
}
# Answers to operations beside which no other one was executed.
ALONE: Mapping[tuple[str, object], str] = {
    ("chunk", REJECTED): "DATA-1",
    ("finalize", REJECTED): "FIN-1",
    ("finalize", ACCEPTED): "FIN-3",
    ("content", REJECTED): "FIN-1",
    ("mode", REJECTED): "MODE-1",
}
BY_ACTION: Mapping[str, str] = {
    "chunk": "DATA-1",
    "finalize": "FIN-1",
    "delete": "DEL-1",
    "content": "FIN-2",
    "mode": "MODE-1",
    "cycle": "DIO-7",
    "delete_cluster": "DIO-14",
    "init": "INIT-1",
    "progress": "PROG-1",
    "get": "DIO-14",
    "list": "FIN-1",
    "train": "DIO-5",
}
AFTER = {FINALIZED: {"finalize": "FIN-5", "chunk": "FIN-7"}, DELETED: dict.fromkeys(("finalize", "chunk"), "DEL-1")}


def violated_requirement(failure: Unexplained, history: History) -> str:
    """Return the requirement that an operation violates whose answer no order explains."""
    failed = failure.operation
    if isinstance(failure.state, UploadState) and failure.state.phase == DELETED:
        return "DEL-1"
    if (named := BY_ANSWER.get((failed.action, failed.answer if isinstance(failed.answer, str) else None))) is not None:
        return named
    pairs = [pair for pair in history.overlapping() if failed.resource in (pair[0].resource, pair[1].resource)]
    if (failed.action, failed.answer) == ("finalize", ACCEPTED) and isinstance(failure.state, UploadState):
        # A second one, or one too early, which may be because of a chunk beside it.
        chunks = any(one.action == "chunk" for pair in pairs for one in pair)
        return "FIN-5" if failure.state.phase == FINALIZED else "FIN-7" if chunks else "FIN-3"
    # The pairs of the failed operation itself before others, which may have caused what it found.
    for own in (True, False):
        chosen = [pair for pair in pairs if (failed in pair) is own]
        if found := _first(chosen):
            return found
    return requirement_alone(failed, failure.state)


def requirement_of_missing(operation: Operation, history: History) -> str:
    """Return the requirement that an operation without an answer violates."""
    return _first([pair for pair in history.overlapping() if operation in pair]) or BY_ACTION[operation.action]


def requirement_alone(operation: Operation, state: object = None) -> str:
    """Return the requirement that an unexplained answer violates if nothing overlapped.

    Args:
        operation: Operation with the answer.
        state: State in which no model gives that answer, None if it is not known.
    """
    if isinstance(state, UploadState) and operation.answer == ACCEPTED:
        named = AFTER.get(state.phase, {}).get(operation.action)
        if named is not None:
            return named
    answer = operation.answer if isinstance(operation.answer, str) else None
    return ALONE.get((operation.action, answer)) or BY_ACTION[operation.action]


def judged_requirements(history: History) -> Iterator[str]:
    """Yield the requirement of each pair of overlapping operations, once for each pair."""
    for pair in history.overlapping():
        if found := _requirement(*pair):
            yield found


def _first(pairs: Sequence[tuple[Operation, Operation]]) -> str:
    found = [name for pair in pairs if (name := _requirement(*pair))]
    order = [*SAME_RESOURCE.values(), "DATA-8", *OTHER_RESOURCE.values()]
    return min(found, key=order.index, default="")


def _requirement(one: Operation, other: Operation) -> str:
    """Return the requirement of two overlapping operations, empty if none is about such a pair."""
    first, second = sorted((one.action, other.action))
    if one.resource != other.resource:
        return OTHER_RESOURCE.get((first, second), "")
    if (first, second) == ("chunk", "chunk") and one.arguments.get("file") != other.arguments.get("file"):
        return "DATA-8"
    return SAME_RESOURCE.get((first, second), "")
