"""Read a finalized dataset back and compare it with its model."""

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

MOST_COLUMNS = 8  # columns of a table that are read back at most
PAGE_VALUES = 200_000  # numbers requested in one answer at most


def read_columns(upload: Upload, columns: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Read columns of a dataset back (requirement FIN-2).

    Args:
        upload: Finalized upload.
        columns: Column name to the expected values, whose shape gives the number of rows.

    Returns:
        Column name to values, float32, shape (rows, width).

    Raises:
        Violation: If the content cannot be read, or is not a table of numbers.
    """
    dialect = upload.account.target.dialect
    found: dict[str, NDArray[np.float32]] = {}
    for column, model_values in columns.items():
        rows: list[Any] = []
        # At least two pages, of unequal size, so that a server that ignores the offset is detected.
        page = min(
            dialect.content_rows, max(1, PAGE_VALUES // max(1, model_values.shape[1])), -(-3 * len(model_values) // 5)
        )
        while len(rows) < len(model_values):
            count = min(page, len(model_values) - len(rows))
            params = {
                "uuid": upload.uuid,
                "column_name": column,
                "row_offset": str(len(rows)),
                "number_of_rows": str(count),
            }
            answer = upload.account.call("dataset.content", params=params)
            data = answer.object().get("data")
            expected = f"{count} rows of column {column!r} from row {len(rows)}"
            require(isinstance(data, list) and 0 < len(data) <= count, expected=expected, actual=answer)
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
    """Compare a finalized dataset with its model, as far as the target shows its content (FIN-1, FIN-2).

    Args:
        upload: Finalized upload.
        model: Required content of the dataset.
        values: Whether the case is about the values, so that rows and columns alone are no evidence.

    Raises:
        Violation: If rows, columns or values differ.
        Unsupported: If the case is about the values and they cannot be read back; rows and columns are correct then.
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
                    model.matches(column, found),
                    expected=f"column {column!r} value for value as it was uploaded",
                    actual=first_difference(model.columns[column], found),
                )
    elif values:
        raise Unsupported("the content of a dataset cannot be read back; its rows and columns are right")


def check_no_rows(upload: Upload, what: str, requirement: str | None = None) -> None:
    """Check that an upload whose PUT was rejected is not a dataset with rows (FIN-6).

    Args:
        upload: Upload whose PUT was rejected.
        what: Content of the upload, for the report.
        requirement: Id of the violated requirement otherwise, None for the one that the test names first.

    Raises:
        Violation: If the dataset has rows.
    """
    answer = upload.description()
    described = answer.object() if answer.status == 200 else {}
    keys = upload.account.target.dialect.rows_keys
    counts = [described[key] for key in keys if isinstance(described.get(key), int)]
    require(not any(counts), expected=f"no dataset with rows from {what}", actual=answer, requirement=requirement)


def readable_columns(model: DatasetModel, described: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
    """Return the columns of the model that the target has under the same name, of many only a selection."""
    names = described.get("description")
    known = [name for name in model.columns if not isinstance(names, dict) or name in names]
    if len(known) > MOST_COLUMNS:  # each costs REST calls, so only the first, the last and some in between
        known = [known[index * (len(known) - 1) // (MOST_COLUMNS - 1)] for index in range(MOST_COLUMNS)]
    return {name: model.columns[name] for name in known}


def check_shape(answer: RestResponse, described: Mapping[str, Any], target: Target, model: DatasetModel) -> None:
    """Compare the described numbers of rows and columns with the model (FIN-1).

    Raises:
        Violation: If they differ, or the description lacks the number of rows.
    """
    rows = [described[key] for key in target.dialect.rows_keys if key in described]
    expected = f"the number of rows ({' or '.join(target.dialect.rows_keys)})"
    require(bool(rows) or target.dialect.has_content, expected=expected, actual=answer, requirement="FIN-1")
    expected = f"{model.rows} rows"
    require(all(count == model.rows for count in rows), expected=expected, actual=answer, requirement="FIN-1")
    for group in target.dialect.columns_keys:
        if all(isinstance(described.get(key), int) for key in group):
            width = sum(described[key] for key in group)
            widths = " or ".join(str(number) for number in sorted(model.widths))
            require(width in model.widths, expected=f"{widths} columns", actual=answer, requirement="FIN-1")


def first_difference(expected: NDArray[np.float32], actual: NDArray[np.float32]) -> str:
    """Describe the first difference of two tables."""
    if expected.shape[0] != actual.shape[0]:
        return f"{actual.shape[0]} rows instead of {expected.shape[0]}"
    if expected.shape != actual.shape:
        return f"{actual.shape[1]} values in a row instead of {expected.shape[1]}"
    places = np.argwhere(expected != actual)
    if not len(places):
        return "the same values"
    row, column = places[0]
    return (
        f"{len(places)} of {expected.size} values differ, the first at row {row}, value {column}: "
        f"{actual[row, column]} instead of {expected[row, column]}"
    )
