"""Direct interaction, step 3: invalid messages, and messages that the protocol leaves open."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, Unsupported, Violation
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import InputMessage, describe, is_json
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.models.cluster import are_equal
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs, training_targets, vector
from hanami_conformance.suite.support.clusters import ANY_SHAPE, direct_cluster, expect_same, trained_cluster
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.near_misses import NEAR_MISSES
from hanami_conformance.suite.support.sample_data import ONE_BRICK, TWO_INPUTS, random_bytes
from hanami_proto.codec import ProcessType

pytestmark = pytest.mark.parallel

Floats = NDArray[np.float32] | NDArray[np.float64]
Send = Callable[[ClusterSocket], None]


def last(
    name: str,
    values: Callable[[int], Sequence[float] | Floats],
    process_type: int = ProcessType.REQUEST,
    number_of_values: int | Callable[[int], int] | None = None,
) -> Send:
    """Return a sender of one last message.

    Args:
        name: Name of the brick; ``test_input`` and ``test_output`` stand for those of the cluster.
        values: Function from the size of the brick to the values.
        process_type: Process type of the message.
        number_of_values: Announced number of values, or a function from the size of the brick; the actual one if None.
    """

    def send(socket: ClusterSocket) -> None:
        bricks = {"test_input": socket.shape.inputs, "test_output": socket.shape.outputs}
        brick, size = next(iter(bricks.get(name, socket.shape.inputs).items()))
        floats = np.asarray(values(size), dtype=np.float32)
        count = number_of_values(size) if callable(number_of_values) else number_of_values
        called = brick if name in bricks else name
        socket.send(called, floats, is_last=True, process_type=process_type, number_of_values=count)

    return send


def nearly(change: Callable[[str], str]) -> Send:
    """Return a sender of a message whose brick name is changed to an unknown one."""

    def send(socket: ClusterSocket) -> None:
        (question,) = sample_inputs(socket.shape, seed=1)
        socket.send(change(question.name), question.values, is_last=True)

    return send


def unknown_brick_before_the_last(socket: ClusterSocket) -> None:
    """Send values for an unknown brick in a message with isLast = false, which alone must be signalled."""
    (question,) = sample_inputs(socket.shape, seed=1)
    socket.send("no_such_brick", question.values, is_last=False)


def wrong_count_before_the_last(socket: ClusterSocket) -> None:
    """Send a wrong numberOfValues in a message with isLast = false, then a valid last message."""
    (question,), (targets,) = sample_inputs(socket.shape, seed=1), training_targets(socket.shape, seed=1)
    process = ProcessType.TRAIN
    with contextlib.suppress(ConnectionClosed):  # an immediate signal is read below
        socket.send(question.name, question.values, is_last=False, process_type=process, number_of_values=1)
        socket.send(targets.name, targets.values, is_last=True, process_type=process, expected=True)
        answer = socket.websocket.receive_or_close("an answer to an invalid message")
        if isinstance(answer, CloseInfo) or is_json(answer.data):
            socket.websocket.push_back(answer)


def raw(payload: bytes, what: str) -> Send:
    """Return a sender of undecodable bytes."""
    return lambda socket: socket.send_bytes(payload, what)


def good(size: int) -> Floats:
    """Return valid input values."""
    return vector(size, seed=1)


def nothing(size: int) -> list[float]:  # noqa: ARG001 - as others
    """Return no values."""
    return []


# Each may cost a worker of a real server, so these are few; the forms of all identifiers are in near_misses.
BRICK_FORMS = ("with a blank behind it", "with a NUL character behind it", "in full-width characters")

# One test for each kind: a kind that crashes the server, or silences a worker, must not keep another one from its turn.
UNKNOWN_BRICKS: dict[str, Send] = {
    "an unknown brick": last("no_such_brick", good),
    "the name of a brick and more": nearly(lambda name: name + "2"),
    "the name of a brick cut short": nearly(lambda name: name[:-1]),
    **{f"the name of a brick {change}": nearly(NEAR_MISSES[change]) for change in BRICK_FORMS},
    "the name of a brick in the other case": nearly(str.swapcase),
    "a name of 300 characters": last("n" * 300, good),
    "an unknown brick before the last message": unknown_brick_before_the_last,
    "an unknown brick in training": last("no_such_brick", good, process_type=ProcessType.TRAIN),
}
WRONG_COUNTS: dict[str, Send] = {
    "numberOfValues too small": last("test_input", good, number_of_values=2),
    "numberOfValues zero": last("test_input", good, number_of_values=0),
    "numberOfValues too large": last("test_input", good, number_of_values=lambda size: size + 1),
    "numberOfValues too large by 256": last("test_input", good, number_of_values=lambda size: size + 256),
    "numberOfValues wrong before the last message": wrong_count_before_the_last,
    "values announced and not sent": last("test_input", nothing, number_of_values=lambda size: size),
    "numberOfValues too large by 2^32": last("test_input", good, number_of_values=lambda size: size + 2**32),
    "numberOfValues 2^64 - 1": last("test_input", good, number_of_values=2**64 - 1),
}
CRASHING_COUNTS = ("values announced and not sent", "numberOfValues too large by 2^32", "numberOfValues 2^64 - 1")
TOO_MANY: dict[str, Send] = {
    "one value too many": last("test_input", lambda size: vector(size + 1, seed=1)),
    "far too many values": last("test_input", lambda size: vector(size + 10_000, seed=1)),
}
PROCESS_TYPES: dict[str, Send] = {
    "process type 2": last("test_input", good, process_type=2),
    "process type 1000": last("test_input", good, process_type=1000),
}
UNDECODABLE: dict[str, Send] = {
    "bytes cut short": raw(b"\x0a\x0atest_in", "a message cut short"),
    "an unknown wire type": raw(b"\x0f\x00\x01", "an unknown wire type"),
    "a name that is no UTF-8": raw(b"\x0a\x04\xff\xfe\xfd\xfc\x10\x01", "a name that is no UTF-8"),
    "JSON": raw(b'{"brickName": "test_input", "isLast": true}', "JSON"),
    "random bytes": raw(b"\xff" * 3 + random_bytes(200), "random bytes"),
}


def expect_signal_without_effect(resources: ResourceFactory, send: Send, mistake: str) -> None:
    """Check that an invalid message is signalled in bounded time and does not change the cluster."""
    cluster, socket = trained_cluster(resources, ANY_SHAPE)
    before = socket.request(sample_inputs(socket.shape, seed=1))
    send(socket)
    socket.expect_error_signal(mistake)
    socket.close()
    with attribute_to("DIO-12"):
        again = cluster.reattach()
        after = again.request(sample_inputs(socket.shape, seed=1))
    expect_same(resources, again, after, before, f"the answer as before the mistake ({mistake})")


# DIO-12: an unknown brick, a numberOfValues that differs from the number of values, more values than the brick holds,
# an unknown processType and undecodable bytes are signalled in bounded time (an answer, or a close with a reason), have
# no effect on the cluster, and the server still serves others.
@requirement("DIO-12", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("mistake", list(UNKNOWN_BRICKS))
def test_an_unknown_brick_is_a_mistake(resources: ResourceFactory, mistake: str) -> None:
    """Values for an unknown brick are signalled in bounded time and do not change the cluster."""
    expect_signal_without_effect(resources, UNKNOWN_BRICKS[mistake], mistake)


@requirement("DIO-12", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("mistake", mark_destructive(WRONG_COUNTS, *CRASHING_COUNTS))
def test_a_wrong_number_of_values_is_a_mistake(resources: ResourceFactory, mistake: str) -> None:
    """A numberOfValues other than that of the values is signalled in bounded time and does not change the cluster."""
    expect_signal_without_effect(resources, WRONG_COUNTS[mistake], mistake)


@requirement("DIO-12", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("mistake", mark_destructive(TOO_MANY, "far too many values"))
def test_more_values_than_the_brick_holds_are_a_mistake(resources: ResourceFactory, mistake: str) -> None:
    """More values than the brick holds are signalled in bounded time and do not change the cluster."""
    if not resources.target.dialect.has_sizes:
        raise Unsupported("the size of a brick comes from the messages, so that none has too many values")
    expect_signal_without_effect(resources, TOO_MANY[mistake], mistake)


@requirement("DIO-12", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("mistake", list(PROCESS_TYPES))
def test_an_unknown_process_type_is_a_mistake(resources: ResourceFactory, mistake: str) -> None:
    """An unknown processType is signalled in bounded time and does not change the cluster."""
    expect_signal_without_effect(resources, PROCESS_TYPES[mistake], mistake)


@requirement("DIO-12", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("mistake", list(UNDECODABLE))
def test_undecodable_bytes_are_a_mistake(resources: ResourceFactory, mistake: str) -> None:
    """Bytes that are no message are signalled in bounded time and do not change the cluster."""
    expect_signal_without_effect(resources, UNDECODABLE[mistake], mistake)


@requirement("DIO-6")
@pytest.mark.hostile
def test_a_training_cycle_without_expected_values_is_answered(resources: ResourceFactory) -> None:
    """A last TRAIN message of a cycle without expected values is answered, or closes the socket."""
    _, socket = trained_cluster(resources, ANY_SHAPE)
    (question,) = sample_inputs(socket.shape, seed=1)
    socket.send(question.name, question.values, is_last=True, process_type=ProcessType.TRAIN)
    answer = socket.websocket.receive_or_close("an answer to a training cycle without expected values, or a close")
    if isinstance(answer, Message) and not is_json(answer.data):
        message = socket.decode(answer)
        expected = "the end of the training cycle, with isLast = true"
        require(message.is_last and not socket.is_output(message), expected=expected, actual=describe(message))
    socket.close()


@requirement("DIO-12")
@pytest.mark.hostile
def test_an_invalid_training_cycle_trains_nothing(resources: ResourceFactory) -> None:
    """A training cycle with an unknown brick, too many values or an unknown process type trains nothing."""
    cluster, socket = trained_cluster(resources, ANY_SHAPE)
    before = socket.request(sample_inputs(socket.shape, seed=1))
    ((output, right),) = socket.shape.outputs.items()
    wrong = [("no_such_brick", right, 1), (output, right, 2)]
    if resources.target.dialect.has_sizes:
        wrong.append((output, right + 1, 1))
    for name, size, process in wrong:
        for part in sample_inputs(socket.shape, seed=1):
            socket.send(part.name, part.values, is_last=False, process_type=ProcessType.TRAIN)
            socket.receive_acknowledgement()
        values = np.ones(size, dtype=np.float32)
        socket.send(name, values, is_last=True, process_type=process, expected=True)
        socket.expect_error_signal(f"{size} expected values for {name} with process type {process}")
        socket.close()
        socket = cluster.reattach()
    after = socket.request(sample_inputs(socket.shape, seed=1))
    expect_same(resources, socket, after, before, "the answer as before the invalid cycles")


@requirement("DIO-12", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
def test_a_mistake_does_not_disturb_another_cluster(resources: ResourceFactory) -> None:
    """Undecodable bytes on one socket do not change the answers of another cluster."""
    resources.target.connection_limit.require(2)
    _, healthy = trained_cluster(resources)
    expected = healthy.request(sample_inputs(ONE_BRICK, seed=1))
    _, broken = direct_cluster(resources)
    broken.send_bytes(b"\xff" * 50, "nonsense")
    with attribute_to("DIO-12"):
        actual = healthy.request(sample_inputs(ONE_BRICK, seed=1))
    expect_same(resources, healthy, actual, expected, "the answer of the other cluster")
    broken.expect_error_signal("nonsense")


def empty_last(socket: ClusterSocket) -> None:
    """Send all values before the last message, which holds none."""
    (question,) = sample_inputs(socket.shape, seed=1)
    socket.send(question.name, question.values, is_last=False)
    socket.receive_acknowledgement()
    socket.send(question.name, [], is_last=True)


def outcome(socket: ClusterSocket) -> str:
    """Describe the next event of a socket."""
    try:
        answer: Message | CloseInfo = socket.websocket.receive_or_close("an answer or a close")
    except ResponseTimeout:
        return "no answer"
    if isinstance(answer, CloseInfo) or answer.text or is_json(answer.data):
        return str(answer)
    return describe(socket.decode(answer))


UNUSUAL: dict[str, Send] = {
    "a request with NaN": last("test_input", lambda size: np.full(size, np.nan)),
    "a request with infinity": last("test_input", lambda size: np.full(size, np.inf)),
    "a request with -0.0 and denormals": last("test_input", lambda size: np.resize([-0.0, 1e-40], size)),
    "a request with half of the values": last("test_input", lambda size: good(size)[: size // 2]),
    "a request without values": last("test_input", nothing),
    "a request whose last message is empty": empty_last,
    "a request with an empty name": last("", good),
    "a request to the output brick": last("test_output", np.ones),
    "a text frame": lambda socket: socket.websocket.send_text("hello"),
}


# DIO-13: NaN and infinities, inputs below zero, fewer values than the brick holds, several messages for one brick
# within a cycle (appended, or each from the first value on), empty name, text frames, a second socket on the same
# cluster.
@requirement("DIO-13")
@pytest.mark.hostile
@pytest.mark.parametrize("case", list(UNUSUAL))
def test_answer_to_an_unusual_message(resources: ResourceFactory, case: str) -> None:
    """Record the answer to a message whose meaning the protocol leaves open."""
    _, socket = direct_cluster(resources, ANY_SHAPE)
    UNUSUAL[case](socket)
    observe(case, outcome(socket))


@requirement("DIO-7")
@pytest.mark.hostile
@pytest.mark.parametrize("case", list(UNUSUAL))
def test_unusual_requests_leave_no_trace(resources: ResourceFactory, case: str) -> None:
    """An unusual request does not change the answer to the next one."""
    cluster, socket = trained_cluster(resources)  # a new cluster, because the effect on a faulty one may be permanent
    expected = socket.request(sample_inputs(socket.shape, seed=1))
    UNUSUAL[case](socket)
    outcome(socket)
    socket.close()
    again = cluster.reattach()
    actual = again.request(sample_inputs(cluster.shape, seed=1))
    expect_same(resources, again, actual, expected, f"the answer as before {case}", "DIO-7")


@requirement("DIO-13")
@pytest.mark.hostile
def test_effect_of_several_messages_for_one_brick(resources: ResourceFactory) -> None:
    """Record whether the messages for one brick within a cycle are appended, or each begins at the first value."""
    _, socket = trained_cluster(resources, ANY_SHAPE)
    (question,) = sample_inputs(socket.shape, seed=1)
    half = len(question.values) // 2
    first, second = question.values[:half], question.values[half:]
    overwritten = np.concatenate([second, first[len(second) :]])
    effects = {
        "appended": socket.request([question]),
        "each from the first value on": socket.request([InputMessage(question.name, overwritten)]),
    }
    parts = [InputMessage(question.name, part) for part in (first, second)]
    try:
        actual = socket.request(parts)
    except Violation as violation:
        observe("several messages for one brick", f"rejected: {violation.actual}")
        return
    alike = [effect for effect, answer in effects.items() if are_equal(actual, answer)]
    observe("several messages for one brick", " or ".join(alike) or "neither appended nor each from the first value on")


@requirement("DIO-13")
@pytest.mark.hostile
def test_effect_of_a_cycle_without_values_for_a_brick(resources: ResourceFactory) -> None:
    """Record whether a brick without values within a cycle counts as zeros, or keeps those of the cycle before."""
    _, socket = trained_cluster(resources, TWO_INPUTS)
    first, second = sample_inputs(TWO_INPUTS, seed=1)
    zeros = InputMessage(second.name, np.zeros_like(second.values))
    effects = {
        "zeros": socket.request([first, zeros]),
        "the values of the cycle before": socket.request([first, second]),
    }
    try:
        actual = socket.request([first])
    except Violation as violation:
        observe("a brick without values within a cycle", f"rejected: {violation.actual}")
        return
    alike = [effect for effect, answer in effects.items() if are_equal(actual, answer)]
    observe("a brick without values within a cycle", " or ".join(alike) or "neither zeros nor the values before")


@requirement("DIO-13")
def test_answer_to_training_without_expected_values(resources: ResourceFactory) -> None:
    """Record the answer to a TRAIN cycle without expected values."""
    _, socket = direct_cluster(resources, ANY_SHAPE)
    (question,) = sample_inputs(socket.shape, seed=1)
    socket.send(question.name, question.values, is_last=True, process_type=ProcessType.TRAIN)
    observe("training without expected values", outcome(socket))


@requirement("DIO-13")
def test_answer_to_a_request_with_expected_values(resources: ResourceFactory) -> None:
    """Record the answer to a REQUEST cycle with expected values."""
    _, socket = direct_cluster(resources, ANY_SHAPE)
    targets = training_targets(socket.shape, seed=1)[0]
    socket.send(targets.name, targets.values, is_last=False, process_type=ProcessType.TRAIN, expected=True)
    socket.receive_acknowledgement()
    (question,) = sample_inputs(socket.shape, seed=1)
    socket.send(question.name, question.values, is_last=True)
    observe("a request after expected values", outcome(socket))
