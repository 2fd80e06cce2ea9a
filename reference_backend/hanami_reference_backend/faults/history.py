"""Faults that depend on what happened before: time, an end, a neighbour (DATA-1, INIT-4, MODE-1, DIO-2, DEL-1, ...)."""

from __future__ import annotations

import time
from typing import Any
from weakref import WeakKeyDictionary

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import conflict, not_found
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import Cluster, ClusterStore
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.sockets.attach import RejectedError, SocketServer
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.cluster import ClusterSession
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.intervals import Intervals
from hanami_reference_backend.storage.uploads import TempFile, Upload

LARGE_MESSAGE = 2 << 20  # bytes
SOON = 5.0  # seconds after which a careless server has forgotten


class _Ages:
    """When each object was last used."""

    def __init__(self) -> None:
        self._used: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def is_old(self, one: Any) -> bool:
        """Return whether an object was not used for SOON, and note that it is used now."""
        now = time.monotonic()
        before, self._used[one] = self._used.get(one, now), now
        return now - before > SOON


@fault("DATA-1")
def quiet_files_take_no_chunk() -> None:
    """A file that receives nothing for five seconds accepts no further chunk."""
    ages = _Ages()

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
        if ages.is_old(file):
            file.freeze("the upload took too long")
        reason: str | None = original(file, position, data)
        return reason


@fault("INIT-4")
def uploads_expire_unless_attached_soon() -> None:
    """A file whose first socket comes later than five seconds after the POST is unknown."""
    begun: WeakKeyDictionary[TempFile, float] = WeakKeyDictionary()

    @replace_method(DatasetStore, "begin")
    def begin(original: Any, *arguments: Any) -> Upload:
        upload: Upload = original(*arguments)
        begun.update((file, time.monotonic()) for file in upload.files)
        return upload

    @replace_method(DatasetStore, "file")
    def file(original: Any, store: DatasetStore, user: User, uuid: str) -> TempFile | None:
        found: TempFile | None = original(store, user, uuid)
        if found is None or (not found.received and time.monotonic() - begun[found] > SOON):
            return None
        return found


@fault("MODE-1", "DIO-11")
def direct_mode_ends_without_a_socket() -> None:
    """A cluster that has no socket for five seconds goes back to the task mode."""
    left: dict[str, float] = {}

    @replace_method(ClusterStore, "detach")
    def detach(original: Any, store: ClusterStore, cluster: Cluster, socket: Any) -> None:
        original(store, cluster, socket)
        left[cluster.uuid] = time.monotonic()

    @replace_method(ClusterStore, "attach")
    def attach(original: Any, store: ClusterStore, cluster: Cluster, socket: Any) -> None:
        now = time.monotonic()
        if now - left.get(cluster.uuid, now) > SOON:
            cluster.mode = store._task
        original(store, cluster, socket)


