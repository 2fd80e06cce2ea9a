"""Uploads of the cases: how files are cut and sent, and what must become of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.rest import RestResponse
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.readback import check_dataset
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.sample_data import MnistSample, csv_sample
from hanami_conformance.target.attach import FILE_UPLOAD, attach
from hanami_conformance.target.target import Account

Chunks = list[tuple[int, int]]


def small_upload(resources: ResourceFactory, kind: str, account: Account | None = None) -> tuple[Upload, DatasetModel]:
    """Return a small upload, every byte sent and not finalized, and the dataset that it makes."""
    contents, model = material(kind)
    upload = start_upload(resources, kind, contents, account)
    upload.write_all(contents)
    return upload, model


def material(kind: str) -> tuple[dict[str, bytes], DatasetModel]:
    """Return the files of a small upload, and the dataset that they make."""
    if kind == "csv":
        content, model = csv_sample()
        return {"input": content}, model
    mnist = MnistSample(2000, side=8)
    return mnist.contents, mnist.model


def start_upload(
    resources: ResourceFactory, kind: str, contents: Mapping[str, bytes], account: Account | None = None
) -> Upload:
    """Begin an upload of the given files."""
    if kind == "csv":
        return resources.csv(len(contents["input"]), account)
    return resources.mnist(len(contents["input"]), len(contents["label"]), account)


def expect_dataset(upload: Upload, model: DatasetModel, why: str, *, values: bool = False) -> None:
    """Check that the upload becomes the dataset that it holds."""
    require(upload.wait_complete(), expected="complete = true after every byte", actual="complete = false")
    answer = upload.finalize()
    require(answer.status == 200, expected=f"200 to the PUT that finalizes {why}", actual=answer)
    check_dataset(upload, model, values=values)


def expect_refused(answer: RestResponse, why: str) -> None:
    """Check that the answer is a 4xx with a reason."""
    require(answer.rejected and answer.text.strip(), expected=f"a 4xx with a reason: {why}", actual=answer)


def expect_no_sockets(upload: Upload, state: str) -> None:
    """No file of the upload may be attached to any more."""
    for file in upload.files.values():
        try:
            attach(upload.account, file.uuid, FILE_UPLOAD).close()
        except Violation as violation:
            require(violation.requirement == "ATT-2", expected="a refusal", actual=violation.actual)
        else:
            wanted = f"no socket for the {file.role} file of a dataset that {state}"
            require(False, expected=wanted, actual="an accepted socket")


def split_into_chunks(size: int, chunk: int) -> Chunks:
    """Chunks of equal size that cover a file, the last one shorter: (begin, end) each."""
    return [(begin, min(begin + chunk, size)) for begin in range(0, size, chunk)]


def send_chunks(socket: UploadSocket, content: bytes, wanted: Sequence[tuple[int, int]]) -> None:
    """Send parts of a file, each acknowledged before the next."""
    for begin, end in wanted:
        socket.write(begin, content[begin:end])


def expect_content(upload: Upload, mnist: MnistSample, *, values: bool = False) -> None:
    """Check that the upload is complete, and becomes the dataset that its files hold.

    Args:
        upload: every byte was sent.
        mnist: its files and the dataset that they make.
        values: whether the case is about which bytes stand where; see :func:`check_dataset`.
    """
    require(upload.complete, expected="a test that sends every byte", actual=f"{upload.files} incomplete")
    require(upload.wait_complete(), expected="complete = true after every byte", actual="complete = false")
    answer = upload.finalize()
    require(answer.status == 200, expected="200 to the PUT that finalizes the file as it was sent", actual=answer)
    check_dataset(upload, mnist.model, values=values)


def start_image_upload(
    resources: ResourceFactory, mnist: MnistSample, account: Account | None = None, name: str = ""
) -> Upload:
    """Begin the upload of images and labels."""
    return resources.mnist(len(mnist.contents["input"]), len(mnist.contents["label"]), account, name)


def send_labels(upload: Upload, mnist: MnistSample) -> None:
    """Send the label file whole."""
    upload.write_all({"label": mnist.contents["label"]})


def shuffled(parts: Chunks) -> Chunks:
    """Return the parts in an order without a pattern, the same in every run."""
    return [parts[index] for index in np.random.default_rng(5).permutation(len(parts))]
