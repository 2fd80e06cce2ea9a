"""Faults of the reaction of a cluster to invalid messages (DIO-12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from websockets.server import ServerProtocol

from hanami_proto.codec import ProcessType
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import NORMAL_CLOSURE, POLICY_VIOLATION
from hanami_reference_backend.network.cycle_buffer import Buffer
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.sockets.cluster import ClusterSession, InvalidMessageError

PRIVATE = 4999  # close code that is not used elsewhere


def _change_messages(change: Callable[[Any, Any], Any]) -> None:
    """Change each message before it is checked."""

    @replace_method(ClusterSession, "decode")
    def decode(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
        return change(session, original(session, payload))


@fault("DIO-12", hook=replace_method(ClusterSession, "store"))
def unknown_bricks_before_the_last_message_ignored(original: Any, session: ClusterSession, message: Any) -> None:
    """Values for an unknown brick in a message with isLast = false are acknowledged and dropped."""
    try:
        original(session, message)
    except InvalidMessageError as error:
        if message.is_last or error.code != POLICY_VIOLATION:
            raise


@fault("DIO-6", hook=replace_method(ClusterSession, "train"))
async def training_without_expected_values_unanswered(original: Any, session: ClusterSession) -> list[bytes]:
    """A last TRAIN message of a cycle without expected values is not answered."""
    answers: list[bytes] = await original(session) if session._cycle.expected.has_values() else []
    return answers


def _on_invalid_message(act: Callable[[Any, str], Any]) -> None:
    """Call a function for each invalid message; replies that it returns replace the close of the socket."""

    @replace_method(ClusterSession, "answer")
    async def answer(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
        try:
            return await original(session, payload)
        except InvalidMessageError as error:
            answers = await act(session, error.reason)
            if answers is not None:
                return answers
            raise


@fault("DIO-12", hook=_on_invalid_message)
async def unknown_brick_met_with_silence(_session: Any, reason: str) -> list[bytes] | None:
    """A message for an unknown brick is not answered."""
    return [] if reason.startswith("there is no") else None


@fault("DIO-12", hook=_change_messages)
def unknown_brick_means_the_first(session: Any, message: Any) -> Any:
    """A message for an unknown brick goes to the first input brick."""
    known = {*session._cycle.inputs.slices, *session._cycle.expected.slices}
    name = next(iter(session._cycle.inputs.slices))
    return message if message.name in known else replace(message, name=name)


@fault("DIO-12")
def count_unchecked() -> None:
    """The numberOfValues of a message is not checked."""
    _change_messages(lambda _session, message: replace(message, number_of_values=len(message.values)))


@fault("DIO-12", hook=_change_messages)
def count_compared_in_eight_bits(_session: Any, message: Any) -> Any:
    """Only the lowest eight bits of numberOfValues are checked."""
    true = len(message.values)
    return replace(message, number_of_values=true) if message.number_of_values % 256 == true % 256 else message


@fault("DIO-12", hook=_change_messages)
def names_that_begin_with_a_brick(session: Any, message: Any) -> Any:
    """A name that begins with the name of a brick is accepted as that brick."""
    known = [*session._cycle.inputs.slices, *session._cycle.expected.slices]
    name = next((one for one in known if message.name.startswith(one)), message.name)
    return replace(message, name=name)


@fault("DIO-12", hook=_change_messages)
def count_believed(_session: Any, message: Any) -> Any:
    """The numberOfValues of a message decides how many values are read, and missing ones are zeros."""
    count = min(message.number_of_values, 12)
    return replace(message, values=internals.padded(message.values, count), number_of_values=count)


@fault("DIO-12", hook=replace_method(Buffer, "write"))
def excess_values_cut(original: Any, buffer: Buffer, name: str, values: Any) -> Any:
    """Values beyond the size of a brick are ignored."""
    place = buffer.slices[name]
    return original(buffer, name, values[: place.stop - place.start])


@fault("DIO-12", hook=_change_messages)
def unknown_process_type_is_a_request(_session: Any, message: Any) -> Any:
    """A message with an unknown processType counts as a request."""
    known = message.process_type == ProcessType.TRAIN
    return message if known else replace(message, process_type=ProcessType.REQUEST)


@fault("DIO-12", hook=_on_invalid_message)
async def undecodable_bytes_hang(_session: Any, reason: str) -> None:
    """An undecodable message is not answered, and blocks the cluster."""
    if reason.startswith("not a ClusterIO_Message"):
        await internals.hang()


@fault("DIO-12", "GEN-2", hook=_on_invalid_message)
async def dies_of_undecodable_bytes(_session: Any, reason: str) -> None:
    """An undecodable message crashes the server."""
    if reason.startswith("not a ClusterIO_Message"):
        internals.crash()


@fault("DIO-12", hook=_on_invalid_message)
async def mistakes_met_with_silence(_session: Any, _reason: str) -> list[bytes]:
    """An invalid message on the socket of a cluster is ignored."""
    return []


@fault("DIO-12", hook=_on_invalid_message)
async def mistakes_close_without_a_word(session: Any, _reason: str) -> None:
    """An invalid message closes the socket normally, without a reason."""
    await session._channel.close(NORMAL_CLOSURE, "")


@fault("DIO-12")
def mistakes_close_without_a_code() -> None:
    """An invalid message closes the socket with an empty close frame."""

    @replace_method(ServerProtocol, "send_close")
    def send_close(original: Any, protocol: ServerProtocol, code: int | None = None, reason: str = "") -> None:
        if code == PRIVATE:
            original(protocol)
        else:
            original(protocol, code, reason)

    async def act(session: Any, _reason: str) -> None:
        await session._channel.close(PRIVATE, "")

    _on_invalid_message(act)


@fault("DIO-12", hook=_on_invalid_message)
async def mistakes_reset_the_cluster(session: Any, _reason: str) -> None:
    """A cluster forgets its training after an invalid message."""
    cluster = session._cluster
    cluster.network = Network(cluster.template.layers, 0, cluster.uuid)


@fault("DIO-12", hook=_on_invalid_message)
async def mistakes_in_training_train(session: Any, _reason: str) -> None:
    """A training cycle with an invalid message is rejected, but trains."""
    inputs, ones = session._cycle.inputs, np.ones_like(session._cycle.expected.values)
    if inputs.has_values():
        session._cluster.network.train(inputs.values, ones, ones)


@fault("DIO-12", "GEN-2", hook=_on_invalid_message)
async def mistakes_end_all_sockets(session: Any, _reason: str) -> None:
    """An invalid message on the socket of one cluster closes the sockets of all others."""
    for cluster in session._clusters._clusters.values():
        if cluster.attached not in (None, session._channel):
            cluster.attached.end(POLICY_VIOLATION, "internal error")
