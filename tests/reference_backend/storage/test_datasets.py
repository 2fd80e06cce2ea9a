from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.storage import uploads
from hanami_reference_backend.storage.dataset_content import Content
from hanami_reference_backend.storage.datasets import MOST_CONVERSIONS, DatasetStore
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


def complete_upload(store: DatasetStore, file: bytes = TABLE) -> Upload:
    upload = store.begin(ALICE, Kind.CSV, "name", [len(file)])
    assert upload.files[0].write(0, file) is None
    return upload


def finalize(store: DatasetStore, upload: Upload) -> asyncio.Task[object]:
    return asyncio.create_task(store.finalize(ALICE, Kind.CSV, upload.uuid, [upload.files[0].uuid]))


async def status(task: asyncio.Task[object]) -> int:
    with pytest.raises(RequestError) as rejected:
        await task
    return int(rejected.value.status)


def test_uploads_of_the_same_fields_are_not_the_same() -> None:
    """Faults keep sets of uploads, as any code may that holds something of them."""
    store = DatasetStore(Settings())
    upload = complete_upload(store)
    twin = copy.copy(upload)
    assert len({upload, upload, twin}) == 2


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


def test_few_uploads_are_converted_at_once() -> None:
    class CountingStore(SlowStore):
        at_once, most = 0, 0

        def convert(self, kind: Kind, files: Sequence[NDArray[np.uint8]]) -> Content:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            try:
                return super().convert(kind, files)
            finally:
                self.at_once -= 1

    async def sequence() -> None:
        store = CountingStore(Settings())
        begun = [complete_upload(store) for _ in range(12)]
        tasks = [finalize(store, upload) for upload in begun]
        await asyncio.to_thread(store.begun.wait)
        store.delete(ALICE, begun[-1].uuid)  # it still waits for its turn
        store.go_on.set()
        assert await status(tasks[-1]) == 404
        await asyncio.gather(*tasks[:-1])
        assert len(store.datasets(ALICE)) == 11
        assert 1 <= store.most <= MOST_CONVERSIONS

    asyncio.run(sequence())


def small_file_of_a_large_table() -> bytes:
    """Return 6 KB that become 1000 rows of 1000 columns."""
    return ",".join(f"{number:x}" for number in range(1000)).encode() + b"\n1" * 1000


def test_a_dataset_counts_as_the_memory_that_it_takes() -> None:
    file = small_file_of_a_large_table()
    held = 4 * 1000 * 1000  # float32, without the columns themselves

    async def sequence() -> None:
        store = DatasetStore(Settings(max_storage=2 * held))
        upload = complete_upload(store, file)
        assert upload.storage < 10_000
        await finalize(store, upload)
        assert held < store.dataset(ALICE, upload.uuid).storage < 1.2 * held
        other = complete_upload(store, file)
        assert await status(finalize(store, other)) == 409  # the two of them take more than the limit
        with pytest.raises(RequestError, match="delete a dataset first"):
            store.begin(ALICE, Kind.CSV, "name", [held])
        store.delete(ALICE, upload.uuid)
        store.begin(ALICE, Kind.CSV, "name", [held])
        assert await status(finalize(store, other)) == 409
        assert other.is_complete()
        assert store.datasets(ALICE) == []

    asyncio.run(sequence())


def test_the_upload_of_a_dataset_does_not_count_beside_it() -> None:
    async def sequence() -> None:
        file = b"a\n" + b"1.5\n" * 1000
        store = DatasetStore(Settings(max_storage=4500))  # either of them fits, not both
        upload = complete_upload(store, file)
        await finalize(store, upload)
        assert len(store.datasets(ALICE)) == 1

    asyncio.run(sequence())


def test_the_parts_of_a_file_have_a_limit_and_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_PARTS", 10)
    store = DatasetStore(Settings())
    upload = store.begin(ALICE, Kind.CSV, "name", [100])
    file = upload.files[0]
    for number in range(10):
        assert upload.storage == 100 + number * uploads.PART_SIZE
        assert file.write(2 * number, b"x") is None
    reason = "the file has 10 parts with gaps between them: fill the gaps first"
    assert file.write(50, b"x") == reason
    assert (file.content()[50], len(file.received)) == (0, 10)
    assert file.write(19, b"x") is None  # it touches the last part
    assert file.write(1, b"x") is None  # it fills a gap
    assert file.write(50, b"x") is None
    assert file.write(60, b"x") == reason
    assert file.write(0, b"x" * 100) is None
    assert file.is_complete()


def test_limits_of_numbers() -> None:
    store = DatasetStore(Settings(max_uploads=2, max_datasets=1))
    begun = [complete_upload(store) for _ in range(2)]
    with pytest.raises(RequestError, match="2 unfinished uploads"):
        complete_upload(store)

    async def sequence() -> None:
        await finalize(store, begun[0])
        assert await status(finalize(store, begun[1])) == 409
        store.delete(ALICE, begun[0].uuid)
        await finalize(store, begun[1])

    asyncio.run(sequence())
