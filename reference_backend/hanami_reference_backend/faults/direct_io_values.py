"""Faults of single values and bricks, and of when and what a cluster learns (DIO-2, DIO-4, DIO-8, DIO-9)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.cycle_buffer import Buffer, Cycle
from hanami_reference_backend.network.network import LARGE_NETWORK, Network
from hanami_reference_backend.sockets.cluster import ClusterSession

LATE = 0.3  # seconds


def _change_values(side: str) -> Callable[[Callable[[Any, int], Any]], None]:
    """Return a hook that changes the values of each message for an input, or for an output.

    Args:
        side: ``inputs`` or ``expected`` of a cycle. The function is called with a copy of the values, and with the
            place of their brick among those of its side.
    """

    def hook(change: Callable[[Any, int], Any]) -> None:
        @replace_method(Cycle, "__init__")
        def init(original: Any, cycle: Cycle, *arguments: Any) -> None:
            original(cycle, *arguments)
            getattr(cycle, side).side = side

        @replace_method(Buffer, "write")
        def write(original: Any, buffer: Buffer, name: str, values: Any) -> Any:
            if getattr(buffer, "side", "") == side:
                values = change(values.copy(), list(buffer.slices).index(name))
            return original(buffer, name, values)

    return hook


@fault("DIO-2", hook=_change_values("inputs"))
def inputs_end_at_512_values(values: Any, _brick: int) -> Any:
    """The values of an input behind its 512th are stored as zeros."""
    values[512:] = 0.0
    return values


@fault("DIO-4", "DIO-2", hook=_change_values("inputs"))
def third_inputs_ignored(values: Any, brick: int) -> Any:
    """The values of the third input and all later ones are stored as zeros."""
    return values * np.float32(brick < 2)


@fault("DIO-8", "DIO-2", hook=_change_values("inputs"))
def inputs_clipped_at_one(values: Any, _brick: int) -> Any:
    """Input values above 1 are stored as 1."""
    return np.minimum(values, np.float32(1.0))


@fault("DIO-8", "DIO-2", hook=_change_values("inputs"))
def values_beside_negative_ones_ignored(values: Any, _brick: int) -> Any:
    """All values of a message that has a negative one are stored as zeros."""
    return values * np.float32((values >= 0).all())


@fault("DIO-8", hook=_change_values("expected"))
def expected_values_rounded(values: Any, _brick: int) -> Any:
    """Expected values are rounded to 0 or 1."""
    return (values >= 0.5).astype(np.float32)


@fault("DIO-8", hook=replace_method(Buffer, "mask"))
def outputs_trained_up_to_value_32(original: Any, buffer: Buffer) -> Any:
    """Of each output the first 32 values are trained."""
    mask = original(buffer)
    for places in buffer.slices.values():
        mask[places.start + 32 : places.stop] = 0.0
    return mask


@fault("DIO-8", hook=replace_method(Buffer, "mask"))
def third_outputs_not_trained(original: Any, buffer: Buffer) -> Any:
    """The third output and all later ones are never trained."""
    mask = original(buffer)
    for places in list(buffer.slices.values())[2:]:
        mask[places] = 0.0
    return mask


@fault("DIO-8", hook=replace_method(Network, "train"))
def two_internal_bricks_learn_nothing(original: Any, network: Network, *arguments: Any) -> None:
    """The training of a cluster with two internal bricks is answered, and changes nothing."""
    if len(network.weights) < 3:
        original(network, *arguments)


@fault("DIO-9", "DIO-8")
def large_clusters_train_later() -> None:
    """The end of a training cycle of a large cluster is sent before the cycle runs."""
    tasks: set[asyncio.Task[None]] = set()

    @replace_method(ClusterSession, "train")
    async def train(original: Any, session: ClusterSession) -> Any:
        cycle, network = session._cycle, session._cluster.network
        if network.parameters < LARGE_NETWORK or not cycle.expected.has_values():
            return await original(session)
        arguments = (cycle.inputs.values.copy(), cycle.expected.values.copy(), cycle.expected.mask())

        async def train_later() -> None:
            await asyncio.sleep(LATE)
            await session.run_network(network.train, *arguments)

        task = asyncio.create_task(train_later())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return [next(answer for (kind, is_last), answer in session._plain_answers.items() if kind == 1 and is_last)]


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
