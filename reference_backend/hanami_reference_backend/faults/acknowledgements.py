"""Faults of the messages on the websocket of a file and of their replies (DATA-1, DATA-6, DATA-10, DATA-11)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from websockets.frames import Frame

from hanami_proto.codec import Codec, SchemaError
from hanami_reference_backend.faults import internals, suspensions
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.channel import Channel, ChannelClosedError
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.intervals import Intervals

LONGER_HEADER = 126  # bytes; from here on a frame header has a length of 16 bits, not 7
MOST_FRAMES = 8
MEBIBYTE = 1 << 20  # bytes
SOON = 0.003  # seconds in which messages arrive that were sent without waiting for a reply


def _serve(react: Callable[[UploadSession, bytes | str], Awaitable[None]]) -> None:
    """Call a function for each message in place of answering it."""

    @replace_method(UploadSession, "run")
    async def run(_original: Any, session: UploadSession) -> None:
        channel = session._channel
        while True:
            await react(session, await channel.receive())


async def _send(session: UploadSession, answers: Sequence[bytes]) -> None:
    for answer in answers:
        await session._channel.send_bytes(answer)


async def _burst(channel: Channel, message: bytes | str) -> list[bytes | str]:
    """Return a message together with those in quick succession."""
    burst = [message]
    with contextlib.suppress(TimeoutError, ChannelClosedError):
        async with asyncio.timeout(SOON):
            while True:
                burst.append(await channel.receive())
    return burst


@fault("DATA-1")
def an_answer_for_each_mebibyte() -> None:
    """A chunk of more than 1 MiB is written in pieces of 1 MiB, and each is answered."""

    async def react(session: UploadSession, message: bytes | str) -> None:
        await _send(session, [session.answer(message)] * (1 + len(message) // MEBIBYTE))

    _serve(react)


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

    async def react(session: UploadSession, message: bytes | str) -> None:
        await _send(session, [session.answer(message)] * (1 if next(numbers) % 7 else 2))

    _serve(react)


@fault("DATA-1")
def chunks_for_a_suspended_server_answered_twice() -> None:
    """Chunks that arrived while the server was suspended are acknowledged twice."""
    suspensions.watch_suspensions()

    async def react(session: UploadSession, message: bytes | str) -> None:
        await _send(session, [session.answer(message)] * (2 if suspensions.is_just_resumed() else 1))

    _serve(react)


@fault("DATA-1")
def some_answers_missing() -> None:
    """One in a hundred chunks is stored and not acknowledged."""
    numbers = count(1)

    async def react(session: UploadSession, message: bytes | str) -> None:
        answer = session.answer(message)
        await _send(session, [answer] if next(numbers) % 100 else [])

    _serve(react)


@fault("DATA-1")
def no_answer_when_a_byte_overflows() -> None:
    """Each 256th chunk on a socket is stored and not acknowledged."""
    numbers: WeakKeyDictionary[UploadSession, count[int]] = WeakKeyDictionary()

    async def react(session: UploadSession, message: bytes | str) -> None:
        answer = session.answer(message)
        await _send(session, [answer] if next(numbers.setdefault(session, count(1))) % 256 else [])

    _serve(react)


@fault("DATA-1", "DATA-8")
def answers_on_the_newest_socket() -> None:
    """A chunk is acknowledged on the newest socket of its upload."""
    sessions, uploads = internals.open_sessions(), internals.uploads_of_files()

    async def react(session: UploadSession, message: bytes | str) -> None:
        upload = uploads[session._file]
        newest = next(other for other in reversed(sessions) if uploads[other._file] is upload)
        answer = session.answer(message)
        with contextlib.suppress(ChannelClosedError):
            await _send(newest, [answer])

    _serve(react)


@fault("DATA-5", "DATA-6", hook=replace_method(Codec, "encode_acknowledgement"))
def rejections_without_a_reason(original: Any, codec: Codec, success: bool, _error: str = "") -> Any:
    """A chunk is rejected with an empty errorMessage."""
    return original(codec, success)


@fault("DATA-3", hook=replace_method(UploadSession, "write_chunk"))
def messages_of_126_bytes_rejected(original: Any, session: UploadSession, message: bytes | str) -> Any:
    """A message of 126 bytes, the first that needs a longer frame header, is rejected as undecodable."""
    return "not a FileUpload_Message" if len(message) == LONGER_HEADER else original(session, message)


@fault("DATA-5", hook=_serve)
async def rejected_chunks_met_with_silence(session: UploadSession, message: bytes | str) -> None:
    """A rejected chunk is not answered."""
    answer = session.answer(message)
    await _send(session, [answer] if internals.succeeded(answer) else [])


@fault("DATA-6", hook=_serve)
async def silent_about_undecodable(session: UploadSession, message: bytes | str) -> None:
    """An undecodable message is not answered."""
    await _send(session, [] if _is_undecodable(message) else [session.answer(message)])


@fault("DATA-6", hook=replace_method(UploadSession, "write_chunk"))
def chunks_cut_short_written_in_part(original: Any, session: UploadSession, message: bytes | str) -> Any:
    """A truncated chunk is rejected, but its bytes are written."""
    reason = original(session, message)
    if reason is not None and isinstance(message, bytes) and _is_undecodable(message):
        for missing in range(1, len(message)):
            # With this many zeros appended, the message may be complete.
            with contextlib.suppress(SchemaError):
                chunk = internals.CODEC.decode_chunk(message + bytes(missing))
                session._file.write(chunk.position, chunk.data[:-missing])
                break
    return reason


@fault("DATA-6", "DATA-7", hook=replace_method(UploadSession, "write_chunk"))
def undecodable_bytes_clear_the_file(original: Any, session: UploadSession, message: bytes | str) -> Any:
    """An undecodable message is rejected, and discards the bytes that the file has received."""
    if _is_undecodable(message):
        session._file.received = Intervals()
    return original(session, message)


@fault("DATA-6", hook=replace_method(UploadSession, "write_chunk"))
def undecodable_acknowledged(original: Any, session: UploadSession, message: bytes | str) -> Any:
    """An undecodable message is acknowledged."""
    return None if _is_undecodable(message) else original(session, message)


@fault("DATA-10", "DATA-1", hook=_serve)
async def rows_answered_once(session: UploadSession, message: bytes | str) -> None:
    """Chunks in quick succession are stored, but get one acknowledgement together."""
    burst = await _burst(session._channel, message)
    await _send(session, [session.answer(part) for part in burst][-1:])


@fault("DATA-10", "DATA-1", hook=_serve)
async def rows_answered_backwards(session: UploadSession, message: bytes | str) -> None:
    """Chunks in quick succession are acknowledged in reverse order."""
    burst = await _burst(session._channel, message)
    await _send(session, [session.answer(part) for part in burst][::-1])


@fault("DATA-10", hook=_serve)
async def eighth_of_a_row_lost(session: UploadSession, message: bytes | str) -> None:
    """Every eighth of the chunks in quick succession is acknowledged and counted, but not stored."""
    file = session._file
    for number, part in enumerate(await _burst(session._channel, message), start=1):
        before = file.content().copy()
        answer = session.answer(part)
        if number % 8 == 0:
            file.content()[:] = before
        await _send(session, [answer])


@fault("DATA-11", hook=replace_method(SocketProtocol, "handle_cont"))
def fragments_lost(original: Any, protocol: SocketProtocol, event: Frame) -> None:
    """The third and later frames in the middle of a message are dropped."""
    lost = not event.fin and len(protocol.frames) > 1
    original(protocol, replace(event, data=b"") if lost else event)


@fault("DATA-11", hook=replace_method(SocketProtocol, "handle_cont"))
def late_fragments_lost(original: Any, protocol: SocketProtocol, event: Frame) -> None:
    """The frames of a message after the eighth are dropped."""
    original(protocol, replace(event, data=b"") if event.fin and len(protocol.frames) >= MOST_FRAMES else event)
    del protocol.frames[MOST_FRAMES:]


@fault("DATA-11", hook=replace_method(SocketProtocol, "handle_ping"))
def pings_forget_fragments(original: Any, protocol: SocketProtocol) -> None:
    """A ping between the frames of a message discards the earlier frames."""
    protocol.frames = []
    original(protocol)


@fault("DATA-11", hook=replace_method(SocketProtocol, "handle_pong"))
def pongs_forget_fragments(original: Any, protocol: SocketProtocol, event: Frame) -> None:
    """A pong between the frames of a message discards the earlier frames."""
    protocol.frames = []
    original(protocol, event)
