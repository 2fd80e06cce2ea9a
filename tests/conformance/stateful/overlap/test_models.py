"""The models of overlapping operations: what a server that executes them one at a time may answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from hanami_conformance.models.file import FileModel
from hanami_conformance.resources.upload import Upload, UploadFile
from hanami_conformance.stateful.overlap.cluster_model import ClusterModel
from hanami_conformance.stateful.overlap.history import (
    ABSENT,
    ACCEPTED,
    COMPLETE,
    DIFFERENT,
    INCOMPLETE,
    KNOWN,
    LISTED,
    REJECTED,
    History,
    Operation,
)
from hanami_conformance.stateful.overlap.linearizability import find_unexplained
from hanami_conformance.stateful.overlap.requirements import judged_requirements, violated_requirement
from hanami_conformance.stateful.overlap.upload_model import BLOCKS, ReadDataset, UploadModel, block_spans
from hanami_conformance.stateful.upload_state import TrackedUpload, mnist_files
from hanami_conformance.target.target import Account

BESIDE = (0.0, 9.0)  # begin and end of operations that overlap
MODES = ("TASK", "DIRECT")


def upload_model() -> UploadModel:
    contents = mnist_files(100, 4)
    files = {role: UploadFile(role, role, FileModel(len(content))) for role, content in contents.items()}
    upload = Upload(cast("Account", None), "mnist", "name", "uuid", files, lambda: cast("Upload", None))
    sizes = {role: len(content) for role, content in contents.items()}
    return UploadModel(sizes, TrackedUpload(upload, contents).data)


MODEL = upload_model()


def op(
    action: str, answer: object, branch: int = 1, at: tuple[float, float] = BESIDE, **arguments: object
) -> Operation:
    begin, end = at
    return Operation(branch, action, "upload 0", answer, begin, end if answer is not None else math.inf, arguments)


def chunk(block: int, variant: int, answer: str | None, branch: int = 1, at: tuple[float, float] = BESIDE) -> Operation:
    return op("chunk", answer, branch, at, block=block, variant=variant, file=MODEL.blocks[block][0])


def received(*left_out: int) -> list[Operation]:
    """Every block but some, sent before anything overlaps."""
    blocks = [number for number in range(len(MODEL.blocks)) if number not in left_out]
    return [chunk(number, 0, ACCEPTED, 0, (-20 + number, -19.5 + number)) for number in blocks]


def content(variant: int, changed: Sequence[int], rows: int | None = None) -> ReadDataset:
    """The dataset with other variants of some blocks."""
    dataset = MODEL.dataset(tuple(variant if number in changed else 0 for number in range(len(MODEL.blocks))))
    return ReadDataset((dataset.rows if rows is None else rows,), dict(dataset.columns))


def explained(*history: Operation) -> bool:
    return find_unexplained(history, MODEL) is None


def test_blocks_cover_a_file_and_none_is_empty() -> None:
    for size in (1, 2, 3, 9, 100, 1001):
        spans = block_spans(size)
        assert [byte for begin, end in spans for byte in range(begin, end)] == list(range(size))
        assert len(spans) == min(size, BLOCKS)


def test_of_two_puts_one_is_accepted() -> None:
    done = received()
    assert explained(*done, op("finalize", ACCEPTED), op("finalize", REJECTED, 2))
    assert not explained(*done, op("finalize", ACCEPTED), op("finalize", ACCEPTED, 2))
    assert not explained(*done, op("finalize", REJECTED), op("finalize", REJECTED, 2))
    assert explained(*done, op("finalize", None), op("finalize", REJECTED, 2))


def test_a_put_is_accepted_once_the_upload_is_complete() -> None:
    last = chunk(3, 0, ACCEPTED, 2)
    assert explained(*received(3), last, op("finalize", ACCEPTED))
    assert explained(*received(3), last, op("finalize", REJECTED))
    assert not explained(*received(3, 4), last, op("finalize", ACCEPTED))
    assert not explained(*received(3), chunk(3, 0, REJECTED, 2), op("finalize", ACCEPTED))
    assert not explained(*received(3), last, op("finalize", REJECTED), op("finalize", REJECTED, 0, (10, 11)))


@pytest.mark.parametrize(
    ("answer", "holds"), [(ACCEPTED, (False, True)), (REJECTED, (True, False)), (None, (True, True))]
)
def test_an_acknowledged_chunk_beside_a_put_is_in_the_dataset(answer: str | None, holds: tuple[bool, bool]) -> None:
    def with_content(variant: int) -> bool:
        read = op("content", content(variant, [1]), 0, (10, 11))
        return explained(*received(), op("finalize", ACCEPTED), chunk(1, 1, answer, 2), read)

    assert (with_content(0), with_content(1)) == holds
    assert not with_content(2)


def test_of_two_variants_of_a_block_either_stays_and_no_mixture() -> None:
    def reads(variant: int, changed: Sequence[int]) -> bool:
        put = op("finalize", ACCEPTED, 0, (10, 11))
        read = op("content", content(variant, changed), 0, (12, 13))
        return explained(*received(), chunk(1, 1, ACCEPTED), chunk(1, 2, ACCEPTED, 2), put, read)

    assert (reads(1, [1]), reads(2, [1]), reads(0, [1])) == (True, True, False)
    assert not reads(1, [1, 2])


def test_a_dataset_with_more_rows_is_another_one() -> None:
    for rows, holds in ((4, True), (8, False)):
        read = op("content", content(0, [], rows), 0, (10, 11))
        assert explained(*received(), op("finalize", ACCEPTED), read) == holds


def test_progress_beside_chunks_is_true_only_with_all_of_them() -> None:
    chunks = [chunk(3, 0, ACCEPTED), chunk(7, 0, ACCEPTED, 2)]
    assert explained(*received(3, 7), *chunks, op("progress", COMPLETE, 3))
    assert explained(*received(3, 7), *chunks, op("progress", INCOMPLETE, 3))
    assert not explained(*received(3, 7), chunks[0], op("progress", COMPLETE, 3))
    assert not explained(*received(3), chunks[0], op("progress", INCOMPLETE, 0, (10, 11)))
    # Once true it stays true.
    first, later = (1.0, 2.0), (3.0, 4.0)
    assert explained(*received(3), chunks[0], op("progress", INCOMPLETE, 3, first), op("progress", COMPLETE, 3, later))
    assert not explained(
        *received(3), chunks[0], op("progress", COMPLETE, 3, first), op("progress", INCOMPLETE, 3, later)
    )


def test_after_a_delete_nothing_is_left() -> None:
    gone = op("delete", ACCEPTED)
    later = (10.0, 11.0)
    assert explained(*received(), gone, op("finalize", REJECTED, 2), op("list", ABSENT, 0, later))
    assert explained(*received(), gone, op("finalize", ACCEPTED, 2), op("list", ABSENT, 0, later))
    assert not explained(*received(), gone, op("finalize", ACCEPTED, 2), op("list", LISTED, 0, later))
    assert not explained(*received(), gone, op("delete", ACCEPTED, 2))
    assert not explained(*received(), gone, chunk(0, 1, ACCEPTED, 0, later))
    assert explained(*received(), gone, chunk(0, 1, None, 2), op("progress", REJECTED, 0, later))


def test_a_put_keeps_others_out_while_it_is_at_work() -> None:
    # The chunk is over before the DELETE begins, and the PUT beside both is rejected in the end.
    put, early = op("finalize", REJECTED, 1, (0.0, 9.0)), chunk(0, 1, REJECTED, 2, (1.0, 2.0))
    gone = op("delete", ACCEPTED, 3, (3.0, 4.0))

    def is_explained(*history: Operation) -> bool:
        model = upload_model()
        model.note_history(history)
        return find_unexplained(history, model) is None

    assert is_explained(*received(), put, early, gone)
    assert is_explained(*received(), put, op("finalize", REJECTED, 2, (1.0, 2.0)), gone)
    assert not is_explained(*received(), early, gone)
    assert not is_explained(*received(), put, early)
    late = op("delete", ACCEPTED, 3, (10.0, 11.0))
    assert not is_explained(*received(), put, early, late)
    # The dataset is listed only at the end of the PUT, but from then on.
    done = op("finalize", ACCEPTED, 1, (0.0, 9.0))
    assert is_explained(*received(), done, early, op("list", ABSENT, 3, (3.0, 4.0)))
    assert not is_explained(*received(), done, early, op("list", ABSENT, 3, (10.0, 11.0)))
    assert not is_explained(*received(), put, op("finalize", REJECTED, 2))


def test_a_finalized_dataset_is_in_every_list_and_an_open_upload_may_be() -> None:
    put = op("finalize", ACCEPTED, 0, (-2, -1))
    assert explained(*received(), put, op("list", LISTED))
    assert not explained(*received(), put, op("list", ABSENT))
    assert all(explained(*received(), op("list", answer)) for answer in (LISTED, ABSENT))


def mode(name: str, answer: str | None, branch: int = 1, at: tuple[float, float] = BESIDE) -> Operation:
    return op("mode", answer, branch, at, mode=name)


def cluster_explained(*history: Operation, attached: bool = False) -> bool:
    model = ClusterModel(MODES)
    model.attached = attached
    return find_unexplained(history, model) is None


def test_a_switch_takes_effect_and_the_same_mode_may_be_set_or_not() -> None:
    later = (10.0, 11.0)
    assert cluster_explained(mode("TASK", ACCEPTED), mode("DIRECT", ACCEPTED, 0, later))
    assert cluster_explained(mode("TASK", ACCEPTED), mode("TASK", REJECTED, 2), mode("DIRECT", ACCEPTED, 0, later))
    assert cluster_explained(mode("DIRECT", REJECTED), mode("DIRECT", ACCEPTED, 2))
    assert not cluster_explained(mode("TASK", ACCEPTED), mode("DIRECT", REJECTED, 0, later))
    assert not cluster_explained(mode("TASK", REJECTED))
    assert cluster_explained(mode("TASK", REJECTED), attached=True)


def test_a_cycle_gives_the_known_output_or_is_cut_off() -> None:
    assert cluster_explained(mode("TASK", ACCEPTED), op("cycle", KNOWN, 2))
    assert cluster_explained(mode("TASK", ACCEPTED), op("cycle", None, 2))
    assert not cluster_explained(mode("TASK", ACCEPTED), op("cycle", DIFFERENT, 2))
    gone = op("delete_cluster", ACCEPTED)
    assert cluster_explained(gone, op("cycle", KNOWN, 2))
    assert not cluster_explained(gone, op("cycle", KNOWN, 2, (10, 11)))
    assert not cluster_explained(gone, op("delete_cluster", ACCEPTED, 2))


@pytest.mark.parametrize(
    ("before", "beside", "requirement"),
    [
        ((), [op("finalize", ACCEPTED), op("finalize", ACCEPTED, 2)], "FIN-5"),
        (
            (),
            [op("finalize", ACCEPTED), chunk(1, 1, ACCEPTED, 2), op("content", content(0, [1]), 0, (10, 11))],
            "FIN-7",
        ),
        ((), [op("delete", ACCEPTED), op("finalize", ACCEPTED, 2), op("list", LISTED, 0, (10, 11))], "DEL-1"),
        ((3,), [chunk(3, 0, None, 1, (5, 6)), op("progress", COMPLETE, 2, (0, 1))], "PROG-2"),
        ((3,), [chunk(3, 0, REJECTED), chunk(7, 1, ACCEPTED, 2)], "DATA-8"),
        ((3,), [chunk(3, 0, REJECTED), chunk(2, 1, ACCEPTED, 2)], "DATA-4"),
        ((), [op("delete", ACCEPTED), op("finalize", ACCEPTED, 2), op("progress", COMPLETE, 0, (10, 11))], "DEL-1"),
        ((3,), [chunk(3, 0, None, 1, (5, 6)), op("finalize", ACCEPTED, 2, (0, 1))], "FIN-3"),
        ((3,), [chunk(3, 0, REJECTED), op("finalize", ACCEPTED, 2), op("finalize", REJECTED, 3)], "FIN-7"),
        ((3,), [chunk(3, 0, REJECTED)], "DATA-1"),
        ((), [op("finalize", ACCEPTED, 0, (0, 1)), op("finalize", ACCEPTED, 0, (2, 3))], "FIN-5"),
    ],
)
def test_a_failure_is_attributed_to_the_pair_that_overlaps(
    before: Sequence[int], beside: Sequence[Operation], requirement: str
) -> None:
    history = History()
    for one in (*received(*before), *beside):
        history.add(one)
    failure = find_unexplained(history.of("upload 0"), MODEL)
    assert failure is not None
    assert violated_requirement(failure, history) == requirement


def test_pairs_that_overlap_are_evidence_for_their_requirements() -> None:
    history = History()
    for one in (op("finalize", ACCEPTED), op("finalize", REJECTED, 2), op("delete", REJECTED, 2, (20, 21))):
        history.add(one)
    assert list(judged_requirements(history)) == ["FIN-5"]
    assert np.isfinite(history.of("upload 0")[0].end)


def after_restart(durable: str, *unanswered: int) -> Operation:
    return op("restart", ACCEPTED, 0, (10, 10), durable=durable, unanswered=frozenset(unanswered))


@pytest.mark.parametrize(
    ("durable", "before", "after", "holds"),
    [
        ("none", ("finalize", ACCEPTED), ("progress", REJECTED), True),
        ("none", None, ("finalize", REJECTED), True),
        ("datasets", None, ("progress", REJECTED), True),
        ("datasets", ("finalize", ACCEPTED), ("list", LISTED), True),
        ("datasets", ("finalize", ACCEPTED), ("list", ABSENT), False),
        ("datasets", ("delete", ACCEPTED), ("list", LISTED), False),
        ("datasets", ("finalize", None), ("list", ABSENT), True),
        ("all", None, ("progress", COMPLETE), True),
        ("all", None, ("progress", INCOMPLETE), False),
        ("all", None, ("progress", REJECTED), False),
        ("all", ("finalize", None), ("finalize", ACCEPTED), True),
        ("all", ("finalize", None), ("finalize", REJECTED), True),
        ("all", None, ("finalize", REJECTED), False),
    ],
)
def test_over_a_restart_an_upload_is_kept_as_declared(
    durable: str, before: tuple[str, str | None] | None, after: tuple[str, str], holds: bool
) -> None:
    history = received() + ([op(*before)] if before else [])
    history += [after_restart(durable), op(*after, 0, (11, 12))]
    assert explained(*history) == holds


def test_a_put_before_a_restart_is_not_at_work_behind_it() -> None:
    model = upload_model()
    put, again = op("finalize", None), op("finalize", REJECTED, 0, (11, 12))
    absent = op("list", ABSENT, 0, (13, 14))
    for history, holds in ([put, again], True), ([put, after_restart("all"), again, absent], False):
        model.note_history(history)
        assert (find_unexplained([*received(), *history], model) is None) == holds


def test_a_block_without_an_answer_may_be_there_partly_after_a_kill() -> None:
    done = [*received(1), chunk(1, 1, None), after_restart("all", 1)]
    for action, answers in {"progress": (COMPLETE, INCOMPLETE), "finalize": (ACCEPTED, REJECTED)}.items():
        assert all(explained(*done, op(action, answer, 0, (11, 12))) for answer in answers)
    assert not explained(*done, op("progress", REJECTED, 0, (11, 12)))
    put = op("finalize", ACCEPTED, 0, (11, 12))
    assert explained(*done, put, op("content", content(2, [1]), 0, (13, 14)))
    assert not explained(*done, put, op("content", REJECTED, 0, (13, 14)))


@pytest.mark.parametrize(
    ("durable", "deleted", "answer", "holds"),
    [
        ("all", False, KNOWN, True),
        ("all", False, DIFFERENT, False),
        ("datasets", False, DIFFERENT, True),
        ("all", True, KNOWN, False),
        ("none", True, KNOWN, True),
    ],
)
def test_over_a_restart_a_cluster_is_kept_as_declared(durable: str, deleted: bool, answer: str, holds: bool) -> None:
    history = [op("delete_cluster", ACCEPTED)] if deleted else []
    history += [after_restart(durable), op("cycle", answer, 0, (11, 12))]
    assert (find_unexplained(history, ClusterModel(MODES)) is None) == holds
