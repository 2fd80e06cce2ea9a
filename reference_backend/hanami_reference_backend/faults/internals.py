"""What faults need of honest code that it shows to nobody, in one place."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from hanami_proto.codec import Codec
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.uploads import TempFile, Upload

NORMAL = 1000  # RFC 6455, 7.4.1
CODEC = Codec.for_schema("brick")  # chunks and their acknowledgements are the same in both schemas

Span = tuple[int, int]  # first byte, and the one behind the last


def operation_name(request: Request) -> str:
    """Which operation a request is for, as the dialects name it."""
    return str(request.scope["route"].name)


def grow(file: TempFile, size: int) -> None:
    """Give a file more storage than was announced, and take that for its size."""
    content = np.zeros(size, dtype=np.uint8)
    content[: file.size] = file.content()
    file.size = size
    file._content, file._view = content, content.data


def share(file: TempFile, other: TempFile) -> None:
    """Make two files of one size have one storage."""
    file._content, file._view = other._content, other._view


def succeeded(answer: bytes) -> bool:
    """Whether an acknowledgement says that a chunk was taken."""
    return CODEC.decode_acknowledgement(answer).success


def accepted_chunks() -> WeakKeyDictionary[TempFile, list[Span]]:
    """Begin to note which chunks were taken, repeated ones again, in the order in which they came."""
    taken: WeakKeyDictionary[TempFile, list[Span]] = WeakKeyDictionary()

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
        reason: str | None = original(file, position, data)
        if reason is None and data:
            taken.setdefault(file, []).append((position, position + len(data)))
        return reason

    return taken


def uploads_of_files() -> WeakKeyDictionary[TempFile, Upload]:
    """Begin to note which upload a file belongs to."""
    found: WeakKeyDictionary[TempFile, Upload] = WeakKeyDictionary()

    @replace_method(DatasetStore, "begin")
    def begin(original: Any, *arguments: object) -> Upload:
        upload: Upload = original(*arguments)
        found.update((file, upload) for file in upload.files)
        return upload

    return found


def open_sessions() -> list[UploadSession]:
    """Begin to note which sessions are open, the newest last."""
    found: list[UploadSession] = []

    @replace_method(UploadSession, "__enter__")
    def enter(original: Any, session: UploadSession) -> None:
        found.append(session)
        original(session)

    @replace_method(UploadSession, "__exit__")
    def leave(original: Any, session: UploadSession, *error: object) -> None:
        found.remove(session)
        original(session, *error)

    return found


def aborted_channels() -> WeakSet[Channel]:
    """Begin to note which websockets ended without a proper close."""
    found: WeakSet[Channel] = WeakSet()

    @replace_method(Channel, "__init__")
    def init(original: Any, channel: Channel, scope: Scope, receive: Receive, send: Send) -> None:
        async def telling() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect" and message.get("code") != NORMAL:
                found.add(channel)
            return message

        original(channel, scope, telling, send)

    return found
