"""Models of finalized datasets, and the files that they are made from."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IMAGES_MAGIC = 0x00000803
LABELS_MAGIC = 0x00000801
IMAGES_HEADER = 16  # bytes before the pixels
LABELS_HEADER = 8  # bytes before the labels
PIXEL_MAX = 255.0
FRACTION = 1e-5  # error of a pixel as 0..1, less than a hundredth of the step between two pixel values
PRINTED = 1e-6  # relative error of a float32 that was printed with seven digits


def idx_images(images: NDArray[np.uint8]) -> bytes:
    """Return an IDX file of images with the shape (count, rows, columns)."""
    count, rows, columns = images.shape
    return struct.pack(">IIII", IMAGES_MAGIC, count, rows, columns) + images.tobytes()


def idx_labels(labels: NDArray[np.uint8]) -> bytes:
    """Return an IDX file of labels with the shape (count,)."""
    return struct.pack(">II", LABELS_MAGIC, len(labels)) + labels.tobytes()


def csv_table(names: Sequence[str], values: NDArray[np.float32]) -> bytes:
    """Return a CSV file: a header line, then a line for each row of the values, which have the shape (rows, columns).

    Each value is written in the shortest form that gives the same float32, without an exponent, because the word CSV
    alone does not say that a server must read one.
    """
    lines = [",".join(names)]
    lines += [",".join(np.format_float_positional(value, trim="0") for value in row) for row in values]
    return ("\n".join(lines) + "\n").encode()


@dataclass(frozen=True)
class DatasetModel:
    """The required content of a finalized dataset (requirements FIN-1 and FIN-2).

    Attributes:
        rows: Number of rows.
        widths: Permitted numbers of columns; several, because servers differ in how they store labels.
        columns: Column name to values, float32, shape (rows, width); NaN in a table stands for any value.
        kind: ``csv`` or ``mnist``.
    """

    rows: int
    widths: frozenset[int]
    columns: Mapping[str, NDArray[np.float32]]
    kind: str

    @staticmethod
    def from_images(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> DatasetModel:
        """Return the dataset of an MNIST upload: images (count, rows, columns) and labels (count,)."""
        count = len(images)
        pixels = images.reshape(count, math.prod(images.shape[1:])).astype(np.float32)
        present = int(labels.max(initial=0)) + 1
        classes = max(10, present)
        columns = {"picture": pixels, "label": labels.reshape(count, 1).astype(np.float32)}
        # Most servers store labels one-hot, with ten classes or as many as there are, others as one number; some keep
        # them apart from the columns.
        width = pixels.shape[1]
        widths = frozenset({width, width + 1, width + present, width + classes})
        return DatasetModel(count, widths, columns, "mnist")

    @staticmethod
    def from_table(names: Sequence[str], values: NDArray[np.float32]) -> DatasetModel:
        """Return the dataset of a CSV upload: names of the columns and values (rows, columns)."""
        columns = {name: values[:, index : index + 1].astype(np.float32) for index, name in enumerate(names)}
        return DatasetModel(len(values), frozenset({len(names)}), columns, "csv")

    def rows_slice(self, first: int, rows: int) -> DatasetModel:
        """Return a number of consecutive rows, beginning with the given one."""
        columns = {name: values[first : first + rows] for name, values in self.columns.items()}
        return DatasetModel(rows, self.widths, columns, self.kind)

    def matches(self, column: str, values: NDArray[np.float32]) -> bool:
        """Whether the values read back from a column equal the uploaded ones.

        Args:
            column: Name of the column.
            values: Values from the server, shape (rows, width): pixels as 0..255 or 0..1, labels one-hot or plain.
        """
        expected = self.columns[column]
        if values.shape[0] != expected.shape[0]:
            return False
        if self.kind == "mnist" and column == "label" and is_one_hot(values, expected[:, 0].astype(np.int64)):
            return True
        if values.shape != expected.shape:
            return False
        if self.kind == "mnist":
            return np.array_equal(values, expected) or (column == "picture" and are_fractions(values, expected))
        known = ~np.isnan(expected)
        return bool(np.allclose(values[known], expected[known], rtol=PRINTED, atol=0.0))


def are_fractions(values: NDArray[np.float32], pixels: NDArray[np.float32]) -> bool:
    """Whether values are the pixels as 0..1 in place of 0..255; both have the same shape."""
    return bool(np.allclose(values, pixels / PIXEL_MAX, rtol=0.0, atol=FRACTION))


def is_one_hot(values: NDArray[np.float32], labels: NDArray[np.int64]) -> bool:
    """Whether each row of ``values`` (n, classes) is 1 at its label (n,) and 0 elsewhere."""
    if labels.max(initial=0) >= values.shape[1]:
        return False
    expected = np.zeros_like(values)
    expected[np.arange(len(labels)), labels] = 1.0
    return bool(np.array_equal(values, expected))
