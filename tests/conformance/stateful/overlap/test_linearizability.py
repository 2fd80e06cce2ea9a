"""Some order of overlapping operations explains their answers, or the operation is named that none explains."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest

from hanami_conformance.stateful.overlap.history import Operation
from hanami_conformance.stateful.overlap.linearizability import Model, Undecided, find_unexplained


@dataclass(frozen=True)
class Register:
    """A register of one number; its answers are numbers read, and ``done`` for a number written."""

    initial: int = 0

    def next_states(self, state: int, operation: Operation) -> Iterable[int]:
        if operation.action == "write":
            value = operation.arguments["value"]
            assert isinstance(value, int)
            return [value]
        return [state] if operation.answer in (state, None) else []


@dataclass(frozen=True)
class Lock:
    """A lock that is taken once."""

    initial: bool = False

    def next_states(self, state: bool, operation: Operation) -> Iterable[bool]:
        answers = {None: [True, state], "taken": [] if state else [True], "busy": [True] if state else []}
        return answers[operation.answer if isinstance(operation.answer, str) else None]


def write(value: int, begin: float, end: float = math.inf) -> Operation:
    answer = None if end == math.inf else "done"
    return Operation(1, "write", "register", answer, begin, end, {"value": value}, f"write {value}")


def read(value: int | None, begin: float, end: float = math.inf) -> Operation:
    return Operation(1, "read", "register", value, begin, end, {}, f"read {value}")


def take(answer: str | None, begin: float, end: float = math.inf) -> Operation:
    return Operation(1, "take", "lock", answer, begin, end, {}, f"take {answer}")


EXPLAINED: dict[str, list[Operation]] = {
    "nothing": [],
    "one after the other": [write(1, 0, 1), read(1, 2, 3), write(2, 4, 5), read(2, 6, 7)],
    "a read beside a write, before it": [write(1, 0, 3), read(0, 1, 2)],
    "a read beside a write, after it": [write(1, 0, 3), read(1, 1, 2)],
    "reads beside a write, first before, then after it": [write(1, 0, 9), read(0, 1, 2), read(1, 3, 4)],
    "two writes beside each other, in the order of their ends": [write(1, 0, 3), write(2, 0, 4), read(2, 5, 6)],
    "two writes beside each other, in the other order": [write(1, 0, 3), write(2, 0, 4), read(1, 5, 6)],
    "a write without an answer that happened": [write(1, 0), read(1, 1, 2)],
    "a write without an answer that never happened": [write(1, 0), read(0, 1, 2), read(0, 3, 4)],
    "a write without an answer that happened late": [write(1, 0), read(0, 1, 2), read(1, 3, 4)],
    "a read without an answer": [read(None, 0), write(1, 1, 2), read(1, 3, 4)],
}
# Each with the operation that is named.
UNEXPLAINED: dict[str, tuple[list[Operation], str]] = {
    "a value that nobody wrote": ([read(7, 0, 1)], "read 7"),
    "an old value": ([write(1, 0, 1), read(0, 2, 3)], "read 0"),
    "a value that comes back": ([write(1, 0, 1), write(2, 2, 3), read(2, 4, 5), read(1, 6, 7)], "read 1"),
    "two reads that disagree on the order of two writes": (
        [write(1, 0, 9), write(2, 0, 9), read(1, 10, 11), read(2, 12, 13)],
        "read 2",
    ),
    "a write without an answer cannot happen before it began": ([read(1, 0, 1), write(1, 2)], "read 1"),
    "a write that is undone": ([write(1, 0, 9), read(1, 1, 2), read(0, 3, 4)], "read 0"),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_an_order_explains_it(name: str) -> None:
    for history in itertools.permutations(EXPLAINED[name]):
        assert find_unexplained(history, Register()) is None


@pytest.mark.parametrize("name", UNEXPLAINED)
def test_no_order_explains_it(name: str) -> None:
    history, named = UNEXPLAINED[name]
    failure = find_unexplained(history, Register())
    assert failure is not None
    assert str(failure.operation) == named


def test_of_two_that_may_not_both_succeed_one_is_named() -> None:
    assert find_unexplained([take("taken", 0, 2), take("busy", 1, 3)], Lock()) is None
    assert find_unexplained([take("busy", 0, 2), take("taken", 1, 3)], Lock()) is None
    failure = find_unexplained([take("taken", 0, 2), take("taken", 1, 3)], Lock())
    assert failure is not None
    assert str(failure) == "take taken, which no order explains after: take taken"
    assert failure.state is True


def test_one_that_fails_needs_another_that_may_have_succeeded() -> None:
    assert find_unexplained([take("busy", 0, 2)], Lock()) is not None
    assert find_unexplained([take("busy", 0, 2), take(None, 1)], Lock()) is None
    assert find_unexplained([take("busy", 0, 2), take(None, 3)], Lock()) is not None


def test_a_search_that_would_take_too_long_is_undecided_and_never_a_verdict() -> None:
    # Fifteen writes at once leave 2^15 sets of executed ones, each with up to fifteen values.
    history = [write(number, 0, 99) for number in range(15)]
    wrong, right = [*history, read(77, 100, 101)], [*history, read(7, 100, 101)]
    with pytest.raises(Undecided):
        find_unexplained(wrong, Register(), most_places=1000)
    with pytest.raises(Undecided):
        find_unexplained(right, Register(), most_places=3)
    few = [write(1, 0, 9), write(2, 0, 9), read(1, 10, 11)]
    assert find_unexplained(few, Register(), most_places=1000) is None


def brute_force(history: Sequence[Operation], model: Model[int]) -> bool:
    """Whether some order of some of the operations explains all answers, by trying every one."""
    must = [one for one in history if one.answer is not None]
    optional = [one for one in history if one.answer is None]
    chosen = itertools.chain.from_iterable(itertools.combinations(optional, n) for n in range(len(optional) + 1))
    return any(explains(order, model) for extra in chosen for order in itertools.permutations([*must, *extra]))


def explains(order: Sequence[Operation], model: Model[int]) -> bool:
    for place, one in enumerate(order):
        if any(later.end < one.begin for later in order[place + 1 :]):
            return False
    states = {model.initial}
    for one in order:
        states = {after for state in states for after in model.next_states(state, one)}
    return bool(states)


def test_the_search_agrees_with_trying_every_order() -> None:
    generator = random.Random(1)
    verdicts = []
    for _ in range(600):
        history = []
        for _ in range(generator.randint(1, 5)):
            begin = generator.randint(0, 6)
            end = math.inf if generator.random() < 0.2 else begin + generator.randint(1, 4)
            if generator.random() < 0.5:
                history.append(write(generator.randint(1, 2), begin, end))
            else:
                history.append(read(None if end == math.inf else generator.randint(0, 2), begin, end))
        verdicts.append(brute_force(history, Register()))
        assert (find_unexplained(history, Register()) is None) == verdicts[-1], [str(one) for one in history]
    assert 100 < sum(verdicts) < 500


def test_many_overlapping_operations_take_few_steps() -> None:
    class Counted(Register):
        steps = 0

        def next_states(self, state: int, operation: Operation) -> Iterable[int]:
            Counted.steps += 1
            return super().next_states(state, operation)

    # Twelve writes at once have 12! orders, and no order explains the read of a value that nobody wrote.
    history = [write(1 + number % 2, 0, 100) for number in range(12)]
    assert find_unexplained([*history, read(3, 101, 102)], Counted()) is not None
    assert Counted.steps < 200_000
