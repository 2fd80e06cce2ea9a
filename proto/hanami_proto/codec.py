"""Codec of websocket messages that hides the differences between the two protobuf schemas."""

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

LENGTH_DELIMITED = 2  # wire type of protobuf


class SchemaError(ValueError):
    """Bytes that are not a message of the expected type."""


class ProcessType(IntEnum):
    """Purpose of a cycle: answer with the outputs, or train."""

    REQUEST = 0
    TRAIN = 1


class TargetBuffer(IntEnum):
    """Target of a message of the ``buffer`` schema within a cluster."""

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
    """A FileUploadResponse_Message: whether a chunk was accepted, and if not, why."""

    success: bool
    error: str = ""


@dataclass(frozen=True)
class BrickMessage:
    """A ClusterIO_Message.

    Attributes:
        name: Brick or buffer of the values.
        values: Values in float32, shape (n,).
        is_last: Whether this is the last message of a cycle.
        process_type: Number of the process type, possibly one that the schema does not define.
        number_of_values: Announced number of values, which may differ from ``len(values)``.
        target_buffer: Number of the target buffer; always INPUT in the ``brick`` schema, which has no such field.
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
    """Encoder and decoder of one schema, created by :meth:`for_schema`."""

    schema: str
    _messages: Any
    _name_field: str

    @staticmethod
    @cache
    def for_schema(schema: str) -> Codec:
        """Return the codec of a schema.

        Raises:
            ValueError: If the schema is neither ``brick`` nor ``buffer``.
        """
        if schema == "brick":
            return Codec("brick", brick_pb2, "brickName")
        if schema == "buffer":
            return Codec("buffer", buffer_pb2, "bufferName")
        raise ValueError(f"unknown schema {schema!r}: choose brick or buffer")

    def encode_chunk(self, position: int, data: bytes) -> bytes:
        """Encode a FileUpload_Message (upload, step 3).

        Args:
            position: Byte offset of ``data`` within the file, 0 to 2**64 - 1.
            data: Bytes of the file.
        """
        encoded: bytes = self._messages.FileUpload_Message(position=position, data=data).SerializeToString()
        return encoded

    def decode_chunk(self, payload: bytes) -> Chunk:
        """Decode a FileUpload_Message.

        Raises:
            SchemaError: If the bytes are not such a message.
        """
        message = self._parse("FileUpload_Message", payload)
        return Chunk(message.position, message.data)

    def encode_acknowledgement(self, success: bool, error: str = "") -> bytes:
        """Encode a FileUploadResponse_Message."""
        message = self._messages.FileUploadResponse_Message(success=success, errorMessage=error)
        encoded: bytes = message.SerializeToString()
        return encoded

    def decode_acknowledgement(self, payload: bytes) -> Acknowledgement:
        """Decode a FileUploadResponse_Message.

        Raises:
            SchemaError: If the bytes are not such a message.
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
        """Encode a ClusterIO_Message (direct interaction, step 3).

        Args:
            name: Brick or buffer of the values.
            values: Values, sent as float32, shape (n,).
            is_last: Whether the cluster starts the cycle after this message.
            process_type: Number of a :class:`ProcessType`.
            target_buffer: Number of a :class:`TargetBuffer`; ignored in the ``brick`` schema, which has no such field.
            number_of_values: Announced number of values; None for the true one.
        """
        message = self._messages.ClusterIO_Message()
        setattr(message, self._name_field, name)
        message.isLast = is_last
        message.processType = process_type
        if self.schema == "buffer":
            message.targetBufferType = target_buffer
        message.numberOfValues = len(values) if number_of_values is None else number_of_values
        if isinstance(values, np.ndarray) and values.dtype == np.float32:
            # Many times faster than a field of a million values, and the same bytes: it is the last one.
            return bytes(message.SerializeToString()) + self._packed(values)
        message.values.extend(values)
        encoded: bytes = message.SerializeToString()
        return encoded

    def _packed(self, values: NDArray[np.float32]) -> bytes:
        """Return the field ``values`` as protobuf encodes it; nothing for no values."""
        content = values.astype("<f4", copy=False).tobytes()
        if not content:
            return b""
        number: int = self._messages.ClusterIO_Message.DESCRIPTOR.fields_by_name["values"].number
        return bytes([number << 3 | LENGTH_DELIMITED]) + _varint(len(content)) + content

    def decode_io(self, payload: bytes) -> BrickMessage:
        """Decode a ClusterIO_Message.

        Raises:
            SchemaError: If the bytes are not such a message.
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


def _varint(number: int) -> bytes:
    """Return a number as protobuf encodes it."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
