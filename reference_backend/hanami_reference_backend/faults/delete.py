"""Faults of deleting a dataset or an upload (DEL-1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.rest.fields import Nothing
from hanami_reference_backend.storage.dataset_content import Content
from hanami_reference_backend.storage.datasets import Dataset, DatasetStore
from hanami_reference_backend.storage.uploads import TempFile, Upload

BLOCK = 1 << 14  # bytes
DELETED = "the dataset was deleted"  # reason for discarding its files


@fault("DEL-1", hook=replace_method(TempFile, "discard"))
def chunks_accepted_after_delete(original: Any, file: TempFile, reason: str) -> None:
    """A socket that is open when its upload is deleted still accepts chunks."""
    if reason != DELETED:
        original(file, reason)


@fault("DEL-1", hook=replace_method(DatasetStore, "_forget"))
def files_outlive_delete(original: Any, store: DatasetStore, upload: Upload, reason: str) -> None:
    """The files of a deleted upload can still be attached to."""
    original(store, upload, reason)
    if reason == DELETED:
        store._files.update((file.uuid, file) for file in upload.files)


@fault("DEL-1")
def deleted_datasets_listed() -> None:
    """A deleted dataset is still listed."""
    deleted = _listed_although_deleted()

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        known = store._datasets.get(uuid)
        original(store, user, uuid)
        if known:
            deleted.append(known)


@fault("DEL-1")
def uploads_deleted_under_a_socket_listed() -> None:
    """An upload that is deleted while it has a socket is listed from then on."""
    sessions, deleted = internals.open_sessions(), _listed_although_deleted()

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        upload = store._uploads.get(uuid)
        original(store, user, uuid)
        if upload and any(session._file in upload.files for session in sessions):
            deleted.append(upload)


def _listed_although_deleted() -> list[Dataset | Upload]:
    """List what is in the result beside the datasets of a project."""
    deleted: list[Dataset | Upload] = []

    @replace_method(DatasetOperations, "list_all")
    async def list_all(original: Any, operations: DatasetOperations, user: User, fields: Nothing) -> Any:
        answer = await original(operations, user, fields)
        rows = [operations.row(one) for one in deleted if one.project_id == user.project_id]
        return {**answer, "body": [*answer["body"], *rows]}

    return deleted


@fault("DEL-1")
def progress_of_deleted_uploads() -> None:
    """Progress of a deleted upload is answered with complete false."""
    deleted: set[str] = set()

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        original(store, user, uuid)
        deleted.add(uuid)

    @replace_method(DatasetStore, "is_complete")
    def is_complete(original: Any, store: DatasetStore, user: User, uuid: str) -> Any:
        try:
            return original(store, user, uuid)
        except RequestError:
            if uuid not in deleted:
                raise
            return False


@fault("DEL-1", "GEN-3", hook=replace_method(DatasetStore, "delete"))
def deleted_by_anybody(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
    """A user of another project may delete an upload or a dataset."""
    known = store._uploads.get(uuid) or store._datasets.get(uuid)
    original(store, replace(user, project_id=known.project_id) if known else user, uuid)


@fault("DEL-1", "GEN-2", hook=replace_method(DatasetStore, "delete"))
def dies_of_deletes(*_arguments: Any) -> None:
    """Deleting a dataset crashes the server."""
    internals.crash()


@fault("DEL-1")
def file_uuids_delete_their_dataset() -> None:
    """A DELETE with the uuid of a file deletes the dataset of that file."""
    uploads = internals.uploads_of_files()

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        file = store._files.get(uuid)
        original(store, user, uuid if file is None else uploads[file].uuid)


@fault("DEL-1", hook=replace_method(DatasetStore, "delete"))
def all_of_a_name_deleted(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
    """A DELETE deletes all datasets of the project that have the same name."""
    every: dict[str, Upload | Dataset] = {**store._uploads, **store._datasets}
    meant = every.get(uuid)
    original(store, user, uuid)
    for other in every.values():
        if meant and other.name == meant.name and other.uuid != uuid and other.project_id == user.project_id:
            original(store, user, other.uuid)


@fault("FIN-2", "DEL-1")
def content_kept_by_name() -> None:
    """A dataset has the content of an earlier dataset of its project with the same name."""
    kept: dict[tuple[str, str], Content] = {}

    @replace_method(DatasetStore, "_replace")
    def _replace(original: Any, store: DatasetStore, upload: Upload, content: Content) -> Any:
        return original(store, upload, kept.setdefault((upload.project_id, upload.name), content))


@fault("DEL-1")
def labels_accepted_after_delete() -> None:
    """The socket of a label file that is open when its upload is deleted still accepts chunks."""
    uploads = internals.uploads_of_files()

    @replace_method(TempFile, "discard")
    def discard(original: Any, file: TempFile, reason: str) -> None:
        if reason != DELETED or file is uploads[file].files[0]:
            original(file, reason)


@fault("DEL-1")
def content_outlives_delete() -> None:
    """The content of a deleted dataset is still answered."""
    deleted: dict[str, Dataset] = {}

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        known = store._datasets.get(uuid)
        original(store, user, uuid)
        if known is not None:
            deleted[uuid] = known

    @replace_method(DatasetOperations, "content")
    async def content(original: Any, operations: DatasetOperations, user: User, fields: Any) -> Any:
        store = operations._datasets
        if fields.uuid not in deleted:
            return await original(operations, user, fields)
        store._datasets[fields.uuid] = deleted[fields.uuid]
        try:
            return await original(operations, user, fields)
        finally:
            del store._datasets[fields.uuid]


@fault("DEL-1", "FIN-2")
def identical_files_deleted_with_the_first() -> None:
    """Datasets of the same files share their content, and the deletion of one takes the rows of the others."""

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        gone = store._datasets.get(uuid)
        original(store, user, uuid)
        for other in list(store._datasets.values()):
            if gone is not None and alike(gone.content, other.content):
                store._datasets[other.uuid] = replace(other, content=replace(other.content, number_of_rows=0))


def alike(first: Content, second: Content) -> bool:
    """Whether two contents of more than one block have the same values."""
    if first.size < BLOCK or (first.number_of_rows, first.size) != (second.number_of_rows, second.size):
        return False
    rows = first.number_of_rows
    pairs = zip(first.columns, second.columns, strict=True)
    return all(np.array_equal(one.rows(0, rows), other.rows(0, rows)) for one, other in pairs)
