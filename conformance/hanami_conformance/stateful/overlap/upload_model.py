"""The model of one upload with operations that overlap: its life, its blocks, and the dataset that it becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.stateful.overlap.history import (
    ABSENT,
    ACCEPTED,
    COMPLETE,
    INCOMPLETE,
    LISTED,
    REJECTED,
    Operation,
)
from hanami_conformance.stateful.server_steps import KEPT_STATES
from hanami_conformance.stateful.upload_state import dataset_model

BLOCKS = 4  # of each file; a chunk is one block
OPEN, FINALIZED, DELETED = "open", "finalized", "deleted"
UNKNOWN = "unknown"  # phase after a restart over which an upload need not be kept
PARTLY = -1  # variant of a block of which a part may have been written when the server was killed


@dataclass(frozen=True)
class UploadState:
    """State of an upload.

    Attributes:
        phase: OPEN, FINALIZED, DELETED or UNKNOWN.
        variants: Variant that each block of all files was written with last; None if the block is missing, PARTLY if it
            may be.
    """

    phase: str
    variants: tuple[int | None, ...]

    @property
    def complete(self) -> bool:
        """Whether no block is missing, or at most those that are there partly."""
        return None not in self.variants

    @property
    def is_partly_known(self) -> bool:
        """Whether blocks are there partly."""
        return PARTLY in self.variants


class UploadModel:
    """Correct behaviour of an upload (DATA-4, DATA-8, DEL-1, FIN-1 to FIN-3, FIN-5, FIN-7, PROG-2, PROG-3).

    Args:
        sizes: Role to the size of its file in bytes.
        data: Returns the bytes of a chunk by role, position, length and variant.
    """

    def __init__(self, sizes: Mapping[str, int], data: Callable[[str, int, int, int], bytes]) -> None:
        self._data = data
        self.blocks = [(role, begin, end) for role, size in sizes.items() for begin, end in block_spans(size)]
        self.initial = UploadState(OPEN, (None,) * len(self.blocks))
        self._busy: list[Operation] = []
        self.dataset = cache(self._dataset)

    def blocks_of(self, role: str) -> list[int]:
        """Return the numbers of the blocks of a file."""
        return [number for number, (other, _, _) in enumerate(self.blocks) if other == role]

    def data(self, block: int, variant: int) -> tuple[int, bytes]:
        """Return the position of a block and its bytes."""
        role, begin, end = self.blocks[block]
        return begin, self._data(role, begin, end - begin, variant)

    def any_dataset(self) -> DatasetModel:
        """Return the dataset of some variants; it has the rows and columns of all."""
        return self.dataset((0,) * len(self.blocks))

    def note_history(self, history: Sequence[Operation]) -> None:
        """Note the operations that may be rejected because a PUT is at work.

        A PUT takes a while, in which a server may reject chunks, other PUTs and a DELETE, before its dataset is listed;
        and a DELETE may end it before that. No order of all of them explains that with one moment for each, although
        nothing is wrong. Of several PUTs that are all rejected none was at work, unless a DELETE has ended one.
        """
        deletions = [one for one in history if one.action == "delete" and one.answer != REJECTED]
        puts = [one for one in history if one.action == "finalize"]
        at_work = [one for one in puts if one.answer != REJECTED or any(map(one.overlaps, deletions))]
        end = min((one.begin for one in history if one.action == "restart"), default=math.inf)
        self._busy = [
            one for one in history if one.answer == REJECTED and one.begin < end and any(map(one.overlaps, at_work))
        ]

    def next_states(self, state: UploadState, operation: Operation) -> Iterator[UploadState]:
        """See :class:`.linearizability.Model`."""
        answer = operation.answer
        if state.phase == UNKNOWN:
            yield state
        elif operation.action == "restart":
            yield _after_restart(state, operation)
        elif operation.action in ("chunk", "finalize", "delete"):
            after = self._after(state, operation)
            if answer in (ACCEPTED, None) and after is not None:
                yield after
            may_miss_bytes = operation.action == "finalize" and state.is_partly_known
            if answer in (REJECTED, None) and (after is None or operation in self._busy or may_miss_bytes):
                yield state
        elif answer is None or self._may_answer(state, operation.action, answer):
            yield state

    def _after(self, state: UploadState, operation: Operation) -> UploadState | None:
        """Return the state after a change, None if a server must reject it."""
        if operation.action == "delete":
            return None if state.phase == DELETED else replace(state, phase=DELETED)
        if state.phase != OPEN:
            return None
        if operation.action == "finalize":
            return replace(state, phase=FINALIZED) if state.complete else None
        block, variant = operation.arguments["block"], operation.arguments["variant"]
        assert isinstance(variant, int)
        variants = tuple(variant if number == block else old for number, old in enumerate(state.variants))
        return replace(state, variants=variants)

    def _may_answer(self, state: UploadState, action: str, answer: object) -> bool:
        if action == "progress":
            if state.phase == DELETED:
                return answer == REJECTED
            # Whether a finalized dataset still has a progress is left open.
            known = COMPLETE if state.complete else INCOMPLETE
            return (
                answer == known
                or (answer == INCOMPLETE and state.is_partly_known)
                or (answer == REJECTED and state.phase == FINALIZED)
            )
        if action == "list":  # whether an open upload is listed is left open
            return answer in {FINALIZED: (LISTED,), DELETED: (ABSENT,)}.get(state.phase, (LISTED, ABSENT))
        assert action == "content"
        if state.phase != FINALIZED:
            return answer == REJECTED
        return isinstance(answer, ReadDataset) and (
            state.is_partly_known or answer.matches(self.dataset(state.variants))
        )

    def _dataset(self, variants: tuple[int | None, ...]) -> DatasetModel:
        contents: dict[str, bytes] = {}
        for number, variant in enumerate(variants):
            role, begin, end = self.blocks[number]
            block = bytes(end - begin) if variant is None else self.data(number, variant)[1]
            contents[role] = contents.get(role, b"") + block
        return dataset_model(contents)


def _after_restart(state: UploadState, restart: Operation) -> UploadState:
    """Return the state after a restart: what is declared is kept, and a block without an answer may be there partly."""
    if state.phase not in KEPT_STATES[str(restart.arguments["durable"])]:
        return UploadState(UNKNOWN, ())
    unanswered = restart.arguments["unanswered"]
    assert isinstance(unanswered, frozenset)
    variants = (PARTLY if number in unanswered else one for number, one in enumerate(state.variants))
    return replace(state, variants=tuple(variants))


@dataclass(frozen=True, eq=False)
class ReadDataset:
    """A dataset as it was read back.

    Attributes:
        rows: Numbers of rows in its description; empty if that names none.
        columns: Column name to values, as far as the target lets them be read.
    """

    rows: tuple[object, ...]
    columns: Mapping[str, NDArray[np.float32]]

    def __str__(self) -> str:
        rows = [f"{self.rows[0]} rows"] if self.rows else []
        columns = (f"{name} beginning with {values.ravel()[:4]}" for name, values in self.columns.items())
        return ", ".join([*rows, *columns])

    def matches(self, model: DatasetModel) -> bool:
        """Return whether a model has this content."""
        return all(rows == model.rows for rows in self.rows) and all(
            model.matches(name, values) for name, values in self.columns.items()
        )


def block_spans(size: int) -> list[tuple[int, int]]:
    """Return the blocks (begin, end) of a file; a file of fewer bytes than BLOCKS has fewer."""
    edges = sorted({size * number // BLOCKS for number in range(BLOCKS + 1)})
    return list(pairwise(edges))
