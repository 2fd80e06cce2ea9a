"""Upload: announced sizes from megabytes on, and tables and images of more than usual."""

from __future__ import annotations

import numpy as np
import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ResponseTimeout, Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import FinishedUpload, expect_readable
from hanami_conformance.resources.readback import check_rows
from hanami_conformance.suite.support.markers import alone
from hanami_conformance.suite.support.sample_data import MnistSample
from hanami_conformance.suite.support.uploads import start_upload
from hanami_conformance.target.capabilities import DOUBLED_SIZES

pytestmark = pytest.mark.parallel

# Bytes of the files of the data set that the upload is named after: images, and their labels.
MNIST_FILES = {"60,000 images": (47_040_016, 60_008), "10,000 images": (7_840_016, 10_008)}
ALLOCATION_SECONDS = 60.0  # on top of the deadline, for a server that really allocates the files


@requirement("INIT-1", "INIT-3")
@pytest.mark.parametrize("images", list(MNIST_FILES))
def test_the_files_of_mnist_can_be_announced(resources: ResourceFactory, images: str) -> None:
    """An upload of the size of the real data set is accepted, and the last byte of each file can be written."""
    with attribute_to("INIT-1"):
        upload = resources.mnist(*MNIST_FILES[images])
    for role, file in upload.files.items():
        socket = upload.attach(role)
        with attribute_to("INIT-3"):
            socket.write(file.model.size - 1, b"z")
        socket.close()


@requirement("INIT-3")
@pytest.mark.hostile
@pytest.mark.destructive
@alone
def test_every_size_below_an_accepted_one_is_accepted(resources: ResourceFactory) -> None:
    """Of sizes just beyond the powers of two from 4 MiB to 2 GiB those that are rejected are the largest ones."""
    largest = 0
    for size in reversed(DOUBLED_SIZES):
        try:
            answer = announce(resources, size)
        except ResponseTimeout as timeout:
            observe(f"POST of {size} bytes", timeout)
            continue
        if answer.rejected and largest and announce(resources, largest).rejected:
            largest = 0  # the storage is full meanwhile
        expected = f"200 to a size of {size} bytes" + (f", as to {largest} bytes" if largest else ", or a 4xx")
        require(answer.status == 200 or (answer.rejected and not largest), expected=expected, actual=answer)
        observe(f"POST of {size} bytes", answer.status)
        largest = largest or (size if answer.status == 200 else 0)
    if not largest:
        raise Unsupported(f"the server rejects files of {DOUBLED_SIZES[0]} bytes and more")


def announce(resources: ResourceFactory, size: int) -> RestResponse:
    """Return the answer to the POST of a table of this size, and delete what it began."""
    account = resources.target.account
    body = {"name": resources.name("csv"), "input_data_size": size}
    answer = account.call("csv.init", body=body, extra=ALLOCATION_SECONDS)
    resources.register_unexpected(answer, "csv.init")
    if answer.status == 200:
        account.call("dataset.delete", params={"uuid": str(answer.object().get("uuid"))}, extra=ALLOCATION_SECONDS)
    return answer


COLUMNS, ROWS = 300, 480  # of a table of more than 4 MiB that costs few requests to read
READ_ROWS = 3  # at each end of a large dataset


@requirement("FIN-2", "FIN-1")
def test_the_end_of_a_table_of_several_mebibytes_is_kept(resources: ResourceFactory) -> None:
    """A dataset of a table of more than 4 MiB has every row, and the values of the last ones."""
    names = [f"column_{index}" for index in range(COLUMNS)]
    values = np.random.default_rng(1).normal(size=(ROWS, COLUMNS)).astype(np.float32)
    lines = [",".join(names), *(",".join(f"{value:.28f}" for value in row) for row in values.tolist())]
    content = ("\n".join(lines) + "\n").encode()
    model = DatasetModel.from_table(names, values)
    expect_ends(resources, {"input": content}, model, [names[0], names[-1]])


@requirement("FIN-1", "FIN-2")
def test_more_images_than_16_bits_count_are_kept(resources: ResourceFactory) -> None:
    """A dataset of more than 65,536 images has every image, and the pixels and labels of the last ones."""
    mnist = MnistSample(16 + (1 << 16) + 3, side=1)
    expect_ends(resources, mnist.contents, mnist.model, ["picture", "label"])


def expect_ends(
    resources: ResourceFactory, contents: dict[str, bytes], model: DatasetModel, columns: list[str]
) -> None:
    """Upload and finalize large files, and check the number of rows, and the values of the first and the last ones."""
    upload = start_upload(resources, contents)
    upload.write_all(contents)
    finished = FinishedUpload(upload, model, f"files of {upload.size} bytes")
    for aspect in ("completion", "merging", "description", "rows", "columns"):
        finished.aspect(aspect).judge()
    expect_readable(finished, values=True)
    for column in columns:
        for first in (0, model.rows - READ_ROWS):
            check_rows(upload, model, column, first, READ_ROWS)
