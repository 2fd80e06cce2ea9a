"""Direct interaction, step 3: values, cycles and answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage, describe
from hanami_conformance.models.cluster import Outputs, are_equal, distance
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import (
    ROUNDS,
    STEPS,
    format_answer,
    make_distinguishable,
    sample_inputs,
    training_targets,
    vector,
)
from hanami_conformance.suite.support.clusters import (
    ANY_SHAPE,
    direct_cluster,
    expect_same,
    expect_stable_answers,
    trained_cluster,
    untrained_cluster,
)
from hanami_conformance.suite.support.sample_data import ONE_BRICK, TWO_INPUTS, TWO_OUTPUTS
from hanami_conformance.suite.support.sockets import expect_nothing_more
from hanami_proto.codec import ProcessType

pytestmark = pytest.mark.parallel

LEARNED = 0.5  # part of the initial distance at which training stops
NO_DISTANCE = 1e-9  # of an answer that is correct before training


# DIO-1: a cluster socket accepts ClusterIO_Message binary messages.
@requirement("DIO-1")
@pytest.mark.parametrize("size", [None, 784])  # a message of 3 KiB carries a handwritten digit
def test_a_cluster_takes_messages(resources: ResourceFactory, size: int | None) -> None:
    """A ClusterIO_Message is answered with a ClusterIO_Message."""
    shape = None if size is None else ClusterShape({"test_input": size}, {"test_output": 5}, hidden=4)
    cluster, socket = direct_cluster(resources, shape, about="DIO-1")
    socket.close()
    socket = cluster.reattach()  # so that it is the first message of its socket
    question, *_ = sample_inputs(socket.shape, seed=1)
    socket.send(question.name, question.values, is_last=True)
    answer = socket.websocket.receive("an answer to a ClusterIO_Message")
    require(not answer.text, expected="a binary ClusterIO_Message", actual=answer)
    socket.decode(answer)


# DIO-2: messages with isLast false start nothing; one with isLast true starts the processing of all values sent since
# the previous one.
@requirement("DIO-2")
def test_a_request_that_is_not_finished_gets_no_output(resources: ResourceFactory) -> None:
    """No output comes without a message with isLast = true, even if the cluster has all of its values."""
    _, socket = direct_cluster(resources, ANY_SHAPE, about="DIO-2")
    for part in sample_inputs(socket.shape, seed=1):
        socket.send(part.name, part.values, is_last=False)
        socket.receive_acknowledgement()
    expect_nothing_more(socket, "no output before a message with isLast = true")


@requirement("DIO-2")
def test_not_last_requests_start_nothing(resources: ResourceFactory) -> None:
    """No output comes before the message with isLast = true."""
    _, socket = direct_cluster(resources, TWO_INPUTS)
    first, second = sample_inputs(TWO_INPUTS, seed=1)
    socket.send(first.name, first.values, is_last=False)
    socket.receive_acknowledgement()
    # The last message is a fence: a premature output would arrive before its answer.
    socket.send(second.name, second.values, is_last=True)
    socket.receive_outputs()
    expect_nothing_more(socket, "one output after the last message")


@requirement("DIO-2")
def test_not_last_training_messages_train_nothing(resources: ResourceFactory) -> None:
    """A TRAIN cycle that is never finished changes no answer, however often it is started."""
    cluster, socket = trained_cluster(resources, ANY_SHAPE)
    question = sample_inputs(socket.shape, seed=1)
    before = socket.request(question)
    for _ in range(10):
        for part in [*question, *training_targets(socket.shape, seed=2)]:
            socket.send(part.name, part.values, is_last=False, process_type=ProcessType.TRAIN, expected=part.expected)
            socket.receive_acknowledgement()
        socket.close()
        socket = cluster.reattach()
    expect_same(resources, socket, socket.request(question), before, "the answer as before, since no cycle was ended")


@requirement("DIO-2")
def test_the_last_message_carries_values_too(resources: ResourceFactory) -> None:
    """The values of the message with isLast = true take part in its cycle."""
    # Two bricks, because with one a server that drops these values would seem unable to learn.
    _, socket = trained_cluster(resources, TWO_INPUTS)
    for seed in (1, 2):  # whose answers are distinguishable
        first, second = sample_inputs(TWO_INPUTS, seed)
        whole = socket.request([first, second])
        swapped = socket.request([second, first])
        # Where other values in the last message make a difference, it is the order that does harm.
        _, other = sample_inputs(TWO_INPUTS, seed + 2)
        wrong_order = not are_equal(swapped, whole) and not are_equal(socket.request([first, other]), whole)
        what = "the same answer with the other brick last"
        expect_same(resources, socket, swapped, whole, what, "DIO-4" if wrong_order else None)


# DIO-4: one input split over several messages, one for each brick, gives the same answer in whatever order they are
# sent.
@requirement("DIO-4", "DIO-2")
@pytest.mark.parametrize("brick", list(TWO_INPUTS.inputs))
def test_the_values_of_every_brick_take_part(resources: ResourceFactory, brick: str) -> None:
    """Inputs that differ in one of two bricks get different answers, at the latest after training."""
    _, socket = trained_cluster(resources, TWO_INPUTS, about="DIO-4")
    first, other = sample_inputs(TWO_INPUTS, seed=1), sample_inputs(TWO_INPUTS, seed=2)
    second = [there if there.name == brick else here for here, there in zip(first, other, strict=True)]
    for turn in range(ROUNDS + 1):
        answer, another, again = (socket.request(question) for question in (first, second, first))
        differ, is_stable = not are_equal(answer, another), are_equal(answer, again)
        if differ and is_stable:
            return
        for step in range(STEPS if turn < ROUNDS else 0):
            question, seed = (first, 1) if step % 2 else (second, 2)
            socket.train([*question, *training_targets(TWO_INPUTS, seed)])
    if differ:  # as the answers to the same values do
        expect_stable_answers(resources, socket)
    require(False, expected=f"different answers to different values of {brick}", actual=format_answer(answer))


@requirement("DIO-2", "DIO-7")
def test_each_cycle_runs_once(resources: ResourceFactory) -> None:
    """Each last message starts one cycle and gets one answer."""
    _, socket = trained_cluster(resources, ANY_SHAPE)
    answers = {seed: socket.request(sample_inputs(socket.shape, seed)) for seed in range(1, 6)}
    for seed in (5, 3, 1, 1, 4, 2):
        actual = socket.request(sample_inputs(socket.shape, seed))
        expect_same(resources, socket, actual, answers[seed], f"the answer to input {seed} as before", "DIO-7")
    expect_nothing_more(socket, "11 answers to 11 requests")


# DIO-3: a last REQUEST message is answered by ClusterIO messages of REQUEST_TYPE with the output: numberOfValues equals
# the number of values and the size of the output brick, and every value is finite.
@requirement("DIO-3")
@pytest.mark.hostile
def test_an_untrained_cluster_answers(resources: ResourceFactory) -> None:
    """A request is answered even if the cluster was never trained."""
    _, socket = untrained_cluster(resources)
    answer = socket.request(sample_inputs(ONE_BRICK, seed=1))
    require(set(answer) == {"test_output"}, expected="the output of test_output", actual=format_answer(answer))


@requirement("DIO-3")
@pytest.mark.parametrize("listed", ["by name", "in reverse"])
def test_every_output_brick_answers(resources: ResourceFactory, listed: str) -> None:
    """A request to a cluster with two output bricks is answered by one message for each."""
    outputs = sorted(TWO_OUTPUTS.outputs.items(), reverse=listed == "in reverse")
    shape = replace(TWO_OUTPUTS, outputs=dict(outputs))
    _, socket = direct_cluster(resources, shape, about="DIO-3")
    for seed in (1, 2, 3):
        answer = socket.request(sample_inputs(shape, seed))
        require(set(answer) == set(shape.outputs), expected="both outputs", actual=format_answer(answer))
    expect_nothing_more(socket, "6 outputs to 3 requests")


@requirement("DIO-3")
@pytest.mark.parametrize("count", [9, 17])
def test_each_of_many_output_bricks_answers(resources: ResourceFactory, count: int) -> None:
    """A request to a cluster with many output bricks is answered by one message for each."""
    shape = ClusterShape({"test_input": 4}, {f"output_{number}": 1 + number % 3 for number in range(count)}, hidden=4)
    _, socket = direct_cluster(resources, shape, about="DIO-3")
    answer = socket.request(sample_inputs(shape, seed=1))
    require(set(answer) == set(shape.outputs), expected=f"{count} outputs", actual=format_answer(answer))
    expect_nothing_more(socket, f"{count} outputs to a request")


@requirement("DIO-3", "DIO-8")
def test_answers_belong_to_their_bricks(resources: ResourceFactory) -> None:
    """Each output brick answers with the values that it was trained to."""
    shape = ClusterShape({"test_input": 6}, {"output_a": 3, "output_b": 3}, hidden=8)
    _, socket = direct_cluster(resources, shape, about="DIO-3")
    question = InputMessage("test_input", vector(6, seed=1))
    high, low = np.full(3, 0.9, dtype=np.float32), np.full(3, 0.1, dtype=np.float32)
    for step in range(20 * STEPS):
        if step % STEPS == 0:
            answer = socket.request([question])
            apart = float(answer["output_a"].mean() - answer["output_b"].mean())
            if step and abs(apart) > 0.2:
                break
        socket.train(
            [question, InputMessage("output_a", high, expected=True), InputMessage("output_b", low, expected=True)]
        )
    expected = "output_a, trained to 0.9, above output_b, trained to 0.1"
    require(apart > 0, expected=expected, actual=format_answer(answer))


# DIO-8: training a fixed pair repeatedly moves the answer toward the expected values.
@requirement("DIO-8")
def test_different_inputs_are_distinguished(resources: ResourceFactory) -> None:
    """A cluster answers inputs differently that were trained to different outputs."""
    _, socket = direct_cluster(resources, ANY_SHAPE)
    try:
        make_distinguishable(socket, socket.shape)
    except Unsupported as error:
        require(False, expected="different answers to inputs that were trained to different outputs", actual=error)
        return
    answers = [socket.request(sample_inputs(socket.shape, seed)) for seed in (1, 2)]
    require(not are_equal(*answers), expected="different answers to different inputs", actual=format_answer(answers[0]))


@requirement("DIO-4")
def test_two_bricks_may_be_filled_in_any_order(resources: ResourceFactory) -> None:
    """Values for two bricks get the same answer in any order."""
    _, socket = trained_cluster(resources, TWO_INPUTS, about="DIO-4")
    for seed in (1, 2):
        first, second = sample_inputs(TWO_INPUTS, seed)
        whole = socket.request([first, second])
        expect_same(
            resources,
            socket,
            socket.request([second, first]),
            whole,
            "the same answer with the bricks in the other order",
        )


SHAPES = {"one brick each": ANY_SHAPE, "two inputs": TWO_INPUTS, "two outputs": TWO_OUTPUTS}


@requirement("DIO-4", "DIO-5")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("first", ["expected values", "inputs"])
def test_the_messages_of_a_training_cycle_come_in_any_order(
    resources: ResourceFactory, shape: ClusterShape | None, first: str
) -> None:
    """A TRAIN cycle of one message for each brick trains all of its expected values, whichever message is the last."""
    _, socket = direct_cluster(resources, shape)
    question, targets = sample_inputs(socket.shape, seed=1), training_targets(socket.shape, seed=1)
    messages = [*question, *targets] if first == "inputs" else [*targets, *question]
    start = socket.request(question)
    for _ in range(ROUNDS):
        for _ in range(STEPS):
            socket.train(messages)
        end = socket.request(question)
        if all(_remaining(start, end, part) < LEARNED for part in targets):
            return
    for part in targets:
        actual = f"{_remaining(start, end, part):.2f} of the distance before"
        require(_remaining(start, end, part) < 1.0, expected=f"{part.name} nearer to its values", actual=actual)


def _remaining(start: Outputs, end: Outputs, target: InputMessage) -> float:
    """Return the part of the distance of an output from its expected values that is left after training."""
    return distance(end[target.name], target.values) / max(distance(start[target.name], target.values), NO_DISTANCE)


# DIO-5: processType decides: a TRAIN cycle is answered by no output of a brick (a placeholder with an empty name is not
# an output), and a REQUEST needs no expected values.
@requirement("DIO-5")
def test_training_is_answered_by_no_output(resources: ResourceFactory) -> None:
    """A TRAIN cycle is answered by no output, and the next request gets its own answer."""
    _, socket = direct_cluster(resources, ANY_SHAPE, about="DIO-5")
    for seed in (1, 2, 3):
        socket.train([*sample_inputs(socket.shape, seed), *training_targets(socket.shape, seed)])
    socket.request(sample_inputs(socket.shape, seed=1))
    unsolicited = [message for message in socket.close() if socket.carries_output(message)]
    require(not unsolicited, expected="outputs for the request alone", actual=f"{len(unsolicited)} more outputs")


@requirement("DIO-5", "DIO-7")
def test_a_request_trains_nothing(resources: ResourceFactory) -> None:
    """Requests do not change the answers of a trained cluster."""
    _, socket = trained_cluster(resources, ANY_SHAPE, about="DIO-5")
    before = socket.request(sample_inputs(socket.shape, seed=1))
    for seed in range(2, 22):
        socket.request(sample_inputs(socket.shape, seed))
    actual = socket.request(sample_inputs(socket.shape, seed=1))
    expect_same(resources, socket, actual, before, "the answer as before 20 other requests", "DIO-7")


@requirement("DIO-5", "DIO-8")
def test_training_changes_the_answer(resources: ResourceFactory) -> None:
    """A TRAIN cycle changes the answer of the cluster."""
    _, socket = direct_cluster(resources, about="DIO-5")
    before = socket.request(sample_inputs(ONE_BRICK, seed=1))
    for _ in range(ROUNDS):  # some networks answer zeros until they were trained for a while
        for _ in range(STEPS):
            socket.train([*sample_inputs(ONE_BRICK, seed=1), *training_targets(ONE_BRICK, seed=1)])
        after = socket.request(sample_inputs(ONE_BRICK, seed=1))
        if changed := any((after[name] != before[name]).any() for name in before):
            break
    require(changed, expected=f"another answer than {format_answer(before)}", actual="the same", requirement="DIO-5")


# DIO-6: every message is answered: one that is not last by an acknowledgement, a last TRAIN by an end message with
# isLast true.
@requirement("DIO-6")
@pytest.mark.parametrize("process", [ProcessType.REQUEST, ProcessType.TRAIN])
def test_every_not_last_message_is_acknowledged(resources: ResourceFactory, process: ProcessType) -> None:
    """Each message with isLast = false is answered by one acknowledgement with isLast = false."""
    _, socket = direct_cluster(resources, ANY_SHAPE, about="DIO-6")
    messages = sample_inputs(socket.shape, seed=1)
    if process is ProcessType.TRAIN:
        messages += training_targets(socket.shape, seed=1)
    for part in messages:
        socket.send(part.name, part.values, is_last=False, process_type=process, expected=part.expected)
        message = socket.receive("an acknowledgement of a message with isLast = false")
        expected = "an acknowledgement with isLast = false"
        require(not message.is_last and not socket.is_output(message), expected=expected, actual=describe(message))
    expect_nothing_more(socket, f"{len(messages)} acknowledgements of {len(messages)} messages")


@requirement("DIO-6")
def test_every_training_cycle_is_ended(resources: ResourceFactory) -> None:
    """Each last TRAIN message is answered by one message with isLast = true."""
    _, socket = direct_cluster(resources, ANY_SHAPE, about="DIO-6")
    for _ in range(3):
        question, targets = sample_inputs(socket.shape, seed=1)[0], training_targets(socket.shape, seed=1)[0]
        socket.send(question.name, question.values, is_last=False, process_type=ProcessType.TRAIN)
        socket.receive("an acknowledgement of a message with isLast = false")
        socket.send(targets.name, targets.values, is_last=True, process_type=ProcessType.TRAIN, expected=True)
        message = socket.receive("the end of the training cycle")
        expected = "the end of the training cycle, with isLast = true"
        require(message.is_last and not socket.is_output(message), expected=expected, actual=describe(message))
    expect_nothing_more(socket, "6 answers to 6 messages")
