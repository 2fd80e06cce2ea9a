"""Read a finalized dataset back, and compare its description with its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_conformance.cases.attribution import default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.common.text import printable_line
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.resources.finding import Finding
from hanami_conformance.resources.upload import Upload
from hanami_conformance.target.target import Target

MOST_COLUMNS = 8  # columns of a table that are read back at most
PIXELS = "picture"  # name of the columns of pixels
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
            answer = request_rows(upload, column, len(rows), count)
            data = answer.object().get("data")
            expected = f"{count} rows of column {column!r} from row {len(rows)}"
            require(isinstance(data, list) and 0 < len(data) <= count, expected=expected, actual=answer)
            rows += data if isinstance(data, list) else []
        found[column] = _table(column, rows)
    return found


def request_rows(upload: Upload, column: str, first: int, count: int) -> RestResponse:
    """Return the answer to a request for rows of a column."""
    params = {"uuid": upload.uuid, "column_name": column, "row_offset": str(first), "number_of_rows": str(count)}
    return upload.account.call("dataset.content", params=params)


def check_rows(upload: Upload, model: DatasetModel, column: str, first: int, count: int) -> None:
    """Compare consecutive rows of a column, read by one request, with the model.

    Raises:
        Violation: If they are not the rows of the model (requirement FIN-2).
    """
    with default_requirement("FIN-2"):
        answer = request_rows(upload, column, first, count)
        data = answer.object().get("data")
        expected = f"{count} rows of column {column!r} from row {first}"
        is_whole = isinstance(data, list) and len(data) == count
        require(is_whole, expected=expected, actual=answer)
        actual = _table(column, list(data or ()))
        part = model.rows_slice(first, count)
        difference = "" if part.matches(column, actual) else first_difference(part.columns[column], actual)
        require(not difference, expected=f"{expected}, value for value as uploaded", actual=difference)


def _table(column: str, rows: list[Any]) -> NDArray[np.float32]:
    cells = [row if isinstance(row, list) else [row] for row in rows]
    try:
        table = np.array(cells, dtype=np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise Violation(f"numbers in column {column!r}", printable_line(str(error))) from error
    require(table.ndim == 2, expected=f"a table of numbers in column {column!r}", actual=f"shape {table.shape}")
    return table


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


def described_rows(target: Target, model: DatasetModel, answer: RestResponse, described: Mapping[str, Any]) -> Finding:
    """Compare the described number of rows with the model; a description without any is right if there is a content."""
    keys = target.dialect.rows_keys
    rows = [described[key] for key in keys if key in described]
    if not rows:
        expected = f"the number of rows ({' or '.join(keys)})"
        return Finding("FIN-1", expected, answer, None, target.dialect.has_content)
    return Finding("FIN-1", f"{model.rows} rows", answer, rows, all(count == model.rows for count in rows))


def described_columns(
    target: Target, model: DatasetModel, answer: RestResponse, described: Mapping[str, Any]
) -> Finding:
    """Compare the described number of columns, if there is one, and the described columns of pixels with the model."""
    counts = [
        sum(described[key] for key in group)
        for group in target.dialect.columns_keys
        if all(isinstance(described.get(key), int) for key in group)
    ]
    pixels = _described_pixels(target, model, described)
    widths = " or ".join(str(number) for number in sorted(model.widths))
    correct = all(count in model.widths for count in counts) and all(
        count == model.columns[PIXELS].shape[1] for count in pixels
    )
    expected = f"{widths} columns"
    if pixels:
        expected += f", {model.columns[PIXELS].shape[1]} of them of pixels"
    return Finding("FIN-1", expected, answer, [*counts, *pixels], correct)


def _described_pixels(target: Target, model: DatasetModel, described: Mapping[str, Any]) -> list[int]:
    """Return the numbers of columns of pixels that the description of a dataset of images has.

    They are the inputs where it counts inputs and outputs apart, and the range under the name of the pixels.
    """
    if PIXELS not in model.columns:
        return []
    counts = [
        described[group[0]]
        for group in target.dialect.columns_keys
        if len(group) > 1 and all(isinstance(described.get(key), int) for key in group)
    ]
    ranges = described.get("description")
    pixels = ranges.get(PIXELS) if isinstance(ranges, dict) else None
    edges = [pixels.get(key) for key in target.dialect.column_range] if isinstance(pixels, dict) else []
    first, end = edges or (None, None)
    if isinstance(first, int) and isinstance(end, int):
        counts.append(end - first)
    return counts


def first_difference(expected: NDArray[np.float32], actual: NDArray[np.float32]) -> str:
    """Describe the first difference of two tables; NaN in the expected one stands for any value."""
    if expected.shape[0] != actual.shape[0]:
        return f"{actual.shape[0]} rows instead of {expected.shape[0]}"
    if expected.shape != actual.shape:
        return f"{actual.shape[1]} values in a row instead of {expected.shape[1]}"
    places = np.argwhere((expected != actual) & ~np.isnan(expected))
    if not len(places):
        return "the same values"
    row, column = places[0]
    return (
        f"{len(places)} of {expected.size} values differ, the first at row {row}, value {column}: "
        f"{actual[row, column]} instead of {expected[row, column]}"
    )
