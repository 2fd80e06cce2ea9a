"""Content of a finalized dataset: named groups of columns of float32 values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

ALL = slice(None)
COLUMN_SIZE = 300  # bytes of a column and its name, without its values


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

    @property
    def size(self) -> int:
        """Memory of the group in bytes."""

    def rows(self, offset: int, count: int, part: slice = ALL) -> NDArray[np.float32]:
        """Return the values of rows.

        Args:
            offset: First row.
            count: Number of rows.
            part: Range within each row.

        Returns:
            The values, shape (count, width of the part), fewer rows at the end of the data.
        """


@dataclass(frozen=True, slots=True)
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

    @property
    def size(self) -> int:
        """Memory of the group in bytes."""
        return COLUMN_SIZE + self.values.nbytes

    def rows(self, offset: int, count: int, part: slice = ALL) -> NDArray[np.float32]:
        """Return the values of rows."""
        return self.values[offset : offset + count, part].astype(np.float32)


@dataclass(frozen=True, slots=True)
class OneHotColumn:
    """A column of classes in one-hot encoding.

    Attributes:
        classes: Numbers of classes below ``width``, shape (rows,).
    """

    name: str
    classes: NDArray[np.uint8]
    width: int

    @property
    def size(self) -> int:
        """Memory of the group in bytes."""
        return COLUMN_SIZE + self.classes.nbytes

    def rows(self, offset: int, count: int, part: slice = ALL) -> NDArray[np.float32]:
        """Return the values of rows."""
        classes = self.classes[offset : offset + count]
        return np.equal(classes[:, np.newaxis], np.arange(self.width)[part]).astype(np.float32)


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

    @cached_property
    def number_of_columns(self) -> int:
        """Width of all columns together."""
        return sum(column.width for column in self.columns)

    @cached_property
    def size(self) -> int:
        """Memory of all columns in bytes."""
        return sum(column.size for column in self.columns)

    def ranges(self) -> Iterator[tuple[str, int, int]]:
        """Yield the name of each named group, its first column, and the column after its last one."""
        start = 0
        for column in self.columns:
            end = start + column.width
            yield column.name, start, end
            start = end

    def column(self, name: str) -> Column | None:
        """Return the group of this name, or None."""
        return next((column for column in self.columns if column.name == name), None)
