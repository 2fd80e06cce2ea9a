"""What a finalized dataset holds: named groups of columns of float32 values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class ContentError(ValueError):
    """An uploaded file is not what its kind promises; the message says where and why (FIN-6)."""


class Column(Protocol):
    """A named group of columns, ``width`` values in each row."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def width(self) -> int:
        """Values in each row."""

    def rows(self, offset: int, count: int) -> NDArray[np.float32]:
        """Values of ``count`` rows from row ``offset``, shape (count, width), fewer at the end of the data."""


@dataclass(frozen=True)
class PlainColumn:
    """Values as they are.

    Attributes:
        values: shape (rows, width), any type that converts to float32.
    """

    name: str
    values: NDArray[np.float32] | NDArray[np.uint8]

    @property
    def width(self) -> int:
        """Values in each row."""
        return int(self.values.shape[1])

    def rows(self, offset: int, count: int) -> NDArray[np.float32]:
        """See :class:`Column`."""
        return self.values[offset : offset + count].astype(np.float32)


@dataclass(frozen=True)
class OneHotColumn:
    """Numbers of classes, told as rows of zeros with a single one.

    Attributes:
        classes: shape (rows,), each below ``width``.
    """

    name: str
    classes: NDArray[np.uint8]
    width: int

    def rows(self, offset: int, count: int) -> NDArray[np.float32]:
        """See :class:`Column`."""
        part = self.classes[offset : offset + count]
        return np.equal(part[:, np.newaxis], np.arange(self.width)).astype(np.float32)


@dataclass(frozen=True)
class Content:
    """All columns of a dataset.

    Attributes:
        columns: from left to right.
        number_of_rows: the same in each.
        inputs: how many of the columns are meant as input.
        outputs: how many are expected values.
    """

    columns: Sequence[Column]
    number_of_rows: int
    inputs: int
    outputs: int

    @property
    def number_of_columns(self) -> int:
        """Width of all columns together."""
        return sum(column.width for column in self.columns)

    def description(self) -> dict[str, dict[str, int]]:
        """Where each named group starts, and where it ends (exclusive)."""
        result = {}
        start = 0
        for column in self.columns:
            result[column.name] = {"start_column": start, "end_column": start + column.width}
            start += column.width
        return result

    def column(self, name: str) -> Column | None:
        """Return the group of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)
