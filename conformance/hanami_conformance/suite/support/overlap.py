"""Helpers for operations that overlap: the steps of a case, and their repeated execution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hanami_conformance.cases.failures import DifferentAnswer, Violation
from hanami_conformance.cases.recording import current_case
from hanami_conformance.cases.recurrence import with_recurrence
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.execute import execute
from hanami_conformance.stateful.executors.overlapping_operations import BRANCH, DELAY, MOST_BRANCHES
from hanami_conformance.stateful.overlap.upload_model import BLOCKS
from hanami_conformance.suite.support.clusters import expect_stable_answers

# Microseconds by which the first branch, and by which all others, are later, in each execution of the same steps: what
# happens first decides what the overlap can harm.
DELAYS = ((0, 0), (500, 0), (2000, 0), (0, 500), (0, 2000))
KIND = "overlap"


def started(kind: str = "mnist", received: int = BLOCKS, size: int = 120) -> Step:
    """Return the step that starts a small upload, and sends the first blocks of its files; the size is their seed."""
    return Step("upload", {"kind": kind, "size": size, "count": 3, "received": received, "user": 0})


def new_cluster() -> Step:
    """Return the step that creates a cluster in direct mode."""
    return Step("cluster", {"inputs": 5, "outputs": 4, "user": 0})


def beside(branch: int, action: str, **arguments: Any) -> Step:
    """Return a step of a branch, from 1."""
    return Step(action, {**arguments, BRANCH: branch})


def branches(first: int = 1) -> range:
    """Return the numbers of the branches from one of them on."""
    return range(first, MOST_BRANCHES + 1)


def expect_explained(
    resources: ResourceFactory, steps: Sequence[Step], delays: Sequence[tuple[int, int]] = DELAYS
) -> None:
    """Execute steps several times; each time, some order of those that overlap must explain all answers.

    Args:
        resources: Factory of the uploads and clusters.
        steps: Steps of a sequence of the kind ``overlap``.
        delays: Delay of the first branch and of all others in each execution, microseconds.

    Raises:
        Violation: If no order does.
        Unsupported: If the target may have one connection only, or the answers of its clusters change by themselves.
    """
    case = current_case()
    for first, others in delays:
        sequence = StepSequence(KIND, tuple(_delayed(steps, first, others)))
        case.restart_record()
        try:
            execute(sequence, resources)
        except Violation as violation:
            if isinstance(violation, DifferentAnswer):
                expect_stable_answers(resources)
            requirement = violation.requirement
            rated, recurred = with_recurrence(
                violation,
                lambda: execute(sequence, resources),  # noqa: B023 - called in this round
                lambda other: other.requirement == requirement,  # noqa: B023
            )
            case.sequence = replace(sequence, recurred_alone=recurred)
            raise rated from violation


def _delayed(steps: Sequence[Step], first: int, others: int) -> Iterator[Step]:
    """Yield steps with the delays of their branches, which those have that begin one."""
    begun = set()
    for step in steps:
        branch = step.arguments.get(BRANCH)
        delay = first if branch == 1 else others
        if branch is None or branch in begun or not delay:
            yield step
        else:
            yield Step(step.action, {**step.arguments, DELAY: delay})
        begun.add(branch)
