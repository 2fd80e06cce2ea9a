"""Faults of several sockets, one after the other and at the same time (DATA-7 to DATA-9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet, WeakValueDictionary

from hanami_proto.codec import Codec
from hanami_reference_backend.auth import User
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.sockets.attach import RefusedError, SocketServer
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.intervals import Intervals
from hanami_reference_backend.storage.uploads import Kind, TempFile, Upload


@fault("DATA-7")
def reconnect_begins_anew() -> None:
    """A file of which something has come counts as empty when a socket attaches to it again."""

    @instead(UploadSession, "__init__")
    def forgetting(honest: Any, session: UploadSession, channel: Channel, file: TempFile, codec: Codec) -> None:
        file.received = Intervals()
        honest(session, channel, file, codec)


@fault("DATA-7")
def last_chunk_lost_with_its_socket() -> None:
    """When a socket breaks off, the chunk that was acknowledged last is lost."""
    broken, taken = internals.channels_broken_off(), internals.chunks_taken()

    @instead(UploadSession, "__exit__")
    def losing(honest: Any, session: UploadSession, *error: Any) -> None:
        file = internals.file_of(session)
        if internals.channel_of(session) in broken and file.refusal is None and taken.get(file):
            start, end = taken[file].pop()
            file.content()[start:end] = 0
        honest(session, *error)


@fault("DATA-7")
def broken_socket_keeps_its_file() -> None:
    """A file whose socket broke off stays in use, and refuses the next socket."""
    broken = internals.channels_broken_off()
    kept: set[str] = set()

    @instead(UploadSession, "__exit__")
    def keeping(honest: Any, session: UploadSession, *error: Any) -> None:
        if internals.channel_of(session) in broken:
            kept.add(internals.file_of(session).uuid)
        honest(session, *error)

    @instead(SocketServer, "open_upload")
    def refusing(honest: Any, server: SocketServer, channel: Channel, user: User, uuid: Any) -> Any:
        if uuid in kept:
            raise RefusedError("the file is in use")
        return honest(server, channel, user, uuid)


def _mix(belong: Callable[[TempFile, TempFile], bool]) -> None:
    """Store chunks in the file that a socket attached to last.

    Args:
        belong: whether the sockets of two files are mixed up.
    """
    sessions = internals.open_sessions()

    @instead(UploadSession, "take")
    def straying(honest: Any, session: UploadSession, message: bytes | str) -> Any:
        file = internals.file_of(session)
        newest = next(other for other in reversed(sessions) if belong(internals.file_of(other), file))
        return honest(newest, message)


@fault("DATA-8")
def images_and_labels_mixed() -> None:
    """While both files of an upload have a socket, all chunks go to the file that was attached to last."""
    uploads = internals.uploads_of_files()
    _mix(lambda one, other: uploads[one] is uploads[other])


@fault("DATA-8")
def one_socket_for_an_upload() -> None:
    """While one file of an upload has a socket, the other one gets none."""
    sessions, uploads = internals.open_sessions(), internals.uploads_of_files()

    @instead(SocketServer, "open_upload")
    def refusing(honest: Any, server: SocketServer, channel: Channel, user: User, uuid: Any) -> Any:
        made = honest(server, channel, user, uuid)
        file = internals.file_of(made)
        busy = [internals.file_of(session) for session in sessions]
        if any(uploads[other] is uploads[file] and other is not file for other in busy):
            raise RefusedError("the upload is in use")
        return made


@fault("DATA-8", "DATA-7")
def sockets_of_an_upload_end_together() -> None:
    """When the socket of one file of an upload is gone, that of the other one is answered no more."""
    uploads, ended = internals.uploads_of_files(), WeakSet[Upload]()

    @instead(UploadSession, "__exit__")
    def ending(honest: Any, session: UploadSession, *error: Any) -> None:
        ended.add(uploads[internals.file_of(session)])
        honest(session, *error)

    @instead(UploadSession, "__enter__")
    def beginning(honest: Any, session: UploadSession) -> None:
        ended.discard(uploads[internals.file_of(session)])
        honest(session)

    @instead(UploadSession, "run")
    async def silent(_honest: Any, session: UploadSession) -> None:
        channel = internals.channel_of(session)
        while True:
            message = await channel.receive()
            if uploads[internals.file_of(session)] not in ended:
                await channel.send_bytes(session.answer(message))


@fault("DATA-8", "PROG-3")
def label_file_ends_with_the_images() -> None:
    """Once the image file is whole, chunks of the label file are acknowledged and not stored."""
    uploads = internals.uploads_of_files()

    @instead(TempFile, "write")
    def ended(honest: Any, file: TempFile, position: int, data: bytes) -> Any:
        images = uploads[file].files[0]
        over = file is not images and images.is_complete() and position + len(data) <= file.size
        return honest(file, position, b"" if over else data)


@fault("DATA-9", "DATA-8")
def uploads_mixed() -> None:
    """All chunks go to the file that was attached to last, whosever it is."""
    _mix(lambda _one, _other: True)


@fault("DATA-9", "GEN-3")
def uploads_of_one_name_share_storage() -> None:
    """The files of unfinished uploads of the same name and size have the same storage, whosever they are."""
    known: dict[str, Upload] = {}

    @instead(DatasetStore, "begin")
    def sharing(honest: Any, store: DatasetStore, user: User, kind: Kind, name: str, sizes: list[int]) -> Upload:
        upload: Upload = honest(store, user, kind, name, sizes)
        other = known.setdefault(name, upload)
        for file, same in zip(upload.files, other.files, strict=False):
            if file.size == same.size and same.refusal is None:
                internals.share(file, same)
        return upload


@fault("DATA-9")
def files_of_one_size_share_storage() -> None:
    """Two unfinished files of the same size have the same storage."""
    known: WeakValueDictionary[int, TempFile] = WeakValueDictionary()

    @instead(TempFile, "__init__")
    def sharing(honest: Any, file: TempFile, uuid: str, project_id: str, size: int) -> None:
        honest(file, uuid, project_id, size)
        other = known.get(size)
        if other is not None and other.refusal is None:
            internals.share(file, other)
        known[size] = file
