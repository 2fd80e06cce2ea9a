"""Direct interaction, step 3: few and many values, large and small ones."""

from __future__ import annotations

import numpy as np
import pytest

from hanami_conformance.cases.attribution import default_requirement
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ConnectionClosed, ErrorAnswer, PreconditionFailed, Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import (
    format_answer,
    sample_inputs,
    train_once,
    train_until_distinguishable,
    training_targets,
)
from hanami_conformance.suite.support.clusters import ANY_SHAPE, direct_cluster, expect_same, trained_cluster

pytestmark = pytest.mark.parallel

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
