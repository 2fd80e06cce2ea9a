"""Execution of a sequence against a target."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from hanami_conformance.cases.attribution import precondition
from hanami_conformance.cases.failures import ConnectionClosed, MissingAnswer, ResponseTimeout, TargetDown
from hanami_conformance.cases.recording import recording_paused
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import SequenceError, Step
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.executors.cluster_rows import ClusterWorkflow
from hanami_conformance.stateful.executors.dataset_contents import DatasetContentExecutor
from hanami_conformance.stateful.executors.direct_io import DirectIoExecutor
from hanami_conformance.stateful.executors.first_messages import FirstMessageExecutor
from hanami_conformance.stateful.executors.listing_rows import ListingWorkflow
from hanami_conformance.stateful.executors.overlapping_operations import OverlapExecutor
from hanami_conformance.stateful.executors.rest_calls import RestCallExecutor
from hanami_conformance.stateful.executors.row import RowExecutor
from hanami_conformance.stateful.executors.upload_rows import UploadWorkflow
from hanami_conformance.stateful.executors.uploads import UploadExecutor
from hanami_conformance.target.target import Account

NO_ANSWER = (ResponseTimeout, ConnectionClosed, MissingAnswer, TargetDown)


class SequenceExecutor(Protocol):
    """Executor of sequences of one kind."""

    def execute(self, steps: Sequence[Step]) -> None:
        """Execute steps, and compare the target with a model after each of them.

        A step without anything to act on is skipped, so that any part of a sequence is a sequence.

        Raises:
            Violation: If the target behaves differently from the model.
        """


EXECUTORS: Mapping[str, Callable[[ResourceFactory, Sequence[Account]], SequenceExecutor]] = {
    "upload": UploadExecutor,
    "direct": DirectIoExecutor,
    "first": FirstMessageExecutor,
    "call": RestCallExecutor,
    "content": DatasetContentExecutor,
    "overlap": OverlapExecutor,
    "table": partial(RowExecutor, "table", partial(UploadWorkflow, "csv")),
    "images": partial(RowExecutor, "images", partial(UploadWorkflow, "mnist")),
    "cluster": partial(RowExecutor, "cluster", ClusterWorkflow),
    "listing": partial(RowExecutor, "listing", ListingWorkflow),
}


def execute(sequence: StepSequence, resources: ResourceFactory) -> None:
    """Execute a sequence, and delete the resources that it created.

    Args:
        sequence: Sequence of one of the kinds of EXECUTORS.
        resources: Factory of the uploads and clusters.

    Raises:
        Violation: If the target behaves differently from the model.
        PreconditionFailed: If a step cannot be executed at all.
        TargetDown: If the target cannot be reached.
        SequenceError: If the kind or a step is unknown.
    """
    if sequence.kind not in EXECUTORS:
        raise SequenceError(f"sequence of kind {sequence.kind!r}: this release knows {', '.join(EXECUTORS)}")
    target = resources.target
    with precondition("logging in again"):  # a long search outlives a token
        target.renew_tokens()
    recording: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    try:
        EXECUTORS[sequence.kind](resources, target.accounts).execute(sequence.steps)
    except NO_ANSWER:
        recording = recording_paused()  # the target may be down, which is no effect of the deletions that follow
        raise
    finally:
        with recording:
            resources.clean()
