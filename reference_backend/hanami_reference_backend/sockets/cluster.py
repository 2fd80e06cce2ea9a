"""Websocket session of a cluster: it collects values, runs cycles, and answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hanami_proto.codec import BrickMessage, Codec, ProcessType, SchemaError, TargetBuffer
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.network.clusters import POLICY_VIOLATION, Cluster, ClusterStore
from hanami_reference_backend.network.cycle_buffer import Cycle
from hanami_reference_backend.network.network import LARGE_NETWORK
from hanami_reference_backend.sockets.channel import Channel

INVALID_DATA = 1007  # RFC 6455, 7.4.1
T = TypeVar("T")
WHOLE_NUMBERS = ("bool", "int")  # types of outputs whose values are rounded


class InvalidMessageError(Exception):
    """An invalid message, which closes the socket with this code and reason (DIO-12)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class ClusterSession:
    """Direct interaction, step 3 (DIO-1 to DIO-14)."""

    def __init__(self, channel: Channel, cluster: Cluster, clusters: ClusterStore, codec: Codec) -> None:
        self._channel = channel
        self._cluster = cluster
        self._clusters = clusters
        self._codec = codec
        self._cycle = Cycle(cluster.template)
        self._plain_answers = {
            (process_type, is_last): codec.encode_io("", [0.0], is_last=is_last, process_type=process_type)
            for process_type in ProcessType
            for is_last in (False, True)
        }

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clusters.detach(self._cluster, self._channel)

    async def run(self) -> None:
        """Serve until the socket ends, or an invalid message closes it."""
        channel = self._channel
        while True:
            message = await channel.receive()
            try:
                answers = await self.answer(message)
            except InvalidMessageError as error:
                await channel.close(error.code, error.reason)
                return
            for answer in answers:
                await channel.send_bytes(answer)

    async def answer(self, payload: bytes | str) -> list[bytes]:
        """Process a message and return the replies (DIO-6).

        Raises:
            InvalidMessageError: If the message is invalid; the network stays unchanged.
        """
        message = self.decode(payload)
        self.check(message)
        self.store(message)
        if not message.is_last:
            return [self._plain_answers[ProcessType(message.process_type), False]]
        try:
            if message.process_type == ProcessType.TRAIN:
                return await self.train()
            return await self.request()
        finally:
            self._cycle.clear()

    def decode(self, payload: bytes | str) -> BrickMessage:
        """Decode a ClusterIO_Message."""
        if isinstance(payload, str):
            raise InvalidMessageError(INVALID_DATA, "a ClusterIO_Message must be a binary message")
        try:
            return self._codec.decode_io(payload)
        except SchemaError as error:
            raise InvalidMessageError(INVALID_DATA, str(error)) from error

    def check(self, message: BrickMessage) -> None:
        """Check that a message is consistent (DIO-12, DIO-13)."""
        if message.process_type not in (ProcessType.REQUEST, ProcessType.TRAIN):
            raise InvalidMessageError(INVALID_DATA, f"unknown processType {message.process_type}")
        if message.number_of_values != len(message.values):
            reason = f"numberOfValues is {message.number_of_values}, but there are {len(message.values)} values"
            raise InvalidMessageError(INVALID_DATA, reason)
        if not np.isfinite(message.values).all():
            raise InvalidMessageError(INVALID_DATA, "a value is not finite")

    def store(self, message: BrickMessage) -> None:
        """Write the values of a message to its brick (DIO-2, DIO-4)."""
        is_expected = self.is_expected(message)
        side = self._cycle.expected if is_expected else self._cycle.inputs
        if message.name not in side:
            kind = "output" if is_expected else "input"
            raise InvalidMessageError(POLICY_VIOLATION, f"there is no {kind} {message.name!r}")
        if not side.write(message.name, message.values):
            raise InvalidMessageError(INVALID_DATA, f"more values than {message.name!r} holds")

    def is_expected(self, message: BrickMessage) -> bool:
        """Return whether the values are expected outputs, not inputs."""
        if self._codec.schema == "brick":
            names_output = message.name in self._cycle.expected
            if names_output and message.process_type == ProcessType.REQUEST:
                raise InvalidMessageError(
                    POLICY_VIOLATION, f"{message.name!r} is an output, and a request has no expected values"
                )
            return names_output
        if message.target_buffer == TargetBuffer.OUTPUT:
            raise InvalidMessageError(POLICY_VIOLATION, "a client must not write the output buffer")
        if message.target_buffer not in (TargetBuffer.INPUT, TargetBuffer.EXPECTED):
            raise InvalidMessageError(INVALID_DATA, f"unknown targetBufferType {message.target_buffer}")
        return message.target_buffer == TargetBuffer.EXPECTED

    async def train(self) -> list[bytes]:
        """Train one step, and return the end message (DIO-5, DIO-6)."""
        cycle = self._cycle
        if not cycle.expected.has_values():
            raise InvalidMessageError(POLICY_VIOLATION, "training needs expected values for an output")
        cycle = await self.set_sizes()
        arguments = (cycle.inputs.values, cycle.expected.values, cycle.expected.mask())
        await self.run_network(self._cluster.network.train, *arguments)
        return [self._plain_answers[ProcessType.TRAIN, True]]

    async def request(self) -> list[bytes]:
        """Return one message for each output, in the order of their names (DIO-3)."""
        cycle = await self.set_sizes()
        output = await self.run_network(self._cluster.network.forward, cycle.inputs.values)
        answers = []
        ports = self._cluster.template.outputs
        for index, port in enumerate(ports, start=1):
            values = output[cycle.expected.slices[port.name]]
            answer = self._codec.encode_io(
                port.name,
                np.rint(values) if port.kind in WHOLE_NUMBERS else values,
                is_last=index == len(ports),
                process_type=ProcessType.REQUEST,
                target_buffer=TargetBuffer.OUTPUT,
            )
            answers.append(answer)
        return answers

    async def set_sizes(self) -> Cycle:
        """Give inputs and outputs without a size the number of their values in this cycle, and return the cycle.

        Raises:
            InvalidMessageError: If the network would become too large.
        """
        sizes = self._cycle.new_sizes()
        if sizes:
            async with self._cluster.busy:  # a thread may still train what the new weights are made from
                try:
                    await self._clusters.set_sizes(self._cluster, sizes)
                except RequestError as error:
                    raise InvalidMessageError(POLICY_VIOLATION, error.reason) from error
            self._cycle = self._cycle.with_template(self._cluster.template)
        return self._cycle

    async def run_network(self, function: Callable[..., T], *arguments: NDArray[np.float32]) -> T:
        """Run a function of the network, in a thread if it would block other clients for long."""
        if self._cluster.network.parameters < LARGE_NETWORK and not self._cluster.busy.locked():
            return function(*arguments)
        async with self._cluster.busy:
            return await asyncio.to_thread(function, *arguments)
