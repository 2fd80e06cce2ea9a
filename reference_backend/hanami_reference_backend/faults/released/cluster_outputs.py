"""Defects of answers of a cluster: missing and late outputs, and bricks that share a buffer."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from hanami_proto.codec import ProcessType
from hanami_reference_backend.faults.internals import padded
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.common import trained
from hanami_reference_backend.faults.released.connections import ABORT, crash
from hanami_reference_backend.faults.released.registry import HANAMI, OPENHANAMI, defect
from hanami_reference_backend.faults.released.workers import fall_silent
from hanami_reference_backend.network.cycle_buffer import Buffer
from hanami_reference_backend.sockets.cluster import ClusterSession

MANY = 1000  # values behind a buffer that hit other data
LARGEST_ANSWER = 32_700  # values of an output, about 128 KiB
DRIFT = np.float32(0.02)  # change of each bias of the outputs by a request


@defect("DIO-3", "GEN-2", servers=[OPENHANAMI])
def untrained_clusters_silence_a_worker() -> None:
    """A request to a cluster that was never trained is not answered, and its worker is lost."""

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> Any:
        if session._cluster.uuid not in trained():
            await fall_silent(session._channel)
        return await original(session)


@defect("DIO-3", "DIO-9", servers=[OPENHANAMI])
def further_outputs_come_late() -> None:
    """Only the first output of a request is sent; another one comes after the answer to the next message."""
    late: WeakKeyDictionary[ClusterSession, list[bytes]] = WeakKeyDictionary()

    @replace_method(ClusterSession, "answer")
    async def answer(original: Any, session: ClusterSession, payload: bytes | str) -> list[bytes]:
        before = late.pop(session, [])
        answers: list[bytes] = await original(session, payload)
        late[session] = answers[1:]
        return [*answers[:1], *before]


@defect("DIO-3", "DIO-9", servers=[HANAMI])
def further_outputs_are_not_sent() -> None:
    """Only the first output of a request is sent."""

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> list[bytes]:
        answers: list[bytes] = await original(session)
        return answers[:1]


@defect("DIO-3", "GEN-2")
def large_answers_crash() -> None:
    """A request for an output of more than 128 KiB crashes the server."""

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> Any:
        if any(part.stop - part.start > LARGEST_ANSWER for part in session._cycle.expected.slices.values()):
            crash("large-answers-crash")
        return await original(session)


@defect("DIO-7", servers=[OPENHANAMI])
def answers_drift() -> None:
    """Each request changes the network, so that the answers drift."""
    count = 0

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> Any:
        nonlocal count
        answers = await original(session)
        count += 1
        biases = session._cluster.network.biases[-1]
        biases += DRIFT * np.cos(np.arange(len(biases), dtype=np.float32) + count) + DRIFT
        return answers


@defect("DIO-4", "GEN-2", servers=[HANAMI])
def inputs_far_larger_than_the_last_crash() -> None:
    """Values for an input that is far larger than the last input of the template crash the server."""

    @replace_method(Buffer, "write")
    def write(original: Any, buffer: Buffer, name: str, values: Any) -> Any:
        last = list(buffer.slices.values())[-1]
        if len(values) > last.stop - last.start + MANY:
            crash("inputs-far-larger-than-the-last-crash", ABORT)
        return original(buffer, name, values)


@defect("DIO-3", servers=[HANAMI])
def outputs_have_the_size_of_the_last() -> None:
    """Each output of a request has as many values as the last output of the template."""

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> list[bytes]:
        answers: list[bytes] = await original(session)
        codec = session._codec
        messages = [codec.decode_io(answer) for answer in answers]
        size = len(messages[-1].values)
        return [
            codec.encode_io(
                message.name,
                padded(message.values, size),
                is_last=message.is_last,
                process_type=ProcessType.REQUEST,
                target_buffer=message.target_buffer,
            )
            for message in messages
        ]


@defect("DIO-4", servers=[OPENHANAMI])
def inputs_share_their_values() -> None:
    """The values for one input are written to all inputs."""

    @replace_method(ClusterSession, "store")
    def store(original: Any, session: ClusterSession, message: Any) -> None:
        original(session, message)
        inputs = session._cycle.inputs
        if not session.is_expected(message):
            for part in inputs.slices.values():
                size = min(len(message.values), part.stop - part.start)
                inputs.values[part.start : part.start + size] = message.values[:size]
