"""Content of a finalized dataset: named groups of columns of float32 values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class ContentError(ValueError):
    """An uploaded file with invalid content; the message says where and why (FIN-6)."""


class Column(Protocol):
    """A named group of columns, ``width`` values in each row."""

    @property
    def name(self) -> str:
        """Name of the group."""

    @property
    def width(self) -> int:
        """Values in each row."""

    def rows(self, offset: int, count: int) -> NDArray[np.float32]:
        """Return the values of rows, shape (count, width), fewer rows at the end of the data."""


@dataclass(frozen=True)
class PlainColumn:
    """A column that stores its values.

    Attributes:
        values: Values of any type that converts to float32, shape (rows, width).
    """

    name: str
    values: NDArray[np.float32] | NDArray[np.uint8]

    @property
    def width(self) -> int:
        """Values in each row."""
        return int(self.values.shape[1])

    def rows(self, offset: int, count: int) -> NDArray[np.float32]:
        """Return the values of rows."""
        return self.values[offset : offset + count].astype(np.float32)


@dataclass(frozen=True)
class OneHotColumn:
    """A column of classes in one-hot encoding.

    Attributes:
        classes: Numbers of classes below ``width``, shape (rows,).
    """

    name: str
    classes: NDArray[np.uint8]
    width: int

    def rows(self, offset: int, count: int) -> NDArray[np.float32]:
        """Return the values of rows."""
        part = self.classes[offset : offset + count]
        return np.equal(part[:, np.newaxis], np.arange(self.width)).astype(np.float32)


@dataclass(frozen=True)
class Content:
    """All columns of a dataset.

    Attributes:
        columns: Columns from left to right.
        number_of_rows: Number of rows of each column.
        inputs: Number of columns with inputs.
        outputs: Number of columns with expected outputs.
    """

    columns: Sequence[Column]
    number_of_rows: int
    inputs: int
    outputs: int

    @property
    def number_of_columns(self) -> int:
        """Width of all columns together."""
        return sum(column.width for column in self.columns)

    def description(self, start_key: str, end_key: str) -> dict[str, dict[str, int]]:
        """Return the range of columns of each named group.

        Args:
            start_key: Key of the first column.
            end_key: Key of the column after the last one.
        """
        result = {}
        start = 0
        for column in self.columns:
            result[column.name] = {start_key: start, end_key: start + column.width}
            start += column.width
        return result

    def column(self, name: str) -> Column | None:
        """Return the group of this name, or None."""
        return next((column for column in self.columns if column.name == name), None)
