"""Faults of the messages on the websocket of a file, and of their answers (DATA-1, DATA-6, DATA-10, DATA-11)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from websockets.frames import Frame

from hanami_proto.codec import Codec, SchemaError
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.serving.uvicorn_protocols import SocketProtocol
from hanami_reference_backend.sockets.channel import Channel, ChannelClosedError
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.intervals import Intervals

LONGER_HEADER = 126  # bytes of a message whose frame holds its length in 16 bits in place of 7
MOST_FRAMES = 8
SOON = 0.003  # seconds in which messages come that were sent before an answer was read


def _serve(react: Callable[[UploadSession, bytes | str], Awaitable[None]]) -> None:
    """Do something else with each message than answer it."""

    @instead(UploadSession, "run")
    async def serving(_honest: Any, session: UploadSession) -> None:
        channel = internals.channel_of(session)
        while True:
            await react(session, await channel.receive())


async def _send(session: UploadSession, answers: Sequence[bytes]) -> None:
    for answer in answers:
        await internals.channel_of(session).send_bytes(answer)


async def _row(channel: Channel, first: bytes | str) -> list[bytes | str]:
    """A message, and those right behind it."""
    row = [first]
    with contextlib.suppress(TimeoutError, ChannelClosedError):
        async with asyncio.timeout(SOON):
            while True:
                row.append(await channel.receive())
    return row


def _is_undecodable(message: bytes | str) -> bool:
    try:
        internals.CODEC.decode_chunk(message if isinstance(message, bytes) else b"")
    except SchemaError:
        return True
    return False


@fault("DATA-1")
def some_answers_doubled() -> None:
    """One in seven chunks is acknowledged twice."""
    numbers = count(1)

    async def doubling(session: UploadSession, message: bytes | str) -> None:
        await _send(session, [session.answer(message)] * (1 if next(numbers) % 7 else 2))

    _serve(doubling)


@fault("DATA-1")
def some_answers_missing() -> None:
    """One in a hundred chunks is stored and not acknowledged."""
    numbers = count(1)

    async def forgetting(session: UploadSession, message: bytes | str) -> None:
        answer = session.answer(message)
        await _send(session, [answer] if next(numbers) % 100 else [])

    _serve(forgetting)


@fault("DATA-1", "DATA-8")
def answers_on_the_newest_socket() -> None:
    """A chunk is acknowledged on the socket that attached last to a file of its upload."""
    sessions, uploads = internals.open_sessions(), internals.uploads_of_files()

    async def straying(session: UploadSession, message: bytes | str) -> None:
        upload = uploads[internals.file_of(session)]
        newest = next(other for other in reversed(sessions) if uploads[internals.file_of(other)] is upload)
        answer = session.answer(message)
        with contextlib.suppress(ChannelClosedError):
            await _send(newest, [answer])

    _serve(straying)


@fault("DATA-5", "DATA-6")
def refusals_without_a_reason() -> None:
    """A chunk is refused with an empty errorMessage."""

    @instead(Codec, "encode_acknowledgement")
    def curt(honest: Any, codec: Codec, success: bool, _error: str = "") -> Any:
        return honest(codec, success)


@fault("DATA-3")
def messages_of_126_bytes_refused() -> None:
    """A message of 126 bytes, the first whose length needs a longer frame header, is refused as none."""

    @instead(UploadSession, "take")
    def misreading(honest: Any, session: UploadSession, message: bytes | str) -> Any:
        return "not a FileUpload_Message" if len(message) == LONGER_HEADER else honest(session, message)


@fault("DATA-6")
def silent_about_undecodable() -> None:
    """What is no message is not answered."""

    async def quiet(session: UploadSession, message: bytes | str) -> None:
        await _send(session, [] if _is_undecodable(message) else [session.answer(message)])

    _serve(quiet)


@fault("DATA-6")
def chunks_cut_short_written_in_part() -> None:
    """Of a chunk whose message ends too early what came is written, and the chunk refused."""

    @instead(UploadSession, "take")
    def hasty(honest: Any, session: UploadSession, message: bytes | str) -> Any:
        reason = honest(session, message)
        if reason is not None and isinstance(message, bytes) and _is_undecodable(message):
            for lacking in range(1, len(message)):
                # With that many zeros behind it the message would be whole.
                with contextlib.suppress(SchemaError):
                    chunk = internals.CODEC.decode_chunk(message + bytes(lacking))
                    internals.file_of(session).write(chunk.position, chunk.data[:-lacking])
                    break
        return reason


@fault("DATA-6", "DATA-7")
def undecodable_bytes_clear_the_file() -> None:
    """What is no message is refused, and clears what has come of the file."""

    @instead(UploadSession, "take")
    def clearing(honest: Any, session: UploadSession, message: bytes | str) -> Any:
        if _is_undecodable(message):
            internals.file_of(session).received = Intervals()
        return honest(session, message)


@fault("DATA-6")
def undecodable_acknowledged() -> None:
    """What is no message is acknowledged as if it were a chunk."""

    @instead(UploadSession, "take")
    def taking(honest: Any, session: UploadSession, message: bytes | str) -> Any:
        return None if _is_undecodable(message) else honest(session, message)


@fault("DATA-10", "DATA-1")
def rows_answered_once() -> None:
    """Chunks that come right behind each other are stored, and acknowledged together by one answer."""

    async def together(session: UploadSession, message: bytes | str) -> None:
        row = await _row(internals.channel_of(session), message)
        await _send(session, [session.answer(part) for part in row][-1:])

    _serve(together)


@fault("DATA-10", "DATA-1")
def rows_answered_backwards() -> None:
    """Chunks that come right behind each other are acknowledged in the opposite order."""

    async def backwards(session: UploadSession, message: bytes | str) -> None:
        row = await _row(internals.channel_of(session), message)
        await _send(session, [session.answer(part) for part in row][::-1])

    _serve(backwards)


@fault("DATA-10")
def eighth_of_a_row_lost() -> None:
    """Of chunks that come right behind each other every eighth is acknowledged and counted, and not stored."""

    async def lossy(session: UploadSession, message: bytes | str) -> None:
        file = internals.file_of(session)
        for number, part in enumerate(await _row(internals.channel_of(session), message), start=1):
            before = file.content().copy()
            answer = session.answer(part)
            if number % 8 == 0:
                file.content()[:] = before
            await _send(session, [answer])

    _serve(lossy)


@fault("DATA-11")
def fragments_lost() -> None:
    """A frame in the middle of a message is dropped where it is the third or a later one."""

    @instead(SocketProtocol, "handle_cont")
    def lossy(honest: Any, protocol: SocketProtocol, event: Frame) -> None:
        lost = not event.fin and len(protocol.frames) > 1
        honest(protocol, replace(event, data=b"") if lost else event)


@fault("DATA-11")
def late_fragments_lost() -> None:
    """Of the frames of a message those behind the eighth are dropped."""

    @instead(SocketProtocol, "handle_cont")
    def lossy(honest: Any, protocol: SocketProtocol, event: Frame) -> None:
        honest(protocol, replace(event, data=b"") if event.fin and len(protocol.frames) >= MOST_FRAMES else event)
        del protocol.frames[MOST_FRAMES:]


@fault("DATA-11")
def pings_forget_fragments() -> None:
    """A ping between the frames of a message makes the server forget those before it."""

    @instead(SocketProtocol, "handle_ping")
    def forgetful(honest: Any, protocol: SocketProtocol) -> None:
        protocol.frames = []
        honest(protocol)


@fault("DATA-11")
def pongs_forget_fragments() -> None:
    """A pong between the frames of a message makes the server forget those before it."""

    @instead(SocketProtocol, "handle_pong")
    def forgetful(honest: Any, protocol: SocketProtocol, event: Frame) -> None:
        protocol.frames = []
        honest(protocol, event)
