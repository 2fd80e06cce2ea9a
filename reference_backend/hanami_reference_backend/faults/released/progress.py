"""Defects of progress and of files that are gone: these servers count segments of 128 KiB, not bytes."""

from __future__ import annotations

from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.settings import KIB
from hanami_reference_backend.faults import earlier_starts
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.connections import crash
from hanami_reference_backend.faults.released.registry import defect
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.uploads import TempFile, Upload

SEGMENT = 128 * KIB


@cache
def _segments() -> WeakKeyDictionary[TempFile, set[int]]:
    """Record the segments in which a message has started, also an empty one."""
    touched: WeakKeyDictionary[TempFile, set[int]] = WeakKeyDictionary()

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
        reason: str | None = original(file, position, data) if data else None
        if reason is None and position < file.size:
            touched.setdefault(file, set()).add(position // SEGMENT)
        return reason

    return touched


@cache
def _conditions() -> list[Any]:
    """Judge a file complete as the defects of this server have it."""
    conditions: list[Any] = []

    @replace_method(TempFile, "is_complete")
    def is_complete(original: Any, file: TempFile) -> bool:
        found: bool = original(file)
        for condition in conditions:
            found = condition(file, found)
        return found

    return conditions


def _full_segments(file: TempFile) -> set[int]:
    return set(range(max(1, file.size // SEGMENT)))


@defect("PROG-2")
def last_partial_segment_is_not_counted() -> None:
    """An upload is complete without the part of a file that follows its last full 128 KiB."""

    def condition(file: TempFile, found: bool) -> bool:
        full = file.size // SEGMENT * SEGMENT
        return found or (full > 0 and file.received.covers(full))

    _conditions().append(condition)


@defect("PROG-2")
def any_message_completes_its_segment() -> None:
    """A message of any length counts as all 128 KiB of the segment in which it starts."""
    touched = _segments()

    def condition(file: TempFile, found: bool) -> bool:
        return found or _full_segments(file) <= touched.get(file, set())

    _conditions().append(condition)


@defect("PROG-3", "DATA-3")
def segments_in_larger_messages_stay_missing() -> None:
    """A segment of 128 KiB in which no message starts stays missing, so that an upload in larger ones never ends."""
    touched = _segments()

    def condition(file: TempFile, found: bool) -> bool:
        return found and _full_segments(file) <= touched.get(file, set())

    _conditions().append(condition)


@defect("DEL-1")
def deleted_uploads_take_chunks() -> None:
    """The files of a deleted upload stay, take further chunks, and can be attached to."""

    @replace_method(DatasetStore, "_forget")
    def forget(original: Any, store: DatasetStore, upload: Upload, reason: str) -> None:
        if not upload.deleted:
            original(store, upload, reason)
            return
        del store._uploads[upload.uuid]


@defect("GEN-2", "GEN-1")
def progress_after_a_restart_crashes() -> None:
    """Progress of an upload that was begun before a restart crashes the server: its row is there, its file is not."""
    earlier_starts.mark_uuids()

    @replace_method(DatasetStore, "is_complete")
    def is_complete(original: Any, store: DatasetStore, user: User, uuid: str) -> bool:
        if earlier_starts.is_from_an_earlier_start(uuid):
            crash("progress-after-a-restart-crashes")
        complete: bool = original(store, user, uuid)
        return complete
