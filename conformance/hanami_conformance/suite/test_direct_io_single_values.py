"""Direct interaction, step 3: single values of inputs and outputs count, and requests leave the training alone.

No answer is known in advance, but how two of them are related is: inputs that differ in one value only are answered
differently after training, each expected value moves its own output value, and requests in between undo no training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pytest

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import are_equal, distance
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import ROUNDS, STEPS, sample_inputs, training_targets
from hanami_conformance.suite.support.clusters import ANY_SHAPE, direct_cluster, expect_stable_answers, trained_cluster

pytestmark = pytest.mark.parallel


def numbered(kind: str, count: int, size: int) -> dict[str, int]:
    """Return the sizes of bricks that are alike but for their names."""
    return {f"{kind}_{number}": size for number in range(count)}


INPUT_SHAPES = {
    "9 values": ClusterShape({"test_input": 9}, {"test_output": 9}, hidden=12),
    "784 values": ClusterShape({"test_input": 784}, {"test_output": 9}, hidden=12),
    "4100 values": ClusterShape({"test_input": 4100}, {"test_output": 9}, hidden=12),  # if the target takes that many
    "3 bricks": ClusterShape(numbered("input", 3, 4), {"test_output": 9}, hidden=12),
    "17 bricks": ClusterShape(numbered("input", 17, 1), {"test_output": 9}, hidden=12),
}
OUTPUT_SHAPES = {
    "9 values": ClusterShape({"test_input": 9}, {"test_output": 9}, hidden=12),
    "784 values": ClusterShape({"test_input": 9}, {"test_output": 784}, hidden=12),
    "3 bricks": ClusterShape({"test_input": 9}, numbered("output", 3, 4), hidden=12),
    "9 bricks": ClusterShape({"test_input": 9}, numbered("output", 9, 2), hidden=12),
}
CLUSTERS = 2  # in which a value must have no effect: a network of random weights may have one that is dead
MOST_TRAINED = 2  # of the values without effect: a server that ignores one of these is faulty in any case
MOST_SHOWN = 8  # places in a report
MOVED = 1e-3  # of an output value that follows its expected value

Place = tuple[str, int]  # a brick, and the place of a value in it, counted from 0


def format_places(places: Iterable[Place]) -> str:
    """Return places as text for a report."""
    found = [f"{place} of {name}" for name, place in sorted(places)]
    if len(found) <= MOST_SHOWN:
        return ", ".join(found)
    return f"{', '.join(found[: MOST_SHOWN - 1])} and {len(found) - MOST_SHOWN + 1} more, to {found[-1]}"


def notable_places(sizes: Mapping[str, int]) -> list[Place]:
    """Return the first, the middle and the last place of each brick, and those at both sides of 2^n and of 10^n."""
    found: list[Place] = []
    for name, size in sizes.items():
        bounds = [*(2**exponent for exponent in range(1, 13)), 100, 1000]
        places = {0, size // 2, size - 1, *bounds, *(bound - 1 for bound in bounds)}
        found += [(name, place) for place in sorted(places) if place < size]
    return found


def question_of(shape: ClusterShape, changed: Place | None = None) -> list[InputMessage]:
    """Return input values that are always the same, but for one that is clearly another."""
    messages = sample_inputs(shape, seed=3)
    for message in messages:
        if changed is not None and message.name == changed[0]:
            message.values[changed[1]] = 0.0 if message.values[changed[1]] > 0.5 else 1.0
    return messages


@requirement("DIO-2", "DIO-4")
@pytest.mark.parametrize("shape", INPUT_SHAPES.values(), ids=INPUT_SHAPES)
def test_every_value_of_an_input_takes_part(resources: ResourceFactory, shape: ClusterShape) -> None:
    """Inputs that differ in one value get different answers, at the latest after training."""
    ignored = notable_places(shape.inputs)
    for _ in range(CLUSTERS):
        _, socket = trained_cluster(resources, shape)
        ignored = places_without_effect(resources, socket, ignored)
        socket.close()
        if not ignored:
            break
    require(
        not ignored,
        expected="different answers where any one value of an input differs",
        actual=f"the same answers where these do, counted from 0: {format_places(ignored)}",
        requirement="DIO-4" if len(shape.inputs) > 1 else "DIO-2",
    )


def places_without_effect(resources: ResourceFactory, socket: ClusterSocket, places: Sequence[Place]) -> list[Place]:
    """Return some places whose values have no effect on the answer, not even after training."""
    shape = socket.shape
    for turn in range(ROUNDS + 1):
        answer = socket.request(question_of(shape))
        places = [place for place in places if are_equal(socket.request(question_of(shape, place)), answer)]
        if not are_equal(socket.request(question_of(shape)), answer):  # as the answers to the same values do
            expect_stable_answers(resources, socket)
        if not places or turn == ROUNDS:
            break
        places = [*places[: MOST_TRAINED - 1], places[-1]] if len(places) > MOST_TRAINED else places
        for place in places:
            for step in range(STEPS):
                changed = place if step % 2 else None
                socket.train([*question_of(shape, changed), *training_targets(shape, seed=1 + step % 2)])
    return list(places)


@requirement("DIO-8")
@pytest.mark.parametrize("shape", OUTPUT_SHAPES.values(), ids=OUTPUT_SHAPES)
def test_every_expected_value_moves_its_output(resources: ResourceFactory, shape: ClusterShape) -> None:
    """Each output value follows its own expected value, from one training to the opposite one."""
    stuck = every = {(name, place) for name, size in shape.outputs.items() for place in range(size)}
    for _ in range(CLUSTERS):
        _, socket = direct_cluster(resources, shape)
        stuck = stuck & values_that_do_not_follow(socket)
        socket.close()
        if not stuck:
            break
    actual = "none does" if stuck == every else f"these do not, counted from 0: {format_places(stuck)}"
    expected = "every value of an output to follow its expected value when that changes from 0.1 to 0.9 or back"
    require(not stuck, expected=expected, actual=actual)


def values_that_do_not_follow(socket: ClusterSocket) -> set[Place]:
    """Return the places of the output values that do not move to the other side with their expected values."""
    question, targets = sample_inputs(socket.shape, seed=1), training_targets(socket.shape, seed=1)
    opposite = [InputMessage(part.name, np.float32(1.0) - part.values, expected=True) for part in targets]
    train(socket, [*question, *targets], until=lambda: False, rounds=2)
    before = socket.request(question)

    def stuck() -> set[Place]:
        answer = socket.request(question)
        return {
            (there.name, place)
            for here, there in zip(targets, opposite, strict=True)
            for place, moved in enumerate(
                (answer[there.name] - before[there.name]) * np.sign(there.values - here.values)
            )
            if moved <= MOVED
        }

    train(socket, [*question, *opposite], until=lambda: not stuck())
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
