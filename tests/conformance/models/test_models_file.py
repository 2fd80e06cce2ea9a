"""The model of a file: sizes and positions at the edges, and the content before the first chunk."""

from __future__ import annotations

import numpy as np
import pytest

from hanami_conformance.models.file import SEGMENT, FileModel

FAR = [2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1]


def test_a_segment_has_the_size_of_the_sdk() -> None:
    assert SEGMENT == 131_072


@pytest.mark.parametrize("size", [1, 2, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT + 1])
def test_a_new_file_is_zeros_of_which_none_is_known(size: int) -> None:
    model = FileModel(size)
    assert (model.size, model.content.shape, model.received.shape) == (size, (size,), (size,))
    assert (model.content.dtype, model.received.dtype) == (np.dtype(np.uint8), np.dtype(bool))
    assert not model.content.any()
    assert not model.received.any()
    assert (model.missing, model.complete) == (size, False)
    assert type(model.missing) is int
    assert type(model.complete) is bool


def test_a_file_without_bytes_is_complete() -> None:
    assert (FileModel(0).missing, FileModel(0).complete) == (0, True)


@pytest.mark.parametrize("size", [1, 2, SEGMENT - 1, SEGMENT, SEGMENT + 1])
def test_a_chunk_fits_up_to_the_last_byte(size: int) -> None:
    model = FileModel(size)
    assert model.in_bounds(0, bytes(size))
    assert not model.in_bounds(0, bytes(size + 1))
    assert model.in_bounds(size - 1, b"x")
    assert not model.in_bounds(size, b"x")
    assert not model.in_bounds(size - 1, b"xy")


def test_a_chunk_without_bytes_fits_up_to_the_end() -> None:
    model = FileModel(3)
    assert model.write(3, b"")
    assert not model.write(4, b"")
    assert model.missing == 3


@pytest.mark.parametrize("position", FAR)
def test_a_chunk_far_beyond_the_end_changes_nothing(position: int) -> None:
    model = FileModel(10)
    model.write(0, b"0123456789")
    assert not model.write(position, b"x")
    assert not model.write(position, b"")
    assert model.content.tobytes() == b"0123456789"
    assert model.complete


def test_a_chunk_that_ends_beyond_the_end_changes_nothing_at_all() -> None:
    model = FileModel(4)
    assert not model.write(2, b"xyz")
    assert model.content.tobytes() == bytes(4)
    assert model.missing == 4


def test_the_later_chunk_wins_where_two_overlap() -> None:
    model = FileModel(6)
    assert model.write(0, b"aaaa")
    assert model.write(2, b"bbb")
    assert model.write(3, b"c")
    assert model.content.tobytes() == b"aabcb\x00"
    assert model.received.tolist() == [True] * 5 + [False]
    assert (model.missing, model.complete) == (1, False)
    assert model.write(5, b"\xff")
    assert (model.missing, model.complete) == (0, True)
    assert model.content[5] == 255
