"""What the tests of finalizing and deleting share: small uploads, and what must become of them."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.attach import FILE_UPLOAD, attach
from conformance.checks import Violation, check
from conformance.clients.rest import Answer
from conformance.models.dataset import DatasetModel
from conformance.readback import check_dataset
from conformance.resources import Upload
from conformance.suite.material import Mnist, table
from conformance.target import Account
from conformance.workshop import Workshop


def small_upload(workshop: Workshop, kind: str, account: Account | None = None) -> tuple[Upload, DatasetModel]:
    """A small upload, every byte sent and not finalized, and the dataset that it makes."""
    contents, model = material(kind)
    upload = begin(workshop, kind, contents, account)
    upload.write_all(contents)
    return upload, model


def material(kind: str) -> tuple[dict[str, bytes], DatasetModel]:
    """The files of a small upload, and the dataset that they make."""
    if kind == "csv":
        content, model = table()
        return {"input": content}, model
    mnist = Mnist(2000, side=8)
    return mnist.contents, mnist.model


def begin(workshop: Workshop, kind: str, contents: Mapping[str, bytes], account: Account | None = None) -> Upload:
    """Begin an upload of the given files."""
    if kind == "csv":
        return workshop.csv(len(contents["input"]), account)
    return workshop.mnist(len(contents["input"]), len(contents["label"]), account)


def expect_dataset(upload: Upload, model: DatasetModel, why: str, *, values: bool = False) -> None:
    """The upload must become the dataset that it holds."""
    check(upload.wait_complete(), expected="complete = true after every byte", came="complete = false")
    answer = upload.finalize()
    check(answer.status == 200, expected=f"200 to the PUT that finalizes {why}", came=answer)
    check_dataset(upload, model, values=values)


def expect_refused(answer: Answer, why: str) -> None:
    """The answer must be a 4xx with a reason."""
    check(answer.refused and answer.text.strip(), expected=f"a 4xx with a reason: {why}", came=answer)


def expect_no_sockets(upload: Upload, state: str) -> None:
    """No file of the upload may be attached to any more."""
    for file in upload.files.values():
        try:
            attach(upload.account, file.uuid, FILE_UPLOAD).finish()
        except Violation as violation:
            check(violation.statement == "ATT-2", expected="a refusal", came=violation.came)
        else:
            wanted = f"no socket for the {file.role} file of a dataset that {state}"
            check(False, expected=wanted, came="an accepted socket")
