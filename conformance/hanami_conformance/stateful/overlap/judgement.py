"""The judgement of executed operations: no failure of the server, no answer missing, and an order that explains all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, DifferentAnswer, MissingAnswer, Violation
from hanami_conformance.stateful.overlap.branches import Missing, Outcome
from hanami_conformance.stateful.overlap.history import ALONE, DIFFERENT, REJECTED, History, Operation
from hanami_conformance.stateful.overlap.linearizability import Model, find_unexplained
from hanami_conformance.stateful.overlap.requirements import (
    judged_requirements,
    requirement_of_missing,
    violated_requirement,
)

EXPECTED = "an order of the overlapping operations that explains every answer"
# Operations after which a server may close the sockets of their resource.
ENDINGS = ("finalize", "delete", "mode", "delete_cluster")
# Those after which it may leave the messages of a socket unanswered as well (MODE-3, DIO-14).
SILENT_ENDINGS = ("mode", "delete_cluster")


def judge(outcome: Outcome, models: Mapping[str, Model[Any]]) -> None:
    """Judge what operations led to.

    Args:
        outcome: Executed operations.
        models: Model of each resource that has one, by its name.

    Raises:
        DifferentAnswer: If a request got another answer than the same request before.
        MissingAnswer: If an operation has no answer, and no other operation explains that.
        Violation: If a server that executes operations one at a time could not have answered so.
    """
    history = outcome.history
    for failed in outcome.server_errors:
        raise Violation("no 5xx to any request", str(failed), "GEN-1")
    for name, model in models.items():
        failure = find_unexplained(history.of(name), model)
        if failure is not None:
            kind = DifferentAnswer if failure.operation.answer == DIFFERENT else Violation
            raise kind(EXPECTED, str(failure), violated_requirement(failure, history))
    missing = []
    for one in outcome.missing:
        closed = isinstance(one.reason, ConnectionClosed)
        if not (closed and outcome.killed) and not may_be_missing(one.operation, history, closed=closed):
            missing.append(one)
    if missing:
        raise missing_answer(missing, history)
    for name in judged_requirements(history):
        require(True, expected=EXPECTED, actual="such an order", requirement=name)
    if any(one.branch != ALONE for one in history):
        require(True, expected="no 5xx to any request", actual="none", requirement="GEN-1")


def missing_answer(missing: Sequence[Missing], history: History) -> MissingAnswer:
    """Return the failure of operations without an answer: that of the first one.

    Where the target was lost, it is known to be because of the first one only if all have the same requirement.
    """
    requirements = [one.reason.requirement or requirement_of_missing(one.operation, history) for one in missing]
    expected = f"an answer to each operation: {missing[0].reason.expected}"
    failure = MissingAnswer(expected, str(missing[0].operation), requirements[0])
    if len(set(requirements)) > 1:
        failure.requirement_if_lost = None
    return failure


def may_be_missing(operation: Operation, history: History, *, closed: bool) -> bool:
    """Return whether the end of its resource explains why an operation on a socket has no answer.

    Args:
        operation: Operation without an answer.
        history: All operations.
        closed: Whether the socket was closed, and did not only stay silent.
    """
    if operation.action not in ("chunk", "cycle", "train"):
        return False
    endings = ENDINGS if closed else SILENT_ENDINGS
    # Those of branches, and those before: what the suite does at the end explains nothing.
    before = (one for one in history.of(operation.resource) if one.branch != ALONE or one.begin < operation.begin)
    return any(one.action in endings and one.answer != REJECTED for one in before)
