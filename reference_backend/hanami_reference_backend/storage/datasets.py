"""Uploads and datasets of all projects."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError, bad_request, conflict, not_found
from hanami_reference_backend.common.identity import RandomIdentity
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.storage.csv_parser import parse_csv
from hanami_reference_backend.storage.dataset_content import Content, ContentError
from hanami_reference_backend.storage.idx_parser import parse_mnist
from hanami_reference_backend.storage.uploads import Kind, TempFile, Upload

MOST_CONVERSIONS = 4  # at the same time; more would not be faster, and each delays the event loop a little
FINALIZED = "the file was finalized"  # reason of the rejection of later writes


@dataclass(frozen=True)
class Dataset:
    """A finalized dataset.

    Attributes:
        storage: Memory that its content takes, in bytes.
        kind: Kind of its files.
        created_at: Time at which its upload began, in seconds since the epoch.
    """

    uuid: str
    name: str
    owner_id: str
    project_id: str
    content: Content
    storage: int
    kind: Kind
    created_at: float


class DatasetStore:
    """All uploads and datasets.

    A method with a user sees only the uploads and datasets of the project of that user; those of other projects are
    rejected like unknown ones (GEN-3).

    Args:
        settings: Limits of the server.
        identity: Source of uuids.
    """

    def __init__(self, settings: Settings, identity: RandomIdentity | None = None) -> None:
        self._settings = settings
        self._identity = identity or RandomIdentity()
        self._uploads: dict[str, Upload] = {}
        self._files: dict[str, TempFile] = {}
        self._datasets: dict[str, Dataset] = {}
        self._conversions = asyncio.Semaphore(MOST_CONVERSIONS)

    def begin(self, user: User, kind: Kind, name: str, sizes: Sequence[int]) -> Upload:
        """Allocate an upload (upload, step 1).

        Args:
            user: Owner of the upload.
            kind: Kind of the files.
            name: Name of the dataset; it need not be unique.
            sizes: Announced sizes of the input file and, for MNIST, of the label file in bytes.

        Raises:
            RequestError: 400 for a file that is too large, 409 if a limit of the project is reached.
        """
        self._check_limits(user, sizes)
        try:
            files = tuple(TempFile(self._identity.uuid(), user.project_id, size) for size in sizes)
        except MemoryError as error:
            raise conflict("the server has no memory left for files of that size") from error
        uuid, now = self._identity.uuid(), self._identity.now()
        upload = Upload(uuid, name, kind, user.id, user.project_id, files, now)
        self._uploads[upload.uuid] = upload
        self._files.update((file.uuid, file) for file in files)
        return upload

    def file(self, user: User, uuid: str) -> TempFile | None:
        """Return the temporary file that a websocket may attach to, or None (ATT-4, ATT-6)."""
        file = self._files.get(uuid)
        return file if file and file.project_id == user.project_id else None

    def is_complete(self, user: User, uuid: str) -> bool:
        """Return whether every byte has arrived (PROG-1); it stays true after finalize.

        Raises:
            RequestError: 404, if the project has no such upload or dataset.
        """
        upload = self._upload(user, uuid)
        if upload:
            return upload.is_complete()
        self.dataset(user, uuid)
        return True

    async def finalize(self, user: User, kind: Kind, uuid: str, file_uuids: Sequence[str]) -> Dataset:
        """Merge the temporary files into a dataset (upload, step 5; FIN-1 to FIN-7).

        After an error the upload stays as it is, and finalize can be tried again.

        Raises:
            RequestError: 404 for unknown uuids, 400 for invalid content, 409 if the upload is of the other kind, is not
                complete, was finalized before, or is being finalized.
        """
        upload = self._ready_for_finalize(user, kind, uuid, file_uuids)
        upload.converting = True
        for file in upload.files:
            file.freeze("the file is being finalized")
        try:
            async with self._conversions:
                if upload.deleted:
                    raise _no_dataset()
                content = await asyncio.to_thread(self._convert, kind, [file.content() for file in upload.files])
        except ContentError as error:
            raise bad_request(str(error)) from error
        except MemoryError as error:
            raise conflict("the server has no memory left to finalize this upload") from error
        finally:
            upload.converting = False
            if not upload.deleted:
                for file in upload.files:
                    file.thaw()
        if upload.deleted:
            raise _no_dataset()
        others = self._used(user) - upload.storage
        if others + content.size > self._settings.max_storage:
            raise conflict(f"the dataset takes {content.size} bytes, {self._full(others)}")
        return self._replace(upload, content)

    def _convert(self, kind: Kind, files: Sequence[NDArray[np.uint8]]) -> Content:
        content = self.convert(kind, files)
        _ = content.size, content.number_of_columns  # of many columns, which take a while; kept from now on
        return content

    def convert(self, kind: Kind, files: Sequence[NDArray[np.uint8]]) -> Content:
        """Parse uploaded files; runs in a thread of its own.

        Raises:
            ContentError: If the files are not of this kind.
        """
        return parse_mnist(files[0], files[1]) if kind is Kind.MNIST else parse_csv(files[0])

    def dataset(self, user: User, uuid: str) -> Dataset:
        """Return a finalized dataset.

        Raises:
            RequestError: 404, or 409 if the dataset is not finalized yet.
        """
        dataset = self._datasets.get(uuid)
        if dataset and dataset.project_id == user.project_id:
            return dataset
        if self._upload(user, uuid):
            raise conflict("the dataset is not finalized yet")
        raise _no_dataset()

    def datasets(self, user: User) -> list[Dataset]:
        """Return all finalized datasets of the project of a user, oldest first."""
        return [dataset for dataset in self._datasets.values() if dataset.project_id == user.project_id]

    def delete(self, user: User, uuid: str) -> None:
        """Delete an upload or a dataset (DEL-1).

        Raises:
            RequestError: 404, if the project has no such upload or dataset.
        """
        upload = self._upload(user, uuid)
        if upload:
            upload.deleted = True
            self._forget(upload, "the dataset was deleted")
        else:
            self.dataset(user, uuid)
            del self._datasets[uuid]

    def _upload(self, user: User, uuid: str) -> Upload | None:
        upload = self._uploads.get(uuid)
        return upload if upload and upload.project_id == user.project_id else None

    def _check_limits(self, user: User, sizes: Sequence[int]) -> None:
        limits = self._settings
        if max(sizes) > limits.max_file_size:
            raise bad_request(f"a file of {max(sizes)} bytes is too large: the limit is {limits.max_file_size}")
        uploads = [upload for upload in self._uploads.values() if upload.project_id == user.project_id]
        if len(uploads) >= limits.max_uploads:
            raise conflict(f"the project has {len(uploads)} unfinished uploads: finalize or delete one first")
        used = self._used(user)
        if used + sum(sizes) > limits.max_storage:
            raise conflict(self._full(used))

    def _used(self, user: User) -> int:
        """Return the memory of all uploads and datasets of the project of a user, in bytes."""
        uploads = (upload.storage for upload in self._uploads.values() if upload.project_id == user.project_id)
        return sum(uploads) + sum(dataset.storage for dataset in self.datasets(user))

    def _full(self, used: int) -> str:
        return f"the project uses {used} of {self._settings.max_storage} bytes: delete a dataset first"

    def _ready_for_finalize(self, user: User, kind: Kind, uuid: str, file_uuids: Sequence[str]) -> Upload:
        upload = self._upload(user, uuid)
        if upload is None:
            self.dataset(user, uuid)
            raise conflict("the dataset is already finalized")
        if upload.kind is not kind:
            raise conflict(f"this is the upload of a {upload.kind.value} dataset, not of a {kind.value} one")
        for field, file, file_uuid in zip(
            ("uuid_input_file", "uuid_label_file"), upload.files, file_uuids, strict=False
        ):
            if file.uuid != file_uuid:
                raise not_found(f"{field}: this upload has no such file")
        if upload.converting:
            raise conflict("the upload is being finalized")
        if not upload.is_complete():
            raise conflict("the upload is not complete")
        if len(self.datasets(user)) >= self._settings.max_datasets:
            raise conflict(f"the project has {self._settings.max_datasets} datasets: delete one first")
        return upload

    def _replace(self, upload: Upload, content: Content) -> Dataset:
        owner, project, started = upload.owner_id, upload.project_id, upload.created_at
        dataset = Dataset(upload.uuid, upload.name, owner, project, content, content.size, upload.kind, started)
        self._datasets[dataset.uuid] = dataset
        self._forget(upload, FINALIZED)
        return dataset

    def _forget(self, upload: Upload, reason: str) -> None:
        del self._uploads[upload.uuid]
        for file in upload.files:
            del self._files[file.uuid]
            file.discard(reason)


def _no_dataset() -> RequestError:
    return not_found("there is no such dataset")
