"""Reading a finalized dataset back, and comparing it with its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported, Violation
from hanami_conformance.clients.rest import RestResponse
from hanami_conformance.common.text import printable_line
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.resources.upload import Upload
from hanami_conformance.target.target import Target

MOST_COLUMNS = 8  # of a table that are read back
PAGE_VALUES = 200_000  # most numbers asked for in one answer


def read_columns(upload: Upload, columns: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Read a dataset back (requirement FIN-2).

    Args:
        upload: finalized.
        columns: column name to the values that are expected; tells which to read and how many rows there are.

    Returns:
        Column name to values, float32, shape (rows, width).

    Raises:
        Violation: the content cannot be read, or is no table of numbers.
    """
    dialect = upload.account.target.dialect
    found: dict[str, NDArray[np.float32]] = {}
    for column, wanted in columns.items():
        rows: list[Any] = []
        # At least two pages, of unequal size: an offset that is ignored shows.
        page = min(dialect.content_rows, max(1, PAGE_VALUES // max(1, wanted.shape[1])), -(-3 * len(wanted) // 5))
        while len(rows) < len(wanted):
            count = min(page, len(wanted) - len(rows))
            params = {
                "uuid": upload.uuid,
                "column_name": column,
                "row_offset": str(len(rows)),
                "number_of_rows": str(count),
            }
            answer = upload.account.call("dataset.content", params=params)
            data = answer.object().get("data")
            require(
                isinstance(data, list) and 0 < len(data) <= count,
                expected=f"{count} rows of column {column!r} from row {len(rows)}",
                actual=answer,
            )
            rows += data if isinstance(data, list) else []
        found[column] = _table(column, rows)
    return found


def _table(column: str, rows: list[Any]) -> NDArray[np.float32]:
    cells = [row if isinstance(row, list) else [row] for row in rows]
    try:
        table = np.array(cells, dtype=np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise Violation(f"numbers in column {column!r}", printable_line(str(error))) from error
    require(table.ndim == 2, expected=f"a table of numbers in column {column!r}", actual=f"shape {table.shape}")
    return table


def check_dataset(upload: Upload, model: DatasetModel, *, values: bool = False) -> None:
    """Compare a finalized dataset with its model, as far as the target lets it be seen (FIN-1, FIN-2).

    Args:
        upload: finalized.
        model: what it must hold.
        values: whether the case is about the values, so that rows and columns alone prove nothing.

    Raises:
        Violation: rows, columns or values differ.
        Unsupported: the case is about the values, and they cannot be read back; rows and columns are right.
    """
    target = upload.account.target
    with default_requirement("FIN-1"):
        answer = upload.description()
        described = answer.object()
    check_shape(answer, described, target, model)
    columns = readable_columns(model, described)
    if columns and target.serves_content(upload.account, upload.uuid, next(iter(columns))):
        with attribute_to("FIN-2"):
            for column, found in read_columns(upload, columns).items():
                require(
                    model.agrees(column, found),
                    expected=f"column {column!r} value for value as it was uploaded",
                    actual=first_difference(model.columns[column], found),
                )
    elif values:
        raise Unsupported("the content of a dataset cannot be read back; its rows and columns are right")


def check_no_rows(upload: Upload, what: str, requirement: str | None = None) -> None:
    """Check that a dataset that was refused cannot be read as if it were one (FIN-6).

    Args:
        upload: whose PUT was refused.
        what: it holds, for the report.
        requirement: id of the requirement that is broken otherwise, None for the one that the test names first.

    Raises:
        Violation: it has rows.
    """
    answer = upload.description()
    told = answer.object() if answer.status == 200 else {}
    counts = [told[key] for key in upload.account.target.dialect.rows_keys if isinstance(told.get(key), int)]
    require(not any(counts), expected=f"no dataset with rows from {what}", actual=answer, requirement=requirement)


def readable_columns(model: DatasetModel, described: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
    """Return the columns to read back: those that the target has under the names of the model, of many only some."""
    names = described.get("description")
    known = [name for name in model.columns if not isinstance(names, dict) or name in names]
    if len(known) > MOST_COLUMNS:  # each costs REST calls: the first, the last, and some between
        known = [known[index * (len(known) - 1) // (MOST_COLUMNS - 1)] for index in range(MOST_COLUMNS)]
    return {name: model.columns[name] for name in known}


def check_shape(answer: RestResponse, described: Mapping[str, Any], target: Target, model: DatasetModel) -> None:
    """Compare the announced numbers of rows and columns with the model (FIN-1).

    Raises:
        Violation: they differ, or are not told at all.
    """
    rows = [described[key] for key in target.dialect.rows_keys if key in described]
    require(
        bool(rows) or target.dialect.has_content,
        expected=f"the number of rows ({' or '.join(target.dialect.rows_keys)})",
        actual=answer,
        requirement="FIN-1",
    )
    require(
        all(count == model.rows for count in rows), expected=f"{model.rows} rows", actual=answer, requirement="FIN-1"
    )
    for group in target.dialect.columns_keys:
        if all(isinstance(described.get(key), int) for key in group):
            width = sum(described[key] for key in group)
            wanted = " or ".join(str(number) for number in sorted(model.widths))
            require(width in model.widths, expected=f"{wanted} columns", actual=answer, requirement="FIN-1")


def first_difference(wanted: NDArray[np.float32], actual: NDArray[np.float32]) -> str:
    """Where two tables differ first, in words."""
    if wanted.shape[0] != actual.shape[0]:
        return f"{actual.shape[0]} rows instead of {wanted.shape[0]}"
    if wanted.shape != actual.shape:
        return f"{actual.shape[1]} values in a row instead of {wanted.shape[1]}"
    places = np.argwhere(wanted != actual)
    if not len(places):
        return "the same values"
    row, column = places[0]
    return (
        f"{len(places)} of {wanted.size} values differ, the first at row {row}, value {column}: "
        f"{actual[row, column]} instead of {wanted[row, column]}"
    )
