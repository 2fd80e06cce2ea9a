"""Websocket messages without the differences between the two protobuf schemas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from hanami_proto import brick_pb2, buffer_pb2


class SchemaError(ValueError):
    """Bytes that are no message of the expected type."""


class ProcessType(IntEnum):
    """What a cycle does: answer with the output, or train."""

    REQUEST = 0
    TRAIN = 1


class TargetBuffer(IntEnum):
    """Which side of a cluster a message of the ``buffer`` schema is meant for."""

    INPUT = 0
    OUTPUT = 1
    EXPECTED = 2


@dataclass(frozen=True)
class Chunk:
    """A FileUpload_Message: ``data`` belongs at byte ``position`` of the file."""

    position: int
    data: bytes


@dataclass(frozen=True)
class Acknowledgement:
    """A FileUploadResponse_Message: whether a chunk was taken, and if not, why."""

    success: bool
    error: str = ""


@dataclass(frozen=True)
class BrickMessage:
    """A ClusterIO_Message.

    Attributes:
        name: brick or buffer that the values belong to.
        values: float32, shape (n,).
        is_last: whether this is the last message of a cycle.
        process_type: number of the process type; may be one that the schema does not know.
        number_of_values: as announced in the message, may differ from ``len(values)``.
        target_buffer: number of the target buffer; always INPUT in the ``brick`` schema, which has none.
    """

    name: str
    values: NDArray[np.float32]
    is_last: bool = False
    process_type: int = ProcessType.REQUEST
    number_of_values: int = field(default=-1)
    target_buffer: int = TargetBuffer.INPUT

    def __post_init__(self) -> None:
        if self.number_of_values < 0:
            object.__setattr__(self, "number_of_values", len(self.values))


@dataclass(frozen=True)
class Codec:
    """Encoder and decoder of one schema. Use :meth:`of` to get one."""

    schema: str
    _messages: Any
    _name_field: str

    @staticmethod
    @cache
    def of(schema: str) -> Codec:
        """Return the codec of a schema.

        Raises:
            ValueError: the schema is neither ``brick`` nor ``buffer``.
        """
        if schema == "brick":
            return Codec("brick", brick_pb2, "brickName")
        if schema == "buffer":
            return Codec("buffer", buffer_pb2, "bufferName")
        raise ValueError(f"unknown schema {schema!r}: choose brick or buffer")

    def encode_chunk(self, position: int, data: bytes) -> bytes:
        """Return a FileUpload_Message (upload, step 3).

        Args:
            position: byte offset of ``data`` within the file, 0 to 2**64 - 1.
            data: bytes of the file.
        """
        encoded: bytes = self._messages.FileUpload_Message(position=position, data=data).SerializeToString()
        return encoded

    def decode_chunk(self, payload: bytes) -> Chunk:
        """Read a FileUpload_Message.

        Raises:
            SchemaError: the bytes are none.
        """
        message = self._parse("FileUpload_Message", payload)
        return Chunk(message.position, message.data)

    def encode_acknowledgement(self, success: bool, error: str = "") -> bytes:
        """Return a FileUploadResponse_Message."""
        message = self._messages.FileUploadResponse_Message(success=success, errorMessage=error)
        encoded: bytes = message.SerializeToString()
        return encoded

    def decode_acknowledgement(self, payload: bytes) -> Acknowledgement:
        """Read a FileUploadResponse_Message.

        Raises:
            SchemaError: the bytes are none.
        """
        message = self._parse("FileUploadResponse_Message", payload)
        return Acknowledgement(message.success, message.errorMessage)

    def encode_io(
        self,
        name: str,
        values: Sequence[float] | NDArray[np.float32],
        *,
        is_last: bool,
        process_type: int = ProcessType.REQUEST,
        target_buffer: int = TargetBuffer.INPUT,
        number_of_values: int | None = None,
    ) -> bytes:
        """Return a ClusterIO_Message (direct interaction, step 3).

        Args:
            name: brick or buffer that the values are for.
            values: shape (n,), sent as float32.
            is_last: whether the cluster starts to process after this message.
            process_type: see :class:`ProcessType`.
            target_buffer: see :class:`TargetBuffer`; left out where the schema has no such field.
            number_of_values: announced count, the true one when None.
        """
        message = self._messages.ClusterIO_Message()
        setattr(message, self._name_field, name)
        message.isLast = is_last
        message.processType = process_type
        if self.schema == "buffer":
            message.targetBufferType = target_buffer
        message.numberOfValues = len(values) if number_of_values is None else number_of_values
        message.values.extend(values)
        encoded: bytes = message.SerializeToString()
        return encoded

    def decode_io(self, payload: bytes) -> BrickMessage:
        """Read a ClusterIO_Message.

        Raises:
            SchemaError: the bytes are none.
        """
        message = self._parse("ClusterIO_Message", payload)
        return BrickMessage(
            name=getattr(message, self._name_field),
            values=np.array(message.values, dtype=np.float32),
            is_last=message.isLast,
            process_type=message.processType,
            number_of_values=message.numberOfValues,
            target_buffer=message.targetBufferType if self.schema == "buffer" else TargetBuffer.INPUT,
        )

    def _parse(self, message_type: str, payload: bytes) -> Any:
        message = getattr(self._messages, message_type)()
        try:
            message.ParseFromString(payload)
        except DecodeError as error:
            raise SchemaError(f"not a {message_type}: {error}") from error
        return message
