"""Faults of storing the chunks of an upload (DATA-2 to DATA-5)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from hanami_proto.codec import SchemaError
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.sockets.channel import ChannelClosedError
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.uploads import TempFile

SEGMENT = 128 * 1024  # bytes of a chunk of the SDK
MIB = 1024 * 1024
TOGETHER = 0.002  # seconds between chunks that arrive together


def _place(where: Callable[[TempFile, int], int]) -> None:
    """Store valid chunks at another position, but count the bytes at the right one."""

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
        end = position + len(data)
        before = file.content()[position:end].copy()
        reason: str | None = original(file, position, data)
        if reason is None and data:
            file.content()[position:end] = before
            place = where(file, position)
            part = file.content()[place : place + len(data)]
            part[:] = np.frombuffer(data, dtype=np.uint8)[: len(part)]
        return reason


def _keep(change: Callable[[TempFile, int, bytes], bytes]) -> None:
    """Change the data of valid chunks, but not its length."""

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> Any:
        fits = position + len(data) <= file.size
        return original(file, position, change(file, position, data) if fits else data)


def _overlap(combine: Callable[[Any, Any], Any]) -> None:
    """Combine repeated bytes with the stored ones.

    Args:
        combine: Function of the stored and the new bytes.
    """

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> Any:
        end = position + len(data)
        shared = [(max(position, start), min(end, stop)) for start, stop in file.received]
        known = [(start, stop, file.content()[start:stop].copy()) for start, stop in shared if start < stop]
        reason = original(file, position, data)
        if reason is None:
            for start, stop, before in known:
                part = file.content()[start:stop]
                part[:] = combine(before, part)
        return reason


@fault("DATA-2")
def positions_count_from_one() -> None:
    """Every chunk but the first of a file is stored one byte too early."""
    _place(lambda _file, position: max(0, position - 1))


@fault("DATA-2")
def positions_cut_to_20_bits() -> None:
    """A chunk beyond the first MiB of a file is stored within it."""
    _place(lambda _file, position: position % MIB)


@fault("DATA-2", "FIN-2")
def hundredth_chunk_not_stored() -> None:
    """One in a hundred chunks is acknowledged and counted, but stored as zeros."""
    numbers = count(1)
    _keep(lambda _file, _position, data: data if next(numbers) % 100 else bytes(len(data)))


@fault("DATA-3", "DATA-2")
def positions_rounded_down_to_segments() -> None:
    """A chunk is stored at the beginning of its segment of 128 KiB."""
    _place(lambda _file, position: position - position % SEGMENT)


@fault("DATA-3", "DATA-2", "FIN-2", hook=_keep)
def last_part_of_a_segment_forgotten(file: TempFile, position: int, data: bytes) -> bytes:
    """Bytes after the last whole segment of 128 KiB of a file are not stored."""
    end = file.size - file.size % SEGMENT
    kept = max(0, end - position) if end else len(data)
    return data[:kept] + bytes(len(data[kept:]))


@fault("DATA-3", "DATA-2", "FIN-2", hook=_keep)
def loses_boundary_bytes(_file: TempFile, position: int, data: bytes) -> bytes:
    """The last byte of the first 128 KiB is not stored."""
    place = SEGMENT - 1 - position
    return data[:place] + b"\0" + data[place + 1 :] if 0 <= place < len(data) else data


@fault("DATA-3", hook=replace_method(TempFile, "write"))
def large_chunks_rejected(original: Any, file: TempFile, position: int, data: bytes) -> Any:
    """A chunk of more than 128 KiB is rejected."""
    return "the chunk is too large" if len(data) > SEGMENT else original(file, position, data)


@fault("DATA-3")
def chunks_cut_at_a_mebibyte() -> None:
    """The bytes of a chunk beyond 1 MiB are stored as zeros."""
    _keep(lambda _file, _position, data: data[:MIB] + bytes(len(data[MIB:])))


@fault("DATA-4")
def third_writes_are_zeros() -> None:
    """A chunk that is sent for the third time is stored as zeros."""
    seen: WeakKeyDictionary[TempFile, Counter[tuple[int, int]]] = WeakKeyDictionary()

    def forgetful(file: TempFile, position: int, data: bytes) -> bytes:
        times = seen.setdefault(file, Counter())
        times[position, len(data)] += 1
        return bytes(len(data)) if times[position, len(data)] == 3 else data

    _keep(forgetful)


@fault("DATA-4")
def first_write_wins() -> None:
    """Bytes that are stored already are not overwritten."""
    _overlap(lambda before, _after: before)


@fault("DATA-4")
def overlaps_combined() -> None:
    """Overwritten bytes are combined with the new ones by a bitwise or."""
    _overlap(lambda before, after: before | after)


@fault("DATA-4", hook=replace_method(TempFile, "write"))
def overlaps_rejected(original: Any, file: TempFile, position: int, data: bytes) -> Any:
    """A chunk that overlaps stored bytes is rejected."""
    known = any(start < position + len(data) and position < stop for start, stop in file.received)
    return "these bytes are stored already" if known else original(file, position, data)


@fault("DATA-5", hook=replace_method(TempFile, "write"))
def chunks_clipped_at_the_end(original: Any, file: TempFile, position: int, data: bytes) -> Any:
    """A chunk that ends beyond the file is clipped, stored and acknowledged."""
    place = min(position, file.size)
    return original(file, place, data[: file.size - place])


@fault("DATA-5", hook=replace_method(TempFile, "write"))
def chunks_extend_the_file(original: Any, file: TempFile, position: int, data: bytes) -> Any:
    """A chunk that ends at most one MiB beyond the file extends the file."""
    end = position + len(data)
    if file.rejection is None and file.size < end <= file.size + MIB:
        internals.grow(file, end)
    return original(file, position, data)


@fault("DATA-5", hook=replace_method(TempFile, "write"))
def positions_cut_to_32_bits(original: Any, file: TempFile, position: int, data: bytes) -> Any:
    """Only the lowest 32 bits of the position of a chunk are used."""
    return original(file, position % 2**32, data)


@fault("DATA-5", hook=replace_method(TempFile, "write"))
def ends_wrap_around(original: Any, file: TempFile, position: int, data: bytes) -> Any:
    """The end of a chunk wraps around at 64 bits, so that one far beyond the file passes the check."""
    end = position + len(data)
    wraps = file.rejection is None and end >= 2**64 and end % 2**64 <= file.size
    return None if wraps else original(file, position, data)


@fault("DATA-5", "GEN-2", hook=replace_method(TempFile, "write"))
def dies_of_large_positions(original: Any, file: TempFile, position: int, data: bytes) -> Any:
    """A chunk far beyond the end of its file crashes the server."""
    if position > 2**40:
        internals.crash()
    return original(file, position, data)


@fault("DATA-5", "PROG-2")
def rejected_bytes_counted() -> None:
    """The bytes of a rejected chunk are counted as received."""
    rejected: WeakKeyDictionary[TempFile, int] = WeakKeyDictionary()

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> Any:
        reason = original(file, position, data)
        if reason is not None:
            rejected[file] = rejected.get(file, 0) + len(data)
        return reason

    @replace_method(TempFile, "is_complete")
    def is_complete(original: Any, file: TempFile) -> bool:
        return original(file) or file.received.total() + rejected.get(file, 0) >= file.size


@fault("DATA-5", hook=replace_method(TempFile, "write"))
def rejected_chunks_stored(original: Any, file: TempFile, position: int, data: bytes) -> Any:
    """A chunk that ends beyond the file is rejected, but the part within the file is stored."""
    reason = original(file, position, data)
    if reason is not None and file.rejection is None and data:
        part = file.content()[position:]
        part[:] = np.frombuffer(data, dtype=np.uint8)[: len(part)]
    return reason


@fault("DATA-4", "DATA-10")
def waiting_chunks_are_sorted() -> None:
    """Chunks that arrive together are written in the order of their positions."""

    @replace_method(UploadSession, "run")
    async def run(_original: Any, session: UploadSession) -> None:
        channel = session._channel
        while True:
            waiting = [await channel.receive()]
            with contextlib.suppress(TimeoutError, ChannelClosedError):
                async with asyncio.timeout(TOGETHER):
                    while True:
                        waiting.append(await channel.receive())

            def position(index: int, messages: list[bytes | str] = waiting) -> int:
                try:
                    return internals.CODEC.decode_chunk(messages[index]).position  # type: ignore[arg-type]
                except (SchemaError, TypeError):
                    return 0

            answers = {index: session.answer(waiting[index]) for index in sorted(range(len(waiting)), key=position)}
            for index in range(len(waiting)):
                await channel.send_bytes(answers[index])
