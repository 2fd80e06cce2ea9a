"""What faults need of honest code that it shows to nobody, in one place."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from hanami_proto.codec import Codec
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.datasets import Dataset, DatasetStore
from hanami_reference_backend.storage.uploads import TempFile, Upload

NORMAL = 1000  # RFC 6455, 7.4.1
CODEC = Codec.of("brick")  # chunks and their acknowledgements are the same in both schemas

Span = tuple[int, int]  # first byte, and the one behind the last


def operation_name(request: Request) -> str:
    """Which operation a request is for, as the dialects name it."""
    return str(request.scope["route"].name)


def uploads(store: DatasetStore) -> dict[str, Upload]:
    """What is not finalized yet, by uuid."""
    return store._uploads  # noqa: SLF001


def files(store: DatasetStore) -> dict[str, TempFile]:
    """What a websocket can attach to, by uuid."""
    return store._files  # noqa: SLF001


def datasets(store: DatasetStore) -> dict[str, Dataset]:
    """What is finalized, by uuid."""
    return store._datasets  # noqa: SLF001


def channel_of(session: UploadSession) -> Channel:
    """The websocket of a session."""
    return session._channel  # noqa: SLF001


def file_of(session: UploadSession) -> TempFile:
    """What a session writes to."""
    return session._file  # noqa: SLF001


def grow(file: TempFile, size: int) -> None:
    """Give a file more storage than was announced, and take that for its size."""
    content = np.zeros(size, dtype=np.uint8)
    content[: file.size] = file.content()
    file.size = size
    file._content, file._view = content, content.data  # noqa: SLF001


def share(file: TempFile, other: TempFile) -> None:
    """Make two files of one size have one storage."""
    file._content, file._view = other._content, other._view  # noqa: SLF001


def succeeded(answer: bytes) -> bool:
    """Whether an acknowledgement says that a chunk was taken."""
    return CODEC.decode_acknowledgement(answer).success


def chunks_taken() -> WeakKeyDictionary[TempFile, list[Span]]:
    """Begin to note which chunks were taken, repeated ones again, in the order in which they came."""
    taken: WeakKeyDictionary[TempFile, list[Span]] = WeakKeyDictionary()

    @instead(TempFile, "write")
    def noted(honest: Any, file: TempFile, position: int, data: bytes) -> str | None:
        reason: str | None = honest(file, position, data)
        if reason is None and data:
            taken.setdefault(file, []).append((position, position + len(data)))
        return reason

    return taken


def uploads_of_files() -> WeakKeyDictionary[TempFile, Upload]:
    """Begin to note which upload a file belongs to."""
    found: WeakKeyDictionary[TempFile, Upload] = WeakKeyDictionary()

    @instead(DatasetStore, "begin")
    def noted(honest: Any, *arguments: object) -> Upload:
        upload: Upload = honest(*arguments)
        found.update((file, upload) for file in upload.files)
        return upload

    return found


def open_sessions() -> list[UploadSession]:
    """Begin to note which sessions are open, the newest last."""
    found: list[UploadSession] = []

    @instead(UploadSession, "__enter__")
    def entered(honest: Any, session: UploadSession) -> None:
        found.append(session)
        honest(session)

    @instead(UploadSession, "__exit__")
    def left(honest: Any, session: UploadSession, *error: object) -> None:
        found.remove(session)
        honest(session, *error)

    return found


def channels_broken_off() -> WeakSet[Channel]:
    """Begin to note which websockets ended without a proper close."""
    found: WeakSet[Channel] = WeakSet()

    @instead(Channel, "__init__")
    def noted(honest: Any, channel: Channel, scope: Scope, receive: Receive, send: Send) -> None:
        async def telling() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect" and message.get("code") != NORMAL:
                found.add(channel)
            return message

        honest(channel, scope, telling, send)

    return found
