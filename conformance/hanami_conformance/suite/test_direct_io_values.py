"""Direct interaction, step 3: few and many values, large and small ones."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

from hanami_conformance.cases.attribution import default_requirement
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ConnectionClosed, ErrorAnswer, PreconditionFailed, Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.models.cluster import Outputs, are_distinguishable, are_equal
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import (
    ROUNDS,
    STEPS,
    format_answer,
    sample_inputs,
    train_once,
    train_until_distinguishable,
    training_targets,
)
from hanami_conformance.suite.support.clusters import ANY_SHAPE, direct_cluster, expect_same, trained_cluster
from hanami_conformance.suite.support.sample_data import ONE_BRICK

pytestmark = pytest.mark.parallel

FAR = 0.2  # distance of an answer from its target at which training can move it
LATE, POLL = 2.0, 0.05  # seconds for a change after training that had none at once, and between two requests
SETTLED = 5  # equal answers after which nothing changes any more
LARGE = 40_000  # values of an output; its message is larger than 128 KiB


@requirement("DIO-3")
@pytest.mark.parametrize("size", [1, 2, 10, 784], ids=lambda size: f"{size} values")
def test_a_request_is_answered_with_the_output(resources: ResourceFactory, size: int) -> None:
    """An answer has REQUEST_TYPE and as many finite values as announced and as the output brick holds."""
    shape = ClusterShape({"test_input": size}, {"test_output": max(2, size // 2)}, hidden=8)
    _, socket = direct_cluster(resources, shape, about="DIO-3")
    for seed in (1, 2, 3):
        answer = socket.request(sample_inputs(shape, seed))
        require(set(answer) == {"test_output"}, expected="the output of test_output", actual=format_answer(answer))


@requirement("DIO-3", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
def test_a_large_output_is_answered_whole(resources: ResourceFactory) -> None:
    """An answer of tens of thousands of values arrives whole."""
    shape = ClusterShape({"test_input": 2}, {"test_output": LARGE}, hidden=2)
    _, socket = direct_cluster(resources, shape, about="DIO-3")
    for seed in (1, 2):
        answer = socket.request(sample_inputs(shape, seed))
        require(set(answer) == {"test_output"}, expected=f"an output of {LARGE} values", actual=format_answer(answer))


INPUTS = {  # repeated up to the size of the brick
    "zeros": [0.0],
    "ones": [1.0],
    "minus ones": [-1.0],
    "one spike": [0.0, 0.0, 0.0, 1.0, *[0.0] * 8],
    "small values": [1e-6],
    "large values": [1e4],
    "values beyond float16": [1e5],
    "mixed signs": [-1e3, 1e3],
    "values above 2^24": [16_777_218.0, 33_554_436.0, 3e9],
    "fractions of all 24 bits": [1 / 3, 16_777_213 / 16_777_216],
    "largest values": [3.4028234e38],
    "largest values of both signs": [3.4028234e38, -3.4028234e38],
    "least values": [1e-45, -1e-45],
}
EXPECTED_VALUES = {  # likewise
    "values above 2^24": [16_777_218.0, 3e9],
    "fractions of all 24 bits": [1 / 3, 16_777_213 / 16_777_216],
}


@requirement("DIO-3")
@pytest.mark.parametrize("kind", list(INPUTS))
def test_any_finite_input_gives_a_finite_output(resources: ResourceFactory, kind: str) -> None:
    """The answer to a finite input is finite, before and after the cluster is trained with it."""
    _, socket = direct_cluster(resources, ANY_SHAPE, about="DIO-3")
    ((name, size),) = socket.shape.inputs.items()
    question = InputMessage(name, np.resize(np.array(INPUTS[kind], dtype=np.float32), size))
    expect_finite(socket, question, training_targets(socket.shape, seed=1)[0])


@requirement("DIO-3")
@pytest.mark.parametrize("kind", list(EXPECTED_VALUES))
def test_any_finite_expected_values_leave_the_output_finite(resources: ResourceFactory, kind: str) -> None:
    """The answer of a cluster is finite after it is trained to finite expected values, or they are rejected."""
    cluster, socket = direct_cluster(resources, about="DIO-3")  # a new one, which may learn nothing else afterwards
    ((name, size),) = socket.shape.outputs.items()
    values = np.resize(np.array(EXPECTED_VALUES[kind], dtype=np.float32), size)
    question = sample_inputs(socket.shape, seed=1)[0]
    try:
        expect_finite(socket, question, InputMessage(name, values, expected=True))
    except (ConnectionClosed, ErrorAnswer) as rejection:
        closed = socket.websocket.close_info
        if isinstance(rejection, ConnectionClosed) and (closed is None or not closed.reason):
            raise
        observe(f"training to {kind}", rejection.actual)
        socket.close()
        cluster.reattach().request([question])


def expect_finite(socket: ClusterSocket, question: InputMessage, targets: InputMessage) -> None:
    """Check that a cluster answers with its output, before and after it is trained."""
    socket.request([question])
    for _ in range(5):
        socket.train([question, targets])
    answer = socket.request([question])
    expected = "the output of the output brick"
    require(set(answer) == set(socket.shape.outputs), expected=expected, actual=format_answer(answer))


PAIRS = {  # of inputs, repeated likewise, that need different answers
    "above one": ([1.25, 3.0], [3.0, 1.25]),
    "beside values below zero": ([-0.5, 0.2, -1.0, 0.9], [-0.5, 0.9, -1.0, 0.2]),
}
BELOW_ZERO = ([-0.2, -0.9], [-0.9, -0.2])  # another pair


def question_of(socket: ClusterSocket, values: Sequence[float]) -> list[InputMessage]:
    """Return input values, repeated up to the size of the brick."""
    ((name, size),) = socket.shape.inputs.items()
    return [InputMessage(name, np.resize(np.array(values, dtype=np.float32), size))]


def distinguishes(socket: ClusterSocket, pair: Sequence[Sequence[float]]) -> bool:
    """Train a cluster with two inputs in turn until it answers them differently; False if it never does."""
    questions = [question_of(socket, values) for values in pair]
    for turn in range(ROUNDS + 1):
        answers = [socket.request(question) for question in questions]
        if are_distinguishable(*answers):
            return True
        for step in range(STEPS if turn < ROUNDS else 0):
            socket.train([*questions[step % 2], *training_targets(socket.shape, seed=1 + step % 2)])
    return False


@requirement("DIO-8", "DIO-2")
@pytest.mark.parametrize("kind", list(PAIRS))
def test_inputs_of_any_range_are_distinguished(resources: ResourceFactory, kind: str) -> None:
    """A cluster answers inputs differently that differ in values above one, or in some beside values below zero."""
    _, socket = direct_cluster(resources, ANY_SHAPE)
    expected = f"different answers to {' and to '.join(map(str, PAIRS[kind]))}, repeated, at the latest after training"
    require(distinguishes(socket, PAIRS[kind]), expected=expected, actual="the same answers")


@requirement("DIO-13")
def test_effect_of_inputs_below_zero(resources: ResourceFactory) -> None:
    """Record whether values below zero count as they are, as zeros, or as their absolute values."""
    _, socket = direct_cluster(resources, ANY_SHAPE)
    if distinguishes(socket, BELOW_ZERO):
        value = np.array(BELOW_ZERO[0])
        same = are_equal(*(socket.request(question_of(socket, list(values))) for values in (value, -value)))
        observe("values below zero", "count as their absolute values" if same else "count as they are")
    else:
        answers = [socket.request(question_of(socket, values)) for values in (BELOW_ZERO[0], [0.0])]
        observe("values below zero", "count as zeros" if are_equal(*answers) else "are not distinguished")


INNER = {0.3: 0.0, 0.62: 1.0}  # a value to be learned, and one beyond it that is learned before


@requirement("DIO-8")
@pytest.mark.parametrize(("value", "start"), [(0.0, 1.0), (1.0, 0.0), *INNER.items()], ids=lambda value: f"{value:g}")
def test_values_of_the_whole_range_are_trained(resources: ResourceFactory, value: float, start: float) -> None:
    """Training moves the answer toward expected values of 0 and 1, and of others between them."""
    _, socket = direct_cluster(resources, ANY_SHAPE)
    question = sample_inputs(socket.shape, seed=1)
    ((output, size),) = socket.shape.outputs.items()
    target, opposite = (
        InputMessage(output, np.full(size, each, dtype=np.float32), expected=True) for each in (value, start)
    )

    def away() -> float:
        """Return how far the answer is from the value, on the side of the start."""
        return float(np.sign(start - value) * (socket.request(question)[output] - value).mean())

    for _ in range(ROUNDS):  # until the answer is far enough from the value
        if (before := away()) > FAR:
            break
        for _ in range(STEPS):
            socket.train([*question, opposite])
    else:
        raise Unsupported(f"the cluster does not learn to answer {start:g}")
    for _ in range(ROUNDS):
        for _ in range(STEPS):
            socket.train([*question, target])
        if (after := away()) < before:
            return
    expected = f"an answer less than {before:g} away from {value:g}, toward which {start:g} was trained before"
    require(False, expected=expected, actual=f"{after:g} away")


SIZES = {
    "a small cluster": ONE_BRICK,
    "a large cluster": ClusterShape({"test_input": 784}, {"test_output": 10}, hidden=784),
}


@requirement("DIO-9", "DIO-8")
@pytest.mark.parametrize("shape", SIZES.values(), ids=SIZES)
def test_training_is_done_when_it_is_answered(resources: ResourceFactory, shape: ClusterShape) -> None:
    """The request behind a training cycle is answered by what it trained, not the next ones alone."""
    _, socket = direct_cluster(resources, shape)
    question = sample_inputs(shape, seed=1)
    before = socket.request(question)
    targets = [
        InputMessage(name, np.where(values > 0.5, 0.1, 0.9).astype(np.float32), expected=True)
        for name, values in before.items()
    ]
    socket.train([*question, *targets])
    first = socket.request(question)
    if not are_equal(first, before):
        require(True, expected="another answer than before the training cycle", actual=format_answer(first))
        return
    later: list[Outputs] = []
    until = Deadline.after(LATE)
    while not until.passed or len(later) < SETTLED:
        time.sleep(POLL)
        later.append(socket.request(question))
    last = later[-1]
    if not all(are_equal(answer, last) for answer in later[-SETTLED:]):
        raise Unsupported("the answers of the cluster change by themselves")
    if are_equal(last, first):
        raise Unsupported("a training cycle does not change the answer")
    expected = f"the answer that the cluster gives later, {format_answer(last)}, right behind the training cycle"
    require(False, expected=expected, actual=f"{format_answer(first)}, as before the cycle")


# The larger input is before the other in one template, and behind it in the other.
UNLIKE_SIZES = {
    "the larger first": ClusterShape({"input_a": 2000, "input_b": 4}, {"test_output": 5}, hidden=10),
    "the larger last": ClusterShape({"input_a": 4, "input_b": 2000}, {"test_output": 5}, hidden=10),
}


@requirement("DIO-4", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("sizes", list(UNLIKE_SIZES))
def test_inputs_of_unlike_sizes_keep_their_values(resources: ResourceFactory, sizes: str) -> None:
    """Values for a small and a large input get the same answer in any order."""
    shape = UNLIKE_SIZES[sizes]
    _, socket = trained_cluster(resources, shape, about="DIO-4")
    for seed in (1, 2):
        first, second = sample_inputs(shape, seed)
        whole = socket.request([first, second])
        what = "the same answer with the bricks in the other order"
        expect_same(resources, socket, socket.request([second, first]), whole, what)


LONG = "a_name_of_a_brick_that_has_as_many_characters_as_nobody_expects_"
ALIKE = {
    "the beginning": ClusterShape({f"{LONG}1": 4, f"{LONG}2": 4}, {"test_output": 5}, hidden=10),
    "the whole of the shorter": ClusterShape({"test_input": 4, "test_input_2": 4}, {"test_output": 5}, hidden=10),
    "all but the case": ClusterShape({"Test_Input": 4, "test_input": 4}, {"test_output": 5}, hidden=10),
}


@requirement("DIO-4", "DIO-1")
@pytest.mark.hostile
@pytest.mark.parametrize("common", list(ALIKE))
def test_bricks_with_similar_names_keep_their_values(resources: ResourceFactory, common: str) -> None:
    """Values for bricks whose names have much in common go each to its brick, in any order."""
    shape = ALIKE[common]
    try:
        cluster = resources.cluster(shape)
    except PreconditionFailed as failure:
        raise Unsupported(f"the target creates no cluster with these names: {failure}") from failure
    cluster.enter_direct_mode()
    socket = cluster.attach()
    with default_requirement("DIO-4"):
        train_once(socket)
        train_until_distinguishable(socket, shape)
        for seed in (1, 2):
            first, second = sample_inputs(shape, seed)
            whole = socket.request([first, second])
            swapped = socket.request([second, first])
            expect_same(resources, socket, swapped, whole, "the same answer with the bricks in the other order")
