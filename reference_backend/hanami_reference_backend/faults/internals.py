"""Access to the internals of the server that several faults share."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NoReturn
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from hanami_proto.codec import BrickMessage, Codec
from hanami_proto.dialect import Dialect
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.fields import Fields
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.uploads import TempFile, Upload

NORMAL = 1000  # RFC 6455, 7.4.1
CODEC = Codec.for_schema("brick")  # chunks and their acknowledgements are the same in both schemas

Span = tuple[int, int]  # offset of the first byte, and of the one after the last


def crash() -> NoReturn:
    """End the process at once, with a line in its log."""
    sys.stderr.write("injected fault: crash\n")
    sys.stderr.flush()
    os._exit(9)


def internal_error() -> RequestError:
    """Return the error of a request that the server fails to process."""
    return RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")


def is_utf_8(value: bytes) -> bool:
    """Return whether bytes are a text."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


async def hang() -> None:
    """Wait for an hour."""
    await asyncio.sleep(3600.0)


def change_fields(*models: type[Fields]) -> Callable[[Callable[[dict[str, Any]], dict[str, Any]]], None]:
    """Return a hook that changes the fields of requests of these models before they are checked."""

    def hook(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        @replace_method(operation, "check")
        def check(original: Any, model: type[Fields], values: dict[str, Any], dialect: Dialect) -> Any:
            return original(model, change(values) if model in models else values, dialect)

    return hook


def change_response(owner: type, method: str) -> Callable[[Callable[[dict[str, Any]], Any]], None]:
    """Return a hook that changes the response of an operation."""

    def hook(change: Callable[[dict[str, Any]], Any]) -> None:
        @replace_method(owner, method)
        async def replacement(original: Any, *arguments: Any) -> Any:
            return change(dict(await original(*arguments)))

    return hook


def encode(codec: Codec, message: BrickMessage) -> bytes:
    """Encode a ClusterIO_Message as it is."""
    return codec.encode_io(
        message.name,
        message.values,
        is_last=message.is_last,
        process_type=message.process_type,
        target_buffer=message.target_buffer,
        number_of_values=message.number_of_values,
    )


def operation_name(request: Request) -> str:
    """Return the operation of a request by its name in the dialects."""
    return str(request.scope["route"].name)


def padded(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Return the first values, with zeros where there are fewer than the size."""
    result = np.zeros(size, dtype=values.dtype)
    result[: len(values)] = values[:size]
    return result


def grow(file: TempFile, size: int) -> None:
    """Extend a file beyond its announced size."""
    content = np.zeros(size, dtype=np.uint8)
    content[: file.size] = file.content()
    file.size = size
    file._content, file._view = content, content.data


def share(file: TempFile, other: TempFile) -> None:
    """Let a file use the storage of another file of the same size."""
    file._content, file._view = other._content, other._view


def succeeded(answer: bytes) -> bool:
    """Return whether an acknowledgement accepts a chunk."""
    return CODEC.decode_acknowledgement(answer).success


def accepted_chunks() -> WeakKeyDictionary[TempFile, list[Span]]:
    """Record the accepted chunks of each file in the order of arrival, repeated ones included."""
    accepted: WeakKeyDictionary[TempFile, list[Span]] = WeakKeyDictionary()

    @replace_method(TempFile, "write")
    def write(original: Any, file: TempFile, position: int, data: bytes) -> str | None:
        reason: str | None = original(file, position, data)
        if reason is None and data:
            accepted.setdefault(file, []).append((position, position + len(data)))
        return reason

    return accepted


def uploads_of_files() -> WeakKeyDictionary[TempFile, Upload]:
    """Record the upload of each file."""
    found: WeakKeyDictionary[TempFile, Upload] = WeakKeyDictionary()

    @replace_method(DatasetStore, "begin")
    def begin(original: Any, *arguments: object) -> Upload:
        upload: Upload = original(*arguments)
        found.update((file, upload) for file in upload.files)
        return upload

    return found


def open_sessions() -> list[UploadSession]:
    """Record the open sessions, the newest last."""
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
    """Record the websockets that ended without a close frame."""
    found: WeakSet[Channel] = WeakSet()

    @replace_method(Channel, "__init__")
    def init(original: Any, channel: Channel, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_and_record() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect" and message.get("code") != NORMAL:
                found.add(channel)
            return message

        original(channel, scope, receive_and_record, send)

    return found
