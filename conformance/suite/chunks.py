"""What the tests of chunks share: how a file is cut, sent, and compared with what became of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conformance.checks import check
from conformance.clients.file_socket import FileSocket
from conformance.readback import check_dataset
from conformance.resources import Upload
from conformance.suite.material import Mnist
from conformance.target import Account
from conformance.workshop import Workshop

Spans = list[tuple[int, int]]


def spans(size: int, chunk: int) -> Spans:
    """Chunks of equal size that cover a file, the last one shorter: (begin, end) each."""
    return [(begin, min(begin + chunk, size)) for begin in range(0, size, chunk)]


def send_spans(socket: FileSocket, content: bytes, wanted: Sequence[tuple[int, int]]) -> None:
    """Send parts of a file, each acknowledged before the next."""
    for begin, end in wanted:
        socket.write(begin, content[begin:end])


def expect_content(upload: Upload, mnist: Mnist, *, values: bool = False) -> None:
    """The upload must be complete, and become the dataset that its files hold.

    Args:
        upload: every byte was sent.
        mnist: its files and the dataset that they make.
        values: whether the case is about which bytes stand where; see :func:`check_dataset`.
    """
    check(upload.complete, expected="a test that sends every byte", came=f"{upload.files} incomplete")
    check(upload.wait_complete(), expected="complete = true after every byte", came="complete = false")
    answer = upload.finalize()
    check(answer.status == 200, expected="200 to the PUT that finalizes the file as it was sent", came=answer)
    check_dataset(upload, mnist.model, values=values)


def begin(workshop: Workshop, mnist: Mnist, account: Account | None = None, name: str = "") -> Upload:
    """Begin the upload of images and labels."""
    return workshop.mnist(len(mnist.contents["input"]), len(mnist.contents["label"]), account, name)


def send_labels(upload: Upload, mnist: Mnist) -> None:
    """Send the label file whole."""
    upload.write_all({"label": mnist.contents["label"]})


def shuffled(parts: Spans) -> Spans:
    """The parts in an order without a pattern, the same in every run."""
    return [parts[index] for index in np.random.default_rng(5).permutation(len(parts))]
