"""Faults of the PUT that finalizes, without those of the content (FIN-1, FIN-3 to FIN-5, FIN-7)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import numpy as np

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError, conflict
from hanami_reference_backend.faults import internals, tokens
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.storage.dataset_content import Column, Content, OneHotColumn, PlainColumn
from hanami_reference_backend.storage.datasets import FINALIZED, Dataset, DatasetStore
from hanami_reference_backend.storage.intervals import Intervals
from hanami_reference_backend.storage.uploads import Kind, TempFile, Upload

FINALIZES = ("csv.finalize", "mnist.finalize")
LONG_NAME = 200  # characters


def _on_rejection(react: Callable[[DatasetStore, User, str], None]) -> None:
    """Call a function with the uuid of the dataset when a PUT is rejected."""

    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, *files: Any) -> Any:
        try:
            return await original(store, user, kind, uuid, *files)
        except RequestError:
            react(store, user, uuid)
            raise


def _own_files(choose: Callable[[DatasetStore, Sequence[str], list[str]], Sequence[str]]) -> None:
    """Replace the uuids of files that the PUT names.

    Args:
        choose: Function of the named uuids and those of the upload.
    """

    @replace_method(DatasetStore, "finalize")
    async def finalize(
        original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, named: Sequence[str]
    ) -> Any:
        upload = store._uploads.get(uuid)
        chosen = choose(store, named, [file.uuid for file in upload.files]) if upload else named
        return await original(store, user, kind, uuid, chosen)


def _change_rows(dataset: Dataset, change: Callable[[Any], Any]) -> Dataset:
    """Return a dataset with the values of each column changed."""
    columns: list[Column] = []
    for column in dataset.content.columns:
        if isinstance(column, OneHotColumn):
            columns.append(replace(column, classes=change(column.classes)))
        elif isinstance(column, PlainColumn):
            columns.append(replace(column, values=change(column.values)))
    rows = len(columns[0].rows(0, 2**31))
    old = dataset.content
    return replace(dataset, content=Content(columns, rows, inputs=old.inputs, outputs=old.outputs))


def _second_put(change: Callable[[Any], Any]) -> None:
    def react(store: DatasetStore, _user: User, uuid: str) -> None:
        known = store._datasets
        if uuid in known:
            known[uuid] = _change_rows(known[uuid], change)

    _on_rejection(react)


@fault("FIN-1", "GEN-1", hook=replace_method(DatasetStore, "finalize"))
async def long_names_not_finalized(
    original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, *files: Any
) -> Any:
    """A PUT of an upload with a name of more than 200 characters is answered with 500."""
    upload = store._uploads.get(uuid)
    if upload is not None and len(upload.name) > LONG_NAME:
        raise internals.internal_error()
    return await original(store, user, kind, uuid, *files)


@fault("FIN-3")
def gaps_are_zeros() -> None:
    """A PUT before the upload is complete succeeds, and missing bytes are zeros."""
    finalizing: ContextVar[bool] = ContextVar("finalizing", default=False)

    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, *arguments: Any) -> Any:
        finalizing.set(True)  # for this request only
        return await original(*arguments)

    @replace_method(Upload, "is_complete")
    def is_complete(original: Any, upload: Upload) -> Any:
        return finalizing.get() or original(upload)


@fault("FIN-3", hook=_on_rejection)
def early_put_discards_received_bytes(store: DatasetStore, user: User, uuid: str) -> None:
    """A PUT before the upload is complete is rejected, and discards the received bytes."""
    upload = store._uploads.get(uuid)
    if upload and upload.project_id == user.project_id and not upload.is_complete():
        for file in upload.files:
            file.received = Intervals()


@fault("FIN-4")
def file_uuids_ignored() -> None:
    """A PUT may name any files."""
    _own_files(lambda _store, _named, own: own)


@fault("FIN-4")
def label_file_uuid_ignored() -> None:
    """A PUT may name any label file."""
    _own_files(lambda _store, named, own: [*named[:1], *own[1:]])


@fault("FIN-4", "GEN-3", hook=_own_files)
def files_of_other_uploads_accepted(store: DatasetStore, named: Sequence[str], own: list[str]) -> Sequence[str]:
    """A PUT may name the files of any unfinished upload, also of other users."""
    return own if all(uuid in store._files for uuid in named) else named


@fault("FIN-4")
def swapped_files_accepted() -> None:
    """A PUT may name the two files in the wrong order."""
    _own_files(lambda _store, named, own: own if set(named) == set(own) else named)


@fault("FIN-4", hook=replace_method(DatasetStore, "finalize"))
async def path_of_the_other_kind_accepted(
    original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, *files: Any
) -> Any:
    """A PUT on the path of the other kind finalizes the upload as its own kind."""
    upload = store._uploads.get(uuid)
    return await original(store, user, upload.kind if upload else kind, uuid, *files)


@fault("FIN-4", hook=replace_method(DatasetStore, "finalize"))
async def wrong_put_ends_the_upload(
    original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, named: Sequence[str]
) -> Any:
    """A PUT that names a wrong file is rejected, and deletes the upload."""
    try:
        return await original(store, user, kind, uuid, named)
    except RequestError:
        upload = store._uploads.get(uuid)
        own = [file.uuid for file in upload.files] if upload else list(named)
        if list(named) != own[: len(named)]:
            store.delete(user, uuid)
        raise


@fault("FIN-4", "GEN-3", hook=replace_method(DatasetStore, "finalize"))
async def finalized_by_anybody(
    original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, *files: Any
) -> Any:
    """A user of another project may finalize an upload."""
    upload = store._uploads.get(uuid)
    owner = replace(user, project_id=upload.project_id) if upload else user
    return await original(store, owner, kind, uuid, *files)


@fault("FIN-4")
def finalize_with_an_expired_token() -> None:
    """A PUT accepts an expired token."""
    tokens.accept(FINALIZES, tokens.has_expired)


@fault("FIN-5", hook=replace_method(DatasetStore, "finalize"))
async def second_put_accepted(
    original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, *files: Any
) -> Any:
    """A second PUT is answered like the first, and changes nothing."""
    known = store._datasets.get(uuid)
    if known and known.project_id == user.project_id:
        return known
    return await original(store, user, kind, uuid, *files)


@fault("FIN-5")
def second_put_doubles() -> None:
    """A second PUT is rejected, and doubles the rows of the dataset."""
    _second_put(lambda values: np.concatenate([values, values]))


@fault("FIN-5")
def second_put_empties() -> None:
    """A second PUT is rejected, and removes all rows of the dataset."""
    _second_put(lambda values: values[:0])


@fault("FIN-7", hook=replace_method(DatasetStore, "_forget"))
def files_outlive_finalize(original: Any, store: DatasetStore, upload: Upload, reason: str) -> None:
    """The files of a finalized upload can still be attached to and written."""
    if reason != FINALIZED:
        original(store, upload, reason)
        return
    del store._uploads[upload.uuid]


@fault("FIN-7", hook=replace_method(TempFile, "discard"))
def chunks_accepted_after_finalize(original: Any, file: TempFile, reason: str) -> None:
    """A socket that is open when its upload is finalized still accepts chunks."""
    if reason != FINALIZED:
        original(file, reason)


@fault("FIN-7")
def no_finalize_with_a_socket() -> None:
    """A PUT is rejected while a socket of the upload is open."""
    sessions = internals.open_sessions()

    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, *files: Any) -> Any:
        upload = store._uploads.get(uuid)
        if upload and any(session._file in upload.files for session in sessions):
            raise conflict("a file of the upload is in use")
        return await original(store, user, kind, uuid, *files)


@fault("FIN-7", "FIN-1")
def a_socket_of_the_labels_keeps_from_the_put() -> None:
    """A PUT is rejected while a socket is attached to the label file."""
    sessions = internals.open_sessions()

    @replace_method(DatasetStore, "_ready_for_finalize")
    def ready(original: Any, store: DatasetStore, *arguments: Any) -> Upload:
        upload: Upload = original(store, *arguments)
        if any(session._file in upload.files[1:] for session in sessions):
            raise conflict("a file of the upload is in use")
        return upload


@fault("FIN-4", hook=replace_method(DatasetStore, "_ready_for_finalize"))
def the_dataset_stands_for_its_files(
    original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, files: Sequence[str]
) -> Any:
    """A PUT with the uuid of the dataset in place of that of a file is accepted."""
    upload = store._uploads.get(uuid)
    own = [file.uuid for file in upload.files] if upload is not None else list(files)
    return original(store, user, kind, uuid, [own[i] if file == uuid else file for i, file in enumerate(files)])


@fault("DATA-9", "FIN-2")
def puts_at_once_share_a_result() -> None:
    """Of several uploads of one kind that are converted at the same moment each gets the content of the last one."""
    last: dict[Kind, Content] = {}

    @replace_method(DatasetStore, "convert")
    def convert(original: Any, store: DatasetStore, kind: Kind, files: Any) -> Content:
        last[kind] = original(store, kind, files)
        time.sleep(0.01)  # in a thread of its own
        return last[kind]


@fault("INIT-3", "FIN-6")
def rejected_content_closes_the_files() -> None:
    """After a PUT that is rejected for the content of a file its files take sockets, and reject every chunk."""

    def close(store: DatasetStore, user: User, uuid: str) -> None:
        upload = store._upload(user, uuid)
        if upload is not None and upload.is_complete():
            for file in upload.files:
                file.freeze("the file is being finalized")

    _on_rejection(close)
