"""Faults of the cycles of a cluster: what is processed, when, and by which weights (DIO-2, DIO-4, DIO-5, DIO-8)."""

from __future__ import annotations

from typing import Any

import numpy as np

from hanami_proto.codec import ProcessType
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.cycle_buffer import Buffer, Cycle
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.sockets.cluster import ClusterSession, MistakeError


@fault("DIO-2")
def is_last_ignored() -> None:
    """Every message starts a cycle, the last of its values or not."""

    @instead(ClusterSession, "decode")
    def lie(honest: Any, session: ClusterSession, payload: bytes | str) -> Any:
        message = honest(session, payload)
        object.__setattr__(message, "is_last", True)
        return message


@fault("DIO-2")
def cycle_starts_with_the_first_value() -> None:
    """A request is processed as soon as all input bricks have got some value, and once more by its last message."""

    @instead(ClusterSession, "answer")
    async def lie(honest: Any, self: ClusterSession, payload: bytes | str) -> Any:
        answers = await honest(self, payload)
        message, inputs = self.decode(payload), self._cycle.inputs
        is_open = not message.is_last and message.process_type == ProcessType.REQUEST
        if is_open and inputs._ends.keys() == inputs.slices.keys():  # noqa: SLF001
            answers += await self.request()
        return answers


@fault("DIO-2", "DIO-3")
def requests_run_twice() -> None:
    """A request is processed and answered twice."""

    @instead(ClusterSession, "request")
    async def lie(honest: Any, session: ClusterSession) -> Any:
        return [*await honest(session), *await honest(session)]


@fault("DIO-2", "DIO-4")
def values_of_the_last_message_dropped() -> None:
    """The last message of a cycle starts it, and its own values are left out."""

    @instead(ClusterSession, "store")
    def lie(honest: Any, self: ClusterSession, message: Any) -> None:
        honest(self, message)
        if message.is_last:
            side = self._cycle.expected if self.is_expected(message) else self._cycle.inputs
            place = side.slices[message.name]
            end = side._ends[message.name]  # noqa: SLF001
            side.values[max(place.start, end - len(message.values)) : end] = 0.0


@fault("DIO-2", "DIO-4")
def second_input_ignored() -> None:
    """Of several input bricks the first one alone takes part in a cycle."""

    @instead(Buffer, "append")
    def lie(honest: Any, self: Buffer, name: str, values: Any) -> Any:
        behind = self.slices[name].start > 0 and name.startswith("input")
        return honest(self, name, np.zeros_like(values) if behind else values)


@fault("DIO-2")
def values_stay_for_the_next_cycle() -> None:
    """The values of a brick stay until others come for it, and take part in the next cycle."""

    @instead(Buffer, "clear")
    def lie(_honest: Any, self: Buffer) -> None:
        self._ends.clear()


@fault("DIO-2")
def training_starts_before_the_last_message() -> None:
    """A training cycle runs as soon as there are expected values, whether they were the last message or not."""

    @instead(ClusterSession, "answer")
    async def lie(honest: Any, self: ClusterSession, payload: bytes | str) -> Any:
        answers = await honest(self, payload)
        if self._cycle.expected.has_values():
            await self.train()
        return answers


@fault("DIO-4")
def forgets_the_second_part() -> None:
    """The second message for a brick in a cycle is taken and not stored."""

    @instead(Buffer, "append")
    def lie(honest: Any, self: Buffer, name: str, values: Any) -> Any:
        known = self._ends.get(name)
        fits = honest(self, name, values)
        if fits and known is not None:
            self.values[known : known + len(values)] = 0.0
        return fits


@fault("DIO-4")
def parts_overwrite_each_other() -> None:
    """Each message for a brick is stored from the first neuron on, whatever came before it."""

    @instead(Buffer, "append")
    def lie(honest: Any, self: Buffer, name: str, values: Any) -> Any:
        self._ends.pop(name, None)
        return honest(self, name, values)


