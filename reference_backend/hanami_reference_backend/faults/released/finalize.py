"""Defects of finalize: what these servers do not check before they convert."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any, cast

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError, not_found
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.connections import ABORT, crash
from hanami_reference_backend.faults.released.registry import HANAMI, OPENHANAMI, defect
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.rest.fields import ByUuid
from hanami_reference_backend.storage.dataset_content import Content, ContentError
from hanami_reference_backend.storage.datasets import FINALIZED, Dataset, DatasetStore
from hanami_reference_backend.storage.uploads import Kind, TempFile, Upload

FIELDS = ("uuid_input_file", "uuid_label_file")
MAX_FILE_NAME = 255


def internal_error() -> RequestError:
    """Return the error of a conversion that fails; these servers give the reason only in their log."""
    return RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, "")


@cache
def _unchecked() -> set[str]:
    """Finalize without the checks whose names are in the result."""
    unchecked: set[str] = set()

    @replace_method(DatasetStore, "finalize")
    async def finalize(
        original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, file_uuids: Sequence[str]
    ) -> Dataset:
        upload = store._upload(user, uuid)
        if upload is None:
            store.dataset(user, uuid)
            raise _no_file(FIELDS[0], file_uuids[0])  # the files were removed when it was finalized
        files = tuple(_file(store, upload, *pair, unchecked) for pair in zip(FIELDS, file_uuids, strict=False))
        as_requested = (kind, files) == (upload.kind, upload.files)
        if as_requested:
            is_checked = upload.is_complete() or "complete" not in unchecked
        else:
            is_checked = "kind" not in unchecked and set(files) <= set(upload.files)
        if is_checked:
            return cast("Dataset", await original(store, user, kind, uuid, file_uuids))
        return await _convert(store, upload, kind, files)

    return unchecked


def _file(store: DatasetStore, upload: Upload, field: str, uuid: str, unchecked: set[str]) -> TempFile:
    file = store._files.get(uuid)
    if file is None or not (file in upload.files or "owner" in unchecked):
        raise _no_file(field, uuid)
    return file


def _no_file(field: str, uuid: str) -> RequestError:
    word = "Input" if field == FIELDS[0] else "Label"
    return not_found(f"{word}-data with uuid '{uuid}' not found.")


async def _convert(store: DatasetStore, upload: Upload, kind: Kind, files: Sequence[TempFile]) -> Dataset:
    try:
        content = await asyncio.to_thread(store.convert, kind, [file.content() for file in files])
    except ContentError as error:
        raise internal_error() from error
    # The upload, or another one that a file belongs to, may have been deleted or finalized meanwhile.
    if store._uploads.get(upload.uuid) is not upload or any(file.uuid not in store._files for file in files):
        raise _no_file(FIELDS[0], files[0].uuid)
    return store._replace(replace(upload, files=tuple(dict.fromkeys(files))), content)


@defect("FIN-3")
def incomplete_uploads_finalized() -> None:
    """A finalize before the upload is complete is accepted, with zeros in the gaps, and the files are gone."""
    _unchecked().add("complete")


@defect("FIN-4")
def swapped_files_and_wrong_kinds_finalized() -> None:
    """A finalize with the files in the wrong order, or as the wrong kind, is accepted."""
    _unchecked().add("kind")


@defect("FIN-4", "GEN-3", servers=[OPENHANAMI])
def files_of_others_finalized() -> None:
    """A finalize takes the files of other datasets, users and projects."""
    _unchecked().add("owner")


@defect("FIN-4", "GEN-3", "GEN-2", servers=[HANAMI])
def files_of_others_finalized_or_crash() -> None:
    """A finalize takes the files of other datasets; those of other users crash the server after they are converted."""
    _unchecked().add("owner")

    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, store: DatasetStore, user: User, *arguments: Any) -> Dataset:
        *_, file_uuids = arguments
        files = [store._files[uuid] for uuid in file_uuids if uuid in store._files]
        dataset: Dataset = await original(store, user, *arguments)
        if any(file.project_id != user.project_id for file in files):
            crash("files-of-others-finalized-or-crash", ABORT)
        return dataset


@defect("FIN-7", servers=[HANAMI], hook=replace_method(TempFile, "discard"))
def chunks_on_an_open_socket_accepted_after_finalize(original: Any, file: TempFile, reason: str) -> None:
    """A socket that is open when its upload is finalized still accepts chunks, which go nowhere."""
    if reason != FINALIZED:
        original(file, reason)


@defect("FIN-7", "GEN-2", servers=[OPENHANAMI], hook=replace_method(TempFile, "write"))
def chunks_after_finalize_crash(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
    """A chunk on a socket that was open when its upload was finalized crashes the server."""
    if file.rejection == FINALIZED:
        crash("chunks-after-finalize-crash")
    rejection: str | None = original(file, position, data)
    return rejection


@defect("GEN-1", "FIN-6", hook=replace_method(DatasetStore, "finalize"))
async def invalid_content_gets_500(original: Any, *arguments: Any) -> Dataset:
    """A finalize of content that cannot be converted is answered with 500 and without a reason."""
    try:
        dataset: Dataset = await original(*arguments)
    except RequestError as error:
        if error.status == HTTPStatus.BAD_REQUEST:
            raise internal_error() from error
        raise
    return dataset


def _file_name(user: User, name: str) -> str:
    return f"{name}_csv_{user.id}"


@defect("GEN-2", "FIN-1", servers=[OPENHANAMI])
def long_names_of_tables_crash() -> None:
    """A table whose name and user are longer than 255 characters as a file name crashes the server at finalize."""
    _at_long_names(lambda: crash("long-names-of-tables-crash", ABORT))


@defect("FIN-1", "GEN-1", servers=[HANAMI])
def long_names_of_tables_get_500() -> None:
    """A table whose name and user are longer than 255 characters as a file name is finalized with 500."""
    _at_long_names(_raise_internal_error)


@defect("GEN-2", "DEL-1", servers=[HANAMI])
def deleting_long_names_crashes() -> None:
    """The deletion of a table with such a name, finalized or not, crashes the server."""

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        upload = store._upload(user, uuid)
        if upload and upload.kind is Kind.CSV and len(_file_name(user, upload.name)) > MAX_FILE_NAME:
            crash("deleting-long-names-crashes", ABORT)
        original(store, user, uuid)


def _raise_internal_error() -> None:
    raise internal_error()


def _at_long_names(act: Callable[[], object]) -> None:
    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, *more: Any) -> Dataset:
        upload = store._upload(user, uuid)
        if upload and kind is Kind.CSV and len(_file_name(user, upload.name)) > MAX_FILE_NAME:
            act()
        dataset: Dataset = await original(store, user, kind, uuid, *more)
        return dataset


@defect("FIN-1", "GEN-1", servers=[OPENHANAMI])
def tables_of_one_name_get_500() -> None:
    """The finalize of a second table of the same name and user is answered with 500."""
    names: dict[str, str] = {}

    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, *more: Any) -> Dataset:
        upload = store._upload(user, uuid)
        if upload and kind is Kind.CSV and names.get(_file_name(user, upload.name)) in store._datasets:
            raise internal_error()
        dataset: Dataset = await original(store, user, kind, uuid, *more)
        if kind is Kind.CSV:
            names[_file_name(user, dataset.name)] = dataset.uuid
        return dataset


@defect("FIN-1", "FIN-5", "DEL-1", servers=[HANAMI])
def tables_of_one_name_share_a_file() -> None:
    """Tables of the same name and user share their content: the last finalize overwrites it, a deletion removes it."""
    files: dict[str, Content] = {}
    tables: dict[str, str] = {}  # names of files by the uuid of the dataset

    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, store: DatasetStore, user: User, kind: Kind, *more: Any) -> Dataset:
        dataset: Dataset = await original(store, user, kind, *more)
        if kind is Kind.CSV:
            tables[dataset.uuid] = _file_name(user, dataset.name)
            files[tables[dataset.uuid]] = dataset.content
        return dataset

    @replace_method(DatasetOperations, "get")
    async def get(original: Any, operations: DatasetOperations, user: User, fields: ByUuid) -> Any:
        name = tables.get(fields.uuid)
        found = operations._datasets._datasets.get(fields.uuid)
        if name and found and found.project_id == user.project_id:
            if name not in files:
                raise internal_error()
            operations._datasets._datasets[fields.uuid] = replace(found, content=files[name])
        return await original(operations, user, fields)

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        original(store, user, uuid)
        files.pop(tables.get(uuid, ""), None)
