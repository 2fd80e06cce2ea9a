"""Faults of deleting a dataset or an upload (DEL-1)."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.rest.fields import Nothing
from hanami_reference_backend.storage.dataset_content import Content
from hanami_reference_backend.storage.datasets import Dataset, DatasetStore
from hanami_reference_backend.storage.uploads import TempFile, Upload

DELETED = "the dataset was deleted"  # why files are discarded
KILLED = 9


@fault("DEL-1")
def chunks_taken_after_delete() -> None:
    """A socket that is open when its upload is deleted goes on to take chunks."""

    @instead(TempFile, "discard")
    def keeping(honest: Any, file: TempFile, reason: str) -> None:
        if reason != DELETED:
            honest(file, reason)


@fault("DEL-1")
def files_outlive_delete() -> None:
    """The files of a deleted upload can still be attached to."""

    @instead(DatasetStore, "_forget")
    def keeping(honest: Any, store: DatasetStore, upload: Upload, reason: str) -> None:
        honest(store, upload, reason)
        if reason == DELETED:
            internals.files(store).update((file.uuid, file) for file in upload.files)


@fault("DEL-1")
def deleted_datasets_listed() -> None:
    """A finalized dataset that was deleted is still listed."""
    gone: list[Dataset] = []

    @instead(DatasetStore, "delete")
    def noted(honest: Any, store: DatasetStore, user: User, uuid: str) -> None:
        known = internals.datasets(store).get(uuid)
        honest(store, user, uuid)
        if known:
            gone.append(known)

    @instead(DatasetOperations, "list_all")
    async def listed(honest: Any, operations: DatasetOperations, user: User, fields: Nothing) -> Any:
        answer = await honest(operations, user, fields)
        rows = [operations.row(dataset) for dataset in gone if dataset.project_id == user.project_id]
        return {**answer, "body": [*answer["body"], *rows]}


@fault("DEL-1")
def progress_of_what_was_deleted() -> None:
    """Progress of an upload that was deleted is answered by complete false."""
    gone: set[str] = set()

    @instead(DatasetStore, "delete")
    def noted(honest: Any, store: DatasetStore, user: User, uuid: str) -> None:
        honest(store, user, uuid)
        gone.add(uuid)

    @instead(DatasetStore, "is_complete")
    def answered(honest: Any, store: DatasetStore, user: User, uuid: str) -> Any:
        try:
            return honest(store, user, uuid)
        except RequestError:
            if uuid not in gone:
                raise
            return False


@fault("DEL-1", "GEN-3")
def deleted_by_anybody() -> None:
    """A user of another project may delete an upload or a dataset."""

    @instead(DatasetStore, "delete")
    def lenient(honest: Any, store: DatasetStore, user: User, uuid: str) -> None:
        known = internals.uploads(store).get(uuid) or internals.datasets(store).get(uuid)
        honest(store, replace(user, project_id=known.project_id) if known else user, uuid)


@fault("DEL-1", "GEN-2")
def dies_of_deletes() -> None:
    """Deleting a dataset ends the server."""

    @instead(DatasetStore, "delete")
    def fragile(*_arguments: Any) -> None:
        os._exit(KILLED)


@fault("DEL-1")
def file_uuids_delete_their_dataset() -> None:
    """A DELETE with the uuid of a file deletes the dataset that it belongs to."""
    uploads = internals.uploads_of_files()

    @instead(DatasetStore, "delete")
    def lenient(honest: Any, store: DatasetStore, user: User, uuid: str) -> None:
        file = internals.files(store).get(uuid)
        honest(store, user, uuid if file is None else uploads[file].uuid)


@fault("DEL-1")
def all_of_a_name_deleted() -> None:
    """A DELETE deletes all datasets of the project that have the name of the one that is meant."""

    @instead(DatasetStore, "delete")
    def sweeping(honest: Any, store: DatasetStore, user: User, uuid: str) -> None:
        every: dict[str, Upload | Dataset] = {**internals.uploads(store), **internals.datasets(store)}
        meant = every.get(uuid)
        honest(store, user, uuid)
        for other in every.values():
            if meant and other.name == meant.name and other.uuid != uuid and other.project_id == user.project_id:
                honest(store, user, other.uuid)


@fault("FIN-2", "DEL-1")
def content_kept_by_name() -> None:
    """A dataset with the name of an earlier one of its project has the content of that."""
    kept: dict[tuple[str, str], Content] = {}

    @instead(DatasetStore, "_replace")
    def lie(honest: Any, store: DatasetStore, upload: Upload, content: Content) -> Any:
        return honest(store, upload, kept.setdefault((upload.project_id, upload.name), content))
