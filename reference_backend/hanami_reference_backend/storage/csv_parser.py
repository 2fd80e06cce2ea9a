"""Parser of CSV files: a header with the names of the columns, then rows of numbers."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.storage.dataset_content import Content, ContentError, PlainColumn

MAX_LINE = 16 * 1024 * 1024  # characters
FREE_CELLS = 16 * 1024 * 1024  # allowed in a table however small its file is
FLOAT32_LIMIT = 3.4028235677973366e38  # numbers from here on round to infinity
CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")  # a quoted name may have line breaks
WORDS = {"": 0.0, "null": 0.0, "false": 0.0, "true": 1.0}


def parse_csv(file: NDArray[np.uint8]) -> Content:
    """Parse a table (FIN-1, FIN-2).

    Args:
        file: UTF-8 bytes, with cells separated by commas and quoted as in RFC 4180, and lines that end in LF or CRLF.

    Returns:
        One column for each name in the header. Empty lines are skipped; empty and missing cells and ``null`` are 0.0.

    Raises:
        ContentError: If there is no header, a name is empty, repeated or has control characters, a row is longer than
            the header, or a cell is not a finite float32; the message has the line and the column (FIN-6).
    """
    reader = csv.reader(_lines(file), strict=True)
    try:
        names = _header(reader)
        values = _rows(reader, names, max(FREE_CELLS, len(file)))
    except UnicodeDecodeError as error:
        raise ContentError(f"line {reader.line_num + 1}: not UTF-8") from error
    except csv.Error as error:
        raise ContentError(f"line {reader.line_num}: {error}") from error
    table = np.frombuffer(values, dtype=np.float32).reshape(-1, len(names))
    columns = [PlainColumn(name, table[:, index : index + 1]) for index, name in enumerate(names)]
    return Content(columns, len(table), inputs=len(names), outputs=0)


class Rows(Protocol):
    """The type of ``csv.reader``, which is not public."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class _ArrayReader(io.RawIOBase):
    """Reads an array of bytes without a copy."""

    def __init__(self, content: NDArray[np.uint8]) -> None:
        self._rest = content.data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _lines(file: NDArray[np.uint8]) -> Iterator[str]:
    raw = io.BufferedReader(_ArrayReader(file), 64 * 1024)
    text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="\n")
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise ContentError(f"line {number}: longer than {MAX_LINE} characters")
        yield line


def _header(reader: Rows) -> list[str]:
    header = next((row for row in reader if row), None)
    if header is None:
        raise ContentError("line 1: there is no header")
    names = [name.strip() for name in header]
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        if not name:
            raise ContentError(f"line 1, column {position}: the name is empty")
        if CONTROL.search(name):
            raise ContentError(f"line 1, column {position}: the name {name[:40]!r} is not text")
        if name in seen:
            raise ContentError(f"line 1, column {position}: the name {name!r} appears twice")
        seen.add(name)
    return names


def _rows(reader: Rows, names: list[str], max_cells: int) -> array[float]:
    width = len(names)
    values: array[float] = array("f")
    for row in reader:
        if not row:
            continue
        if len(row) > width:
            raise ContentError(f"line {reader.line_num}: {len(row)} cells, but the header has {width}")
        if len(values) + width > max_cells:
            raise ContentError(f"line {reader.line_num}: more than {max_cells} cells, most of them missing")
        for position, cell in enumerate(row):
            number = parse_cell(cell)
            if number is None:
                raise ContentError(
                    f"line {reader.line_num}, column {names[position]!r}: {cell!r} is not a finite number"
                )
            values.append(number)
        values.extend([0.0] * (width - len(row)))
    return values


def parse_cell(cell: str) -> float | None:
    """Return the value of a cell, or None if it is neither a finite float32 nor one of :data:`WORDS`."""
    text = cell.strip()
    if "_" in text or not text.isascii():  # which Python's float would accept
        return None
    try:
        number = float(text)
    except ValueError:
        return WORDS.get(text.lower())
    return number if abs(number) < FLOAT32_LIMIT else None
