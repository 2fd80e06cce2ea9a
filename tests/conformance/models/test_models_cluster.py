"""The model of a cluster: which answers are the same, which are apart, and what a cycle processes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanami_conformance.models.cluster import (
    APART,
    TOLERANCE,
    ClusterModel,
    Values,
    are_close,
    are_distinguishable,
    are_equal,
    distance,
)

numbers = st.floats(-1e6, 1e6, width=32)
names = st.sampled_from(["input_0", "input_1", "other"])
messages = st.dictionaries(names, st.lists(st.floats(width=32), max_size=4)).map(lambda bricks: list(bricks.items()))


def floats(*numbers: float) -> Values:
    return np.array(numbers, dtype=np.float32)


def answer(*numbers: float, name: str = "out") -> dict[str, Values]:
    return {name: floats(*numbers)}


# Which answers are the same


def test_the_tolerance_is_a_few_units_in_the_last_place() -> None:
    assert pytest.approx(1e-5) == TOLERANCE
    assert pytest.approx(1e-3) == APART


def test_close_is_within_the_tolerance() -> None:
    assert are_close(floats(0.5, -0.5), floats(0.5, -0.5))
    assert are_close(floats(0.0), floats(9e-6))
    assert not are_close(floats(0.0), floats(1.2e-5))
    assert not are_close(floats(0.5, 0.5), floats(0.5, 0.6))


def test_close_is_relative_where_values_are_large() -> None:
    assert are_close(floats(1000.0), floats(1000.009))
    assert not are_close(floats(1000.0), floats(1000.012))


def test_another_number_of_values_is_not_close() -> None:
    assert not are_close(floats(0.5), floats(0.5, 0.5))
    assert not are_close(floats(0.5, 0.5), floats(0.5))
    assert are_close(floats(), floats())


def test_answers_are_the_same_where_all_bricks_are() -> None:
    left = answer(0.1, 0.2) | answer(0.3, name="more")
    assert are_equal(left, dict(reversed(left.items())))
    assert not are_equal(left, left | answer(0.4, name="more"))
    assert not are_equal(left, left | answer(0.1, 0.3))


def test_answers_of_other_bricks_are_not_the_same() -> None:
    left = answer(0.1) | answer(0.3, name="more")
    assert not are_equal(left, answer(0.1))
    assert not are_equal(answer(0.1), left)
    assert not are_equal(answer(0.1), answer(0.1, name="more"))


def test_answers_are_apart_where_one_value_of_one_brick_is() -> None:
    left = answer(0.1, 0.2) | answer(0.3, name="more")
    assert not are_distinguishable(left, left)
    assert are_distinguishable(left, left | answer(0.1, 0.21))
    assert are_distinguishable(left, left | answer(0.31, name="more"))
    assert not are_distinguishable(left, left | answer(0.3005, name="more"))


def test_apart_is_more_than_the_distance_in_either_direction() -> None:
    assert not are_distinguishable(answer(0.0), answer(APART))
    assert are_distinguishable(answer(0.0), answer(1.01 * APART))
    assert are_distinguishable(answer(0.0), answer(-1.01 * APART))
    assert not are_distinguishable(answer(0.9), answer(0.9 + 0.99 * APART))


def test_large_answers_are_apart_in_relation_to_the_larger_one() -> None:
    assert not are_distinguishable(answer(1000.0), answer(1000.9))
    assert not are_distinguishable(answer(-1000.9), answer(-1000.0))
    assert are_distinguishable(answer(1000.0), answer(1001.1))
    assert are_distinguishable(answer(1001.1), answer(1000.0))
    # Exactly the distance: which of the two is the larger one must not matter.
    assert not are_distinguishable(answer(999.0), answer(1000.0))
    assert not are_distinguishable(answer(1000.0), answer(999.0))


def test_answers_without_values_are_not_distinguishable() -> None:
    assert not are_distinguishable(answer(), answer())
    assert not are_distinguishable({}, {})


@given(left=st.lists(numbers, min_size=1, max_size=5), by=st.floats(-2, 2, width=32))
def test_no_two_answers_are_both_the_same_and_apart(left: list[float], by: float) -> None:
    one, other = answer(*left), {"out": floats(*left) * np.float32(1 + by * APART)}
    assert are_distinguishable(one, other) is are_distinguishable(other, one)
    assert not (are_distinguishable(one, other) and (are_equal(one, other) or are_equal(other, one)))


def test_distance_is_the_mean_of_squares() -> None:
    assert distance(floats(1, 2, 3), floats(1, 4, 0)) == pytest.approx((0 + 4 + 9) / 3)
    assert distance(floats(0.5), floats(0.5)) == 0.0


def test_distance_is_computed_in_float64() -> None:
    assert distance(floats(1e30), floats(0)) == pytest.approx(1e60)  # more than a float32 can hold
    assert distance(floats(1e-30), floats(0)) == pytest.approx(1e-60)
    assert isinstance(distance(floats(1), floats(0)), float)


# What a cycle processes


def test_a_cycle_processes_the_values_brick_by_brick() -> None:
    model = ClusterModel()
    model.buffer_values("input_b", floats(3))
    model.buffer_values("input_a", floats(1, 2))
    assert model.finish_cycle() == b"input_a:2:" + floats(1, 2).tobytes() + b"input_b:1:" + floats(3).tobytes()


def test_a_cycle_processes_float32() -> None:
    model = ClusterModel(buffers={"input": np.array([0.1], dtype=np.float64)})  # not float32
    assert model.finish_cycle() == b"input:1:" + floats(0.1).tobytes()


def test_a_cycle_forgets_processed_values() -> None:
    model = ClusterModel()
    model.buffer_values("input", floats(1))
    assert model.finish_cycle() != b""
    assert model.finish_cycle() == b""


def test_a_brick_without_values_is_as_one_that_got_no_message() -> None:
    model = ClusterModel()
    model.buffer_values("input_a", floats())
    model.buffer_values("input_b", floats(1))
    assert model.finish_cycle() == b"input_b:1:" + floats(1).tobytes()


def test_a_lost_socket_takes_the_values_of_its_cycle_with_it_and_nothing_else() -> None:
    model = ClusterModel()
    model.remember(b"before", answer(0.5))
    model.buffer_values("input", floats(1))
    model.forget_values()
    model.buffer_values("input", floats(2))
    assert model.finish_cycle() == b"input:1:" + floats(2).tobytes()
    assert model.known_output(b"before") is not None


@given(messages, messages)
def test_two_cycles_process_the_same_where_each_brick_got_the_same_values(
    left: list[tuple[str, list[float]]], right: list[tuple[str, list[float]]]
) -> None:
    processed, plain = [], []
    for sequence in (left, right):
        model = ClusterModel()
        values: dict[str, bytes] = {}
        for name, numbers in sequence:
            model.buffer_values(name, floats(*numbers))
            values[name] = floats(*numbers).tobytes()
        processed.append(model.finish_cycle())
        plain.append({name: data for name, data in values.items() if data})
    assert (processed[0] == processed[1]) is (plain[0] == plain[1])


@given(messages)
def test_the_order_of_the_bricks_does_not_matter(sequence: list[tuple[str, list[float]]]) -> None:
    forward, backward = ClusterModel(), ClusterModel()
    for model, ordered in ((forward, sequence), (backward, sequence[::-1])):
        for name, numbers in ordered:
            model.buffer_values(name, floats(*numbers))
    assert forward.finish_cycle() == backward.finish_cycle()


def test_no_model_says_what_a_second_message_for_a_brick_does() -> None:
    model = ClusterModel()
    model.buffer_values("input", floats(1))
    with pytest.raises(AssertionError, match=r"^whether a second message appends or overwrites is left open"):
        model.buffer_values("input", floats(2))


# What is known of answers


def test_answers_are_known_once_remembered() -> None:
    model = ClusterModel()
    actual = answer(0.5)
    assert model.known_output(b"one") is None
    model.remember(b"one", actual)
    assert model.known_output(b"one") is actual
    assert model.known_output(b"two") is None


def test_training_makes_every_answer_unknown_and_keeps_the_values_of_the_open_cycle() -> None:
    model = ClusterModel(last_event="MODE-1")
    model.remember(b"one", answer(0.5))
    model.buffer_values("input", floats(1))
    model.note_training()
    assert model.known_output(b"one") is None
    assert model.last_event == "DIO-7"
    assert model.finish_cycle() == b"input:1:" + floats(1).tobytes()


def test_a_new_cluster_has_no_events() -> None:
    model = ClusterModel()
    assert (model.buffers, model.answers, model.last_event) == ({}, {}, "DIO-7")
    model.buffer_values("input", floats(1))
    model.remember(b"one", answer(0.5))
    assert (ClusterModel().buffers, ClusterModel().answers) == ({}, {})


ONE, OTHER = b"one", b"other"
ANSWER = answer(1.0, 1.0)


def test_the_last_event_is_suspected_of_a_different_answer() -> None:
    model = ClusterModel()
    model.remember(ONE, ANSWER)
    assert (model.requirement_for_mismatch(ONE), model.requirement_for_mismatch(OTHER)) == ("DIO-7", "DIO-7")
    model.note_event("DIO-4")
    model.remember(OTHER, ANSWER)  # remembered after the event, so not affected by it
    assert (
        model.requirement_for_mismatch(ONE),
        model.requirement_for_mismatch(OTHER),
        model.requirement_for_mismatch(b"new"),
    ) == ("DIO-4", "DIO-7", "DIO-7")
    model.note_event("MODE-2")
    assert (
        model.requirement_for_mismatch(ONE),
        model.requirement_for_mismatch(OTHER),
        model.requirement_for_mismatch(b"new"),
    ) == ("MODE-2", "MODE-2", "MODE-2")
    model.confirm()
    assert (
        model.requirement_for_mismatch(ONE),
        model.requirement_for_mismatch(OTHER),
        model.requirement_for_mismatch(b"new"),
    ) == ("DIO-7", "DIO-7", "DIO-7")


def test_another_cluster_is_suspected_if_no_own_event_is() -> None:
    model = ClusterModel()
    model.remember(ONE, ANSWER)
    model.note_event("DIO-4")
    model.remember(OTHER, ANSWER)
    model.note_event_elsewhere("GEN-3")
    assert (
        model.requirement_for_mismatch(ONE),
        model.requirement_for_mismatch(OTHER),
        model.requirement_for_mismatch(b"new"),
    ) == ("DIO-4", "GEN-3", "GEN-3")
    model.note_event_elsewhere("DEL-3")
    assert (
        model.requirement_for_mismatch(ONE),
        model.requirement_for_mismatch(OTHER),
        model.requirement_for_mismatch(b"new"),
    ) == ("DIO-4", "GEN-3", "GEN-3")
    model.note_event("MODE-2")
    model.note_event_elsewhere("GEN-3")
    assert model.requirement_for_mismatch(b"new") == "MODE-2"
