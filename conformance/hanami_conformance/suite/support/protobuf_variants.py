"""The same message in other bytes, which every reader of protobuf must take for the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

VARINT, DELIMITED, FIXED32 = 0, 2, 5  # wire types
FLOAT = 4  # bytes
SURPLUS = 2  # bytes by which a varint is longer than it need be


@dataclass(frozen=True)
class Field:
    """A field of an encoded message: a number, or bytes with their length in front.

    Attributes:
        number: of the field.
        value: a number, or bytes.
    """

    number: int
    value: int | bytes

    def encoded(self, surplus: int = 0) -> bytes:
        """Return the bytes of the field, those of its number longer than they need be."""
        if isinstance(self.value, int):
            return varint(self.number * 8 + VARINT) + varint(self.value, surplus)
        return varint(self.number * 8 + DELIMITED) + varint(len(self.value)) + self.value


def varint(number: int, surplus: int = 0) -> bytes:
    """Return a number as protobuf has it, and bytes behind it that add nothing."""
    groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)] + [0] * surplus
    return bytes(group | 0x80 for group in groups[:-1]) + bytes(groups[-1:])


def read_varint(payload: bytes, place: int) -> tuple[int, int]:
    """Return a number, and where the next thing begins."""
    number = shift = 0
    while True:
        byte = payload[place]
        number, shift, place = number | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            return number, place


def fields(payload: bytes) -> list[Field]:
    """Return the fields of a message of numbers, texts and packed floats, in their order."""
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
    """Return the fields from the last to the first."""
    return b"".join(field.encoded() for field in reversed(fields(payload)))


def with_long_varints(payload: bytes) -> bytes:
    """Numbers longer than they need be."""
    return b"".join(field.encoded(SURPLUS) for field in fields(payload))


def with_defaults(payload: bytes) -> bytes:
    """Fields of numbers that are not there, as the zeros that they stand for."""
    found = fields(payload)
    highest = max(field.number for field in found)
    lacking = set(range(1, highest)) - {field.number for field in found}
    return b"".join(Field(number, 0).encoded() for number in sorted(lacking)) + payload


def duplicate_fields(payload: bytes) -> bytes:
    """Each number comes twice, another one before: the last one counts."""
    return b"".join(
        (Field(field.number, field.value + 1).encoded() if isinstance(field.value, int) else b"") + field.encoded()
        for field in fields(payload)
    )


def with_other_data_before(payload: bytes) -> bytes:
    """Other data of the last field, which is no list, in front of the right ones: the last ones count."""
    *others, data = fields(payload)
    return b"".join(field.encoded() for field in [*others, Field(data.number, b"other data"), data])


def unpacked(payload: bytes) -> bytes:
    """Return the floats, which are the last field, each as a field of its own."""
    *others, floats = fields(payload)
    assert isinstance(floats.value, bytes)
    key = varint(floats.number * 8 + FIXED32)
    singles = [key + floats.value[place : place + FLOAT] for place in range(0, len(floats.value), FLOAT)]
    return b"".join([*(field.encoded() for field in others), *singles])


def in_two_blocks(payload: bytes) -> bytes:
    """Return the floats, which are the last field, packed into two fields."""
    *others, floats = fields(payload)
    assert isinstance(floats.value, bytes)
    halves = floats.value[:FLOAT], floats.value[FLOAT:]
    return b"".join(field.encoded() for field in [*others, *(Field(floats.number, half) for half in halves)])


FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    "its fields in the other order": reverse_field_order,
    "numbers longer than they need be": with_long_varints,
    "zeros that could be left out": with_defaults,
    "numbers that come twice, the last one right": duplicate_fields,
}
CHUNK_FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    **FORMS,
    "data that come twice, the last ones right": with_other_data_before,
}
FLOAT_FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    **FORMS,
    "floats that are not packed": unpacked,
    "floats in two blocks": in_two_blocks,
}
