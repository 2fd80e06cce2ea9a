"""Upload, step 5: the PUT that merges the files."""

from __future__ import annotations

import struct
import uuid as uuids
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from conformance.attach import FILE_UPLOAD, attach
from conformance.catalogue import statement
from conformance.checks import Unsupported, Violation, blaming, check
from conformance.clients.file_socket import describe
from conformance.clients.message import Message
from conformance.clients.rest import Answer
from conformance.models.dataset import DatasetModel
from conformance.readback import check_dataset, check_no_rows
from conformance.resources import Upload
from conformance.suite.care import with_care
from conformance.suite.material import Mnist, noise, table
from conformance.suite.mistakes import LEFT_OUT, bad_token
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


@statement("FIN-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_finalized_dataset_is_listed_and_readable(workshop: Workshop, kind: str) -> None:
    """After the PUT, the dataset is in the list and tells its rows and columns."""
    upload, model = small_upload(workshop, kind)
    expect_dataset(upload, model, "a complete upload")
    listed = upload.account.call("dataset.list")
    check(listed.status == 200 and upload.uuid in listed.text, expected=f"{upload.uuid} in the list", came=listed)


@statement("FIN-1", "FIN-2")
@pytest.mark.parametrize(("count", "side"), [(1, 1), (1, 28), (3, 5), (40, 2), (256, 1), (700, 16)])
def test_images_of_any_shape_are_merged(workshop: Workshop, count: int, side: int) -> None:
    """The dataset has a row for each image and its pixels in their order, whatever the shape of the images."""
    mnist = Mnist(16 + count * side * side, seed=count, side=side)
    upload = workshop.mnist(len(mnist.contents["input"]), len(mnist.contents["label"]))
    upload.write_all(mnist.contents)
    expect_dataset(upload, mnist.model, f"{count} images of {side}x{side}", values=True)


TABLES: dict[str, tuple[bytes, list[list[float]]]] = {
    "integers": (b"alpha,beta\n1,2\n3,4\n", [[1, 2], [3, 4]]),
    "fractions": (b"alpha,beta\n-1.5,2.25\n0.125,-0.0\n", [[-1.5, 2.25], [0.125, 0.0]]),
    "plus signs": (b"alpha,beta\n-1.5,+2.25\n+0.125,3\n", [[-1.5, 2.25], [0.125, 3]]),
    "exponents": (b"alpha,beta\n1e3,2.5e-2\n-4E+2,1e0\n", [[1000, 0.025], [-400, 1]]),
    "many digits": (
        b"alpha,beta\n3.1415927,-2.7182817\n1.2345678e-7,9876543.0\n",
        [[3.1415927, -2.7182817], [1.2345678e-7, 9876543.0]],
    ),
    "no newline at the end": (b"alpha,beta\n1,2\n3,4", [[1, 2], [3, 4]]),
    "lines that end in CRLF": (b"alpha,beta\r\n1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
}
# The protocol speaks of CSV and says no more: other layouts may be refused, but what is taken must be kept.
PLAIN = ("integers", "fractions")


@statement("FIN-2", "FIN-1")
@pytest.mark.parametrize("kind", list(TABLES))
def test_tables_keep_their_values(workshop: Workshop, kind: str) -> None:
    """The dataset has a row for each line under the header, and each cell's number, float32."""
    content, rows = TABLES[kind]
    upload = workshop.csv(len(content))
    upload.write_all({"input": content})
    model = DatasetModel.of_table(("alpha", "beta"), np.array(rows, dtype=np.float32))
    if kind in PLAIN:
        expect_dataset(upload, model, f"a table with {kind}", values=True)
        return
    check(upload.wait_complete(), expected="complete = true after every byte", came="complete = false")
    answer = upload.finalize()
    if answer.refused:
        raise Unsupported(f"the server takes no table with {kind}: {answer}")
    check(answer.status == 200, expected=f"200 or a 4xx to the PUT of a table with {kind}", came=answer)
    check_dataset(upload, model, values=True)


@statement("FIN-2", "FIN-1")
def test_a_table_of_many_lines_keeps_its_values(workshop: Workshop) -> None:
    """The dataset has every line also of a table that is read in several pieces."""
    content, model = table(rows=5000)
    upload = workshop.csv(len(content))
    upload.write_all({"input": content})
    expect_dataset(upload, model, "a table of 5,000 lines", values=True)


@statement("FIN-3")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("sent", ["nothing", "half", "all but the last byte"])
def test_finalizing_too_early_is_refused_and_destroys_nothing(workshop: Workshop, kind: str, sent: str) -> None:
    """The server refuses to finalize an incomplete upload, which can be completed and finalized afterwards."""
    contents, model = material(kind)
    upload = begin(workshop, kind, contents)
    last = list(contents)[-1]
    kept = {"nothing": 0, "half": len(contents["input"]) // 2, "all but the last byte": len(contents[last]) - 1}[sent]
    early = {role: file for role, file in contents.items() if sent.startswith("all") and role != last}
    upload.write_all(early)
    role = last if sent.startswith("all") else "input"
    socket = upload.attach(role)
    if kept:
        socket.write(0, contents[role][:kept])
    expect_refused(upload.finalize(), f"{sent} of the upload was sent")
    check(not upload.progress(), expected="complete = false after a refused PUT", came="complete = true")
    socket.write(kept, contents[role][kept:])
    socket.finish()
    upload.write_all({name: file for name, file in contents.items() if name != role and name not in early})
    expect_dataset(upload, model, "an upload that was completed after a refused PUT")


def body_without(upload: Upload, field: str, value: Any) -> dict[str, Any]:
    """The right body of the PUT, one field changed or left out."""
    body = {**upload.finalize_body(), field: value}
    return {name: content for name, content in body.items() if content is not LEFT_OUT}


WRONG_UUIDS: dict[str, Any] = {
    "unknown": str(uuids.UUID("6fa459ea-ee8a-4ca4-894e-db77e160355e")),
    "malformed": "not-a-uuid",
    "missing": LEFT_OUT,
    "null": None,
    "a number": 1,
}


@statement("FIN-4")
@pytest.mark.parametrize("field", ["uuid", "uuid_input_file", "uuid_label_file"])
@pytest.mark.parametrize("kind", list(WRONG_UUIDS))
def test_wrong_uuids_are_refused_and_destroy_nothing(workshop: Workshop, field: str, kind: str) -> None:
    """The server refuses to finalize with a uuid of nothing; the upload can still be finalized."""
    upload, model = small_upload(workshop, "mnist")
    check(upload.wait_complete(), expected="complete = true after every byte", came="complete = false")
    expect_refused(upload.finalize(body_without(upload, field, WRONG_UUIDS[kind])), f"{field} is {kind}")
    expect_dataset(upload, model, "an upload after a refused PUT")


@statement("FIN-4")
def test_swapped_files_are_refused_and_destroy_nothing(workshop: Workshop) -> None:
    """The server refuses to finalize with the label file as images and the images as labels."""
    upload, model = small_upload(workshop, "mnist")
    body = upload.finalize_body()
    body["uuid_input_file"], body["uuid_label_file"] = body["uuid_label_file"], body["uuid_input_file"]
    expect_refused(upload.finalize(body), "the files are swapped")
    expect_dataset(upload, model, "an upload after a refused PUT")


@statement("FIN-4")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("owner", ["the same user", "another user"])
def test_files_of_another_dataset_are_refused(
    workshop: Workshop, request: pytest.FixtureRequest, kind: str, owner: str
) -> None:
    """The server refuses to finalize with a file of another upload, and destroys neither."""
    account = None if owner == "the same user" else request.getfixturevalue("second")
    upload, model = small_upload(workshop, kind)
    other, other_model = small_upload(workshop, kind, account)
    for role in upload.files:
        foreign = body_without(upload, f"uuid_{role}_file", other.files[role].uuid)
        expect_refused(upload.finalize(foreign), f"the {role} file belongs to another dataset of {owner}")
    expect_dataset(upload, model, "an upload after a refused PUT")
    expect_dataset(other, other_model, "the upload whose file was named elsewhere")


@statement("FIN-4", "GEN-3")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_another_user_cannot_finalize(workshop: Workshop, second: Account, kind: str) -> None:
    """The server refuses another user's PUT for an upload, which its owner can still finalize."""
    upload, model = small_upload(workshop, kind)
    expect_refused(second.call(f"{kind}.finalize", body=upload.finalize_body()), "the upload belongs to another user")
    expect_dataset(upload, model, "an upload after another user's PUT")


@statement("FIN-4")
def test_the_path_of_the_other_kind_is_refused(workshop: Workshop) -> None:
    """The server refuses to finalize an upload on the path of the other kind, and destroys nothing."""
    for kind, other in (("csv", "mnist"), ("mnist", "csv")):
        upload, model = small_upload(workshop, kind)
        expect_refused(upload.finalize(kind=other), f"a {kind} upload on the {other} path")
        body = {"uuid": upload.uuid, "uuid_input_file": upload.files["input"].uuid}
        if other == "mnist":
            body["uuid_label_file"] = body["uuid_input_file"]
        expect_refused(upload.finalize(body, kind=other), f"a {kind} upload on the {other} path, with its fields")
        expect_dataset(upload, model, "an upload after a PUT on the wrong path")


@statement("FIN-4")
@pytest.mark.parametrize("token", ["missing", "malformed", "tampered", "expired"])
def test_finalizing_needs_a_valid_token(workshop: Workshop, token: str) -> None:
    """The server refuses a PUT whose token is not valid; the upload can still be finalized."""
    upload, model = small_upload(workshop, "csv")
    made = bad_token(token, workshop.target)
    answer = workshop.target.call("csv.finalize", body=upload.finalize_body(), token=None if made is LEFT_OUT else made)
    check(answer.status == 401, expected=f"401: the token is {token}", came=answer)
    expect_dataset(upload, model, "an upload after a PUT without a valid token")


@statement("FIN-5")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_second_put_is_refused_and_changes_nothing(workshop: Workshop, kind: str) -> None:
    """The server refuses to finalize twice; the dataset stays as it is."""
    upload, model = small_upload(workshop, kind)
    expect_dataset(upload, model, "a complete upload")
    expect_refused(upload.finalize(), "it is finalized already")
    check_dataset(upload, model)


def idx(magic: int, *numbers: int, data: bytes = b"") -> bytes:
    """The bytes of an IDX file with any header."""
    return struct.pack(f">{len(numbers) + 1}I", magic, *numbers) + data


PIXELS = noise(3 * 16)
GOOD = {"input": idx(0x803, 3, 4, 4, data=PIXELS), "label": idx(0x801, 3, data=b"\x01\x02\x03")}
BAD_IDX: dict[str, dict[str, bytes]] = {
    "images without the magic number": {**GOOD, "input": idx(0x12345678, 3, 4, 4, data=PIXELS)},
    "labels without the magic number": {**GOOD, "label": idx(0x803, 3, data=b"\x01\x02\x03")},
    "more images promised than there are": {**GOOD, "input": idx(0x803, 4, 4, 4, data=PIXELS)},
    "larger images promised than there are": {**GOOD, "input": idx(0x803, 3, 400, 400, data=PIXELS)},
    "billions of images promised": {**GOOD, "input": idx(0x803, 0xFFFFFFFF, 0xFFFF, 0xFFFF, data=PIXELS)},
    "more labels promised than there are": {**GOOD, "label": idx(0x801, 300, data=b"\x01\x02\x03")},
    "fewer labels than images and promised": {**GOOD, "label": idx(0x801, 3, data=b"\x01\x02")},
    "fewer images than labels and promised": {**GOOD, "input": idx(0x803, 3, 4, 4, data=PIXELS[:-1])},
    "a header cut short": {**GOOD, "input": idx(0x803, 3)},
    "a single byte": {"input": b"\x00", "label": b"\x00"},
    "text": {"input": b"these are no images, nor is this a header at all", "label": b"no labels either"},
}


@statement("FIN-6", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("case", with_care(BAD_IDX, "billions of images promised"))
def test_files_that_are_no_idx_are_refused(workshop: Workshop, case: str) -> None:
    """The server refuses content that is no IDX file, or promises more than it holds, and goes on serving."""
    contents = BAD_IDX[case]
    upload = workshop.mnist(len(contents["input"]), len(contents["label"]))
    upload.write_all(contents)
    check(upload.wait_complete(), expected="complete = true after every byte", came="complete = false")
    expect_refused(upload.finalize(), case)
    check_no_rows(upload, case)
    with blaming("FIN-6"):
        other, model = small_upload(workshop, "mnist")
        expect_dataset(other, model, "another upload afterwards")


BAD_TABLES = {
    "bytes that are no text": bytes(range(128, 256)),
    "zeros": bytes(64),
    "an empty line": b"\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + noise(200),
}


@statement("FIN-6", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("case", list(BAD_TABLES))
def test_a_file_that_is_no_table_is_refused(workshop: Workshop, case: str) -> None:
    """The server refuses content that is no CSV table, and goes on serving."""
    content = BAD_TABLES[case]
    upload = workshop.csv(len(content))
    upload.write_all({"input": content})
    check(upload.wait_complete(), expected="complete = true after every byte", came="complete = false")
    expect_refused(upload.finalize(), case)
    check_no_rows(upload, case)
    with blaming("FIN-6"):
        other, model = small_upload(workshop, "csv")
        expect_dataset(other, model, "another upload afterwards")


@statement("FIN-7")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_finalizing_with_the_socket_open_is_harmless(workshop: Workshop, kind: str) -> None:
    """The server finalizes also while a socket of the upload is still open, and later chunks change nothing."""
    upload, model = small_upload(workshop, kind)
    socket = upload.attach()
    expect_dataset(upload, model, "an upload with a socket open")
    socket.post(0, b"x" * 10)
    answer = socket.websocket.receive_or_end("a refusal of a chunk after the PUT, or a close")
    if isinstance(answer, Message):
        acknowledgement = socket.decode(answer)
        check(not acknowledgement.success, expected="success = false after the PUT", came=describe(acknowledgement))
    check_dataset(upload, model)


@statement("FIN-7")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_the_files_are_gone_after_finalizing(workshop: Workshop, kind: str) -> None:
    """The server knows the temporary files no more once they are merged."""
    upload, model = small_upload(workshop, kind)
    expect_dataset(upload, model, "a complete upload")
    expect_no_sockets(upload, "is finalized")


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


@statement("DEL-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("when", ["before its upload", "during its upload", "after its upload", "finalized"])
def test_a_deleted_dataset_is_gone(workshop: Workshop, kind: str, when: str) -> None:
    """The server forgets a dataset that is deleted, whatever state its upload is in."""
    upload, model = small_upload(workshop, kind)
    if when in ("before its upload", "during its upload"):
        upload = workshop.csv(1000) if kind == "csv" else workshop.mnist(1000, 1000)
    if when == "during its upload":
        socket = upload.attach()
        socket.write(0, noise(10))
        socket.finish()
    if when == "finalized":
        expect_dataset(upload, model, "a complete upload")
    answer = upload.delete()
    check(answer.status == 200, expected="200 to the DELETE", came=answer)
    expect_gone(upload)


def expect_gone(upload: Upload) -> None:
    """Nothing may be left of a dataset: no entry, no progress, no file, and nothing to delete or finalize."""
    listed = upload.account.call("dataset.list")
    check(upload.uuid not in listed.text, expected=f"{upload.uuid} not in the list", came=listed)
    for what, answer in (("GET", upload.description()), ("progress", upload.progress_answer())):
        check(answer.status == 404, expected=f"404 to {what} of a deleted dataset", came=answer)
    answer = upload.delete()
    check(answer.status == 404, expected="404 to a second DELETE", came=answer)
    expect_refused(upload.finalize(), "the dataset is deleted")
    expect_no_sockets(upload, "is deleted")


@statement("DEL-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_chunks_after_a_delete_are_refused(workshop: Workshop, kind: str) -> None:
    """The server refuses chunks on an open socket once the dataset is deleted, by an answer or a close."""
    workshop.target.budget.need(2)
    upload = workshop.csv(1000) if kind == "csv" else workshop.mnist(1000, 1000)
    socket = upload.attach()
    socket.write(0, noise(100))
    answer = upload.delete()
    check(answer.status == 200, expected="200 to the DELETE", came=answer)
    try:
        socket.post(100, noise(100))
        acknowledgement = socket.acknowledgement()
    except Violation:
        check(socket.websocket.ending is not None, expected="a refusal or a close", came="neither")
    else:
        check(not acknowledgement.success, expected="success = false after the DELETE", came=describe(acknowledgement))
    expect_gone(upload)


@statement("DEL-1", "GEN-3")
def test_another_user_cannot_delete(workshop: Workshop, second: Account) -> None:
    """The server answers 404 to another user's DELETE, which changes nothing."""
    upload, model = small_upload(workshop, "csv")
    answer = second.call("dataset.delete", params={"uuid": upload.uuid})
    check(answer.status == 404, expected="404: it belongs to another user", came=answer)
    expect_dataset(upload, model, "an upload after another user's DELETE")
