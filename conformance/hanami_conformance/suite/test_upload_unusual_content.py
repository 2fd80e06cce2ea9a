"""Upload, step 5: content that a server may reject or keep."""

from __future__ import annotations

from http import HTTPStatus

import numpy as np
import pytest

from hanami_conformance.cases.checks import observe, require
from hanami_conformance.catalogue import requirement
from hanami_conformance.models.dataset import DatasetModel, csv_table, idx_images, idx_labels
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import FinishedUpload
from hanami_conformance.resources.readback import check_no_rows
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.intact_uploads import judge_unusual
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.sample_data import random_bytes
from hanami_conformance.suite.support.uploads import expect_complete, start_upload

pytestmark = pytest.mark.parallel


def is_kept(upload: Upload, contents: dict[str, bytes], what: str) -> bool:
    """Upload and finalize content that a server may reject, and return whether it keeps it.

    Raises:
        Violation: If the answer to the PUT is neither 200 nor a 4xx, or a rejected content has rows.
    """
    upload.write_all(contents)
    expect_complete(upload)
    answer = upload.finalize()
    kept = answer.status == HTTPStatus.OK
    require(kept or answer.rejected, expected=f"200 or a 4xx to the PUT of {what}", actual=answer)
    observe(f"PUT of {what}", answer.status)
    if not kept:
        check_no_rows(upload, what)
    return kept


ANY = float("nan")  # stands for whatever a server makes of a cell
HUGE_NUMBERS: dict[str, tuple[bytes, list[list[float]]]] = {
    "an integer of 400 digits": (b"alpha,beta\n" + b"9" * 400 + b",2\n3,4\n", [[ANY, 2], [3, 4]]),
    "a negative integer of 400 digits": (b"alpha,beta\n1,-" + b"9" * 400 + b"\n3,4\n", [[1, ANY], [3, 4]]),
    "an exponent beyond any float": (b"alpha,beta\n1e400,2\n3,4\n", [[ANY, 2], [3, 4]]),
}
CRASHING_NUMBERS = [kind for kind in HUGE_NUMBERS if "integer" in kind]


@requirement("FIN-6", "GEN-2")
@pytest.mark.may_violate("FIN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", mark_destructive(HUGE_NUMBERS, *CRASHING_NUMBERS))
def test_numbers_beyond_any_float_are_rejected_or_harm_no_other(resources: ResourceFactory, kind: str) -> None:
    """A table with a number that no float can hold is rejected, or its other cells keep their values."""
    expect_rejected_or_known(resources, f"a table with {kind}", *HUGE_NUMBERS[kind])


MANY = 3000  # cells
THREE = b"alpha,beta,gamma\n"
WIDE = b",".join(b"c%d" % index for index in range(MANY)) + b"\n"
WIDE_ROW = b",".join([b"7"] * MANY) + b"\n"
ODD_ROWS: dict[str, tuple[bytes, list[list[float]]]] = {
    "a row longer by a cell": (THREE + b"1,2,3\n4,5,6,7\n8,9,10\n", [[1, 2, 3], [ANY] * 3, [8, 9, 10]]),
    "a row shorter by a cell": (THREE + b"1,2,3\n4,5\n8,9,10\n", [[1, 2, 3], [ANY] * 3, [8, 9, 10]]),
    "a row of a single cell": (THREE + b"1,2,3\n4\n8,9,10\n", [[1, 2, 3], [ANY] * 3, [8, 9, 10]]),
    "a row shorter by thousands of cells": (
        WIDE + WIDE_ROW + b"4,5\n" + WIDE_ROW,
        [[7] * MANY, [ANY] * MANY, [7] * MANY],
    ),
    "a row longer by thousands of cells": (
        THREE + b"1,2,3\n4,5,6" + b",7" * MANY + b"\n8,9,10\n",
        [[1, 2, 3], [ANY] * 3, [8, 9, 10]],
    ),
    "a last row longer by thousands of cells": (
        THREE + b"1,2,3\n4,5,6\n8" + b",9" * MANY,
        [[1, 2, 3], [4, 5, 6], [ANY] * 3],
    ),
}
CRASHING_ROWS = [kind for kind in ODD_ROWS if "longer by thousands" in kind]


@requirement("FIN-6", "GEN-2")
@pytest.mark.may_violate("FIN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", mark_destructive(ODD_ROWS, *CRASHING_ROWS))
def test_rows_of_other_lengths_are_rejected_or_harm_no_other(resources: ResourceFactory, kind: str) -> None:
    """A table with a row longer or shorter than its header is rejected, or its other rows keep their values."""
    expect_rejected_or_known(resources, f"a table with {kind}", *ODD_ROWS[kind])


def expect_rejected_or_known(resources: ResourceFactory, what: str, content: bytes, rows: list[list[float]]) -> None:
    """Check that a table is rejected, or becomes a dataset with the rows that are known."""
    upload = start_upload(resources, {"input": content})
    if is_kept(upload, {"input": content}, what):
        names = content.partition(b"\n")[0].decode().split(",")
        expect_known_values(upload, names, np.array(rows, dtype=np.float32), what)


