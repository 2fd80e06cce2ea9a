"""Faults of the replies of a cluster: their form, number and values (DIO-1, DIO-3, DIO-6, DIO-7)."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_proto.codec import BrickMessage, ProcessType
from hanami_reference_backend.faults import internals, suspensions
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network import templates
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.sockets.cluster import ClusterSession

Outputs = Sequence[BrickMessage]


def _change_outputs(change: Callable[[Any, Outputs], Outputs]) -> None:
    """Change the outputs of each request."""

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> list[bytes]:
        codec = session._codec
        outputs = change(session, [codec.decode_io(answer) for answer in await original(session)])
        return [internals.encode(codec, output) for output in outputs]


@fault("DIO-3")
def outputs_named_in_another_order_than_they_are_listed() -> None:
    """The values of the outputs come in the order of the template, and their names in the order of the alphabet."""

    @replace_method(templates, "_by_name")
    def by_name(_original: Any, _port: Any) -> str:
        return ""  # for all, so that they stay in their order

    def renamed(_session: Any, outputs: Outputs) -> Outputs:
        names = sorted(output.name for output in outputs)
        return [replace(output, name=name) for output, name in zip(outputs, names, strict=True)]

    _change_outputs(renamed)


def _change_values(change: Callable[[Any, Any], Any]) -> None:
    """Change the values of each output, as a function of the session and the values."""

    def changed(session: Any, outputs: Outputs) -> Outputs:
        values = [np.asarray(change(session, output.values), dtype=np.float32) for output in outputs]
        pairs = zip(outputs, values, strict=True)
        return [replace(output, values=new, number_of_values=len(new)) for output, new in pairs]

    _change_outputs(changed)


@fault("DIO-1", hook=replace_method(ClusterSession, "run"))
async def answers_in_text_frames(original: Any, session: ClusterSession) -> None:
    """A cluster answers with base64 in text frames."""
    channel: Any = session._channel
    channel.send_bytes = lambda data: channel.send_text(base64.b64encode(data).decode())
    await original(session)


@fault("DIO-1", hook=replace_method(ClusterSession, "answer"))
async def answers_in_json(original: Any, session: ClusterSession, payload: bytes | str) -> list[bytes]:
    """A cluster answers with JSON in binary frames."""
    messages = [session._codec.decode_io(answer) for answer in await original(session, payload)]
    return [json.dumps({"brickName": one.name, "values": one.values.tolist()}).encode() for one in messages]


@fault("DIO-1", hook=replace_method(ClusterSession, "run"))
async def first_message_swallowed(original: Any, session: ClusterSession) -> None:
    """The first message after the acceptance is ignored."""
    await session._channel.receive()
    await original(session)


@fault("DIO-3")
def untrained_clusters_are_silent() -> None:
    """A request to a cluster that was never trained is not answered, and blocks its socket."""

    @replace_method(ClusterSession, "train")
    async def train(original: Any, session: ClusterSession) -> Any:
        network: Any = session._cluster.network
        network.was_trained = True
        return await original(session)

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> Any:
        if not hasattr(session._cluster.network, "was_trained"):
            await internals.hang()
        return await original(session)


@fault("DIO-3", hook=_change_outputs)
def outputs_of_a_size_swapped(_session: Any, outputs: Outputs) -> Outputs:
    """Output bricks of the same size have swapped values."""
    swapped = []
    for output in outputs:
        alike = [other for other in outputs if len(other.values) == len(output.values)]
        other = alike[(alike.index(output) + 1) % len(alike)] if len(alike) > 1 else output
        swapped.append(replace(output, values=other.values))
    return swapped


@fault("DIO-3")
def second_output_withheld() -> None:
    """Only the first of several output bricks answers."""
    _change_outputs(lambda _session, outputs: outputs[:1])


@fault("DIO-3")
def output_one_value_short() -> None:
    """An output lacks its last value."""
    _change_values(lambda _session, values: values[:-1])


@fault("DIO-3")
def outputs_end_at_256_values() -> None:
    """An output has at most 256 values."""
    _change_values(lambda _session, values: values[:256])


@fault("DIO-3")
def number_of_values_left_out() -> None:
    """An output has no numberOfValues."""
    _change_outputs(lambda _session, outputs: [replace(output, number_of_values=0) for output in outputs])


@fault("DIO-3", hook=_change_outputs)
def number_of_values_counts_all_bricks(_session: Any, outputs: Outputs) -> Outputs:
    """The numberOfValues of an output counts the values of all output bricks."""
    total = sum(len(output.values) for output in outputs)
    return [replace(output, number_of_values=total) for output in outputs]


@fault("DIO-3", "DIO-5")
def outputs_say_train_type() -> None:
    """An output has TRAIN_TYPE."""
    _change_outputs(lambda _session, outputs: [replace(one, process_type=ProcessType.TRAIN) for one in outputs])


@fault("DIO-3")
def nan_for_an_empty_picture() -> None:
    """The outputs for an input of zeros are NaN, as after a division by the norm of the input."""
    _change_values(lambda session, values: values if session._cycle.inputs.values.any() else values * np.nan)


@fault("DIO-3", hook=_change_values)
def large_inputs_overflow(session: Any, values: Any) -> Any:
    """The outputs for large inputs overflow to infinity."""
    large = abs(session._cycle.inputs.values).max() > 5e3
    with np.errstate(over="ignore"):
        return (values.astype(np.float64) * 1e300).astype(np.float32) if large else values


@fault("DIO-3", hook=replace_method(Network, "forward"))
def float16_arithmetic(_original: Any, network: Network, values: Any) -> Any:
    """The network computes in float16, whose largest number is 65504."""
    layer = np.zeros(0, dtype=np.float16)
    with np.errstate(all="ignore"):
        network._layers[0][:] = layer = values.astype(np.float16)
        for index, (matrix, bias) in enumerate(zip(network.weights, network.biases, strict=True), start=1):
            entering = matrix.astype(np.float16) @ layer + bias.astype(np.float16)
            is_output = index == len(network.weights)
            layer = (np.tanh(entering / 2) + 1) / 2 if is_output else np.tanh(entering)
            network._layers[index][:] = layer
    return network._layers[-1]


@fault("DIO-3", "DIO-9")
def one_answer_in_a_hundred_missing() -> None:
    """Every hundredth request is not answered."""
    requests = itertools.count(1)
    _change_outputs(lambda _session, outputs: outputs if next(requests) % 100 else [])


@fault("DIO-3")
def requests_to_a_suspended_server_answered_twice() -> None:
    """Requests that arrived while the server was suspended are answered twice."""
    suspensions.watch_suspensions()
    _change_outputs(lambda _session, outputs: [*outputs, *outputs] if suspensions.is_just_resumed() else outputs)


@fault("DIO-6")
def acknowledgements_missing() -> None:
    """Messages before the last of a cycle are not acknowledged."""
    _change_acknowledgements(lambda _session, _answers: [])


@fault("DIO-6")
def acknowledgements_doubled() -> None:
    """Messages before the last of a cycle are acknowledged twice."""
    _change_acknowledgements(lambda _session, answers: answers * 2)


@fault("DIO-6")
def acknowledgements_say_last() -> None:
    """The acknowledgement of a message before the last of a cycle has isLast = true."""
    _change_acknowledgements(lambda session, _answers: [session._plain_answers[ProcessType.TRAIN, True]])


def _change_acknowledgements(change: Callable[[Any, list[bytes]], list[bytes]]) -> None:
    @replace_method(ClusterSession, "answer")
    async def answer(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
        answers = await original(session, payload)
        return answers if session.decode(payload).is_last else change(session, answers)


@fault("DIO-6")
def training_never_ended() -> None:
    """The last message of a training cycle is not answered."""
    _change_ends(lambda _session, _answers: [])


@fault("DIO-6")
def training_ended_without_last() -> None:
    """The reply to the last message of a training cycle has isLast = false."""
    _change_ends(lambda session, _answers: [session._plain_answers[ProcessType.TRAIN, False]])


@fault("DIO-6")
def forgets_training_answers() -> None:
    """Every 50th training cycle is not answered."""
    cycles = itertools.count(1)
    _change_ends(lambda _session, answers: answers if next(cycles) % 50 else [])


def _change_ends(change: Callable[[Any, list[bytes]], list[bytes]]) -> None:
    @replace_method(ClusterSession, "train")
    async def train(original: Any, session: ClusterSession) -> list[bytes]:
        return change(session, await original(session))


@fault("DIO-7")
def noise_in_answers() -> None:
    """Outputs vary by about a thousandth from one request to the next."""
    random = np.random.default_rng(1)
    _change_values(lambda _session, values: values + random.normal(scale=1e-3, size=len(values)))


@fault("DIO-7")
def one_answer_in_a_hundred_wrong() -> None:
    """Every hundredth output has wrong values."""
    outputs = itertools.count(1)
    _change_values(lambda _session, values: values if next(outputs) % 100 else 1.0 - values)


@fault("DIO-7")
def neurons_stay_charged() -> None:
    """The outputs depend a little on the previous request."""
    last: dict[tuple[str, str], Any] = {}

    def mix(session: Any, outputs: Outputs) -> Outputs:
        mixed = []
        for output in outputs:
            key = (session._cluster.uuid, output.name)
            before = last.get(key, output.values)
            last[key] = output.values
            mixed.append(replace(output, values=0.9 * output.values + 0.1 * before))
        return mixed

    _change_outputs(mix)


@fault("DIO-7", hook=_change_values)
def first_answer_of_a_socket_differs(session: Any, values: Any) -> Any:
    """The first output on a socket differs from later ones for the same request."""
    session.answered = getattr(session, "answered", 0) + 1
    return values if session.answered > 1 else values * 0.9


@fault("DIO-3", hook=replace_method(Network, "forward"))
def values_near_the_largest_overflow(original: Any, network: Network, values: NDArray[np.float32]) -> Any:
    """An input beyond 10^30 gets an output of values that are no numbers."""
    output = original(network, values)
    if (abs(values) > 1e30).any():
        output[:] = np.nan
    return output
