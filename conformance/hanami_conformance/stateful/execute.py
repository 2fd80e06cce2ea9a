"""Telling a sequence to a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from hanami_conformance.cases.attribution import precondition
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import SequenceError, Step
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.executors.dataset_contents import DatasetContentExecutor
from hanami_conformance.stateful.executors.direct_io import DirectIoExecutor
from hanami_conformance.stateful.executors.first_messages import FirstMessageExecutor
from hanami_conformance.stateful.executors.rest_calls import RestCallExecutor
from hanami_conformance.stateful.executors.uploads import UploadExecutor
from hanami_conformance.target.target import Account


class SequenceExecutor(Protocol):
    """Acts sequences of one kind out."""

    def tell(self, steps: Sequence[Step]) -> None:
        """Act a sequence out, and compare what the target does with a model, step by step.

        A step that has nothing to act on is passed over, so that any part of a sequence is a sequence.

        Raises:
            Violation: the target did something else than the model.
        """


EXECUTORS: Mapping[str, Callable[[ResourceFactory, Sequence[Account]], SequenceExecutor]] = {
    "upload": UploadExecutor,
    "direct": DirectIoExecutor,
    "first": FirstMessageExecutor,
    "call": RestCallExecutor,
    "content": DatasetContentExecutor,
}


def tell(sequence: StepSequence, resources: ResourceFactory) -> None:
    """Act a sequence out, and delete what it made.

    Args:
        sequence: of a kind that is known.
        resources: makes its uploads and clusters; nothing of them is left when this returns.

    Raises:
        Violation: the target did something else than the model.
        PreconditionFailed: a step could not be taken at all.
        TargetDown: the target is gone.
        SequenceError: the sequence has a step that nobody knows.
    """
    if sequence.kind not in EXECUTORS:
        raise SequenceError(f"sequence of kind {sequence.kind!r}: this release tells {', '.join(EXECUTORS)}")
    target = resources.target
    with precondition("logging in again"):  # sequences of a long search outlive a token
        target.renew_tokens()
    accounts = [account for account in (target.account, target.other_account) if account is not None]
    try:
        EXECUTORS[sequence.kind](resources, accounts).tell(sequence.steps)
    finally:
        resources.clean()