def expect_known_values(upload: Upload, names: list[str], values: np.ndarray, what: str) -> None:
    """Check a dataset as far as its content can be known; a server may also leave out a row that it cannot read.

    Args:
        upload: Finalized upload.
        names: Names of the columns.
        values: Values of the table, shape (rows, columns), with NaN for those that a server may choose.
        what: Description of the table, for the report.
    """
    without_odd_rows = values[~np.isnan(values).any(axis=1)]
    choices = [
        FinishedUpload(upload, DatasetModel.from_table(names, kept), what) for kept in (values, without_odd_rows)
    ]
    chosen = next((one for one in choices if one.rows.correct and one.content.correct), choices[0])
    judge_unusual(chosen, "description")
    judge_unusual(chosen, "rows")
    if chosen.is_readable:
        chosen.content.judge()


GREY = random_bytes(3 * 4)
UNUSUAL_LABELS: dict[str, list[int]] = {
    "a label of ten": [3, 10, 9],
    "a label of 255": [0, 255, 7],
    "labels of ten and more only": [10, 99, 200],
}


@requirement("FIN-6", "GEN-2")
@pytest.mark.may_violate("FIN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("kind", list(UNUSUAL_LABELS))
def test_labels_from_ten_on_are_rejected_or_kept(resources: ResourceFactory, kind: str) -> None:
    """A label file with more classes than ten digits is rejected, or each image keeps its label."""
    labels = np.array(UNUSUAL_LABELS[kind], dtype=np.uint8)
    images = np.frombuffer(GREY, dtype=np.uint8).reshape(3, 2, 2)
    contents = {"input": idx_images(images), "label": idx_labels(labels)}
    upload = start_upload(resources, contents)
    if not is_kept(upload, contents, f"images with {kind}"):
        return
    # The number of columns is not judged: that of ten labels is no mistake where a server keeps labels apart.
    finished = FinishedUpload(upload, DatasetModel.from_images(images, labels), f"images with {kind}")
    judge_unusual(finished, "description")
    judge_unusual(finished, "rows")
    if finished.is_readable:
        finished.content.judge()


UNUSUAL_IMAGES: dict[str, tuple[int, int, int]] = {  # images, rows and columns
    "images without rows": (3, 0, 4),
    "images without columns": (3, 4, 0),
    "images without rows and columns": (3, 0, 0),
    "no image at all": (0, 4, 4),
}
CRASHING_IMAGES = [kind for kind in UNUSUAL_IMAGES if "without" in kind]


@requirement("FIN-6", "GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", mark_destructive(UNUSUAL_IMAGES, *CRASHING_IMAGES))
def test_images_without_pixels_are_rejected_or_kept(resources: ResourceFactory, kind: str) -> None:
    """Files without a single pixel are rejected, or become a dataset with no more rows than labels."""
    shape = UNUSUAL_IMAGES[kind]
    images, labels = np.zeros(shape, dtype=np.uint8), np.zeros(shape[0], dtype=np.uint8)
    contents = {"input": idx_images(images), "label": idx_labels(labels)}
    upload = start_upload(resources, contents)
    if is_kept(upload, contents, kind):
        answer = upload.description()
        require(not answer.failed, expected=f"no 5xx to GET of {kind}", actual=answer, requirement="GEN-1")
        observe(f"GET of {kind}", answer.text)


@requirement("FIN-1")
@pytest.mark.may_violate("FIN-6")
def test_column_names_beyond_ascii_are_rejected_or_described(resources: ResourceFactory) -> None:
    """A table whose columns have names beyond ASCII is rejected, or it is described whole."""
    names, values = ["größe", "温度", "länge"], np.arange(6, dtype=np.float32).reshape(2, 3)
    content = csv_table(names, values)
    upload = start_upload(resources, {"input": content})
    if is_kept(upload, {"input": content}, "a table with column names beyond ASCII"):
        finished = FinishedUpload(upload, DatasetModel.from_table(names, values), "column names beyond ASCII")
        finished.aspect("description").judge()
        finished.aspect("rows").judge()


MARK = "\ufeff"  # as some programs begin a file in UTF-8


@requirement("FIN-6")
@pytest.mark.may_violate("FIN-1", "FIN-2")
def test_a_table_with_a_byte_order_mark_is_rejected_or_kept(resources: ResourceFactory) -> None:
    """A table that begins with a byte order mark is rejected, or has its columns, its rows and their values."""
    content = f"{MARK}alpha,beta\n1,2\n3,4\n".encode()
    upload = start_upload(resources, {"input": content})
    what = "a table with a byte order mark"
    if not is_kept(upload, {"input": content}, what):
        return
    described = upload.description().object().get("description")
    columns = list(described) if isinstance(described, dict) else []
    # No document says whether the mark is part of the name, and in which form.
    first = next((name for name in columns if name.endswith("alpha")), "alpha")
    observe("name of a column behind a byte order mark", repr(first))
    names = [first, "beta"]
    finished = FinishedUpload(upload, DatasetModel.from_table(names, np.array([[1, 2], [3, 4]], np.float32)), what)
    for name in ("description", "rows", "columns"):
        judge_unusual(finished, name)
    if "beta" in columns:  # a description of anything else is not about columns
        require(first in columns, expected=f"a column 'alpha' of {what}", actual=columns)
    if finished.is_readable and first == "alpha":
        finished.content.judge()
