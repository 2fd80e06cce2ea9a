"""Faults of operations that are at work at the same time; one after the other each of them is right."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import numpy as np

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import conflict
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import ClusterStore
from hanami_reference_backend.rest.clusters import ClusterOperations
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.rest.uploads import UploadOperations
from hanami_reference_backend.sockets.cluster import ClusterSession
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.uploads import Kind, TempFile, Upload

MOMENT = 0.003  # seconds that an operation is at work, as on a server that writes to a disk


class Work:
    """Operations that are at work, by what they have in common."""

    def __init__(self) -> None:
        self._running: Counter[object] = Counter()

    def is_running(self, what: object) -> bool:
        """Return whether an operation is at work."""
        return self._running[what] > 0

    @contextlib.asynccontextmanager
    async def moment(self, what: object) -> AsyncIterator[bool]:
        """Be at work for a moment; whether another operation was at work at its beginning."""
        beside = self.is_running(what)
        self._running[what] += 1
        try:
            await asyncio.sleep(MOMENT)
            yield beside
        finally:
            self._running[what] -= 1


def _around_puts(react: Any) -> None:
    """Replace the PUT by a function of the original as a coroutine function without arguments, and of its arguments."""

    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, files: Any) -> Any:
        return await react(lambda: original(store, user, kind, uuid, files), store, uuid)


@fault("FIN-5")
def puts_at_once_all_accepted() -> None:
    """A PUT beside another one of the same upload waits for it, and is answered like that one."""
    running: dict[str, asyncio.Task[Any]] = {}

    async def put(original: Any, _store: DatasetStore, uuid: str) -> Any:
        if uuid in running:
            return await asyncio.shield(running[uuid])
        running[uuid] = asyncio.ensure_future(original())
        try:
            await asyncio.sleep(MOMENT)
            return await running[uuid]
        finally:
            del running[uuid]

    _around_puts(put)


@fault("FIN-5")
def puts_at_once_count_the_rows_twice() -> None:
    """Of two PUTs at once one is rejected, but the dataset counts its rows twice."""
    work = Work()

    async def put(original: Any, store: DatasetStore, uuid: str) -> Any:
        if not work.is_running(uuid):
            async with work.moment(uuid):
                return await original()
        while work.is_running(uuid):
            await asyncio.sleep(MOMENT)
        dataset = store._datasets.get(uuid)
        if dataset is not None:
            content = replace(dataset.content, number_of_rows=2 * dataset.content.number_of_rows)
            store._datasets[uuid] = replace(dataset, content=content)
        raise conflict("the upload is being finalized")

    _around_puts(put)


@fault("FIN-7")
def chunk_beside_the_put_lost() -> None:
    """A chunk that arrives while its upload is finalized is acknowledged, and not in the dataset."""

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> Any:
        reason = original(file, position, data)
        return None if reason == "the file is being finalized" else reason

    _slow_conversions()


def _slow_conversions() -> None:
    """Let each conversion take a moment, in its thread."""

    @replace_method(DatasetStore, "_convert")
    def convert(original: Any, *arguments: Any) -> Any:
        time.sleep(MOMENT)
        return original(*arguments)


def _chunks_at_work(work: Work, uploads: Any) -> None:
    """Let each chunk be at work for a moment before it is written."""

    @replace_method(UploadSession, "run")
    async def run(_original: Any, session: UploadSession) -> None:
        channel = session._channel
        while True:
            message = await channel.receive()
            async with work.moment(uploads[session._file].uuid):
                answer = session.answer(message)
            await channel.send_bytes(answer)


@fault("FIN-7", "FIN-3", "PROG-2")
def put_beside_the_last_chunk_lacks_it() -> None:
    """A PUT counts the bytes of chunks that are still being written, so that its dataset lacks them."""
    work, uploads = Work(), internals.uploads_of_files()
    _chunks_at_work(work, uploads)

    async def put(original: Any, store: DatasetStore, uuid: str) -> Any:
        upload = store._uploads.get(uuid)
        if upload is not None and work.is_running(uuid):
            for file in upload.files:
                file.received.add(0, file.size)
        return await original()

    _around_puts(put)


@fault("DEL-1")
def delete_beside_a_chunk_leaves_a_row() -> None:
    """A chunk that is being written when its upload is deleted creates an entry in the list again."""
    work, uploads = Work(), internals.uploads_of_files()
    _chunks_at_work(work, uploads)
    ghosts: list[Upload] = []

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        upload = store._uploads.get(uuid)
        original(store, user, uuid)
        if upload is not None and work.is_running(uuid):
            ghosts.append(upload)

    @replace_method(DatasetOperations, "list_all")
    async def list_all(original: Any, operations: DatasetOperations, user: User, fields: Any) -> Any:
        answer = await original(operations, user, fields)
        own = [one for one in ghosts if one.project_id == user.project_id]
        return {**answer, "body": [*answer["body"], *map(operations.row, own)]}


@fault("DEL-1")
def put_beside_a_delete_is_listed() -> None:
    """A DELETE while the upload is finalized is answered with 200, and the dataset is there afterwards."""

    async def put(original: Any, store: DatasetStore, uuid: str) -> Any:
        upload = store._uploads.get(uuid)
        try:
            return await original()
        finally:
            if upload is not None and upload.deleted and uuid in converted:
                store._uploads[uuid] = upload
                store._files.update((file.uuid, file) for file in upload.files)
                store._replace(upload, converted[uuid])

    converted: dict[str, Any] = {}

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        upload = store._uploads.get(uuid)
        if upload is not None and upload.converting:
            converted[uuid] = store.convert(upload.kind, [np.copy(file.content()) for file in upload.files])
        original(store, user, uuid)

    _slow_conversions()
    _around_puts(put)


@fault("PROG-2")
def chunk_beside_progress_counted_twice() -> None:
    """Progress that is read while a chunk is written counts the bytes of that chunk twice."""
    work, uploads = Work(), internals.uploads_of_files()
    written: Counter[str] = Counter()

    @replace_method(UploadSession, "write_chunk")
    def write_chunk(original: Any, session: UploadSession, message: Any) -> Any:
        reason = original(session, message)
        uuid = uploads[session._file].uuid
        if reason is None and work.is_running(uuid):
            written[uuid] += len(message)
        return reason

    @replace_method(UploadOperations, "progress")
    async def progress(original: Any, operations: UploadOperations, user: User, fields: Any) -> Any:
        written[fields.uuid] = 0
        async with work.moment(fields.uuid):
            answer = dict(await original(operations, user, fields))
        upload = operations._datasets._uploads.get(fields.uuid)
        if upload is not None and not answer["complete"]:
            missing = sum(file.size - file.received.total() for file in upload.files)
            answer["complete"] = missing <= written[fields.uuid]
        return answer


@fault("INIT-4")
def uploads_at_once_share_uuids() -> None:
    """An upload that begins beside another one of its kind gets the uuids of that one."""
    work = Work()
    answers: dict[object, Any] = {}
    for name in ("init_csv", "init_mnist"):

        @replace_method(UploadOperations, name)
        async def init(original: Any, operations: UploadOperations, user: User, fields: Any) -> Any:
            what = (user.project_id, type(fields))
            async with work.moment(what) as beside:
                if not beside or what not in answers:
                    answers[what] = await original(operations, user, fields)
                return answers[what]


@fault("FIN-1")
def list_beside_a_new_upload_lacks_a_dataset() -> None:
    """A list that is made while an upload begins lacks the first dataset."""
    work = Work()

    @replace_method(UploadOperations, "init_csv")
    async def init_csv(original: Any, operations: UploadOperations, user: User, fields: Any) -> Any:
        async with work.moment(user.project_id):
            return await original(operations, user, fields)

    @replace_method(DatasetOperations, "list_all")
    async def list_all(original: Any, operations: DatasetOperations, user: User, fields: Any) -> Any:
        answer = await original(operations, user, fields)
        return {**answer, "body": answer["body"][1:]} if work.is_running(user.project_id) else answer


def _cycles_at_work(work: Work, what: Any) -> None:
    """Let each cycle be at work for a moment."""
    for name in ("request", "train"):

        @replace_method(ClusterSession, name)
        async def run(original: Any, session: ClusterSession) -> Any:
            async with work.moment(what(session)):
                return await original(session)


@fault("MODE-1")
def switch_beside_a_cycle_leaves_no_mode() -> None:
    """A switch while a cycle is at work is answered with 200, and leaves the cluster in no mode."""
    work = Work()
    _cycles_at_work(work, lambda session: session._cluster.uuid)

    @replace_method(ClusterStore, "set_mode")
    def set_mode(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        cluster = store.cluster(user, uuid)
        if cluster.mode == "":
            raise conflict("the cluster is being switched")
        switched = original(store, user, uuid, mode)
        if work.is_running(uuid):
            switched.mode = ""
        return switched


@fault("DIO-10")
def cycles_at_once_share_an_output() -> None:
    """Of requests to two clusters at the same moment, the second gets the values of the first."""
    work = Work()
    last: dict[str, Any] = {}

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> Any:
        answers = await original(session)
        project, shape = session._cluster.project_id, tuple(map(len, answers))
        if not work.is_running(project):
            last[project] = session._cluster.uuid, shape, answers
        async with work.moment(project):
            uuid, known_shape, known = last.get(project, ("", (), answers))
            is_other = uuid != session._cluster.uuid
            return known if is_other and known_shape == shape and work._running[project] > 1 else answers


@fault("GEN-1")
def server_error_for_one_of_two_puts_at_once() -> None:
    """A PUT beside another one of the same upload gets a 500."""
    work = Work()

    async def put(original: Any, _store: DatasetStore, uuid: str) -> Any:
        async with work.moment(uuid) as beside:
            if beside:
                raise internals.internal_error()
            return await original()

    _around_puts(put)


@fault("GEN-1")
def server_error_for_one_of_two_uploads_at_once() -> None:
    """An upload that begins beside another one of the project gets a 500."""
    work = Work()
    for name in ("init_csv", "init_mnist"):

        @replace_method(UploadOperations, name)
        async def init(original: Any, operations: UploadOperations, user: User, fields: Any) -> Any:
            async with work.moment(user.project_id) as beside:
                if beside:
                    raise internals.internal_error()
                return await original(operations, user, fields)


@fault("GEN-2")
def switches_at_once_end_the_server() -> None:
    """Two switches of a cluster at the same moment end the server."""
    work = Work()

    @replace_method(ClusterOperations, "set_mode")
    async def set_mode(original: Any, operations: ClusterOperations, user: User, fields: Any) -> Any:
        async with work.moment(fields.uuid) as beside:
            if beside:
                internals.crash()
            return await original(operations, user, fields)
