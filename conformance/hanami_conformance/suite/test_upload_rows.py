"""Upload, step 5: rows and columns of a finalized dataset, as they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.models.dataset import DatasetModel, csv_table
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import FinishedUpload, expect_readable
from hanami_conformance.resources.readback import check_rows, request_rows
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.uploads import small_contents, start_upload

pytestmark = pytest.mark.parallel

# First row and number of rows: one first row with other numbers, in both directions, and one number elsewhere.
RANGES = [(0, 1), (0, 20), (0, 3), (5, 15), (5, 2), (5, 15), (19, 1), (2, 2), (3, 2), (0, 20), (0, 1)]


def readable(resources: ResourceFactory, contents: dict[str, bytes], model: DatasetModel, what: str) -> Upload:
    """Return a finalized upload whose content can be read.

    Raises:
        Unsupported: If the target lets no content be read.
    """
    upload = start_upload(resources, contents)
    upload.write_all(contents)
    finished = FinishedUpload(upload, model, what)
    for aspect in ("completion", "merging", "description"):
        finished.aspect(aspect).judge()
    expect_readable(finished, values=True)
    return upload


@requirement("FIN-2", "FIN-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_each_range_of_rows_has_its_own_values(resources: ResourceFactory, kind: str) -> None:
    """A request for rows gets as many as it asks for, from its first one on, whatever was asked for before."""
    contents, model = small_contents(kind)
    upload = readable(resources, contents, model, "a small upload")
    for first, count in RANGES:
        for column in model.columns:
            check_rows(upload, model, column, first, count)


@requirement("FIN-2")
def test_no_rows_are_none_or_a_mistake(resources: ResourceFactory) -> None:
    """A request for no row at all gets no row, or a 4xx, also right after one that got rows."""
    contents, model = small_contents("csv")
    upload = readable(resources, contents, model, "a small upload")
    check_rows(upload, model, "first", 0, 2)
    answer = request_rows(upload, "first", 0, 0)
    no_row = answer.status == 200 and answer.object().get("data") == []
    require(answer.rejected or no_row, expected="no row, or a 4xx, to number_of_rows = 0", actual=answer)
    check_rows(upload, model, "first", 0, 2)


COLUMNS = 130  # more than 2^7


@requirement("FIN-2", "FIN-1")
def test_every_column_of_a_wide_table_is_its_own(resources: ResourceFactory) -> None:
    """Each column of a table of more than a hundred has its own values under its own name."""
    names = [f"Column_{index}" for index in range(COLUMNS)]
    values = np.arange(COLUMNS, dtype=np.float32).reshape(1, COLUMNS) + np.float32(0.5)
    model = DatasetModel.from_table(names, values)
    upload = readable(resources, {"input": csv_table(names, values)}, model, f"a table of {COLUMNS} columns")
    for name in names:
        check_rows(upload, model, name, 0, 1)


NAMES = {
    "a blank": "first value",
    "a dash": "first-value",
    "letters beyond ASCII": "größe",
    "letters beyond two bytes": "温度",
    "characters of a query": "a&b=c+d",
    "a percent sign": "share%20of",
    "characters of a path": "a/b?c#d",
}


@requirement("FIN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("has", list(NAMES))
def test_a_column_is_found_under_the_name_that_is_described(resources: ResourceFactory, has: str) -> None:
    """A column that the description names has its values under that name, if a request may contain it."""
    names, values = [NAMES[has], "other"], np.array([[1.5, 2.5], [3.5, 4.5]], dtype=np.float32)
    content = csv_table(names, values)
    upload = start_upload(resources, {"input": content})
    upload.write_all({"input": content})
    finished = FinishedUpload(upload, DatasetModel.from_table(names, values), f"a column whose name has {has}")
    finished.completion.judge()
    if not finished.merging.correct or not finished.description.correct:
        raise Unsupported(f"the server keeps no table with a column whose name has {has}: {finished.merging.actual}")
    expect_readable(finished, values=True)
    expect_column(upload, finished.model, NAMES[has])


def expect_column(upload: Upload, model: DatasetModel, name: str) -> None:
    """Check the values of a column that may have a name that no request can contain.

    Raises:
        Violation: If its values differ, or the server does not know it although it describes it.
        Unsupported: If the server does not describe it, or rejects the request otherwise than as unknown.
    """
    described = upload.description().object().get("description")
    if isinstance(described, dict) and name not in described:
        raise Unsupported(f"the description has no column {name!r}")
    answer = request_rows(upload, name, 0, model.rows)
    if answer.rejected and not (isinstance(described, dict) and is_unknown(answer)):
        raise Unsupported(f"the server rejects a request for the column {name!r}: {answer}")
    check_rows(upload, model, name, 0, model.rows)


def is_unknown(answer: RestResponse) -> bool:
    """Whether an answer says that there is no such column."""
    return answer.status == 404
