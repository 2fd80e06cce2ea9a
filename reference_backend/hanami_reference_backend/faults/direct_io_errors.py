"""Faults of how a cluster takes mistakes (DIO-12)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from websockets.server import ServerProtocol

from hanami_proto.codec import ProcessType
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import NORMAL_CLOSURE, POLICY_VIOLATION
from hanami_reference_backend.network.cycle_buffer import Buffer
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.sockets.cluster import ClusterSession, MistakeError

FOREVER = 3600.0  # seconds
PRIVATE = 4999  # code of a close that nobody else uses


def _change_messages(change: Callable[[Any, Any], Any]) -> None:
    """Make another message of what came, before anybody looks at it."""

    @instead(ClusterSession, "decode")
    def lie(honest: Any, session: ClusterSession, payload: bytes | str) -> Any:
        return change(session, honest(session, payload))


def _at_mistakes(act: Callable[[Any, str], Any]) -> None:
    """Do something before a mistake is signalled; an answer that is returned takes the place of the signal."""

    @instead(ClusterSession, "answer")
    async def lie(honest: Any, session: ClusterSession, payload: bytes | str) -> Any:
        try:
            return await honest(session, payload)
        except MistakeError as error:
            answers = await act(session, error.reason)
            if answers is not None:
                return answers
            raise


@fault("DIO-12")
def unknown_brick_met_with_silence() -> None:
    """A message for a brick that does not exist is not answered."""

    async def act(_session: Any, reason: str) -> list[bytes] | None:
        return [] if reason.startswith("there is no") else None

    _at_mistakes(act)


@fault("DIO-12")
def unknown_brick_taken_for_the_first() -> None:
    """A message for a brick that does not exist goes to the first input brick."""

    def change(session: Any, message: Any) -> Any:
        known = {*session._cycle.inputs.slices, *session._cycle.expected.slices}  # noqa: SLF001
        name = next(iter(session._cycle.inputs.slices))  # noqa: SLF001
        return message if message.name in known else replace(message, name=name)

    _change_messages(change)


@fault("DIO-12")
def count_unchecked() -> None:
    """Nobody looks at numberOfValues."""
    _change_messages(lambda _session, message: replace(message, number_of_values=len(message.values)))


@fault("DIO-12")
def count_compared_in_eight_bits() -> None:
    """Of numberOfValues the lowest eight bits alone are looked at."""

    def change(_session: Any, message: Any) -> Any:
        true = len(message.values)
        return replace(message, number_of_values=true) if message.number_of_values % 256 == true % 256 else message

    _change_messages(change)


@fault("DIO-12")
def names_that_begin_with_a_brick() -> None:
    """A name that begins with that of a brick is taken for it."""

    def change(session: Any, message: Any) -> Any:
        known = [*session._cycle.inputs.slices, *session._cycle.expected.slices]  # noqa: SLF001
        name = next((one for one in known if message.name.startswith(one)), message.name)
        return replace(message, name=name)

    _change_messages(change)


@fault("DIO-12")
def count_believed() -> None:
    """As many values as numberOfValues says are taken from a message, those that are missing are zeros."""

    def change(_session: Any, message: Any) -> Any:
        count = min(message.number_of_values, 12)
        values = np.resize(np.append(message.values, np.zeros(12, dtype=np.float32)), count).astype(np.float32)
        return replace(message, values=values[:count], number_of_values=count)

    _change_messages(change)


@fault("DIO-12")
def surplus_values_cut() -> None:
    """Values for which a brick has no place are left out without a word."""

    @instead(Buffer, "append")
    def lie(honest: Any, self: Buffer, name: str, values: Any) -> Any:
        place = self.slices[name]
        return honest(self, name, values[: place.stop - self._ends.get(name, place.start)])


@fault("DIO-12")
def unknown_process_type_is_a_request() -> None:
    """A message whose processType is unknown is taken as a request."""

    def change(_session: Any, message: Any) -> Any:
        known = message.process_type == ProcessType.TRAIN
        return message if known else replace(message, process_type=ProcessType.REQUEST)

    _change_messages(change)


@fault("DIO-12")
def undecodable_bytes_hang() -> None:
    """Bytes that are no message are not answered, and hold the cluster for good."""

    async def act(_session: Any, reason: str) -> None:
        if reason.startswith("not a ClusterIO_Message"):
            await asyncio.sleep(FOREVER)

    _at_mistakes(act)


@fault("DIO-12", "GEN-2")
def dies_of_undecodable_bytes() -> None:
    """Bytes that are no message end the process."""

    async def act(_session: Any, reason: str) -> None:
        if reason.startswith("not a ClusterIO_Message"):
            os._exit(9)

    _at_mistakes(act)


@fault("DIO-12")
def mistakes_close_without_a_word() -> None:
    """A mistake closes the socket as if all was well, without a reason."""

    async def act(session: Any, _reason: str) -> None:
        await session._channel.close(NORMAL_CLOSURE, "")  # noqa: SLF001

    _at_mistakes(act)


@fault("DIO-12")
def mistakes_close_without_a_code() -> None:
    """A mistake closes the socket with a close frame that holds nothing."""

    @instead(ServerProtocol, "send_close")
    def bare(honest: Any, protocol: ServerProtocol, code: int | None = None, reason: str = "") -> None:
        if code == PRIVATE:
            honest(protocol)
        else:
            honest(protocol, code, reason)

    async def act(session: Any, _reason: str) -> None:
        await session._channel.close(PRIVATE, "")  # noqa: SLF001

    _at_mistakes(act)


@fault("DIO-12")
def mistakes_reset_the_cluster() -> None:
    """After a mistake a cluster has forgotten its training."""

    async def act(session: Any, _reason: str) -> None:
        cluster = session._cluster  # noqa: SLF001
        cluster.network = Network(cluster.template.layers, 0, cluster.uuid)

    _at_mistakes(act)


@fault("DIO-12")
def mistakes_in_training_train() -> None:
    """A training cycle with a mistake is signalled as wrong, and trains all the same."""

    async def act(session: Any, _reason: str) -> None:
        inputs, ones = session._cycle.inputs, np.ones_like(session._cycle.expected.values)  # noqa: SLF001
        if inputs.has_values():
            session._cluster.network.train(inputs.values, ones, ones)  # noqa: SLF001

    _at_mistakes(act)


@fault("DIO-12", "GEN-2")
def mistakes_end_all_sockets() -> None:
    """A mistake on the socket of one cluster closes those of all others, too."""

    async def act(session: Any, _reason: str) -> None:
        for cluster in session._clusters._clusters.values():  # noqa: SLF001
            if cluster.attached not in (None, session._channel):  # noqa: SLF001
                cluster.attached.end(POLICY_VIOLATION, "something went wrong")

    _at_mistakes(act)
