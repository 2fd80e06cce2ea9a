"""Variants of a message: other bytes that every reader of protobuf must decode to the same message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5  # wire types
FLOAT = 4  # bytes
LAST_FIELD = (1 << 29) - 1  # largest number of a field
PADDING = 2  # bytes by which a varint is longer than necessary


@dataclass(frozen=True)
class Field:
    """A field of an encoded message: its number, and a value that is a number or bytes."""

    number: int
    value: int | bytes

    def encoded(self, padding: int = 0) -> bytes:
        """Return the bytes of the field, with padding in the varint of a number."""
        if isinstance(self.value, int):
            return varint(self.number * 8 + VARINT) + varint(self.value, padding)
        return varint(self.number * 8 + DELIMITED) + varint(len(self.value)) + self.value


def varint(number: int, padding: int = 0) -> bytes:
    """Return a number as a varint, with bytes of padding that add nothing to it."""
    groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)] + [0] * padding
    return bytes(group | 0x80 for group in groups[:-1]) + bytes(groups[-1:])


def read_varint(payload: bytes, place: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it."""
    number = shift = 0
    while True:
        byte = payload[place]
        number, shift, place = number | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            return number, place


def fields(payload: bytes) -> list[Field]:
    """Return the fields of a message of numbers, texts and packed floats in their order."""
    found, place = [], 0
    while place < len(payload):
        key, place = read_varint(payload, place)
        value, place = read_varint(payload, place)
        if key % 8 == DELIMITED:
            found.append(Field(key // 8, payload[place : place + value]))
            place += value
        else:
            found.append(Field(key // 8, value))
    return found


def reverse_field_order(payload: bytes) -> bytes:
    """Return the message with its fields in the reverse order."""
    return b"".join(field.encoded() for field in reversed(fields(payload)))


def with_long_varints(payload: bytes) -> bytes:
    """Return the message with padded varints."""
    return b"".join(field.encoded(PADDING) for field in fields(payload))


def with_defaults(payload: bytes) -> bytes:
    """Return the message with the omitted number fields as explicit zeros."""
    found = fields(payload)
    highest = max(field.number for field in found)
    omitted = set(range(1, highest)) - {field.number for field in found}
    return b"".join(Field(number, 0).encoded() for number in sorted(omitted)) + payload


def duplicate_fields(payload: bytes) -> bytes:
    """Return the message with each number field twice, the first time with another value: the last one counts."""
    return b"".join(
        (Field(field.number, field.value + 1).encoded() if isinstance(field.value, int) else b"") + field.encoded()
        for field in fields(payload)
    )


def with_other_data_before(payload: bytes) -> bytes:
    """Return the message with the last field twice, the first time with other data: the last one counts."""
    *others, data = fields(payload)
    return b"".join(field.encoded() for field in [*others, Field(data.number, b"other data"), data])


def unpacked(payload: bytes) -> bytes:
    """Return the message with each float of the last field as a field of its own."""
    *others, floats = fields(payload)
    assert isinstance(floats.value, bytes)
    key = varint(floats.number * 8 + FIXED32)
    singles = [key + floats.value[place : place + FLOAT] for place in range(0, len(floats.value), FLOAT)]
    return b"".join([*(field.encoded() for field in others), *singles])


def in_two_blocks(payload: bytes) -> bytes:
    """Return the message with the floats of the last field packed into two fields."""
    *others, floats = fields(payload)
    assert isinstance(floats.value, bytes)
    halves = floats.value[:FLOAT], floats.value[FLOAT:]
    return b"".join(field.encoded() for field in [*others, *(Field(floats.number, half) for half in halves)])


def with_unknown_fields(payload: bytes) -> bytes:
    """Return the message with fields that a newer schema may have: a reader skips those that it does not know."""
    before = Field(15, 1).encoded() + Field(100, b"unknown").encoded()
    behind = varint(1000 * 8 + FIXED32) + bytes(4) + varint(LAST_FIELD * 8 + FIXED64) + bytes(8)
    return before + payload + behind


FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    "its fields in the reverse order": reverse_field_order,
    "padded numbers": with_long_varints,
    "explicit zeros": with_defaults,
    "duplicate numbers, the last one correct": duplicate_fields,
    "fields of a newer schema": with_unknown_fields,
}
CHUNK_FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    **FORMS,
    "duplicate data, the last ones correct": with_other_data_before,
}
FLOAT_FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    **FORMS,
    "floats that are not packed": unpacked,
    "floats in two blocks": in_two_blocks,
}
