"""Direct interaction, step 3: single values of inputs and outputs count, and requests leave the training alone.

No answer is known in advance, but how two of them are related is: inputs that differ in one value only are answered
differently after training, each expected value moves its own output value, and requests in between undo no training.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import are_equal, distance
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import ROUNDS, STEPS, format_answer, sample_inputs, training_targets
from hanami_conformance.suite.support.clusters import ANY_SHAPE, direct_cluster, expect_stable_answers, trained_cluster

pytestmark = pytest.mark.parallel

SHAPE = ClusterShape({"test_input": 9}, {"test_output": 9}, hidden=12)
PLACES = {"first": 0, "middle": 4, "last": 8}
CLUSTERS = 2  # in which a value must have no effect: a network of random weights may have one that is dead
MOVED = 1e-3  # of an output value that follows its expected value


def with_value(shape: ClusterShape, place: int, value: float) -> list[InputMessage]:
    """Return input values that are always the same, but for one."""
    messages = sample_inputs(shape, seed=3)
    messages[0].values[place] = value
    return messages


@requirement("DIO-2")
@pytest.mark.parametrize("place", list(PLACES))
def test_every_value_of_an_input_takes_part(resources: ResourceFactory, place: str) -> None:
    """Inputs that differ in one value get different answers, at the latest after training."""
    for _ in range(CLUSTERS):
        _, socket = trained_cluster(resources, SHAPE)
        pair = [
            (with_value(SHAPE, PLACES[place], value), training_targets(SHAPE, seed=int(value) + 1))
            for value in (0.0, 1.0)
        ]
        for _ in range(ROUNDS):
            low, high, again = (socket.request(question) for question, _ in (*pair, pair[0]))
            if not are_equal(low, high):
                if not are_equal(low, again):  # as the answers to the same values do
                    expect_stable_answers(resources, socket)
                require(True, expected="different answers", actual="different answers")
                return
            for step in range(STEPS):
                question, targets = pair[step % 2]
                socket.train([*question, *targets])
        socket.close()
    expected = f"different answers to 0 and 1 as the {place} value of an input of {SHAPE.inputs['test_input']}"
    require(False, expected=expected, actual=format_answer(low))


@requirement("DIO-8")
def test_every_expected_value_moves_its_output(resources: ResourceFactory) -> None:
    """Each output value follows its own expected value, from one training to the opposite one."""
    stuck = set(range(SHAPE.outputs["test_output"]))
    for _ in range(CLUSTERS):
        _, socket = direct_cluster(resources, SHAPE)
        stuck &= values_that_do_not_follow(socket)
        if not stuck:
            break
        socket.close()
    everywhere = len(stuck) == SHAPE.outputs["test_output"]
    actual = "none does" if everywhere else f"these do not, counted from 0: {', '.join(map(str, sorted(stuck)))}"
    expected = "every value of an output to follow its expected value when that changes from 0.1 to 0.9 or back"
    require(not stuck, expected=expected, actual=actual)


def values_that_do_not_follow(socket: ClusterSocket) -> set[int]:
    """Return the places of the output values that do not move to the other side with their expected values."""
    question, (targets,) = sample_inputs(SHAPE, seed=1), training_targets(SHAPE, seed=1)
    opposite = InputMessage(targets.name, np.float32(1.0) - targets.values, expected=True)
    train(socket, [*question, targets], until=lambda: False, rounds=2)
    before = socket.request(question)[targets.name]
    direction = np.sign(opposite.values - targets.values)

    def stuck() -> set[int]:
        moved = (socket.request(question)[targets.name] - before) * direction
        return {place for place, distance_moved in enumerate(moved) if distance_moved <= MOVED}

    train(socket, [*question, opposite], until=lambda: not stuck())
    return stuck()


@requirement("DIO-8", "DIO-5")
def test_requests_between_training_cycles_change_nothing(resources: ResourceFactory) -> None:
    """Training in which a request follows each cycle moves the answer toward the expected values."""
    _, socket = direct_cluster(resources, ANY_SHAPE)
    question, targets = sample_inputs(socket.shape, seed=1), training_targets(socket.shape, seed=1)

    def away() -> float:
        answer = socket.request(question)
        return sum(distance(answer[part.name], part.values) for part in targets)

    before = after = away()
    for _ in range(ROUNDS * STEPS):
        socket.train([*question, *targets])
        after = away()
        if after < before / 2:
            break
    if after >= before:
        learns = False
        for _ in range(ROUNDS):
            for _ in range(STEPS):
                socket.train([*question, *targets])
            learns = learns or away() < after
        if not learns:
            raise Unsupported("the cluster does not learn without requests in between either")
    expected = (
        f"an answer nearer than {before:.5f} to the expected values, after training with a request behind each cycle"
    )
    require(after < before, expected=expected, actual=f"{after:.5f}")


def train(socket: ClusterSocket, messages: list[InputMessage], until: Callable[[], bool], rounds: int = ROUNDS) -> None:
    """Train in rounds until a condition is met, which is asked after each of them."""
    for _ in range(rounds):
        for _ in range(STEPS):
            socket.train(messages)
        if until():
            return
