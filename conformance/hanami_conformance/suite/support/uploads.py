"""Helpers for uploads: start them, split and send their files, and check the resulting dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import FinishedUpload, completion_of, expect_readable
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.sample_data import MnistSample, csv_sample
from hanami_conformance.target.attach import FILE_UPLOAD, attach
from hanami_conformance.target.target import Account

Chunks = list[tuple[int, int]]


def small_contents(kind: str) -> tuple[dict[str, bytes], DatasetModel]:
    """Return the files of a small upload, and the dataset that they make."""
    if kind == "csv":
        content, model = csv_sample()
        return {"input": content}, model
    mnist = MnistSample(2000, side=8)
    return mnist.contents, mnist.model


def start_upload(
    resources: ResourceFactory, contents: Mapping[str, bytes], account: Account | None = None, name: str = ""
) -> Upload:
    """Start an upload of files; with a label file it is an MNIST upload, else a CSV upload."""
    if "label" in contents:
        return resources.mnist(len(contents["input"]), len(contents["label"]), account, name)
    return resources.csv(len(contents["input"]), account, name)


def small_upload(resources: ResourceFactory, kind: str, account: Account | None = None) -> tuple[Upload, DatasetModel]:
    """Return a small upload with every byte sent and not finalized, and the dataset that it makes."""
    contents, model = small_contents(kind)
    upload = start_upload(resources, contents, account)
    upload.write_all(contents)
    return upload, model


def split_into_chunks(size: int, chunk: int) -> Chunks:
    """Return chunks (begin, end) of equal size that cover a file; the last one may be shorter."""
    return [(begin, min(begin + chunk, size)) for begin in range(0, size, chunk)]


def shuffled(chunks: Chunks) -> Chunks:
    """Return the chunks in a random order, the same in every run."""
    return [chunks[index] for index in np.random.default_rng(5).permutation(len(chunks))]


def send_chunks(socket: UploadSocket, content: bytes, chunks: Sequence[tuple[int, int]]) -> None:
    """Send chunks of a file, each acknowledged before the next."""
    for begin, end in chunks:
        socket.write(begin, content[begin:end])


def send_labels(upload: Upload, mnist: MnistSample) -> None:
    """Send the complete label file."""
    upload.write_all({"label": mnist.contents["label"]})


def expect_complete(upload: Upload) -> None:
    """Check that the upload becomes complete within the deadline (requirement PROG-3)."""
    completion_of(upload).judge()


def expect_finalized_as(upload: Upload, model: DatasetModel, what: str, *, values: bool = False) -> None:
    """Check that the upload becomes complete, is finalized, and becomes the dataset of the model.

    It is for cases of the requirements that judge these (PROG-3, FIN-1, FIN-2); others use :func:`expect_intact`.

    Args:
        upload: Upload of which every byte was sent.
        model: Required content of the dataset.
        what: Description of the upload, for the report.
        values: Whether the case is about the values; see :func:`check_dataset`.
    """
    finished = FinishedUpload(upload, model, what)
    for name in finished.ASPECTS:
        finished.aspect(name).judge()
    expect_readable(finished, values=values)


def expect_4xx_with_reason(answer: RestResponse, reason: str) -> None:
    """Check that the answer is a 4xx with a reason."""
    require(answer.rejected and answer.text.strip(), expected=f"a 4xx with a reason: {reason}", actual=answer)


def expect_no_sockets(upload: Upload, state: str) -> None:
    """Check that no file of the upload accepts a socket any more."""
    for file in upload.files.values():
        try:
            attach(upload.account, file.uuid, FILE_UPLOAD).close()
        except Violation as violation:
            if violation.lasting:  # no websocket opens at all
                raise
            require(violation.requirement == "ATT-2", expected="a rejection", actual=violation.actual)
        else:
            expected = f"no socket for the {file.role} file of a dataset that {state}"
            require(False, expected=expected, actual="an accepted socket")