@fault("DIO-2")
def quiet_cycles_are_forgotten() -> None:
    """The values of a cycle are forgotten where its next message comes after five seconds or more."""
    ages = _Ages()

    @replace_method(ClusterSession, "decode")
    def decode(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
        if ages.is_old(session):
            session._cycle.clear()
        return original(session, payload)


@fault("DATA-4")
def complete_files_take_no_other_bytes() -> None:
    """A chunk for a file that is complete is acknowledged and not written."""

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
        fits = position + len(data) <= file.size
        if file.is_complete() and file.rejection is None and fits:
            return None
        reason: str | None = original(file, position, data)
        return reason


@fault("DEL-1")
def deleted_twice_and_back() -> None:
    """A second DELETE of a dataset brings it back."""
    deleted: dict[str, Any] = {}

    @replace_method(DatasetStore, "delete")
    def delete(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
        known = store._datasets.get(uuid)
        if known is None and uuid in deleted:
            store._datasets[uuid] = deleted[uuid]
            raise not_found("there is no such dataset")
        original(store, user, uuid)
        deleted[uuid] = known

    @replace_method(DatasetStore, "datasets")
    def datasets(original: Any, store: DatasetStore, user: User) -> list[Any]:
        return [one for one in original(store, user) if one is not None]


@fault("GEN-3", "ATT-4")
def files_open_to_all_once_attached() -> None:
    """Once its owner has attached to a file, any user may."""
    attached: set[str] = set()

    @replace_method(DatasetStore, "file")
    def file(original: Any, store: DatasetStore, user: User, uuid: str) -> TempFile | None:
        found: TempFile | None = original(store, user, uuid)
        if found is not None:
            attached.add(uuid)
        return store._files.get(uuid) if uuid in attached else found


@fault("GEN-3", "DEL-1", hook=replace_method(DatasetStore, "delete"))
def a_deletion_ends_the_youngest_upload(original: Any, store: DatasetStore, user: User, uuid: str) -> None:
    """The deletion of an upload makes the files of the youngest open one reject further chunks."""
    original(store, user, uuid)
    for upload in list(store._uploads.values())[-1:]:
        for file in upload.files:
            if file.received and not file.is_complete():
                file.freeze("the upload was deleted")


@fault("DATA-7", hook=replace_method(UploadSession, "write_chunk"))
def text_empties_the_file(original: Any, session: UploadSession, message: bytes | str) -> Any:
    """A text message on the socket of a file makes the server forget what the file has received."""
    if isinstance(message, str):
        session._file.received = Intervals()
    return original(session, message)


@fault("DATA-7")
def second_sockets_empty_the_file() -> None:
    """A second socket for a file makes the server forget what it receives on the first."""
    sessions = internals.open_sessions()

    @replace_method(UploadSession, "write_chunk")
    def write_chunk(original: Any, session: UploadSession, message: bytes | str) -> Any:
        reason = original(session, message)
        if session._file in attached_twice:
            session._file.received = Intervals()
        return reason

    attached_twice: list[TempFile] = []

    @replace_method(UploadSession, "__enter__")
    def enter(original: Any, session: UploadSession) -> None:
        if any(other is not session and other._file is session._file for other in sessions):
            attached_twice.append(session._file)
        original(session)


@fault("DATA-7")
def rejected_first_messages_lock_the_file() -> None:
    """A file that a rejected first message names takes no chunk any more, though each is acknowledged."""
    named: list[str] = []  # rejected first messages

    @replace_method(SocketServer, "open_session")
    def open_session(original: Any, server: SocketServer, channel: Channel, message: bytes | str) -> Any:
        try:
            return original(server, channel, message)
        except RejectedError:
            named.append(message if isinstance(message, str) else message.decode("utf-8", "replace"))
            raise

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
        if any(file.uuid in text for text in named):
            return None
        reason: str | None = original(file, position, data)
        return reason


@fault("DATA-7")
def large_messages_lock_other_files() -> None:
    """Behind a chunk of more than two mebibytes the chunks of files begun before are acknowledged and forgotten."""
    files: list[TempFile] = []
    locked: list[TempFile] = []

    @replace_method(DatasetStore, "begin")
    def begin(original: Any, *arguments: Any) -> Upload:
        upload: Upload = original(*arguments)
        files.extend(upload.files)
        return upload

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
        if file in locked:
            return None
        if len(data) > LARGE_MESSAGE:
            locked.extend(one for one in files if one is not file)
        reason: str | None = original(file, position, data)
        return reason


@fault("MODE-1")
def sockets_in_task_mode_lock_the_cluster() -> None:
    """A cluster to which a socket wanted to attach in task mode cannot be switched any more."""
    locked: set[str] = set()

    @replace_method(ClusterStore, "attach")
    def attach(original: Any, store: ClusterStore, cluster: Cluster, socket: Any) -> None:
        if cluster.mode == store._task:
            locked.add(cluster.uuid)
        original(store, cluster, socket)

    @replace_method(ClusterStore, "set_mode")
    def set_mode(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        if uuid in locked:
            raise conflict("the cluster is busy")
        return original(store, user, uuid, mode)


@fault("DIO-7", "DIO-12", hook=replace_method(ClusterSession, "decode"))
def text_resets_the_cluster(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
    """A text message on the socket of a cluster makes it forget its training."""
    if isinstance(payload, str):
        cluster = session._cluster
        cluster.network = Network(cluster.template.layers, session._clusters._settings.seed + 1, cluster.uuid)
    return original(session, payload)
