"""Faults of the cycles of a cluster: their values, their order, their training (DIO-2, DIO-4, DIO-5, DIO-8)."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from hanami_proto.codec import ProcessType
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.cycle_buffer import Buffer, Cycle
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.sockets.cluster import ClusterSession, InvalidMessageError

FALSE = b"\x10\x00"  # isLast, which an encoder of protobuf leaves out where it is false


@fault("DIO-2", hook=replace_method(ClusterSession, "decode"))
def is_last_ignored(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
    """Every message starts a cycle, whatever its isLast."""
    message = original(session, payload)
    object.__setattr__(message, "is_last", True)
    return message


@fault("DIO-2", "DIO-1", "DIO-4", hook=replace_method(ClusterSession, "decode"))
def written_is_last_counts_as_true(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
    """A message in which isLast stands, as false, starts the cycle, and one without isLast does not."""
    message = original(session, payload)
    usual = internals.encode(session._codec, message)
    if isinstance(payload, bytes) and payload.count(FALSE) > usual.count(FALSE):
        object.__setattr__(message, "is_last", True)
    return message


@fault("DIO-2", hook=replace_method(ClusterSession, "answer"))
async def cycle_starts_with_the_first_value(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
    """A request runs as soon as every input brick has a value, and again at its last message."""
    answers = await original(session, payload)
    message, inputs = session.decode(payload), session._cycle.inputs
    is_open = not message.is_last and message.process_type == ProcessType.REQUEST
    if is_open and inputs._filled == inputs.slices.keys():
        answers += await session.request()
    return answers


@fault("DIO-2", "DIO-3", hook=replace_method(ClusterSession, "request"))
async def requests_run_twice(original: Any, session: ClusterSession) -> Any:
    """A request is processed and answered twice."""
    return [*await original(session), *await original(session)]


@fault("DIO-2", "DIO-4", hook=replace_method(ClusterSession, "store"))
def values_of_the_last_message_dropped(original: Any, session: ClusterSession, message: Any) -> None:
    """The last message of a cycle starts it, but its values are lost."""
    original(session, message)
    if message.is_last:
        side = session._cycle.expected if session.is_expected(message) else session._cycle.inputs
        side.values[side.slices[message.name]] = 0.0


@fault("DIO-2", "DIO-4", hook=replace_method(Buffer, "write"))
def second_input_ignored(original: Any, buffer: Buffer, name: str, values: Any) -> Any:
    """Only the first of several input bricks takes part in a cycle."""
    behind = buffer.slices[name].start > 0 and name.startswith("input")
    return original(buffer, name, np.zeros_like(values) if behind else values)


@fault("DIO-2", hook=replace_method(ClusterSession, "answer"))
async def training_starts_before_the_last_message(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
    """A training cycle runs as soon as there are expected values, before its last message."""
    answers = await original(session, payload)
    if session._cycle.expected.has_values():
        await session.train()
    return answers


@fault("DIO-4", hook=replace_method(ClusterSession, "store"))
def forgets_the_second_brick(original: Any, session: ClusterSession, message: Any) -> None:
    """Of the inputs of a cycle, the first one sent is stored, and the others are only acknowledged."""
    inputs = session._cycle.inputs
    earlier = inputs._filled - {message.name}
    original(session, message)
    if earlier and message.name in inputs:
        inputs.values[inputs.slices[message.name]] = 0.0


@fault("DIO-4")
def bricks_filled_as_they_come() -> None:
    """Values are stored in the order of arrival, whichever brick they name."""

    @replace_method(Buffer, "write")
    def write(original: Any, buffer: Any, name: str, values: Any) -> Any:
        fits = original(buffer, name, values)
        if fits:
            buffer.arrived = [*getattr(buffer, "arrived", []), values]
            whole = np.concatenate(buffer.arrived)
            buffer.values[: len(whole)] = whole
        return fits

    @replace_method(Buffer, "clear")
    def clear(original: Any, buffer: Any) -> None:
        buffer.arrived = []
        original(buffer)


@fault("DIO-4", "DIO-8")
def training_in_parts_lost() -> None:
    """A training cycle of more than two messages trains nothing."""

    @replace_method(Cycle, "clear")
    def clear(original: Any, cycle: Any) -> None:
        cycle.parts = 0
        original(cycle)

    @replace_method(ClusterSession, "store")
    def store(original: Any, session: ClusterSession, message: Any) -> None:
        original(session, message)
        cycle: Any = session._cycle
        cycle.parts = getattr(cycle, "parts", 0) + 1

    @replace_method(ClusterSession, "train")
    async def train(original: Any, session: ClusterSession) -> Any:
        cycle: Any = session._cycle
        if cycle.parts > 2:
            return [session._plain_answers[ProcessType.TRAIN, True]]
        return await original(session)


@fault("DIO-5", "DIO-7", hook=replace_method(ClusterSession, "request"))
async def requests_train(original: Any, session: ClusterSession) -> Any:
    """A request trains the cluster a little towards zero."""
    answers = await original(session)
    values = session._cycle.expected.values
    session._cluster.network.train(session._cycle.inputs.values, np.zeros_like(values), np.full_like(values, 0.05))
    return answers


@fault("DIO-2", "DIO-8")
def training_uses_the_inputs_of_the_cycle_before() -> None:
    """A training cycle uses the inputs of the training before it: two inputs in turn learn each other's values."""
    inputs: WeakKeyDictionary[Network, Any] = WeakKeyDictionary()

    @replace_method(Network, "train")
    def train(original: Any, network: Network, values: Any, expected: Any, mask: Any) -> None:
        before, inputs[network] = inputs.get(network, values), values.copy()
        original(network, before, expected, mask)


@fault("DIO-5", "DIO-8", hook=replace_method(Network, "train"))
def training_does_nothing(_original: Any, *_arguments: Any) -> None:
    """Training cycles are answered, but train nothing."""


@fault("DIO-5", hook=replace_method(ClusterSession, "train"))
async def training_answered_by_the_output(original: Any, session: ClusterSession) -> Any:
    """A training cycle is answered with the outputs of the cluster."""
    await original(session)
    return await session.request()


@fault("DIO-5", hook=replace_method(ClusterSession, "request"))
async def requests_need_expected_values(original: Any, session: ClusterSession) -> Any:
    """A request without expected values is rejected."""
    if not session._cycle.expected.has_values():
        raise InvalidMessageError(1008, "expected values are missing")
    return await original(session)


@fault("DIO-8", hook=replace_method(Network, "errors"))
def training_with_reversed_sign(original: Any, *arguments: Any) -> Any:
    """Training moves the outputs away from the expected values."""
    return [-error for error in original(*arguments)]


@fault("DIO-8", hook=replace_method(Buffer, "mask"))
def last_output_never_trained(original: Any, buffer: Buffer) -> Any:
    """The last of several output bricks is never trained."""
    mask = original(buffer)
    if len(buffer.slices) > 1:
        mask[list(buffer.slices.values())[-1]] = 0.0
    return mask


@fault("DIO-8", hook=replace_method(Network, "forward"))
def inputs_ignored(original: Any, network: Network, values: Any) -> Any:
    """The outputs depend only on the training, not on the inputs."""
    return original(network, np.zeros_like(values))
