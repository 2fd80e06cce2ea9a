"""Of a history that no order explains, the operations are left whose answers alone no order explains."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence

import pytest

from hanami_conformance.stateful.overlap.history import Operation
from hanami_conformance.stateful.overlap.linearizability import Unexplained, find_unexplained
from hanami_conformance.stateful.overlap.reduction import ReducedHistory, reduce_history


class Register:
    """A register of one number: a write answers ``done``, a read answers the number."""

    initial = 0

    def next_states(self, state: int, operation: Operation) -> Iterable[int]:
        if operation.action == "write":
            value = operation.arguments["value"]
            assert isinstance(value, int)
            return [value] if operation.answer is not None else [value, state]
        return [state] if operation.answer in (state, None) else []


def search(operations: Sequence[Operation]) -> Unexplained | None:
    return find_unexplained(operations, Register())


def write(value: int, begin: float, end: float) -> Operation:
    return Operation(1, "write", "register", "done", begin, end, {"value": value}, f"write {value}")


def read(value: int, begin: float, end: float) -> Operation:
    return Operation(1, "get", "register", value, begin, end, {}, f"read {value}")


def reduced(*history: Operation) -> tuple[list[str], list[str]]:
    found = reduce_history(history, search)
    return [str(one) for one in found.essential], [str(one) for one in found.others]


def test_reads_that_do_not_matter_and_what_follows_are_left_out() -> None:
    stale = [write(1, 0, 1), read(1, 2, 3), write(2, 4, 5), read(1, 6, 7)]
    later = [write(3, 8, 9), read(3, 10, 11)]
    # The first read says that write 1 has happened before write 2, whatever it was answered.
    assert reduced(*stale, *later) == (["read 1", "write 2", "read 1"], ["write 1"])


def test_a_value_that_nobody_wrote_needs_no_other_answer() -> None:
    assert reduced(write(1, 0, 1), read(1, 2, 3), write(2, 4, 9), read(7, 5, 6)) == (
        ["read 7"],
        ["write 1", "write 2"],
    )


def test_a_write_whose_answer_does_not_matter_is_named_and_never_left_out() -> None:
    # Without the write, the first read alone would be wrong, which it is not.
    assert reduced(write(1, 0, 1), read(1, 2, 3), read(0, 4, 5)) == (["read 1", "read 0"], ["write 1"])


@pytest.mark.parametrize("seed", range(30))
def test_what_is_left_is_unexplained_and_nothing_less_of_it_is(seed: int) -> None:
    generator = random.Random(seed)
    found = None
    while found is None:  # histories at random, until no order explains one
        history = []
        for _ in range(8):
            begin = generator.uniform(0, 9)
            span = begin, begin + generator.uniform(0.1, 3)
            value = generator.randint(0, 2)
            history.append(write(value, *span) if generator.random() < 0.5 else read(value, *span))
        found = search(history)
    left = reduce_history(history, search)
    assert unexplained(left)
    for one in left.essential:
        rest = tuple(other for other in left.essential if other is not one)
        others = left.others if one.action == "get" else (*left.others, one)
        assert not unexplained(ReducedHistory(rest, others)), f"{one} does not matter"


def unexplained(left: ReducedHistory) -> bool:
    unknown = [Operation(1, one.action, "register", None, one.begin, math.inf, one.arguments) for one in left.others]
    return search([*left.essential, *unknown]) is not None
