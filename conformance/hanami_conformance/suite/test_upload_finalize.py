"""Upload, step 5: the PUT that merges the files."""

from __future__ import annotations

import uuid as uuids
from typing import Any

import pytest

from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.upload_socket import describe
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.readback import check_dataset
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.invalid import OMITTED, invalid_token
from hanami_conformance.suite.support.uploads import (
    expect_dataset,
    expect_no_sockets,
    expect_refused,
    material,
    small_upload,
    start_upload,
)
from hanami_conformance.target.target import Account


@requirement("FIN-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_finalized_dataset_is_listed_and_readable(resources: ResourceFactory, kind: str) -> None:
    """After the PUT, the dataset is in the list and tells its rows and columns."""
    upload, model = small_upload(resources, kind)
    expect_dataset(upload, model, "a complete upload")
    listed = upload.account.call("dataset.list")
    require(listed.status == 200 and upload.uuid in listed.text, expected=f"{upload.uuid} in the list", actual=listed)


# FIN-3: PUT before complete is refused (4xx) and destroys nothing: the upload can still be completed and finalized.
@requirement("FIN-3")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("sent", ["nothing", "half", "all but the last byte"])
def test_finalizing_too_early_is_refused_and_destroys_nothing(resources: ResourceFactory, kind: str, sent: str) -> None:
    """The server refuses to finalize an incomplete upload, which can be completed and finalized afterwards."""
    contents, model = material(kind)
    upload = start_upload(resources, kind, contents)
    last = list(contents)[-1]
    kept = {"nothing": 0, "half": len(contents["input"]) // 2, "all but the last byte": len(contents[last]) - 1}[sent]
    early = {role: file for role, file in contents.items() if sent.startswith("all") and role != last}
    upload.write_all(early)
    role = last if sent.startswith("all") else "input"
    socket = upload.attach(role)
    if kept:
        socket.write(0, contents[role][:kept])
    expect_refused(upload.finalize(), f"{sent} of the upload was sent")
    require(not upload.progress(), expected="complete = false after a refused PUT", actual="complete = true")
    socket.write(kept, contents[role][kept:])
    socket.close()
    upload.write_all({name: file for name, file in contents.items() if name != role and name not in early})
    expect_dataset(upload, model, "an upload that was completed after a refused PUT")


def body_without(upload: Upload, field: str, value: Any) -> dict[str, Any]:
    """The right body of the PUT, one field changed or left out."""
    body = {**upload.finalize_body(), field: value}
    return {name: content for name, content in body.items() if content is not OMITTED}


WRONG_UUIDS: dict[str, Any] = {
    "unknown": str(uuids.UUID("6fa459ea-ee8a-4ca4-894e-db77e160355e")),
    "malformed": "not-a-uuid",
    "missing": OMITTED,
    "null": None,
    "a number": 1,
}


# FIN-4: unknown file uuids, file uuids of another dataset or user, swapped files and the wrong kind's path are
# refused and destroy nothing.
@requirement("FIN-4")
@pytest.mark.parametrize("field", ["uuid", "uuid_input_file", "uuid_label_file"])
@pytest.mark.parametrize("kind", list(WRONG_UUIDS))
def test_wrong_uuids_are_refused_and_destroy_nothing(resources: ResourceFactory, field: str, kind: str) -> None:
    """The server refuses to finalize with a uuid of nothing; the upload can still be finalized."""
    upload, model = small_upload(resources, "mnist")
    require(upload.wait_complete(), expected="complete = true after every byte", actual="complete = false")
    expect_refused(upload.finalize(body_without(upload, field, WRONG_UUIDS[kind])), f"{field} is {kind}")
    expect_dataset(upload, model, "an upload after a refused PUT")


@requirement("FIN-4")
def test_swapped_files_are_refused_and_destroy_nothing(resources: ResourceFactory) -> None:
    """The server refuses to finalize with the label file as images and the images as labels."""
    upload, model = small_upload(resources, "mnist")
    body = upload.finalize_body()
    body["uuid_input_file"], body["uuid_label_file"] = body["uuid_label_file"], body["uuid_input_file"]
    expect_refused(upload.finalize(body), "the files are swapped")
    expect_dataset(upload, model, "an upload after a refused PUT")


@requirement("FIN-4")
@pytest.mark.parametrize("field", ["uuid_input_file", "uuid_label_file"])
def test_one_file_twice_is_refused_and_destroys_nothing(resources: ResourceFactory, field: str) -> None:
    """The server refuses to finalize with one file in the place of both."""
    upload, model = small_upload(resources, "mnist")
    other = upload.files["label" if field == "uuid_input_file" else "input"]
    expect_refused(upload.finalize(body_without(upload, field, other.uuid)), f"{field} is that of the other file")
    expect_dataset(upload, model, "an upload after a refused PUT")


@requirement("FIN-4", "DEL-1")
def test_files_of_a_deleted_dataset_are_refused(resources: ResourceFactory) -> None:
    """The server refuses to finalize with a file whose dataset was deleted."""
    upload, model = small_upload(resources, "csv")
    gone, _ = small_upload(resources, "csv")
    gone.delete()
    body = body_without(upload, "uuid_input_file", gone.files["input"].uuid)
    expect_refused(upload.finalize(body), "the input file belongs to a deleted dataset")
    expect_dataset(upload, model, "an upload after a refused PUT")


@requirement("FIN-4")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("owner", ["the same user", "another user"])
def test_files_of_another_dataset_are_refused(
    resources: ResourceFactory, request: pytest.FixtureRequest, kind: str, owner: str
) -> None:
    """The server refuses to finalize with a file of another upload, and destroys neither."""
    account = None if owner == "the same user" else request.getfixturevalue("other_account")
    upload, model = small_upload(resources, kind)
    other, other_model = small_upload(resources, kind, account)
    for role in upload.files:
        foreign = body_without(upload, f"uuid_{role}_file", other.files[role].uuid)
        expect_refused(upload.finalize(foreign), f"the {role} file belongs to another dataset of {owner}")
    expect_dataset(upload, model, "an upload after a refused PUT")
    expect_dataset(other, other_model, "the upload whose file was named elsewhere")


@requirement("FIN-4", "GEN-3")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_another_user_cannot_finalize(resources: ResourceFactory, other_account: Account, kind: str) -> None:
    """The server refuses another user's PUT for an upload, which its owner can still finalize."""
    upload, model = small_upload(resources, kind)
    expect_refused(
        other_account.call(f"{kind}.finalize", body=upload.finalize_body()), "the upload belongs to another user"
    )
    expect_dataset(upload, model, "an upload after another user's PUT")


@requirement("FIN-4")
def test_the_path_of_the_other_kind_is_refused(resources: ResourceFactory) -> None:
    """The server refuses to finalize an upload on the path of the other kind, and destroys nothing."""
    for kind, other in (("csv", "mnist"), ("mnist", "csv")):
        upload, model = small_upload(resources, kind)
        expect_refused(upload.finalize(kind=other), f"a {kind} upload on the {other} path")
        body = {"uuid": upload.uuid, "uuid_input_file": upload.files["input"].uuid}
        if other == "mnist":
            body["uuid_label_file"] = body["uuid_input_file"]
        expect_refused(upload.finalize(body, kind=other), f"a {kind} upload on the {other} path, with its fields")
        expect_dataset(upload, model, "an upload after a PUT on the wrong path")


@requirement("FIN-4")
@pytest.mark.parametrize("token", ["missing", "malformed", "tampered", "expired"])
def test_finalizing_needs_a_valid_token(resources: ResourceFactory, token: str) -> None:
    """The server refuses a PUT whose token is not valid; the upload can still be finalized."""
    upload, model = small_upload(resources, "csv")
    made = invalid_token(token, resources.target)
    answer = resources.target.call("csv.finalize", body=upload.finalize_body(), token=None if made is OMITTED else made)
    require(answer.status == 401, expected=f"401: the token is {token}", actual=answer)
    expect_dataset(upload, model, "an upload after a PUT without a valid token")


# FIN-5: a second PUT is refused and leaves the dataset as it is.
@requirement("FIN-5")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_second_put_is_refused_and_changes_nothing(resources: ResourceFactory, kind: str) -> None:
    """The server refuses to finalize twice; the dataset stays as it is."""
    upload, model = small_upload(resources, kind)
    expect_dataset(upload, model, "a complete upload")
    expect_refused(upload.finalize(), "it is finalized already")
    check_dataset(upload, model)


# FIN-7: finalize with the upload socket still open is harmless; the temp files are gone afterwards.
@requirement("FIN-7")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_finalizing_with_the_socket_open_is_harmless(resources: ResourceFactory, kind: str) -> None:
    """The server finalizes also while a socket of the upload is still open, and later chunks change nothing."""
    upload, model = small_upload(resources, kind)
    socket = upload.attach()
    expect_dataset(upload, model, "an upload with a socket open")
    socket.send(0, b"x" * 10)
    answer = socket.websocket.receive_or_close("a refusal of a chunk after the PUT, or a close")
    if isinstance(answer, Message):
        acknowledgement = socket.decode(answer)
        require(not acknowledgement.success, expected="success = false after the PUT", actual=describe(acknowledgement))
    check_dataset(upload, model)


@requirement("FIN-7")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_the_files_are_gone_after_finalizing(resources: ResourceFactory, kind: str) -> None:
    """The server knows the temporary files no more once they are merged."""
    upload, model = small_upload(resources, kind)
    expect_dataset(upload, model, "a complete upload")
    expect_no_sockets(upload, "is finalized")
