"""Defects of tables: how these servers read a CSV file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.common import INT32
from hanami_reference_backend.faults.released.connections import ABORT, crash
from hanami_reference_backend.faults.released.finalize import internal_error
from hanami_reference_backend.faults.released.registry import HANAMI, OPENHANAMI, defect
from hanami_reference_backend.storage import csv_parser, datasets
from hanami_reference_backend.storage.dataset_content import Content, PlainColumn

MANY = 1000  # cells behind a table that hit other data
INTEGER = re.compile(r"-?[0-9]+")
DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")

Reader = Callable[[bytes], Content | None]


def _read_first(hook: Reader) -> None:
    """Let a function read a table; where it returns None, the table is read as otherwise."""

    @replace_method(datasets, "parse_csv")
    def parse_csv(original: Any, file: NDArray[np.uint8]) -> Content:
        content: Content = hook(file.tobytes()) or original(file)
        return content


@defect("FIN-6", "FIN-2")
def unreadable_cells_are_zero() -> None:
    """A table of any bytes is accepted: each cell that is not a plain number is 0.0, also those before a CRLF."""
    _lenient()


@cache
def _lenient() -> None:
    """Read tables as these servers do: lines with a comma, cells by position, names with all of their bytes."""
    _read_first(_read_leniently)


def _read_leniently(content: bytes) -> Content | None:
    names, *rows = _rows(content) or [[]]
    if not names:
        return None
    cells = [cell for row in rows for cell in (row + [""] * len(names))[: len(names)]]
    return _table(names, [_value(cell) for cell in cells])


def _rows(content: bytes) -> list[list[str]]:
    return [_cells(line) for line in content.decode("latin-1").split("\n") if "," in line]


def _table(names: Sequence[str], values: Sequence[float]) -> Content:
    table = np.array(values, dtype=np.float32).reshape(-1, len(names))
    columns = [PlainColumn(name, table[:, index : index + 1]) for index, name in enumerate(names)]
    return Content(columns, len(table), inputs=len(names), outputs=0)


def _cells(line: str) -> list[str]:
    cells = line.split(",")
    return cells[:-1] if cells and not cells[-1] else cells


def _value(cell: str) -> float:
    if cell.lower() == "true":
        return 1.0
    with np.errstate(over="ignore"):
        number = float(cell) if INTEGER.fullmatch(cell) or DECIMAL.fullmatch(cell) else 0.0
    return number if abs(number) < csv_parser.FLOAT32_LIMIT else 0.0


# Before the crashes, which are looked for first: the function that was registered last reads a table first.
@defect("FIN-2", "FIN-6", servers=[HANAMI])
def rows_of_other_lengths_shift_the_values() -> None:
    """A table with rows longer or shorter than its header is accepted, and later values move to other columns."""
    _lenient()
    _read_first(_read_shifted)


def _read_shifted(content: bytes) -> Content | None:
    names, *rows = _rows(content) or [[]]
    values = [_value(cell) for row in rows for cell in row]
    size = len(rows) * len(names)
    return None if len(values) == size else _table(names, (values + [0.0] * size)[:size])


@defect("GEN-2", "FIN-6", "FIN-2")
def integers_outside_int32_in_a_table_crash() -> None:
    """A cell with an integer outside of 32 bits crashes the server."""

    def read(content: bytes) -> Content | None:
        for number in re.findall(rb"(?<![^,\n])-?[0-9]{10,}(?![^,\n])", content.partition(b"\n")[2]):
            if int(number[:24]) not in INT32:
                crash("integers-outside-int32-in-a-table-crash", ABORT)
        return None

    _read_first(read)


@defect("GEN-2", "FIN-6", servers=[OPENHANAMI])
def names_of_columns_outside_utf_8_crash() -> None:
    """A table whose header is not UTF-8 crashes the server."""

    def read(content: bytes) -> Content | None:
        header = next((line for line in content.split(b"\n") if b"," in line), b"")
        try:
            header.decode()
        except UnicodeDecodeError:
            crash("names-of-columns-outside-utf-8-crash", ABORT)
        return None

    _read_first(read)


@defect("GEN-1", "FIN-6", "FIN-1", servers=[HANAMI])
def tables_without_a_comma_get_500() -> None:
    """The finalize of a table with a single column is answered with 500."""
    _read_first(_refuse_without_comma)


def _refuse_without_comma(content: bytes) -> None:
    if b"," not in content:
        raise internal_error()


@defect("FIN-1", "FIN-6", "GEN-1", servers=[OPENHANAMI])
def tables_without_a_comma_are_lost() -> None:
    """The finalize of a table with a single column is accepted, but then the dataset is answered with 500."""
    lost: list[Content] = []

    def read(content: bytes) -> Content | None:
        if b"," in content:
            return None
        lost.append(Content([], 0, inputs=0, outputs=0))
        return lost[-1]

    _read_first(read)

    @replace_method(datasets.DatasetStore, "dataset")
    def dataset(original: Any, *arguments: Any) -> Any:
        found = original(*arguments)
        if any(found.content is one for one in lost):
            raise internal_error()
        return found


@defect("GEN-2", "FIN-6", servers=[HANAMI])
def rows_with_many_more_cells_crash() -> None:
    """A row with many more cells than the header is written behind the table, and crashes the server."""

    def read(content: bytes) -> Content | None:
        lines = content.split(b"\n")
        if any(line.count(b",") > lines[0].count(b",") + MANY for line in lines):
            crash("rows-with-many-more-cells-crash", ABORT)
        return None

    _read_first(read)
