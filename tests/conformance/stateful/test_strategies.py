"""The strategies draw what they promise: every edge, every choice of a step, every kind of damage."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from operator import eq
from typing import Any

import numpy as np
import pytest
from hypothesis.strategies import SearchStrategy

from hanami_conformance.cases.step import Step
from hanami_conformance.models.dataset import IMAGES_HEADER
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.options.profiles import DEEP, GATE, SMOKE
from hanami_conformance.stateful.access_checks import CORRUPTIONS, OTHER_USER_ACTIONS
from hanami_conformance.stateful.cluster_messages import KINDS_OF_VALUES, UNUSUAL_MESSAGES, input_values
from hanami_conformance.stateful.executors import direct_io as direct_executor
from hanami_conformance.stateful.executors import rest_calls as call_executor
from hanami_conformance.stateful.executors import sequence_chunks as chunk_steps
from hanami_conformance.stateful.placeholders import DAMAGES
from hanami_conformance.stateful.stalled_client import STALL_KINDS
from hanami_conformance.stateful.strategies import (
    direct_io,
    first_messages,
    malformed_messages,
    primitives,
    rest_calls,
    uploads,
)
from hanami_proto.codec import Codec, SchemaError
from support.draws import draws, has, sample

EDGES = [1, 2, 131_071, 131_072, 131_073, 262_143, 262_144, 262_145]
FAR = [2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
LARGEST = GATE.largest_file
SIZES = primitives.sizes(LARGEST)


# Files and chunks


@pytest.mark.parametrize("size", EDGES)
def test_files_have_sizes_at_the_edges(size: int) -> None:
    assert draws(SIZES, lambda drawn: drawn == size)
    assert draws(SIZES, lambda drawn: drawn == IMAGES_HEADER + size)


@pytest.mark.parametrize("profile", [SMOKE, GATE, DEEP], ids=lambda profile: profile.name)
def test_files_are_about_as_large_as_the_profile_says(profile: Any) -> None:
    sizes = sample(primitives.sizes(profile.largest_file), 1000, at_once=1)
    assert min(sizes) >= 1
    assert profile.largest_file / 2 < max(sizes) <= profile.largest_file + IMAGES_HEADER


@pytest.mark.parametrize("size", EDGES)
def test_chunks_have_lengths_and_positions_at_the_edges(size: int) -> None:
    assert draws(primitives.lengths, lambda drawn: drawn == size)
    assert draws(primitives.positions, lambda drawn: drawn == size)
    assert draws(primitives.chunk_sizes, lambda drawn: drawn == size)


def test_chunks_may_be_empty_but_a_file_is_never_filled_with_such() -> None:
    assert draws(primitives.lengths, lambda drawn: drawn == 0)
    assert draws(primitives.positions, lambda drawn: drawn == 0)
    assert min(sample(primitives.chunk_sizes, 1000)) >= 1


@pytest.mark.parametrize("position", FAR)
def test_positions_are_far_out_of_range(position: int) -> None:
    assert draws(primitives.positions, lambda drawn: drawn == position)


def test_positions_fit_into_the_schema() -> None:
    positions = sample(primitives.positions, 1500)
    assert 0 <= min(positions) <= max(positions) < 2**64


def test_most_positions_are_near_the_beginning() -> None:
    positions = sample(primitives.positions, 1500)
    assert sum(position <= 150 for position in positions) > len(positions) / 2


@pytest.mark.parametrize(
    "is_wanted",
    [
        has("write", position=lambda position: position % SEGMENT, length=lambda length: length > SEGMENT),
        has("write", position=2**64 - 1, length=lambda length: length > 0),
        has("write", position=lambda position: position > 0, length=1),
        has("fill", chunk=1),
        has("fill", chunk=lambda chunk: chunk > SEGMENT),
        has("interleave", chunk=lambda chunk: chunk > SEGMENT),
        has("pipeline", chunks=lambda chunks: len(chunks) > 2),
        has("pipeline", chunks=lambda chunks: any(chunk[0] >= 2**63 for chunk in chunks)),
        has("pipeline", chunks=lambda chunks: len({chunk[0] for chunk in chunks}) < len(chunks)),
        has("fragments", cuts=lambda cuts: len(cuts) > 1, ping=1),
        has("fragments", cuts=lambda cuts: 0 in cuts),
        has("fragments", length=lambda length: length > SEGMENT),
    ],
    ids=[
        "unaligned and longer than a segment",
        "at the last position",
        "one byte",
        "filled byte by byte",
        "filled by more than a segment",
        "by turns, more than a segment",
        "several at once",
        "several, one far out",
        "two at one place",
        "several frames and a ping",
        "an empty frame",
        "a long one in frames",
    ],
)
def test_chunks_are_sent_in_every_way(is_wanted: Callable[[Step], bool]) -> None:
    assert draws(uploads.actions(LARGEST), is_wanted)


@pytest.mark.parametrize(
    ("action", "part", "choices"),
    [
        ("fill", "order", chunk_steps.ORDERS),
        ("interleave", "order", chunk_steps.ORDERS),
        ("write", "variant", range(3)),
        ("begin", "kind", ["mnist", "csv"]),
        ("begin", "count", range(1, 4)),
        ("begin", "user", range(2)),
        ("finalize_invalid", "field", range(3)),
        ("finalize_invalid", "corruption", range(len(CORRUPTIONS) + 1)),
        ("other_user", "what", range(len(OTHER_USER_ACTIONS))),
        ("stalled_client", "how", STALL_KINDS),
        ("attach_after_end", "file", range(2)),
    ],
)
def test_every_choice_of_a_step_of_uploads_is_drawn(action: str, part: str, choices: Sequence[object]) -> None:
    for choice in choices:
        assert draws(uploads.actions(LARGEST), has(action, **{part: choice})), choice


# Messages


@cache
def payloads(strategy: SearchStrategy[str]) -> SearchStrategy[bytes]:
    return strategy.map(base64.b64decode)


def samples(chunks: bool) -> list[bytes]:
    """Right messages of either schema, of uploads or of clusters."""
    return malformed_messages._CHUNKS if chunks else malformed_messages._CYCLES


def is_flipped(data: bytes, right: bytes) -> bool:
    differing = [left ^ other for left, other in zip(data, right, strict=False) if left != other]
    return len(data) == len(right) and len(differing) == 1 and differing[0].bit_count() == 1


def is_unknown_field(data: bytes) -> bool:
    """Whether it begins with a field that neither schema has, and can be read all the same."""
    return data.startswith(b"\xf8\x07") and any(map(is_read_by, ["brick", "buffer"], [data] * 2))


def is_read_by(schema: str, data: bytes) -> bool:
    """Whether a schema takes it for a chunk."""
    try:
        Codec.for_schema(schema).decode_chunk(data)
    except SchemaError:
        return False
    return True


DAMAGE: Mapping[str, Callable[[bytes, list[bytes]], Any]] = {
    "cut short": lambda data, right: data and any(len(data) < len(one) and one.startswith(data) for one in right),
    "with more behind it": lambda data, right: any(len(data) > len(one) and data.startswith(one) for one in right),
    "one bit another": lambda data, right: any(is_flipped(data, one) for one in right),
    "no bytes": lambda data, _: not data,
    "a text": lambda data, _: data in malformed_messages.NOT_PROTOBUF,
    "an unknown field": lambda data, _: is_unknown_field(data),
    "a number that never ends": lambda data, _: b"\xff" * 11 in data,
    "the end of a group": lambda data, _: data[:1] == b"\x0c",
    "a field of the other type": lambda data, _: data[:1] == b"\x0d",
    "what both schemas read": lambda data, _: data and is_read_by("brick", data) and is_read_by("buffer", data),
    "what no schema reads": lambda data, _: not is_read_by("brick", data) and not is_read_by("buffer", data),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("chunks", [True, False], ids=["uploads", "clusters"])
def test_every_kind_of_damage_to_a_message_is_drawn(chunks: bool, damage: str) -> None:
    strategy = payloads(malformed_messages.chunk_payloads if chunks else malformed_messages.io_payloads)
    assert draws(strategy, lambda data: DAMAGE[damage](data, samples(chunks)))


@pytest.mark.parametrize("chunks", [True, False], ids=["uploads", "clusters"])
def test_messages_that_belong_elsewhere_are_drawn(chunks: bool) -> None:
    strategy = payloads(malformed_messages.chunk_payloads if chunks else malformed_messages.io_payloads)
    for foreign in samples(not chunks):
        assert draws(strategy, foreign.__eq__), foreign


def test_every_bit_of_a_message_is_flipped() -> None:
    right = b"\x08\x01\x12"
    damaged = set(sample(malformed_messages._damaged([right]), 6000))
    for place in range(len(right)):
        for bit in range(8):
            assert right[:place] + bytes([right[place] ^ (1 << bit)]) + right[place + 1 :] in damaged, (place, bit)


# Clusters


def test_vectors_have_denormals_zeros_of_both_signs_and_large_numbers_and_are_finite() -> None:
    kinds = set(sample(direct_io.values, at_once=1))
    assert kinds == set(range(KINDS_OF_VALUES))
    drawn = np.concatenate([input_values(6, kind, 0) for kind in sorted(kinds)])
    tiny = np.finfo(np.float32).tiny
    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()
    assert ((drawn > 0) & (drawn < tiny)).any()
    assert ((drawn < 0) & (drawn > -tiny)).any()
    assert np.signbit(drawn[drawn == 0]).any()
    assert not np.signbit(drawn[drawn == 0]).all()
    assert (drawn.min(), drawn.max()) == (-1000, 1000)


@pytest.mark.parametrize("how", UNUSUAL_MESSAGES)
def test_numbers_that_are_none_and_messages_without_any_are_drawn(how: str) -> None:
    assert {"nan", "inf", "-inf", "none"} < set(UNUSUAL_MESSAGES)
    assert draws(direct_io.actions, has("unusual", how=how))


@pytest.mark.parametrize(
    ("action", "part", "choices"),
    [
        ("request", "values", range(KINDS_OF_VALUES)),
        ("request", "order", range(2)),
        ("open", "trains", range(2)),
        ("mistake", "how", direct_executor.MISTAKES),
        ("mistake", "process", range(2)),
        ("other_user", "what", range(4)),
        ("cluster", "user", range(2)),
    ],
)
def test_every_choice_of_a_step_of_clusters_is_drawn(action: str, part: str, choices: Sequence[object]) -> None:
    for choice in choices:
        assert draws(direct_io.actions, has(action, **{part: choice})), choice


@pytest.mark.parametrize("number", [0, 1, 2**31 - 1, 2**31, 2**32, 2**63, 2**64 - 1])
def test_cycles_announce_too_few_and_far_too_many_messages(number: int) -> None:
    assert draws(direct_io.actions, has("mistake", how="count", number=number))


@pytest.mark.parametrize("number", [100, 1000, 10_000])
def test_bricks_get_far_too_many_values(number: int) -> None:
    assert draws(direct_io.actions, has("mistake", how="too many", number=number))


def test_cycles_are_sent_several_at_once_and_to_several_bricks() -> None:
    assert draws(direct_io.actions, has("pipeline", cycles=lambda cycles: len(cycles) > 3))
    assert draws(direct_io.cluster_steps, has("cluster", inputs=lambda sizes: len(sizes) == 2))


# First messages and REST calls


@pytest.mark.parametrize("how", range(DAMAGES))
def test_tokens_are_damaged_in_every_way(how: int) -> None:
    assert draws(first_messages.first_message_steps, has("first_message", token=[f"damaged {how}"]))
    assert draws(rest_calls.invalid_token_steps, has("token", token=[f"damaged {how}"]))


@pytest.mark.parametrize("field", ["token", "uuid", "target"])
def test_first_messages_lack_each_field_and_have_each_with_another_type(field: str) -> None:
    for wrong in (["missing"], ["value", None]):
        assert draws(first_messages.first_message_steps, has("first_message", **{field: wrong})), wrong
    for of in (bool, str, list, dict):
        assert draws(first_messages.first_message_steps, has("first_message", **{field: partial(is_value, of=of)})), of


def is_value(written: list[Any], of: type) -> bool:
    return written[0] == "value" and type(written[1]) is of


def test_first_messages_are_right_near_and_broken() -> None:
    for uuid in ("file", "label", "cluster", "dataset"):
        for target in first_messages.TARGETS:
            assert draws(
                first_messages.first_message_steps,
                has("first_message", token=["right"], uuid=[uuid], target=["value", target]),
            )
    for target in first_messages.NEAR_MISS_TARGETS:
        assert draws(first_messages.first_message_steps, has("first_message", target=["value", target])), target
    for text in first_messages.SNIPPETS:
        assert draws(first_messages.first_message_steps, has("text", text=text)), text
    for length in (0, 1, 2):
        assert draws(first_messages.first_message_steps, has("truncated", length=length)), length
    assert draws(first_messages.first_message_steps, has("text", times=3000))
    assert draws(first_messages.first_message_steps, has("binary", bytes=lambda data: len(base64.b64decode(data)) > 10))


@pytest.mark.parametrize(
    ("action", "part", "choices"),
    [
        ("init", "name", [["ours"], ["missing"], *(["value", name] for name in rest_calls.NEAR_MISS_NAMES)]),
        ("init", "tail", rest_calls.TAILS),
        ("init", "tail", ["x" * 225, "x" * 240]),
        ("init", "input_size", [["missing"], *(["value", size] for size in [*rest_calls.NEAR_MISS_SIZES, 1, 131_072])]),
        ("init", "label_size", [["missing"], *(["value", size] for size in rest_calls.NEAR_MISS_SIZES)]),
        ("init", "kind", ["csv", "mnist"]),
        (
            "mode",
            "state",
            [["missing"], *(["value", state] for state in ["TASK", "DIRECT", *rest_calls.NEAR_MISS_STATES])],
        ),
        ("mode", "uuid", [["right"], ["upload"], ["missing"]]),
        ("get_unknown", "operation", call_executor.UUID_OPERATIONS),
        ("path", "path", rest_calls.NEAR_MISS_PATHS),
        ("path", "method", ["GET", "POST", "PUT", "DELETE", "PATCH"]),
        ("body", "operation", call_executor.BODY_OPERATIONS),
        ("body", "bytes", [base64.b64encode(body).decode() for body in rest_calls.BODIES]),
        ("object", "operation", call_executor.BODY_OPERATIONS),
        ("token", "operation", call_executor.TOKEN_OPERATIONS),
    ],
)
def test_every_choice_of_a_call_is_drawn(action: str, part: str, choices: Sequence[object]) -> None:
    for choice in choices:
        assert draws(rest_calls.call_steps, has(action, **{part: choice})), choice


def test_uuids_are_right_upper_case_too_short_and_none() -> None:
    right = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    uuids = rest_calls.unknown_uuids()
    assert draws(uuids, lambda text: re.fullmatch(right, text))
    assert draws(uuids, lambda text: text != text.lower() and re.fullmatch(right, text.lower()))
    assert draws(uuids, lambda text: len(text) == 35 and re.fullmatch(right, text + "0"))
    assert draws(uuids, lambda text: not text)


def test_every_sequence_of_calls_has_one_that_nothing_authorises() -> None:
    for most in (2, GATE.most_steps):
        sequences = sample(rest_calls.call_sequences(most), at_once=1)
        assert all(any(step.action == "token" for step in sequence) for sequence in sequences)
        assert max(map(len, sequences)) <= most


def test_wrong_values_are_of_every_type_and_can_be_sent() -> None:
    drawn = sample(primitives.invalid_value(), 1000, at_once=1)
    values = [written[1] for written in drawn if written[0] == "value"]
    assert {type(value) for value in values} == {type(None), bool, int, float, str, list, dict}
    assert ["missing"] in drawn
    assert {len(written) for written in drawn} == {1, 2}
    for value in values:
        json.dumps(value, ensure_ascii=False).encode()  # no lone surrogates, which UTF-8 cannot hold
    for one in [*primitives.NUMBERS, *primitives.TEXTS]:
        assert draws(primitives.scalars, partial(eq, one)), one
