"""Defects of wrong ClusterIO messages: silence, lost workers, and numbers of values that nobody checks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from hanami_proto.codec import BrickMessage
from hanami_reference_backend.faults.internals import padded
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.connections import ABORT, crash
from hanami_reference_backend.faults.released.registry import defect
from hanami_reference_backend.faults.released.workers import fall_silent
from hanami_reference_backend.sockets.cluster import ClusterSession, InvalidMessageError

MANY = 500  # values behind a buffer that hit other data


@cache
def _silent() -> set[str]:
    """Let a worker fall silent for ever at the invalid messages whose kinds are in the result."""
    kinds: set[str] = set()

    @replace_method(ClusterSession, "answer")
    async def answer(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
        try:
            return await original(session, payload)
        except InvalidMessageError as error:
            kind = "processType" if "processType" in error.reason else "message"
            if kind in kinds:
                await fall_silent(session._channel)
            raise

    return kinds


@defect("DIO-12", "GEN-2", "DIO-13", "DIO-7")
def invalid_messages_silence_a_worker() -> None:
    """Bytes that are no message and unknown names or buffers are not answered, and their worker is lost."""
    _silent().add("message")


@defect("DIO-12", "GEN-2")
def unknown_process_types_silence_a_worker() -> None:
    """A last message with an unknown processType is not answered, and its worker is lost."""
    _silent().add("processType")


@defect("DIO-12")
def values_that_were_not_sent_are_read() -> None:
    """A message whose numberOfValues is above the number of its values is accepted, with zeros for the others."""

    @replace_method(ClusterSession, "decode")
    def decode(original: Any, session: ClusterSession, payload: bytes | str) -> BrickMessage:
        message: BrickMessage = original(session, payload)
        missing = message.number_of_values - len(message.values)
        if not 0 < missing <= MANY:
            return message
        return replace(message, values=padded(message.values, message.number_of_values))


@defect("DIO-12", "GEN-2")
def values_announced_and_not_sent_crash() -> None:
    """A message without values, or with far fewer than numberOfValues says, crashes the server."""

    @replace_method(ClusterSession, "decode")
    def decode(original: Any, session: ClusterSession, payload: bytes | str) -> BrickMessage:
        message: BrickMessage = original(session, payload)
        missing = message.number_of_values - len(message.values)
        if missing > MANY or (missing > 0 and not len(message.values)):
            crash("values-announced-and-not-sent-crash")
        return message


@defect("DIO-12", hook=replace_method(ClusterSession, "store"))
def values_beyond_the_brick_are_accepted(original: Any, session: ClusterSession, message: BrickMessage) -> Any:
    """A message with a few values more than its brick holds is accepted."""
    excess = _excess(session, message)
    if 0 < excess <= MANY:
        message = replace(message, values=message.values[:-excess])
    return original(session, message)


@defect("DIO-12", "GEN-2", hook=replace_method(ClusterSession, "store"))
def many_values_beyond_the_brick_crash(original: Any, session: ClusterSession, message: BrickMessage) -> Any:
    """A message with far more values than its brick holds crashes the server."""
    if _excess(session, message) > MANY:
        crash("many-values-beyond-the-brick-crash", ABORT)
    return original(session, message)


def _excess(session: ClusterSession, message: BrickMessage) -> int:
    for buffer in (session._cycle.inputs, session._cycle.expected):
        if message.name in buffer.slices:
            part = buffer.slices[message.name]
            size: int = part.stop - part.start
            return max(0, len(message.values) - size)
    return 0


@defect("DIO-12")
def values_beyond_the_announced_number_ignored() -> None:
    """A message whose numberOfValues is below the number of its values is accepted, and the rest ignored."""

    @replace_method(ClusterSession, "decode")
    def decode(original: Any, session: ClusterSession, payload: bytes | str) -> BrickMessage:
        message: BrickMessage = original(session, payload)
        if message.number_of_values >= len(message.values):
            return message
        return replace(message, values=message.values[: message.number_of_values])
