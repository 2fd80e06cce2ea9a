"""Faults of several sockets, in succession and at the same time (DATA-7 to DATA-9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import WeakSet, WeakValueDictionary

from websockets.frames import Frame

from hanami_proto.codec import Codec
from hanami_reference_backend.auth import User
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.attach import RejectedError, SocketServer
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.intervals import Intervals
from hanami_reference_backend.storage.uploads import Kind, TempFile, Upload


@fault("DATA-7", hook=replace_method(UploadSession, "__init__"))
def reconnect_begins_anew(
    original: Any, session: UploadSession, channel: Channel, file: TempFile, codec: Codec
) -> None:
    """A partly received file counts as empty when a socket attaches to it again."""
    file.received = Intervals()
    original(session, channel, file, codec)


@fault("DATA-9", "DATA-8")
def fragments_collected_for_all_sockets() -> None:
    """The fragments of a message are collected in one place for all sockets, and mix if two arrive at once."""
    fragments: list[bytes] = []

    @replace_method(SocketProtocol, "handle_bytes")
    def handle_bytes(original: Any, protocol: SocketProtocol, event: Frame) -> None:
        fragments.append(bytes(event.data))
        if event.fin:
            event = replace(event, data=b"".join(fragments))
            fragments.clear()
        original(protocol, event)

    @replace_method(SocketProtocol, "handle_cont")
    def handle_cont(original: Any, protocol: SocketProtocol, event: Frame) -> None:
        fragments.append(bytes(event.data))
        if event.fin:
            protocol.frames, event = [], replace(event, data=b"".join(fragments))
            fragments.clear()
        original(protocol, event)


@fault("DATA-7")
def last_chunk_lost_with_its_socket() -> None:
    """The last acknowledged chunk is lost when its socket is closed abnormally."""
    aborted, accepted = internals.aborted_channels(), internals.accepted_chunks()

    @replace_method(UploadSession, "__exit__")
    def leave(original: Any, session: UploadSession, *error: Any) -> None:
        file = session._file
        if session._channel in aborted and file.rejection is None and accepted.get(file):
            start, end = accepted[file].pop()
            file.content()[start:end] = 0
        original(session, *error)


@fault("DATA-7")
def broken_socket_keeps_its_file() -> None:
    """A file whose socket was closed abnormally stays in use, and rejects the next socket."""
    aborted = internals.aborted_channels()
    kept: set[str] = set()

    @replace_method(UploadSession, "__exit__")
    def leave(original: Any, session: UploadSession, *error: Any) -> None:
        if session._channel in aborted:
            kept.add(session._file.uuid)
        original(session, *error)

    @replace_method(SocketServer, "open_upload")
    def open_upload(original: Any, server: SocketServer, channel: Channel, user: User, uuid: Any) -> Any:
        if uuid in kept:
            raise RejectedError("the file is in use")
        return original(server, channel, user, uuid)


def _mix(are_mixed: Callable[[TempFile, TempFile], bool]) -> None:
    """Store the chunks of a file in the file of the newest socket that it is mixed with.

    Args:
        are_mixed: Predicate of two files.
    """
    sessions = internals.open_sessions()

    @replace_method(UploadSession, "write_chunk")
    def write_chunk(original: Any, session: UploadSession, message: bytes | str) -> Any:
        file = session._file
        newest = next(other for other in reversed(sessions) if are_mixed(other._file, file))
        return original(newest, message)


@fault("DATA-8")
def images_and_labels_mixed() -> None:
    """While both files of an upload have a socket, all chunks go to the one that was attached last."""
    uploads = internals.uploads_of_files()
    _mix(lambda one, other: uploads[one] is uploads[other])


@fault("DATA-8")
def images_overwrite_labels_before_them() -> None:
    """The first images of an upload overwrite labels that were written before them."""
    uploads, written = internals.uploads_of_files(), WeakSet[TempFile]()

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
        rejection: str | None = original(file, position, data)
        images, *others = uploads[file].files
        if file is images and file not in written:
            for labels in filter(TempFile.is_complete, others):
                labels.content()[8:16] = 9 - labels.content()[8:16]
        written.add(file)
        return rejection


@fault("DATA-8")
def one_socket_for_an_upload() -> None:
    """While one file of an upload has a socket, the other file gets none."""
    sessions, uploads = internals.open_sessions(), internals.uploads_of_files()

    @replace_method(SocketServer, "open_upload")
    def open_upload(original: Any, server: SocketServer, channel: Channel, user: User, uuid: Any) -> Any:
        made = original(server, channel, user, uuid)
        file = made._file
        busy = [session._file for session in sessions]
        if any(uploads[other] is uploads[file] and other is not file for other in busy):
            raise RejectedError("the upload is in use")
        return made


@fault("DATA-8", "DATA-7")
def sockets_of_an_upload_end_together() -> None:
    """When the socket of one file of an upload has ended, the socket of the other is not answered."""
    uploads, ended = internals.uploads_of_files(), WeakSet[Upload]()

    @replace_method(UploadSession, "__exit__")
    def leave(original: Any, session: UploadSession, *error: Any) -> None:
        ended.add(uploads[session._file])
        original(session, *error)

    @replace_method(UploadSession, "__enter__")
    def enter(original: Any, session: UploadSession) -> None:
        ended.discard(uploads[session._file])
        original(session)

    @replace_method(UploadSession, "run")
    async def run(_original: Any, session: UploadSession) -> None:
        channel = session._channel
        while True:
            message = await channel.receive()
            if uploads[session._file] not in ended:
                await channel.send_bytes(session.answer(message))


@fault("DATA-8", "PROG-3")
def label_file_ends_with_the_images() -> None:
    """Once the image file is complete, chunks of the label file are acknowledged but not stored."""
    uploads = internals.uploads_of_files()

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> Any:
        images = uploads[file].files[0]
        over = file is not images and images.is_complete() and position + len(data) <= file.size
        return original(file, position, b"" if over else data)


@fault("DATA-9", "DATA-8")
def uploads_mixed() -> None:
    """All chunks go to the file that was attached last, also that of another user."""
    _mix(lambda _one, _other: True)


@fault("DATA-9", "GEN-3")
def uploads_of_one_name_share_storage() -> None:
    """Files of unfinished uploads with the same name and size share their storage, also between users."""
    known: dict[str, Upload] = {}

    @replace_method(DatasetStore, "begin")
    def begin(original: Any, store: DatasetStore, user: User, kind: Kind, name: str, sizes: list[int]) -> Upload:
        upload: Upload = original(store, user, kind, name, sizes)
        other = known.setdefault(name, upload)
        for file, same in zip(upload.files, other.files, strict=False):
            if file.size == same.size and same.rejection is None:
                internals.share(file, same)
        return upload


@fault("DATA-9")
def files_of_one_size_share_storage() -> None:
    """Two unfinished files of the same size share their storage."""
    known: WeakValueDictionary[int, TempFile] = WeakValueDictionary()

    @replace_method(TempFile, "__init__")
    def init(original: Any, file: TempFile, uuid: str, project_id: str, size: int) -> None:
        original(file, uuid, project_id, size)
        other = known.get(size)
        if other is not None and other.rejection is None:
            internals.share(file, other)
        known[size] = file


@fault("DATA-4", "ATT-8")
def sockets_write_their_last_chunk_again() -> None:
    """A socket of a file that is closed writes its last chunk once more."""
    written: dict[UploadSession, tuple[int, bytes]] = {}

    @replace_method(UploadSession, "write_chunk")
    def write_chunk(original: Any, session: UploadSession, message: bytes | str) -> Any:
        reason = original(session, message)
        if reason is None and isinstance(message, bytes):
            chunk = session._codec.decode_chunk(message)
            written[session] = chunk.position, chunk.data
        return reason

    @replace_method(UploadSession, "__exit__")
    def leave(original: Any, session: UploadSession, *error: Any) -> None:
        if session in written:
            session._file.write(*written.pop(session))
        original(session, *error)
