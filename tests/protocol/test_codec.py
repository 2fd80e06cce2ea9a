"""Messages survive encoding and decoding in both schemas, and foreign bytes are rejected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanami_proto import brick_pb2, buffer_pb2
from hanami_proto.codec import Codec, ProcessType, SchemaError, TargetBuffer

schemas = pytest.mark.parametrize("schema", ["brick", "buffer"])
floats = st.lists(st.floats(width=32, allow_nan=False), max_size=20)


@schemas
@given(position=st.integers(0, 2**64 - 1), data=st.binary(max_size=200))
def test_chunk(schema: str, position: int, data: bytes) -> None:
    codec = Codec.for_schema(schema)
    chunk = codec.decode_chunk(codec.encode_chunk(position, data))
    assert (chunk.position, chunk.data) == (position, data)


@schemas
@given(success=st.booleans(), error=st.text(max_size=20))
def test_acknowledgement(schema: str, success: bool, error: str) -> None:
    codec = Codec.for_schema(schema)
    answer = codec.decode_acknowledgement(codec.encode_acknowledgement(success, error))
    assert (answer.success, answer.error) == (success, error)


@schemas
@given(name=st.text(max_size=10), values=floats, is_last=st.booleans(), process=st.sampled_from(ProcessType))
def test_io(schema: str, name: str, values: list[float], is_last: bool, process: ProcessType) -> None:
    codec = Codec.for_schema(schema)
    payload = codec.encode_io(name, values, is_last=is_last, process_type=process, target_buffer=TargetBuffer.EXPECTED)
    message = codec.decode_io(payload)
    assert (message.name, message.is_last, message.process_type) == (name, is_last, process)
    assert message.number_of_values == len(values)
    assert message.values.dtype == np.float32
    assert np.array_equal(message.values, np.array(values, dtype=np.float32))
    assert message.target_buffer == (TargetBuffer.EXPECTED if schema == "buffer" else TargetBuffer.INPUT)


@schemas
@pytest.mark.parametrize("count", [0, 1, 31, 32, 4095, 4096, 600_000])
def test_an_array_is_encoded_as_the_same_bytes_as_a_list(schema: str, count: int) -> None:
    codec = Codec.for_schema(schema)
    array = np.random.default_rng(count).standard_normal(2 * count, dtype=np.float32)[::2]
    encoded = codec.encode_io("a", array, is_last=True, process_type=ProcessType.TRAIN)
    assert encoded == codec.encode_io("a", array.tolist(), is_last=True, process_type=ProcessType.TRAIN)


@schemas
def test_special_values_of_an_array_survive(schema: str) -> None:
    codec = Codec.for_schema(schema)
    values = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3.4e38], dtype=np.float32)
    decoded = codec.decode_io(codec.encode_io("a", values, is_last=False)).values
    assert decoded.tobytes() == values.tobytes()


def test_field_numbers_are_those_of_the_protocol() -> None:
    brick = {field.name: field.number for field in brick_pb2.ClusterIO_Message.DESCRIPTOR.fields}
    buffer = {field.name: field.number for field in buffer_pb2.ClusterIO_Message.DESCRIPTOR.fields}
    assert brick == {"brickName": 1, "isLast": 2, "processType": 3, "numberOfValues": 4, "values": 5}
    assert buffer == {
        "bufferName": 1,
        "isLast": 2,
        "processType": 3,
        "targetBufferType": 4,
        "numberOfValues": 5,
        "values": 6,
    }


def test_a_wrong_announcement_is_kept() -> None:
    codec = Codec.for_schema("brick")
    message = codec.decode_io(codec.encode_io("a", [1.0], is_last=True, number_of_values=7, process_type=5))
    assert (message.number_of_values, len(message.values), message.process_type) == (7, 1, 5)


@schemas
@pytest.mark.parametrize("payload", [b"\x0f\x00", b"\x12\xff", b"\x08" + b"\xff" * 12])
def test_foreign_bytes_are_refused(schema: str, payload: bytes) -> None:
    codec = Codec.for_schema(schema)
    for decode in (codec.decode_chunk, codec.decode_acknowledgement, codec.decode_io):
        with pytest.raises(SchemaError, match="not a "):
            decode(payload)


def test_an_unknown_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="choose brick or buffer"):
        Codec.for_schema("json")
