"""Faults that are common in real servers: silence after invalid messages, and rare losses of replies."""

from __future__ import annotations

import itertools
from typing import Any

from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.sockets.cluster import ClusterSession, InvalidMessageError
from hanami_reference_backend.sockets.upload import UploadSession


@fault("DATA-5", hook=replace_method(UploadSession, "run"))
async def rejected_chunks_met_with_silence(_original: Any, session: UploadSession) -> None:
    """A rejected chunk is not answered."""
    channel = session._channel
    while True:
        answer = session.answer(await channel.receive())
        if internals.CODEC.decode_acknowledgement(answer).success:
            await channel.send_bytes(answer)


@fault("DIO-12", hook=replace_method(ClusterSession, "answer"))
async def mistakes_met_with_silence(original: Any, session: ClusterSession, payload: bytes | str) -> list[bytes]:
    """An invalid message on the socket of a cluster is ignored."""
    try:
        answers: list[bytes] = await original(session, payload)
    except InvalidMessageError:
        return []
    return answers


@fault("DIO-9", "DIO-3", "DIO-6")
def one_cycle_in_five_hundred_unanswered() -> None:
    """Every five hundredth cycle of the server is not answered."""
    cycles = itertools.count(1)

    @replace_method(ClusterSession, "answer")
    async def answer(original: Any, session: ClusterSession, payload: bytes | str) -> list[bytes]:
        answers: list[bytes] = await original(session, payload)
        return [] if session.decode(payload).is_last and not next(cycles) % 500 else answers
