from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.storage.dataset_content import Content
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.uploads import Kind, Upload

ALICE = User("alice", "password", "alpha")
TABLE = b"a\n1\n"


class SlowStore(DatasetStore):
    """Converts on demand."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def convert(self, kind: Kind, files: Sequence[NDArray[np.uint8]]) -> Content:
        self.begun.set()
        assert self.go_on.wait(20)
        return super().convert(kind, files)


def complete_upload(store: DatasetStore) -> Upload:
    upload = store.begin(ALICE, Kind.CSV, "name", [len(TABLE)])
    assert upload.files[0].write(0, TABLE) is None
    return upload


def finalize(store: DatasetStore, upload: Upload) -> asyncio.Task[object]:
    return asyncio.create_task(store.finalize(ALICE, Kind.CSV, upload.uuid, [upload.files[0].uuid]))


async def status(task: asyncio.Task[object]) -> int:
    with pytest.raises(RequestError) as rejected:
        await task
    return int(rejected.value.status)


def test_an_upload_stands_still_while_it_is_finalized() -> None:
    async def sequence() -> None:
        store = SlowStore(Settings())
        upload = complete_upload(store)
        first = finalize(store, upload)
        await asyncio.to_thread(store.begun.wait)
        assert upload.files[0].write(2, b"2") == "the file is being finalized"
        assert await status(finalize(store, upload)) == 409
        store.go_on.set()
        await first
        content = store.dataset(ALICE, upload.uuid).content
        assert content.columns[0].rows(0, 1).tolist() == [[1.0]]
        assert store.file(ALICE, upload.files[0].uuid) is None

    asyncio.run(sequence())


def test_deleting_wins_over_a_finalize_at_work() -> None:
    async def sequence() -> None:
        store = SlowStore(Settings())
        upload = complete_upload(store)
        task = finalize(store, upload)
        await asyncio.to_thread(store.begun.wait)
        store.delete(ALICE, upload.uuid)
        store.go_on.set()
        assert await status(task) == 404
        assert store.datasets(ALICE) == []
        assert upload.files[0].write(0, b"x") == "the dataset was deleted"

    asyncio.run(sequence())


def test_limits_of_numbers() -> None:
    store = DatasetStore(Settings(max_uploads=2, max_datasets=1))
    uploads = [complete_upload(store) for _ in range(2)]
    with pytest.raises(RequestError, match="2 unfinished uploads"):
        complete_upload(store)

    async def sequence() -> None:
        await finalize(store, uploads[0])
        assert await status(finalize(store, uploads[1])) == 409
        store.delete(ALICE, uploads[0].uuid)
        await finalize(store, uploads[1])

    asyncio.run(sequence())
