"""Faults of single values, and of what a request does to the training after it (DIO-2, DIO-8)."""

from __future__ import annotations

from typing import Any

from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.cycle_buffer import Buffer
from hanami_reference_backend.sockets.cluster import ClusterSession


@fault("DIO-2", hook=replace_method(Buffer, "write"))
def last_value_of_an_input_ignored(original: Any, buffer: Buffer, name: str, values: Any) -> Any:
    """The last value of each input is stored as zero."""
    if len(values) > 1 and "input" in name:
        values = values.copy()
        values[-1] = 0.0
    return original(buffer, name, values)


@fault("DIO-8", hook=replace_method(Buffer, "mask"))
def last_expected_value_ignored(original: Any, buffer: Buffer) -> Any:
    """The last value of each output is never trained."""
    mask = original(buffer)
    for places in buffer.slices.values():
        if places.stop - places.start > 2:
            mask[places.stop - 1] = 0.0
    return mask


@fault("DIO-8")
def training_behind_a_request_lost() -> None:
    """The training cycle that follows a request is answered, and trains nothing."""

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: Any) -> Any:
        session.has_answered = True
        return await original(session)

    @replace_method(ClusterSession, "train")
    async def train(original: Any, session: Any) -> Any:
        network = session._cluster.network
        before = [part.copy() for part in (*network.weights, *network.biases)]
        answers = await original(session)
        if getattr(session, "has_answered", False):
            for part, kept in zip((*network.weights, *network.biases), before, strict=True):
                part[:] = kept
        session.has_answered = False
        return answers
