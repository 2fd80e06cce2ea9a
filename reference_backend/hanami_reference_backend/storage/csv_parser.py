"""Parser of CSV files: a header with the names of the columns, then rows of numbers."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.storage.dataset_content import Content, ContentError, PlainColumn

# Characters of a row, in one line or several. A row is split at once, and nobody else is served meanwhile.
MAX_ROW = 2 * 1024 * 1024
MAX_COLUMNS = 100_000
FREE_CELLS = 4 * 1024 * 1024  # allowed in a table however small its file is
FLOAT32_LIMIT = 3.4028235677973366e38  # numbers from here on round to infinity
CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # a quoted name may have line breaks
LINE_END = re.compile("\r\n|\r|\n")
WORDS = {"": 0.0, "null": 0.0, "false": 0.0, "true": 1.0}

Row = tuple[int, list[str]]  # number of its first line, and its cells


def parse_csv(file: NDArray[np.uint8]) -> Content:
    """Parse a table (FIN-1, FIN-2).

    Args:
        file: UTF-8 bytes, with cells separated by commas and quoted as in RFC 4180, and lines that end in LF, CRLF or
            CR.

    Returns:
        One column for each name in the header. Lines of blanks are skipped; empty and missing cells and ``null`` are
        0.0.

    Raises:
        ContentError: If there is no header or no row, a name is empty, repeated or has control characters, a row is
            longer than the header or than a limit, or a cell is not a finite float32; the message has the line and the
            column (FIN-6).
    """
    rows = _rows(file)
    names = _header(rows)
    values = _values(rows, names, max(FREE_CELLS, len(file)))
    if not values:
        # A line alone may be any text: what is no table must not become one.
        raise ContentError("there are no rows behind the header")
    table = np.frombuffer(values, dtype=np.float32).reshape(-1, len(names))
    columns = [PlainColumn(name, table[:, index : index + 1]) for index, name in enumerate(names)]
    return Content(columns, len(table), inputs=len(names), outputs=0)


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


class _Lines:
    """The lines of a file.

    Attributes:
        row: Characters that the row of the next line has already; set to 0 before each row.
    """

    def __init__(self, file: NDArray[np.uint8]) -> None:
        raw = io.BufferedReader(_ArrayReader(file), 64 * 1024)
        # Bytes that are not UTF-8 become surrogates, so that their line is known; decoding runs ahead of the lines.
        self._text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._number = 0
        self.row = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW + 1)
        if not line:
            raise StopIteration
        self._number += 1
        self.row += len(line)
        if self.row > MAX_ROW:
            raise ContentError(f"line {self._number}: the row is longer than {MAX_ROW} characters")
        try:
            line.encode()
        except UnicodeEncodeError as error:
            byte = ord(line[error.start]) & 0xFF
            raise ContentError(f"line {self._number}: the byte {byte:#04x} is not UTF-8") from error
        return line


def _rows(file: NDArray[np.uint8]) -> Iterator[Row]:
    """Yield the header and the rows of a table, without the lines of blanks."""
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.row = 0
        first = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = reader.line_num
            place = f"line {first}" if first == last else f"lines {first} to {last}"
            raise ContentError(f"{place}: {error}") from error
        if cells and not (len(cells) == 1 and cells[0].isspace()):
            yield first, cells


def _header(rows: Iterator[Row]) -> list[str]:
    first, header = next(rows, (0, []))
    if not header:
        raise ContentError("there is no header: all lines are empty")
    if len(header) > MAX_COLUMNS:
        raise ContentError(f"line {first}: {len(header)} columns are more than {MAX_COLUMNS}")
    names: dict[str, None] = {}
    for index, cell in enumerate(header):
        name = cell.strip()
        mistake = ""
        if not name:
            mistake = "the name is empty"
        elif CONTROL.search(name):
            mistake = f"the name {name[:40]!r} is not text"
        elif name in names:
            mistake = f"the name {name!r} appears twice"
        if mistake:
            raise ContentError(f"line {_line_of(first, header, index)}, column {index + 1}: {mistake}")
        names[name] = None
    return list(names)


def _values(rows: Iterator[Row], names: list[str], max_cells: int) -> array[float]:
    width = len(names)
    values: array[float] = array("f")
    for first, cells in rows:
        if len(cells) > width:
            raise ContentError(f"line {first}: {len(cells)} cells, but the header has {width}")
        if len(values) + width > max_cells:
            raise ContentError(f"line {first}: more than {max_cells} cells, most of them missing")
        for index, cell in enumerate(cells):
            number = parse_cell(cell)
            if number is None:
                place = f"line {_line_of(first, cells, index)}, column {names[index]!r}"
                raise ContentError(f"{place}: {cell!r} is not a finite number")
            values.append(number)
        values.extend([0.0] * (width - len(cells)))
    return values


def _line_of(first: int, cells: list[str], index: int) -> int:
    """Return the line in which a cell begins; quoted cells before it may have line ends."""
    return first + sum(len(LINE_END.findall(cell)) for cell in cells[:index])


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
