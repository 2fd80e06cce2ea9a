"""The model of a dataset: files at their edges, and values that agree or do not, by a little."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hanami_conformance.models.dataset import (
    IMAGES_HEADER,
    LABELS_HEADER,
    PIXEL_MAX,
    DatasetModel,
    csv_table,
    idx_images,
    idx_labels,
    is_one_hot,
)

Floats = NDArray[np.float32]

pixels = st.integers(0, 255)
labels = st.lists(st.integers(0, 255), max_size=6)


def floats(*rows: list[float]) -> Floats:
    return np.array(rows, dtype=np.float32)


def of_pixels(*values: int) -> DatasetModel:
    """One image of one row."""
    return DatasetModel.from_images(np.array([[values]], dtype=np.uint8), np.zeros(1, dtype=np.uint8))


def of_labels(*values: int) -> DatasetModel:
    """Images of one pixel."""
    return DatasetModel.from_images(np.zeros((len(values), 1, 1), dtype=np.uint8), np.array(values, dtype=np.uint8))


class Endless(np.ndarray):
    """An array that says it has more entries than memory holds."""

    def __len__(self) -> int:
        return 2**32 - 1


# Files


def test_headers_have_their_length() -> None:
    assert len(idx_images(np.zeros((0, 5, 5), dtype=np.uint8))) == IMAGES_HEADER == 16
    assert len(idx_labels(np.zeros(0, dtype=np.uint8))) == LABELS_HEADER == 8


def test_counts_in_headers_have_no_sign() -> None:
    assert idx_images(np.zeros((2**31, 0, 1), dtype=np.uint8)) == struct.pack(">IIII", 0x803, 2**31, 0, 1)
    assert idx_labels(np.zeros(0, dtype=np.uint8).view(Endless)) == struct.pack(">II", 0x801, 2**32 - 1)


def test_a_view_is_written_in_the_order_of_its_entries() -> None:
    images = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    assert idx_images(images.transpose(0, 2, 1))[IMAGES_HEADER:] == bytes([0, 3, 1, 4, 2, 5])
    assert idx_labels(np.arange(4, dtype=np.uint8)[::-2])[LABELS_HEADER:] == bytes([3, 1])


def test_a_table_is_lines_of_cells() -> None:
    tiny = b"0." + b"0" * 44 + b"1"
    assert csv_table(["a", "b"], floats([1, 2.5], [-0.0, 1e-45])) == b"a,b\n1.0,2.5\n-0.0," + tiny + b"\n"
    assert csv_table(["a"], np.zeros((0, 1), dtype=np.float32)) == b"a\n"


# What the models hold


def test_images_become_columns_of_float32() -> None:
    images = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    model = DatasetModel.from_images(images, np.array([7, 255], dtype=np.uint8))
    assert (model.rows, model.kind, set(model.columns)) == (2, "mnist", {"picture", "label"})
    assert model.columns["picture"].tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert model.columns["label"].tolist() == [[7], [255]]
    assert {column.dtype for column in model.columns.values()} == {np.dtype(np.float32)}
    assert model.widths == {6, 7, 6 + 256}


@given(labels)
def test_widths_are_those_of_plain_labels_and_of_one_hot_ones(values: list[int]) -> None:
    classes = {10, 1 + max(values, default=0)} if max(values, default=0) < 10 else {1 + max(values)}
    assert of_labels(*values).widths == {1, 2} | {1 + count for count in classes}


def test_images_may_be_none() -> None:
    model = DatasetModel.from_images(np.zeros((0, 2, 3), dtype=np.uint8), np.zeros(0, dtype=np.uint8))
    assert (model.rows, model.widths) == (0, frozenset({6, 7, 16}))
    assert (model.columns["picture"].shape, model.columns["label"].shape) == ((0, 6), (0, 1))
    assert model.matches("picture", np.zeros((0, 6), dtype=np.float32))
    assert model.matches("label", np.zeros((0, 10), dtype=np.float32))


def test_a_table_becomes_columns_of_float32() -> None:
    values = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float64)
    model = DatasetModel.from_table(["a", "b", "c"], values)  # type: ignore[arg-type] # what a careless caller hands in
    assert (model.rows, model.kind, model.widths) == (2, "csv", frozenset({3}))
    assert {name: column.tolist() for name, column in model.columns.items()} == {
        "a": [[1], [4]],
        "b": [[2], [5]],
        "c": [[3], [6]],
    }
    assert {column.dtype for column in model.columns.values()} == {np.dtype(np.float32)}


# Pixels


@given(st.lists(pixels, min_size=1, max_size=6))
def test_pixels_agree_as_bytes_and_as_fractions_whatever_they_are(values: list[int]) -> None:
    model = of_pixels(*values)
    assert model.matches("picture", floats(list(values)))
    assert model.matches("picture", floats([value / 255 for value in values]))


@given(st.lists(pixels, min_size=1, max_size=6), st.integers(0, 5), pixels)
def test_one_other_pixel_does_not_agree(values: list[int], place: int, other: int) -> None:
    model = of_pixels(*values)
    changed = list(values)
    changed[place % len(values)] = other
    # 0 and 1 as bytes are 0 and 255 as fractions: such an image agrees with both.
    as_fractions = np.array_equal(np.array(changed) * 255, values)
    assert model.matches("picture", floats(list(changed))) is (changed == values or as_fractions)
    as_bytes = np.array_equal(np.array(changed), np.array(values) * 255)
    assert model.matches("picture", floats([value / 255 for value in changed])) is (changed == values or as_bytes)


def test_dark_pixels_agree_as_fractions_too() -> None:
    assert of_pixels(0, 1).matches("picture", floats([0, 1 / 255]))
    assert not of_pixels(0, 1).matches("picture", floats([1 / 255, 0]))
    assert not of_pixels(0, 0).matches("picture", floats([0, 1 / 255]))


def test_bytes_are_exact_and_fractions_nearly() -> None:
    model = of_pixels(200, 255)
    assert PIXEL_MAX == 255
    assert not model.matches("picture", floats([200, 254.999]))
    assert model.matches("picture", floats([round(200 / 255, 5), 1]))
    assert model.matches("picture", floats([200 / 255, 1 - 9e-6]))
    assert not model.matches("picture", floats([200 / 255, 1 - 1.1e-5]))
    assert not of_pixels(0, 255).matches("picture", floats([1.1e-5, 1]))


def test_pixels_that_are_no_numbers_or_beyond_all_bounds_do_not_agree() -> None:
    for value in (np.nan, np.inf, -np.inf, 3.4e38, -3.4e38):
        assert not of_pixels(0, 255).matches("picture", floats([value, 1]))


def test_a_picture_is_not_one_hot() -> None:
    images = np.array([[[1]], [[1]]], dtype=np.uint8)
    model = DatasetModel.from_images(images, np.array([0, 1], dtype=np.uint8))
    assert not model.matches("picture", np.eye(10, dtype=np.float32)[[1, 1]])


def test_a_column_that_is_none_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        of_pixels(0).matches("pixels", floats([0]))


# Labels


@given(st.lists(st.integers(0, 255), min_size=1, max_size=6), st.integers(0, 300))
def test_labels_agree_one_hot_of_any_number_of_classes_that_holds_them(values: list[int], more: int) -> None:
    classes = max(values) + 1 + more
    assert of_labels(*values).matches("label", np.eye(classes, dtype=np.float32)[values])


def test_labels_as_fractions_do_not_agree() -> None:
    assert not of_labels(1, 255).matches("label", floats([1 / 255], [1]))
    assert not of_labels(3, 5).matches("label", floats([3], [5.0001]))


def test_labels_of_another_number_of_rows_do_not_agree() -> None:
    assert not of_labels(1, 1).matches("label", floats([1]))
    assert not of_labels(1).matches("label", floats([1], [1]))
    assert not of_labels(1).matches("label", floats([0, 1], [0, 1]))


def test_one_hot_is_1_at_the_label_and_0_elsewhere() -> None:
    values = np.eye(4, dtype=np.float32)[[3, 0]]
    assert is_one_hot(values, np.array([3, 0]))
    assert not is_one_hot(values, np.array([3, 1]))
    assert not is_one_hot(values[:, :3], np.array([3, 0]))  # the label is the first that no column is for
    assert not is_one_hot(values + np.float32(1e-7), np.array([3, 0]))
    assert not is_one_hot(np.zeros((2, 4), dtype=np.float32), np.array([3, 0]))
    assert not is_one_hot(np.ones((2, 4), dtype=np.float32), np.array([3, 0]))


def test_one_hot_of_nothing() -> None:
    assert is_one_hot(np.zeros((0, 1), dtype=np.float32), np.zeros(0, dtype=np.int64))
    # Nothing needs no column for the label 0, but a table without columns holds no labels.
    assert not is_one_hot(np.zeros((0, 0), dtype=np.float32), np.zeros(0, dtype=np.int64))


# Tables


def test_a_table_agrees_within_seven_digits() -> None:
    model = DatasetModel.from_table(["a", "b"], floats([1000, 0]))
    assert model.matches("a", floats([1000.0009]))
    assert not model.matches("a", floats([1000.002]))
    assert not model.matches("b", floats([1e-9]))
    assert model.matches("b", floats([-0.0]))


@given(st.floats(width=32, allow_nan=False).filter(lambda value: 1e-30 <= abs(value) <= 1e30))
def test_seven_digits_are_enough(value: float) -> None:
    model = DatasetModel.from_table(["a"], floats([value]))
    assert model.matches("a", floats([float(f"{value:.6e}")]))
    assert not model.matches("a", floats([float(f"{value:.6e}") * 1.00001]))


def test_a_table_may_have_columns_with_the_names_of_images() -> None:
    model = DatasetModel.from_table(["picture", "label"], floats([255, 3], [0, 0]))
    assert not model.matches("picture", floats([1], [0]))
    assert not model.matches("label", np.eye(10, dtype=np.float32)[[3, 0]])
    assert model.matches("label", floats([3], [0]))


def test_a_table_does_not_agree_with_another_shape() -> None:
    model = DatasetModel.from_table(["a"], floats([1], [1]))
    assert not model.matches("a", floats([1]))
    assert not model.matches("a", floats([1, 1], [1, 1]))
    assert not model.matches("a", floats([1], [1], [1]))


def test_a_part_holds_its_rows_and_is_of_the_same_kind() -> None:
    table = DatasetModel.from_table(("a", "b"), floats([0, 10], [1, 11], [2, 12], [3, 13], [4, 14]))
    part = table.rows_slice(1, 2)
    assert (part.rows, part.widths, part.kind) == (2, table.widths, table.kind) == (2, frozenset({2}), "csv")
    assert {name: values.ravel().tolist() for name, values in part.columns.items()} == {"a": [1, 2], "b": [11, 12]}
    assert part.matches("b", floats([11], [12]))
    assert not part.matches("b", floats([10], [11]))


def test_nan_in_a_table_stands_for_any_value() -> None:
    nan = float("nan")
    model = DatasetModel.from_table(["a"], floats([nan], [2]))
    assert model.matches("a", floats([7], [2]))
    assert model.matches("a", floats([nan], [2]))
    assert not model.matches("a", floats([7], [3]))
    assert not model.matches("a", floats([7], [nan]))
    assert not model.matches("a", floats([2]))
