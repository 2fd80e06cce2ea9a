"""Faults of the progress of an upload (PROG-1 to PROG-4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

from hanami_proto.dialect import Dialect
from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError, not_found
from hanami_reference_backend.faults import internals, tokens
from hanami_reference_backend.faults.internals import Span
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.fields import ByUuid, Fields
from hanami_reference_backend.rest.uploads import UploadOperations
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.uploads import TempFile, Upload

SEGMENT = 128 * 1024  # bytes of a chunk of the SDK
PROGRESS = ("dataset.progress",)


def _count(is_enough: Callable[[TempFile, list[Span]], bool]) -> None:
    """Decide by the accepted chunks whether a file is complete."""
    accepted = internals.accepted_chunks()

    @replace_method(TempFile, "is_complete")
    def is_complete(_original: Any, file: TempFile) -> bool:
        return is_enough(file, accepted.get(file, []))


def _total(chunks: list[Span]) -> int:
    return sum(end - start for start, end in chunks)


def _segments(file: TempFile) -> int:
    return -(-file.size // SEGMENT)


@fault("PROG-1", hook=internals.change_response(UploadOperations, "progress"))
def complete_is_a_number(answer: dict[str, Any]) -> dict[str, Any]:
    """Progress answers complete with 0 or 1."""
    return {**answer, "complete": int(answer["complete"])}


@fault("PROG-1", hook=internals.change_response(UploadOperations, "progress"))
def complete_is_a_text(answer: dict[str, Any]) -> dict[str, Any]:
    """Progress answers complete with "true" or "false"."""
    return {**answer, "complete": str(answer["complete"]).lower()}


@fault("PROG-2", "FIN-3", hook=replace_method(TempFile, "is_complete"))
def complete_from_the_beginning(_original: Any, _file: TempFile) -> bool:
    """Progress says complete from the start of an upload."""
    return True


@fault("PROG-2")
def chunks_counted() -> None:
    """A file is complete after as many chunks as it has segments of 128 KiB."""
    _count(lambda file, chunks: len(chunks) >= _segments(file))


@fault("PROG-2")
def segments_counted() -> None:
    """A file is complete once some byte of each segment of 128 KiB was received."""
    _count(lambda file, chunks: len({start // SEGMENT for start, _ in chunks}) >= _segments(file))


@fault("PROG-2")
def first_bytes_counted() -> None:
    """A chunk counts as the 128 KiB from its first byte on."""
    _count(lambda file, chunks: {0, *range(0, file.size, SEGMENT)} <= {start for start, _ in chunks})


@fault("PROG-2")
def bytes_of_repeats_counted() -> None:
    """A file is complete after as many bytes as its size, repeated ones counted."""
    _count(lambda file, chunks: _total(chunks) >= file.size)


@fault("PROG-2")
def greatest_position_counted() -> None:
    """A file is complete once its last byte was received."""
    _count(lambda file, chunks: any(end >= file.size for _, end in chunks))


@fault("PROG-2", hook=replace_method(TempFile, "is_complete"))
def single_byte_overlooked(original: Any, file: TempFile) -> bool:
    """A file is complete when at most one byte is missing."""
    return original(file) or (file.size > 1 and file.received.total() >= file.size - 1)


@fault("PROG-2", hook=replace_method(TempFile, "is_complete"))
def last_part_of_a_segment_not_needed(original: Any, file: TempFile) -> bool:
    """A file is complete once all of its whole segments of 128 KiB were received."""
    whole = file.size - file.size % SEGMENT
    return original(file) or (whole > 0 and file.received.covers(whole))


@fault("PROG-2", hook=replace_method(Upload, "is_complete"))
def label_file_not_needed(_original: Any, upload: Upload) -> bool:
    """An MNIST upload is complete once its image file is."""
    return upload.files[0].is_complete()


@fault("PROG-2")
def bytes_of_both_files_added_up() -> None:
    """An upload is complete after as many bytes as both files need, whichever file received them."""
    accepted = internals.accepted_chunks()

    @replace_method(Upload, "is_complete")
    def is_complete(_original: Any, upload: Upload) -> bool:
        return sum(_total(accepted.get(file, [])) for file in upload.files) >= upload.storage


@fault("PROG-2", hook=replace_method(DatasetStore, "is_complete"))
def progress_of_any_upload(original: Any, store: DatasetStore, user: User, uuid: str) -> bool:
    """Progress says complete once any upload of the user is complete."""
    own = [upload for upload in store._uploads.values() if upload.owner_id == user.id]
    return original(store, user, uuid) or any(upload.is_complete() for upload in own)


@fault("PROG-3")
def hundredth_chunk_lost() -> None:
    """One in a hundred chunks is acknowledged and lost."""
    chunks = 0

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> Any:
        nonlocal chunks
        fits = position + len(data) <= file.size
        chunks += fits
        return original(file, position, data if not fits or chunks % 100 else b"")


@fault("PROG-3")
def complete_in_order_only() -> None:
    """A file is complete only if its chunks arrived in order."""
    accepted = internals.accepted_chunks()

    @replace_method(TempFile, "is_complete")
    def is_complete(original: Any, file: TempFile) -> bool:
        return original(file) and accepted[file] == sorted(accepted[file])


@fault("PROG-3")
def repeats_undo_complete() -> None:
    """A file is complete only while the number of received bytes, repeated ones counted, is its size."""
    accepted = internals.accepted_chunks()

    @replace_method(TempFile, "is_complete")
    def is_complete(original: Any, file: TempFile) -> bool:
        return original(file) and _total(accepted[file]) == file.size


@fault("PROG-3")
def complete_reported_once() -> None:
    """Progress says complete only once."""
    reported: set[str] = set()

    @replace_method(DatasetStore, "is_complete")
    def is_complete(original: Any, store: DatasetStore, user: User, uuid: str) -> bool:
        complete = original(store, user, uuid) and uuid not in reported
        if complete:
            reported.add(uuid)
        return complete


@fault("PROG-3")
def progress_one_request_late() -> None:
    """Progress answers with the state of the request before."""
    before: dict[str, bool] = {}

    @replace_method(DatasetStore, "is_complete")
    def is_complete(original: Any, store: DatasetStore, user: User, uuid: str) -> bool:
        answer = before.get(uuid, False)
        before[uuid] = original(store, user, uuid)
        return answer


@fault("PROG-4", hook=replace_method(UploadOperations, "progress"))
async def progress_of_unknown_uuids_is_false(
    original: Any, operations: UploadOperations, user: User, fields: ByUuid
) -> Any:
    """Progress of an unknown uuid is answered with complete false."""
    try:
        return await original(operations, user, fields)
    except RequestError:
        return {"uuid": fields.uuid, "complete": False}


@fault("PROG-3")
def incomplete_when_finalized() -> None:
    """Progress of a finalized dataset is answered with complete false."""

    @replace_method(UploadOperations, "progress")
    async def progress(original: Any, operations: UploadOperations, user: User, fields: ByUuid) -> Any:
        answer = await original(operations, user, fields)
        return {**answer, "complete": answer["complete"] and fields.uuid not in finalized}

    finalized: set[str] = set()

    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, store: DatasetStore, user: User, kind: Any, uuid: str, *files: Any) -> Any:
        made = await original(store, user, kind, uuid, *files)
        finalized.add(uuid)
        return made


@fault("PROG-4")
def progress_of_a_file() -> None:
    """Progress of the uuid of a file is that of its upload."""
    uploads = internals.uploads_of_files()

    @replace_method(DatasetStore, "is_complete")
    def is_complete(original: Any, store: DatasetStore, user: User, uuid: str) -> Any:
        file = store._files.get(uuid)
        return original(store, user, uuid if file is None else uploads[file].uuid)


@fault("PROG-4", hook=replace_method(operation, "check"))
def malformed_uuids_unknown(original: Any, model: type[Fields], values: dict[str, Any], dialect: Dialect) -> Any:
    """A malformed or missing uuid is answered with 404."""
    try:
        return original(model, values, dialect)
    except RequestError as error:
        if model is ByUuid and error.status is HTTPStatus.BAD_REQUEST:
            raise not_found("there is no such dataset") from error
        raise


@fault("PROG-4", "GEN-3", hook=replace_method(DatasetStore, "is_complete"))
def progress_for_any_user(original: Any, store: DatasetStore, user: User, uuid: str) -> Any:
    """Progress of an upload is answered to users of other projects."""
    upload = store._uploads.get(uuid)
    return original(store, replace(user, project_id=upload.project_id) if upload else user, uuid)


@fault("PROG-4")
def progress_without_a_token() -> None:
    """Progress needs no token."""
    tokens.accept(PROGRESS, tokens.is_missing)


@fault("PROG-4")
def progress_with_an_expired_token() -> None:
    """Progress accepts an expired token."""
    tokens.accept(PROGRESS, tokens.has_expired)


@fault("PROG-2", "FIN-3", hook=replace_method(TempFile, "is_complete"))
def progress_rounded_to_millionths(_original: Any, file: TempFile) -> bool:
    """A file is complete once less than half a millionth of it is missing."""
    return bool(round(file.received.total() / file.size, 6) >= 1.0)


@fault("PROG-2", "FIN-3")
def parts_within_a_chunk_counted_again() -> None:
    """Progress counts again what a chunk covers of the received parts between the first and the last one in it."""
    counts: WeakKeyDictionary[TempFile, int] = WeakKeyDictionary()

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
        end = position + len(data)
        parts = [(start, stop) for start, stop in file.received if start < end and stop > position]
        known = [min(end, stop) - max(position, start) for start, stop in parts]
        reason: str | None = original(file, position, data)
        if reason is None:
            covered = known[0] + known[-1] if len(known) > 1 else sum(known)
            counts[file] = counts.get(file, 0) + len(data) - covered
        return reason

    @replace_method(TempFile, "is_complete")
    def is_complete(_original: Any, file: TempFile) -> bool:
        return counts.get(file, 0) >= file.size