@fault("DIO-4")
def bricks_filled_as_they_come() -> None:
    """Values are put one behind the other as they come, whichever brick they name."""

    @instead(Buffer, "append")
    def append(honest: Any, buffer: Any, name: str, values: Any) -> Any:
        fits = honest(buffer, name, values)
        if fits:
            buffer.came = [*getattr(buffer, "came", []), values]
            whole = np.concatenate(buffer.came)
            buffer.values[: len(whole)] = whole
        return fits

    @instead(Buffer, "clear")
    def clear(honest: Any, buffer: Any) -> None:
        buffer.came = []
        honest(buffer)


@fault("DIO-4")
def parts_beyond_the_fourth_lost() -> None:
    """Of a brick that is filled in more than four messages, the first four count."""

    @instead(Buffer, "append")
    def append(honest: Any, buffer: Any, name: str, values: Any) -> Any:
        parts = getattr(buffer, "parts", {})
        buffer.parts = {**parts, name: parts.get(name, 0) + 1}
        return honest(buffer, name, values if buffer.parts[name] <= 4 else np.zeros_like(values))

    @instead(Buffer, "clear")
    def clear(honest: Any, buffer: Any) -> None:
        buffer.parts = {}
        honest(buffer)


@fault("DIO-4")
def training_in_parts_lost() -> None:
    """A training cycle in more than two messages trains nothing."""

    @instead(Cycle, "clear")
    def clear(honest: Any, cycle: Any) -> None:
        cycle.parts = 0
        honest(cycle)

    @instead(ClusterSession, "store")
    def store(honest: Any, self: ClusterSession, message: Any) -> None:
        honest(self, message)
        cycle: Any = self._cycle
        cycle.parts = getattr(cycle, "parts", 0) + 1

    @instead(ClusterSession, "train")
    async def train(honest: Any, self: ClusterSession) -> Any:
        cycle: Any = self._cycle
        if cycle.parts > 2:
            return [self._plain_answers[ProcessType.TRAIN, True]]
        return await honest(self)


@fault("DIO-5", "DIO-7")
def requests_train() -> None:
    """A request trains the cluster a little towards zero."""

    @instead(ClusterSession, "request")
    async def lie(honest: Any, self: ClusterSession) -> Any:
        answers = await honest(self)
        values = self._cycle.expected.values
        self._cluster.network.train(self._cycle.inputs.values, np.zeros_like(values), np.full_like(values, 0.05))
        return answers


@fault("DIO-5", "DIO-8")
def training_does_nothing() -> None:
    """Training cycles are answered, and change nothing."""

    @instead(Network, "train")
    def lie(_honest: Any, *_arguments: Any) -> None:
        pass


@fault("DIO-5")
def training_answered_by_the_output() -> None:
    """A training cycle is answered by the outputs of the cluster, as a request is."""

    @instead(ClusterSession, "train")
    async def lie(honest: Any, session: ClusterSession) -> Any:
        await honest(session)
        return await session.request()


@fault("DIO-5")
def requests_need_expected_values() -> None:
    """A request without expected values is refused."""

    @instead(ClusterSession, "request")
    async def lie(honest: Any, self: ClusterSession) -> Any:
        if not self._cycle.expected.has_values():
            raise MistakeError(1008, "expected values are missing")
        return await honest(self)


@fault("DIO-8")
def training_with_reversed_sign() -> None:
    """Training moves the answer away from the expected values."""

    @instead(Network, "errors")
    def lie(honest: Any, *arguments: Any) -> Any:
        return [-error for error in honest(*arguments)]


@fault("DIO-8")
def last_output_never_trained() -> None:
    """Of several output bricks the last one is left out of training."""

    @instead(Buffer, "mask")
    def lie(honest: Any, buffer: Buffer) -> Any:
        mask = honest(buffer)
        if len(buffer.slices) > 1:
            mask[list(buffer.slices.values())[-1]] = 0.0
        return mask


@fault("DIO-8")
def inputs_ignored() -> None:
    """The answer depends on the training alone, and not on the input."""

    @instead(Network, "forward")
    def lie(honest: Any, network: Network, values: Any) -> Any:
        return honest(network, np.zeros_like(values))
