"""Defects of wrong ClusterIO messages: silence, lost workers, and numbers of values that nobody checks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from hanami_proto.codec import BrickMessage, ProcessType
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.connections import ABORT, crash
from hanami_reference_backend.faults.released.registry import defect
from hanami_reference_backend.faults.released.workers import fall_silent
from hanami_reference_backend.sockets.cluster import ClusterSession, InvalidMessageError

PROCESS_TYPES = (ProcessType.REQUEST, ProcessType.TRAIN)


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


@defect("DIO-12", "GEN-2")
def invalid_messages_silence_a_worker() -> None:
    """Bytes that are no message and unknown names or buffers are not answered, and their worker is lost."""
    _silent().add("message")


@defect("DIO-12", "GEN-2")
def unknown_process_types_silence_a_worker() -> None:
    """A last message with an unknown processType is not answered, and its worker is lost."""
    _silent().add("processType")


@defect("DIO-12", "GEN-2", hook=replace_method(ClusterSession, "check"))
def more_values_announced_than_sent_crash(original: Any, session: ClusterSession, message: BrickMessage) -> Any:
    """A message whose numberOfValues is above the number of its values crashes the server."""
    if message.number_of_values > len(message.values):
        crash("more-values-announced-than-sent-crash")
    return original(session, message)


@defect("DIO-12", "GEN-2", hook=replace_method(ClusterSession, "store"))
def more_values_than_the_brick_holds_crash(original: Any, session: ClusterSession, message: BrickMessage) -> Any:
    """A message with more values than its brick holds crashes the server."""
    for buffer in (session._cycle.inputs, session._cycle.expected):
        part = buffer.slices.get(message.name, slice(0, len(message.values)))
        if len(message.values) > part.stop - part.start:
            crash("more-values-than-the-brick-holds-crash", ABORT)
    return original(session, message)


@defect("DIO-12")
def values_beyond_the_announced_number_ignored() -> None:
    """A message whose numberOfValues is below the number of its values is accepted, and the rest ignored."""

    @replace_method(ClusterSession, "decode")
    def decode(original: Any, session: ClusterSession, payload: bytes | str) -> BrickMessage:
        message: BrickMessage = original(session, payload)
        if message.number_of_values >= len(message.values):
            return message
        return replace(message, values=message.values[: message.number_of_values])
