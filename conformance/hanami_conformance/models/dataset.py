"""Models of what a finalized dataset holds, and the files that it is made from."""

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
FRACTION = 1e-5  # error of a pixel as 0..1, less than a hundredth of the step between two of them
PRINTED = 1e-6  # relative error of a float32 that was printed with seven digits


def idx_images(images: NDArray[np.uint8]) -> bytes:
    """Return an IDX file of images.

    Args:
        images: shape (count, rows, columns).
    """
    count, rows, columns = images.shape
    return struct.pack(">IIII", IMAGES_MAGIC, count, rows, columns) + images.tobytes()


def idx_labels(labels: NDArray[np.uint8]) -> bytes:
    """Return an IDX file of labels.

    Args:
        labels: shape (count,).
    """
    return struct.pack(">II", LABELS_MAGIC, len(labels)) + labels.tobytes()


def csv_table(names: Sequence[str], values: NDArray[np.float32]) -> bytes:
    """Return a CSV file: a header line, then one line a row; values in the shortest form that gives the same float32.

    Args:
        names: of the columns.
        values: shape (rows, columns).
    """
    lines = [",".join(names)]
    lines += [",".join(str(value) for value in row) for row in values]
    return ("\n".join(lines) + "\n").encode()


@dataclass(frozen=True)
class DatasetModel:
    """What a finalized dataset must hold (requirements FIN-1 and FIN-2).

    Attributes:
        rows: number of rows.
        widths: numbers of columns that are right; several where servers differ in how they store labels.
        columns: column name to values, float32, shape (rows, width).
        kind: ``csv`` or ``mnist``.
    """

    rows: int
    widths: frozenset[int]
    columns: Mapping[str, NDArray[np.float32]]
    kind: str

    @staticmethod
    def from_images(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> DatasetModel:
        """Return the dataset of an MNIST upload.

        Args:
            images: shape (count, rows, columns).
            labels: shape (count,).
        """
        count = len(images)
        pixels = images.reshape(count, math.prod(images.shape[1:])).astype(np.float32)
        seen = int(labels.max(initial=0)) + 1
        classes = max(10, seen)
        columns = {"picture": pixels, "label": labels.reshape(count, 1).astype(np.float32)}
        # Labels are stored one-hot by most servers, of ten classes or of those that there are, as one number by others;
        # some keep them apart from the columns.
        width = pixels.shape[1]
        widths = frozenset({width, width + 1, width + seen, width + classes})
        return DatasetModel(count, widths, columns, "mnist")

    @staticmethod
    def from_table(names: Sequence[str], values: NDArray[np.float32]) -> DatasetModel:
        """Return the dataset of a CSV upload.

        Args:
            names: of the columns.
            values: shape (rows, columns).
        """
        columns = {name: values[:, index : index + 1].astype(np.float32) for index, name in enumerate(names)}
        return DatasetModel(len(values), frozenset({len(names)}), columns, "csv")

    def part(self, first: int, rows: int) -> DatasetModel:
        """Return some of the rows.

        Args:
            first: of them.
            rows: how many.
        """
        columns = {name: values[first : first + rows] for name, values in self.columns.items()}
        return DatasetModel(rows, self.widths, columns, self.kind)

    def agrees(self, column: str, values: NDArray[np.float32]) -> bool:
        """Whether values that were read back are those that were uploaded.

        Args:
            column: its name.
            values: shape (rows, width) as the server gives them: pixels as 0..255 or 0..1, labels one-hot or plain.
        """
        wanted = self.columns[column]
        if values.shape[0] != wanted.shape[0]:
            return False
        if self.kind == "mnist" and column == "label" and is_one_hot(values, wanted[:, 0].astype(np.int64)):
            return True
        if values.shape != wanted.shape:
            return False
        if self.kind == "mnist":
            return np.array_equal(values, wanted) or (column == "picture" and are_fractions(values, wanted))
        return bool(np.allclose(values, wanted, rtol=PRINTED, atol=0.0))


def are_fractions(values: NDArray[np.float32], pixels: NDArray[np.float32]) -> bool:
    """Whether values are pixels as 0..1 in place of 0..255; both of the same shape."""
    return bool(np.allclose(values, pixels / PIXEL_MAX, rtol=0.0, atol=FRACTION))


def is_one_hot(values: NDArray[np.float32], labels: NDArray[np.int64]) -> bool:
    """Whether each row of ``values`` (n, classes) is 1 at its label (n,) and 0 elsewhere."""
    if labels.max(initial=0) >= values.shape[1]:
        return False
    wanted = np.zeros_like(values)
    wanted[np.arange(len(labels)), labels] = 1.0
    return bool(np.array_equal(values, wanted))
