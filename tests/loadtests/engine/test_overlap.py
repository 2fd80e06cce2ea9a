"""Windows of shared objects: histories written by hand, with the judgement that they must get."""

from __future__ import annotations

import math

import pytest

from hanami_conformance.stateful.overlap.cluster_model import ClusterModel
from hanami_conformance.stateful.overlap.history import (
    ACCEPTED,
    COMPLETE,
    INCOMPLETE,
    LISTED,
    REJECTED,
    History,
    Operation,
)
from hanami_conformance.stateful.overlap.linearizability import Undecided, Unexplained, find_unexplained
from hanami_conformance.stateful.overlap.upload_model import UploadModel
from hanami_conformance.stateful.upload_state import table_file
from hanami_loadtests.engine.overlap import CheckedWindow, Search, check_window
from hanami_loadtests.limits.undecided import check_undecided
from hanami_reports.model.load import RunState
from hanami_reports.model.overlap import MOST_VIOLATIONS, OverlapCounts, OverlapViolation

FILE = table_file(1, 40)["input"]
MODEL = UploadModel({"input": len(FILE)}, lambda _role, at, size, _variant: FILE[at : at + size])
MODES = ClusterModel(("TASK", "DIRECT"))  # a cluster in direct mode at first


def search_upload(operations: list[Operation], most_places: float) -> Unexplained | None:
    MODEL.note_history(operations)
    return find_unexplained(operations, MODEL, most_places)


def check(*operations: Operation, violations: int = 0) -> CheckedWindow:
    history = History()
    for one in operations:
        history.add(one)

    def search(some: object, most: float) -> Unexplained | None:
        assert isinstance(some, list)
        if operations[0].resource == "cluster":
            return find_unexplained(some, MODES, most)
        return search_upload(some, most)

    return check_window(history, search, violations)


def at(milliseconds: tuple[float, float]) -> tuple[float, float]:
    return 100 + milliseconds[0] / 1000, 100 + milliseconds[1] / 1000


def op(client: int, action: str, answer: str | None, *span: float) -> Operation:
    begin, end = at((span[0], span[1] if answer is not None else math.inf))
    return Operation(client, action, "dataset", answer, begin, end, {}, f"{action}: {answer}")


def block(number: int, *span: float) -> Operation:
    begin, end = at((span[0], span[1]))
    what = {"file": "input", "block": number, "variant": 0}
    return Operation(1, "chunk", "dataset", ACCEPTED, begin, end, what, f"block {number}: {ACCEPTED}")


def switch(client: int, mode: str, answer: str, *span: float) -> Operation:
    begin, end = at((span[0], span[1]))
    return Operation(client, "mode", "cluster", answer, begin, end, {"mode": mode}, f"{mode}: {answer}")


WHOLE = [block(number, 2 * number, 2 * number + 1) for number in range(len(MODEL.blocks))]  # until 7 ms


def test_of_two_puts_at_once_one_may_win() -> None:
    checked = check(*WHOLE, op(2, "finalize", ACCEPTED, 10, 20), op(3, "finalize", REJECTED, 12, 15))
    assert checked == CheckedWindow(OverlapCounts(explained=1, operations=6, overlapping=1), None)


def test_two_accepted_puts_are_the_whole_violation() -> None:
    early, late = op(4, "progress", INCOMPLETE, 0.5, 1.5), op(0, "list", LISTED, 30, 31)
    puts = op(2, "finalize", ACCEPTED, 10, 20), op(3, "finalize", ACCEPTED, 12, 15.25)
    checked = check(*WHOLE, early, *puts, late)
    assert (checked.counts.explained, checked.counts.unexplained, checked.counts.undecided) == (0, 1, 0)
    assert checked.failure is not None
    assert checked.failure.requirement == "FIN-5"
    assert checked.failure.actual == "finalize: accepted"
    (violation,) = checked.counts.violations
    assert violation.operations == (
        "10.0 to 20.0 ms client 2: finalize: accepted",
        "12.0 to 15.2 ms client 3: finalize: accepted",
    )
    assert len(violation.others) == len(WHOLE)
    assert violation.others[0] == "0.0 to 1.0 ms client 1: block 0: accepted"


def test_progress_that_is_complete_beside_the_last_block_may_be_right_but_not_before_it() -> None:
    *before, last = WHOLE
    beside = op(2, "progress", COMPLETE, 5, 6.5)  # the last block is sent at 6 ms
    assert check(*before, last, beside).counts.explained == 1
    checked = check(*before, last, op(2, "progress", COMPLETE, 4, 5.5))
    assert checked.failure is not None
    assert checked.failure.requirement == "PROG-2"


def test_a_put_without_an_answer_explains_what_only_it_can_explain() -> None:
    lost = op(2, "finalize", None, 10)
    rejected = op(3, "finalize", REJECTED, 30, 31)
    assert check(*WHOLE, lost, rejected).counts.explained == 1
    assert check(*WHOLE, rejected).counts.unexplained == 1


def test_switches_of_a_mode_need_an_order() -> None:
    to_task = switch(1, "TASK", ACCEPTED, 0, 5)
    assert check(to_task, switch(2, "TASK", REJECTED, 1, 2)).counts.explained == 1
    checked = check(to_task, switch(2, "DIRECT", ACCEPTED, 6, 7), switch(3, "TASK", REJECTED, 8, 9))
    assert checked.failure is not None
    assert checked.failure.requirement == "MODE-1"
    gone = Operation(4, "delete_cluster", "cluster", ACCEPTED, *at((3, 6)), {}, "DELETE")
    seen = Operation(3, "get", "cluster", ACCEPTED, *at((7, 8)), {}, "GET")
    assert check(gone, seen).counts.unexplained == 1
    assert check(gone, Operation(3, "get", "cluster", ACCEPTED, *at((4, 8)), {}, "GET")).counts.explained == 1


def undecided(_operations: object, _most_places: float) -> Unexplained | None:
    raise Undecided


def test_an_undecided_window_is_counted_and_keeps_a_run_from_passing() -> None:
    history = History()
    history.add(op(1, "progress", INCOMPLETE, 0, 1))
    search: Search = undecided
    checked = check_window(history, search)
    assert checked == CheckedWindow(OverlapCounts(undecided=1, operations=1), None)
    counts = OverlapCounts(explained=7)
    assert check_undecided(counts).state is RunState.PASS
    counts.add(checked.counts)
    limit = check_undecided(counts)
    assert (limit.state, limit.value, limit.samples) == (RunState.INVALID, 1, 8)
    assert limit.explanation.startswith("of 1 of 8 objects")


@pytest.mark.parametrize(("known", "kept"), [(0, 1), (MOST_VIOLATIONS, 0)])
def test_only_the_first_violations_are_kept_with_their_operations(known: int, kept: int) -> None:
    puts = op(2, "finalize", ACCEPTED, 10, 20), op(3, "finalize", ACCEPTED, 12, 15)
    assert len(check(*WHOLE, *puts, violations=known).counts.violations) == kept
    counts = OverlapCounts(violations=(OverlapViolation("FIN-5", ()),) * MOST_VIOLATIONS)
    counts.add(OverlapCounts(violations=(OverlapViolation("FIN-5", ()),)))
    assert len(counts.violations) == MOST_VIOLATIONS
