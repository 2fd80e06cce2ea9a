"""Faults of the progress of an upload (PROG-1 to PROG-4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from hanami_proto.dialect import Dialect
from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError, not_found
from hanami_reference_backend.faults import internals, tokens
from hanami_reference_backend.faults.internals import Span
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.fields import ByUuid, Fields
from hanami_reference_backend.rest.uploads import UploadOperations
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.uploads import TempFile, Upload

SEGMENT = 128 * 1024  # bytes of a chunk of the SDK
PROGRESS = ("dataset.progress",)


def _count(is_complete: Callable[[TempFile, list[Span]], bool]) -> None:
    """Tell by the chunks that were taken whether a file is complete."""
    taken = internals.chunks_taken()

    @instead(TempFile, "is_complete")
    def counted(_honest: Any, file: TempFile) -> bool:
        return is_complete(file, taken.get(file, []))


def _total(chunks: list[Span]) -> int:
    return sum(end - start for start, end in chunks)


def _segments(file: TempFile) -> int:
    return -(-file.size // SEGMENT)


def _answer(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    @instead(UploadOperations, "progress")
    async def changed(honest: Any, *arguments: Any) -> Any:
        return change(dict(await honest(*arguments)))


@fault("PROG-1")
def complete_is_a_number() -> None:
    """Progress answers 0 or 1 for complete."""
    _answer(lambda answer: {**answer, "complete": int(answer["complete"])})


@fault("PROG-1")
def complete_is_a_text() -> None:
    """Progress answers "true" or "false" for complete."""
    _answer(lambda answer: {**answer, "complete": str(answer["complete"]).lower()})


@fault("PROG-2", "FIN-3")
def complete_from_the_beginning() -> None:
    """Progress says complete as soon as there is an upload."""

    @instead(TempFile, "is_complete")
    def lie(_honest: Any, _file: TempFile) -> bool:
        return True


@fault("PROG-2")
def chunks_counted() -> None:
    """A file is complete after as many chunks as it has segments of 128 KiB."""
    _count(lambda file, chunks: len(chunks) >= _segments(file))


@fault("PROG-2")
def segments_counted() -> None:
    """A file is complete once something of each segment of 128 KiB has come."""
    _count(lambda file, chunks: len({start // SEGMENT for start, _ in chunks}) >= _segments(file))


@fault("PROG-2")
def first_bytes_counted() -> None:
    """A chunk counts for the 128 KiB from its first byte on."""
    _count(lambda file, chunks: {0, *range(0, file.size, SEGMENT)} <= {start for start, _ in chunks})


@fault("PROG-2")
def bytes_of_repeats_counted() -> None:
    """A file is complete after as many bytes as it has, even if some came twice."""
    _count(lambda file, chunks: _total(chunks) >= file.size)


@fault("PROG-2")
def greatest_position_counted() -> None:
    """A file is complete when its last byte has come."""
    _count(lambda file, chunks: any(end >= file.size for _, end in chunks))


@fault("PROG-2")
def single_byte_overlooked() -> None:
    """A file is complete when no more than one of its bytes is missing."""

    @instead(TempFile, "is_complete")
    def lenient(honest: Any, file: TempFile) -> bool:
        return honest(file) or (file.size > 1 and file.received.total() >= file.size - 1)


@fault("PROG-2")
def last_part_of_a_segment_not_needed() -> None:
    """A file is complete when all of its whole segments of 128 KiB are."""

    @instead(TempFile, "is_complete")
    def lenient(honest: Any, file: TempFile) -> bool:
        whole = file.size - file.size % SEGMENT
        return honest(file) or (whole > 0 and file.received.covers(whole))


@fault("PROG-2")
def label_file_not_needed() -> None:
    """An MNIST upload is complete when its image file is."""

    @instead(Upload, "is_complete")
    def lenient(_honest: Any, upload: Upload) -> bool:
        return upload.files[0].is_complete()


@fault("PROG-2")
def bytes_of_both_files_added_up() -> None:
    """An upload is complete after as many bytes as its files have, whichever file they came for."""
    taken = internals.chunks_taken()

    @instead(Upload, "is_complete")
    def added(_honest: Any, upload: Upload) -> bool:
        return sum(_total(taken.get(file, [])) for file in upload.files) >= upload.storage


@fault("PROG-2")
def progress_of_any_upload() -> None:
    """Progress says complete when any upload of the user is."""

    @instead(DatasetStore, "is_complete")
    def confused(honest: Any, store: DatasetStore, user: User, uuid: str) -> bool:
        own = [upload for upload in internals.uploads(store).values() if upload.owner_id == user.id]
        return honest(store, user, uuid) or any(upload.is_complete() for upload in own)


@fault("PROG-3")
def hundredth_chunk_lost() -> None:
    """One in a hundred chunks is acknowledged and lost."""
    taken = 0

    @instead(TempFile, "write")
    def lossy(honest: Any, file: TempFile, position: int, data: bytes) -> Any:
        nonlocal taken
        fits = position + len(data) <= file.size
        taken += fits
        return honest(file, position, data if not fits or taken % 100 else b"")


@fault("PROG-3")
def complete_in_order_only() -> None:
    """A file is complete only if its chunks came one behind the other."""
    taken = internals.chunks_taken()

    @instead(TempFile, "is_complete")
    def strict(honest: Any, file: TempFile) -> bool:
        return honest(file) and taken[file] == sorted(taken[file])


@fault("PROG-3")
def repeats_undo_complete() -> None:
    """A file is complete only while exactly as many bytes have come as it has, repeated ones counted."""
    taken = internals.chunks_taken()

    @instead(TempFile, "is_complete")
    def exact(honest: Any, file: TempFile) -> bool:
        return honest(file) and _total(taken[file]) == file.size


@fault("PROG-3")
def complete_told_once() -> None:
    """Progress says complete once, then no more."""
    told: set[str] = set()

    @instead(DatasetStore, "is_complete")
    def forgetful(honest: Any, store: DatasetStore, user: User, uuid: str) -> bool:
        complete = honest(store, user, uuid) and uuid not in told
        if complete:
            told.add(uuid)
        return complete


@fault("PROG-3")
def progress_one_question_late() -> None:
    """Progress answers what was true when it was asked before."""
    before: dict[str, bool] = {}

    @instead(DatasetStore, "is_complete")
    def late(honest: Any, store: DatasetStore, user: User, uuid: str) -> bool:
        told = before.get(uuid, False)
        before[uuid] = honest(store, user, uuid)
        return told


@fault("PROG-4")
def progress_of_nothing_is_false() -> None:
    """Progress of an unknown uuid is answered by complete false."""

    @instead(UploadOperations, "progress")
    async def lenient(honest: Any, operations: UploadOperations, user: User, fields: ByUuid) -> Any:
        try:
            return await honest(operations, user, fields)
        except RequestError:
            return {"uuid": fields.uuid, "complete": False}


@fault("PROG-3")
def incomplete_when_finalized() -> None:
    """Progress of a finalized dataset is complete false."""

    @instead(UploadOperations, "progress")
    async def forgetful(honest: Any, operations: UploadOperations, user: User, fields: ByUuid) -> Any:
        answer = await honest(operations, user, fields)
        return {**answer, "complete": answer["complete"] and fields.uuid not in finalized}

    finalized: set[str] = set()

    @instead(DatasetStore, "finalize")
    async def noting(honest: Any, store: DatasetStore, user: User, kind: Any, uuid: str, *files: Any) -> Any:
        made = await honest(store, user, kind, uuid, *files)
        finalized.add(uuid)
        return made


@fault("PROG-4")
def progress_of_a_file_is_told() -> None:
    """Progress of the uuid of a file is that of its upload."""
    uploads = internals.uploads_of_files()

    @instead(DatasetStore, "is_complete")
    def lenient(honest: Any, store: DatasetStore, user: User, uuid: str) -> Any:
        file = internals.files(store).get(uuid)
        return honest(store, user, uuid if file is None else uploads[file].uuid)


@fault("PROG-4")
def malformed_uuids_unknown() -> None:
    """A uuid that is malformed or missing is answered with 404."""

    @instead(operation, "check")
    def hasty(honest: Any, model: type[Fields], values: dict[str, Any], dialect: Dialect) -> Any:
        try:
            return honest(model, values, dialect)
        except RequestError as error:
            if model is ByUuid and error.status is HTTPStatus.BAD_REQUEST:
                raise not_found("there is no such dataset") from error
            raise


@fault("PROG-4", "GEN-3")
def progress_told_to_anybody() -> None:
    """Progress of an upload is told to users of other projects."""

    @instead(DatasetStore, "is_complete")
    def open_hearted(honest: Any, store: DatasetStore, user: User, uuid: str) -> Any:
        upload = internals.uploads(store).get(uuid)
        return honest(store, replace(user, project_id=upload.project_id) if upload else user, uuid)


@fault("PROG-4")
def progress_without_a_token() -> None:
    """Progress needs no token."""
    tokens.forgive(PROGRESS, tokens.is_missing)


@fault("PROG-4")
def progress_with_an_expired_token() -> None:
    """Progress is told to a token that has expired."""
    tokens.forgive(PROGRESS, tokens.has_expired)
