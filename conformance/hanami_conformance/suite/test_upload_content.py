"""Upload, step 5: the content of the files."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.models.dataset import DatasetModel, csv_table
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import check_dataset
from hanami_conformance.resources.readback import check_no_rows
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.intact_uploads import expect_intact
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.sample_data import MnistSample, csv_sample, random_bytes
from hanami_conformance.suite.support.uploads import (
    expect_4xx_with_reason,
    expect_complete,
    expect_finalized_as,
    small_upload,
)

pytestmark = pytest.mark.parallel

SHAPES = [(1, 1), (1, 28), (3, 5), (40, 2), (256, 1), (700, 16), (5000, 1), (3000, 2)]  # images, and their rows


# FIN-1: after complete, PUT with uuid and the file uuids merges the files: the dataset is listed and readable, and has
# the rows and columns of the uploaded content.
@requirement("FIN-1", "FIN-2")
@pytest.mark.parametrize(
    ("count", "side"), [(1, 1), (1, 28), (3, 5), (40, 2), (256, 1), (700, 16), (5000, 1), (3000, 2)]
)
def test_images_of_any_shape_are_merged(resources: ResourceFactory, count: int, side: int) -> None:
    """A dataset of images has a row for each image with its pixels in order."""
    mnist = MnistSample(16 + count * side * side, seed=count, side=side)
    upload = resources.mnist(len(mnist.contents["input"]), len(mnist.contents["label"]))
    upload.write_all(mnist.contents)
    expect_finalized_as(upload, mnist.model, f"{count} images of {side}x{side}", values=True)


INT32: list[list[float]] = [[16777217, 123456789], [-2147483648, 2147483647]]  # not exact as float32
TABLES: dict[str, tuple[bytes, list[list[float]]]] = {
    "integers": (b"alpha,beta\n1,2\n3,4\n", [[1, 2], [3, 4]]),
    "fractions": (b"alpha,beta\n-1.5,2.25\n0.125,-0.0\n", [[-1.5, 2.25], [0.125, 0.0]]),
    "plus signs": (b"alpha,beta\n-1.5,+2.25\n+0.125,3\n", [[-1.5, 2.25], [0.125, 3]]),
    "exponents": (b"alpha,beta\n1e3,2.5e-2\n-4E+2,1e0\n", [[1000, 0.025], [-400, 1]]),
    "many digits": (
        b"alpha,beta\n3.1415927,-2.7182817\n0.00000012345678,9876543.0\n",
        [[3.1415927, -2.7182817], [1.2345678e-7, 9876543.0]],
    ),
    "numbers of forty characters": (
        b"alpha,beta\n340282346638528859811704183484516925440.0,1\n2,-170141183460469231731687303715884105728.00\n",
        [[float(np.finfo(np.float32).max), 1], [2, -(2.0**127)]],
    ),
    "zeros before its numbers": (b"alpha,beta\n007,010\n-012,0008.50\n", [[7, 10], [-12, 8.5]]),
    "points at the ends of its numbers": (b"alpha,beta\n.5,5.\n-.25,3\n", [[0.5, 5], [-0.25, 3]]),
    "blanks beside its numbers": (b"alpha,beta\n 1, 2\n3 ,4.5 \n", [[1, 2], [3, 4.5]]),
    "no newline at the end": (b"alpha,beta\n1,2\n3,45", [[1, 2], [3, 45]]),
    "lines that end in CRLF": (b"alpha,beta\r\n1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
    "integers beyond 2^24": (b"alpha,beta\n16777217,123456789\n-2147483648,2147483647\n", INT32),
    "exponents far from zero": (b"alpha,beta\n1e38,-2.5E+30\n1.5e-30,-1E-37\n", [[1e38, -2.5e30], [1.5e-30, -1e-37]]),
    "integers just beyond 32 bits": (b"alpha,beta\n2147483648,1\n2,-2147483649\n", [[2.0**31, 1], [2, -(2.0**31) - 1]]),
    "integers beyond 32 bits": (b"alpha,beta\n3000000000,4294967296\n-3000000000,5\n", [[3e9, 2.0**32], [-3e9, 5]]),
    "integers beyond 64 bits": (
        b"alpha,beta\n9223372036854775808,18446744073709551616\n-9223372036854775809,-18446744073709551616\n",
        [[2.0**63, 2.0**64], [-(2.0**63), -(2.0**64)]],
    ),
}
CRASHING = [kind for kind in TABLES if kind.startswith("integers") and kind.endswith("bits")]
# The protocol says CSV and no more: other layouts may be rejected, but accepted ones must be kept.
PLAIN = ("integers", "fractions")


# FIN-2: the content of a dataset, where it can be read, equals the uploaded content, value for value.
@requirement("FIN-2", "FIN-1")
@pytest.mark.parametrize("kind", mark_destructive(TABLES, *CRASHING))
def test_tables_keep_their_values(resources: ResourceFactory, kind: str) -> None:
    """A dataset of a table has a row for each line with its numbers as float32."""
    content, rows = TABLES[kind]
    upload = resources.csv(len(content))
    upload.write_all({"input": content})
    model = DatasetModel.from_table(("alpha", "beta"), np.array(rows, dtype=np.float32))
    if kind in PLAIN:
        expect_finalized_as(upload, model, f"a table with {kind}", values=True)
        return
    expect_complete(upload)
    answer = upload.finalize()
    if answer.rejected:
        raise Unsupported(f"the server rejects a table with {kind}: {answer}")
    require(answer.status == 200, expected=f"200 or a 4xx to the PUT of a table with {kind}", actual=answer)
    check_dataset(upload, model, values=True)


@requirement("FIN-1", "FIN-2")
@pytest.mark.parametrize("columns", [1, 300])
def test_a_table_may_be_narrow_or_wide(resources: ResourceFactory, columns: int) -> None:
    """A dataset has every column of a table, be it one or hundreds, under its name."""
    names = [f"Column_{index}" for index in range(columns)]
    values = np.random.default_rng(1).normal(size=(3, columns)).astype(np.float32)
    content = csv_table(names, values)
    upload = resources.csv(len(content))
    upload.write_all({"input": content})
    model = DatasetModel.from_table(names, values)
    expect_finalized_as(upload, model, f"a table of {columns} columns")
    answer = upload.description()
    described = answer.object().get("description")
    alike = isinstance(described, dict) and {str(name).lower() for name in described} & {name.lower() for name in names}
    if isinstance(described, dict) and alike:  # a description without any of the names is not about columns
        missing = [name for name in names if name not in described]
        require(not missing, expected=f"a column {(missing or [''])[0]!r}", actual=answer, requirement="FIN-2")
    check_dataset(upload, model, values=True)


@requirement("FIN-2", "FIN-1")
def test_a_table_of_many_lines_keeps_its_values(resources: ResourceFactory) -> None:
    """A dataset has every line of a long table."""
    content, model = csv_sample(rows=5000)
    upload = resources.csv(len(content))
    upload.write_all({"input": content})
    expect_finalized_as(upload, model, "a table of 5,000 lines", values=True)


def idx(magic: int, *numbers: int, data: bytes = b"") -> bytes:
    """Return an IDX file with any header."""
    return struct.pack(f">{len(numbers) + 1}I", magic, *numbers) + data


PIXELS = random_bytes(3 * 16)
GOOD = {"input": idx(0x803, 3, 4, 4, data=PIXELS), "label": idx(0x801, 3, data=b"\x01\x02\x03")}
BAD_IDX: dict[str, dict[str, bytes]] = {
    "images without the magic number": {**GOOD, "input": idx(0x12345678, 3, 4, 4, data=PIXELS)},
    "labels without the magic number": {**GOOD, "label": idx(0x803, 3, data=b"\x01\x02\x03")},
    "more images promised than there are": {**GOOD, "input": idx(0x803, 4, 4, 4, data=PIXELS)},
    "larger images promised than there are": {**GOOD, "input": idx(0x803, 3, 400, 400, data=PIXELS)},
    "billions of images without pixels promised": {**GOOD, "input": idx(0x803, 0xFFFFFFFF, 0, 0)},
    "billions of images promised": {**GOOD, "input": idx(0x803, 0xFFFFFFFF, 0xFFFF, 0xFFFF, data=PIXELS)},
    "pixels promised that are 2^32 times a whole number": {
        "input": idx(0x803, 1, 1 << 16, (1 << 16) + 1, data=bytes(1 << 16)),
        "label": idx(0x801, 1, data=b"\x01"),
    },
    "more labels promised than there are": {**GOOD, "label": idx(0x801, 300, data=b"\x01\x02\x03")},
    "fewer labels than images and promised": {**GOOD, "label": idx(0x801, 3, data=b"\x01\x02")},
    "fewer images than labels and promised": {**GOOD, "input": idx(0x803, 3, 4, 4, data=PIXELS[:-1])},
    "a header cut short": {**GOOD, "input": idx(0x803, 3)},
    "a single byte": {"input": b"\x00", "label": b"\x00"},
    "text": {"input": b"these are no images, nor is this a header at all", "label": b"no labels either"},
}
BILLIONS = [case for case in BAD_IDX if case.startswith(("billions", "pixels promised"))]


# FIN-6: content that is not an MNIST IDX file or not a table, and IDX headers that announce more than the file holds,
# get a 4xx; the server still serves others.
@requirement("FIN-6", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("case", mark_destructive(BAD_IDX, *BILLIONS))
def test_invalid_idx_files_are_rejected(resources: ResourceFactory, case: str) -> None:
    """A file that is not IDX, or promises more than it holds, is rejected, and the server goes on serving."""
    contents = BAD_IDX[case]
    upload = resources.mnist(len(contents["input"]), len(contents["label"]))
    expect_content_rejected(resources, upload, contents, case)


def expect_content_rejected(resources: ResourceFactory, upload: Upload, contents: dict[str, bytes], case: str) -> None:
    """Check that the content is rejected, has no rows, and does not affect the next upload."""
    upload.write_all(contents)
    expect_complete(upload)
    expect_4xx_with_reason(upload.finalize(), case)
    check_no_rows(upload, case)
    with attribute_to("FIN-6"):
        other, model = small_upload(resources, upload.kind)
    expect_intact(other, model, "another upload afterwards")


BAD_TABLES = {
    "bytes that are no text": bytes(range(128, 256)),
    "zeros": bytes(64),
    "an empty line": b"\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + random_bytes(200),
}


@requirement("FIN-6", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("case", list(BAD_TABLES))
def test_a_file_that_is_not_a_table_is_rejected(resources: ResourceFactory, case: str) -> None:
    """A file that is not a CSV table is rejected, and the server goes on serving."""
    content = BAD_TABLES[case]
    upload = resources.csv(len(content))
    expect_content_rejected(resources, upload, {"input": content}, case)
