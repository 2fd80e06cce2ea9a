"""Branches are completed at the same moment, and each operation is in the history with its answer or without one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from hanami_conformance.cases.failures import ResponseTimeout, TargetDown
from hanami_conformance.cases.recording import begin_case, end_case
from hanami_conformance.stateful.overlap.branches import Answer, Branch, HeldOperation, Outcome, run_beside, run_in_turn
from hanami_conformance.stateful.overlap.history import ACCEPTED, History

SECONDS = 30.0


@pytest.fixture(autouse=True)
def case() -> Iterator[None]:
    begin_case("test")
    yield
    end_case()


def held(
    name: str, log: list[str], wait: Callable[[], object] = lambda: None, error: BaseException | None = None
) -> Callable[[], HeldOperation]:
    """An operation that writes to a log what becomes of it."""

    def answer() -> Answer:
        wait()
        log.append(f"{name} answered")
        if error is not None:
            raise error
        return Answer({"upload 0": ACCEPTED}, "200")

    def prepare() -> HeldOperation:
        log.append(f"{name} held")
        return HeldOperation("finalize", "upload 0", name, lambda: log.append(f"{name} released"), answer)

    return prepare


def texts(history: History) -> list[str]:
    return [str(one) for one in history]


def test_all_are_held_before_one_is_released_and_all_released_before_an_answer_matters() -> None:
    log: list[str] = []
    both = threading.Barrier(2)  # each answer needs that the other one is waited for as well
    branches = [Branch(number, [held(f"op {number}", log, lambda: both.wait(SECONDS))]) for number in (1, 2)]
    outcome = Outcome()
    run_beside(branches, outcome, SECONDS)
    assert log[:4] == ["op 1 held", "op 2 held", "op 1 released", "op 2 released"]
    assert len(outcome.history.overlapping()) == 1
    assert sorted(texts(outcome.history)) == ["op 1 by branch 1: 200", "op 2 by branch 2: 200"]


def test_a_branch_with_a_delay_is_completed_after_the_others() -> None:
    log: list[str] = []
    run_beside([Branch(1, [held("late", log)], 0.05), Branch(2, [held("early", log)])], Outcome(), SECONDS)
    assert log.index("early released") < log.index("late released")
    assert log.index("late held") < log.index("early released")


def test_operations_of_a_branch_follow_each_other_and_nothing_overlaps_in_turn() -> None:
    log: list[str] = []
    outcome = Outcome()
    run_in_turn([Branch(number, [held("a", log), held("b", log)]) for number in (1, 2)], outcome)
    assert log == [f"{name} {what}" for name in ("a", "b") for what in ("held", "released", "answered")] * 2
    assert outcome.history.overlapping() == []


def test_what_has_no_answer_may_take_effect_at_any_time_and_ends_its_branch() -> None:
    log: list[str] = []
    silence = ResponseTimeout("an answer", "nothing")
    outcome = Outcome()
    run_beside([Branch(1, [held("put", log, error=silence), held("next", log)])], outcome, SECONDS)
    (lost,) = outcome.history
    assert (lost.answer, lost.end, str(lost)) == (None, float("inf"), "put by branch 1: no answer, nothing")
    assert [missing.reason for missing in outcome.missing] == [silence]
    assert "next held" not in log


def test_a_target_that_is_down_ends_the_run() -> None:
    branches = [Branch(1, [held("put", [], error=TargetDown("no connection"))]), Branch(2, [held("other", [])])]
    with pytest.raises(TargetDown, match="no connection"):
        run_beside(branches, Outcome(), SECONDS)
