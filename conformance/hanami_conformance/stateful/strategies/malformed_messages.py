"""Bytes that resemble messages: truncated, with flipped bits, of the other schema, or arbitrary."""

from __future__ import annotations

import base64

from hypothesis import strategies as st

from hanami_proto.codec import Codec

FLOATS = [0.5, -1.0, 3.25]

VARINTS = [b"\x00", b"\x01", b"\x7f", b"\xff\x01", b"\xff" * 9 + b"\x01", b"\xff" * 10, b"\xff" * 11 + b"\x01"]
TAGS = [b"\x08", b"\x10", b"\x12", b"\x0a", b"\x0b", b"\x0c", b"\x0d", b"\x0e", b"\x0f", b"\x00", b"\xf8\x07"]
NOT_PROTOBUF = [b'{"position": 0, "data": "x"}', b"[]", b"null", b"hello", b"\xff\xfe\xfd", b"\x00" * 16]


def _fields() -> st.SearchStrategy[bytes]:
    """Return tags and values in any combination, valid ones among them."""
    value = st.sampled_from(VARINTS) | st.binary(max_size=6)
    return st.lists(st.tuples(st.sampled_from(TAGS), value).map(b"".join), min_size=1, max_size=4).map(b"".join)


def _damaged(samples: list[bytes]) -> st.SearchStrategy[bytes]:
    """Return valid messages that are truncated, extended, or have one bit flipped."""
    truncated = st.tuples(st.sampled_from(samples), st.integers(1, 60)).map(lambda drawn: drawn[0][: -drawn[1]])
    flipped = st.tuples(st.sampled_from(samples), st.integers(0, 60), st.integers(0, 7)).map(
        lambda drawn: _flip(drawn[0], drawn[1] % len(drawn[0]), drawn[2])
    )
    extended = st.tuples(st.sampled_from(samples), st.binary(min_size=1, max_size=8)).map(b"".join)
    return truncated | flipped | extended


def _flip(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]


def _samples() -> tuple[list[bytes], list[bytes]]:
    chunks, cycles = [], []
    for schema in ("brick", "buffer"):
        codec = Codec.for_schema(schema)
        chunks += [codec.encode_chunk(0, b"abcdef"), codec.encode_chunk(2**40, b"x" * 40)]
        chunks += [codec.encode_acknowledgement(False, "what?")]
        cycles += [codec.encode_io("input_0", FLOATS, is_last=True), codec.encode_io("x", [], is_last=False)]
    return chunks, cycles


def _encoded(strategy: st.SearchStrategy[bytes]) -> st.SearchStrategy[str]:
    return strategy.map(lambda data: base64.b64encode(data).decode())


_CHUNKS, _CYCLES = _samples()
_ANY = st.sampled_from(NOT_PROTOBUF) | st.binary(max_size=24)

# In base64, as in the arguments of a step. The executor finds out which of them happen to be messages.
chunk_payloads = _encoded(_damaged(_CHUNKS) | _fields() | _ANY | st.sampled_from(_CYCLES))
io_payloads = _encoded(_damaged(_CYCLES) | _fields() | _ANY | st.sampled_from(_CHUNKS))
