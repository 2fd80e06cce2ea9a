"""Upload, step 5: the PUT that merges the files."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hanami_conformance.cases.attribution import default_requirement, precondition
from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.upload_socket import describe
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.listing import is_listed_as
from hanami_conformance.resources.upload import Upload
from hanami_conformance.stateful.placeholders import MISSING, drop_missing
from hanami_conformance.suite.support.intact_uploads import expect_intact, expect_unchanged, stays_incomplete
from hanami_conformance.suite.support.invalid import REST_TOKENS, invalid_header_token
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_conformance.suite.support.uploads import (
    expect_4xx_with_reason,
    expect_complete,
    expect_finalized_as,
    expect_no_sockets,
    small_contents,
    small_upload,
    start_upload,
)
from hanami_conformance.target.target import Account

pytestmark = pytest.mark.parallel


@requirement("FIN-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_finalized_dataset_is_listed_and_readable(resources: ResourceFactory, kind: str) -> None:
    """A finalized dataset is in the list and has its rows and columns."""
    upload, model = small_upload(resources, kind)
    expect_finalized_as(upload, model, "a complete upload")
    listed = upload.account.call("dataset.list")
    require(listed.status == 200 and upload.uuid in listed.text, expected=f"{upload.uuid} in the list", actual=listed)


@requirement("FIN-1")
def test_each_dataset_is_listed_under_its_own_name(resources: ResourceFactory) -> None:
    """The list has each dataset in one row with its name, whatever the order of the names is."""
    name = resources.name("csv")
    uploads = []
    for end in ("c", "a", "b"):  # neither the order of the names nor its reverse
        contents, _ = small_contents("csv")
        upload = start_upload(resources, contents, name=f"{name}_{end}")
        upload.write_all(contents)
        expect_complete(upload)
        upload.finalize().object()
        uploads.append(upload)
    listed = uploads[0].account.call("dataset.list")
    for upload in uploads:
        named = is_listed_as(listed, upload.uuid, upload.name)
        require(named, expected=f"{upload.uuid} in the list, with its name {upload.name!r}", actual=listed)
        described = upload.description()
        actual = described.object().get("name", upload.name)
        require(actual == upload.name, expected=f"a description with the name {upload.name!r}", actual=described)


Part = tuple[list[str], str, int]  # files sent completely, a file sent partly, and how many of its bytes


def all_but_the_last_byte(contents: Mapping[str, bytes]) -> Part:
    """Return the part of an upload that lacks the last byte of its last file."""
    *others, last = contents
    return others, last, len(contents[last]) - 1


PARTS: dict[str, Callable[[Mapping[str, bytes]], Part]] = {
    "nothing": lambda _contents: ([], "input", 0),
    "half": lambda contents: ([], "input", len(contents["input"]) // 2),
    "all but the last byte": all_but_the_last_byte,
}


# FIN-3: PUT before complete is rejected (4xx) and destroys nothing: the upload can still be completed and finalized.
@requirement("FIN-3")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("sent", list(PARTS))
def test_finalizing_too_early_is_rejected_and_destroys_nothing(
    resources: ResourceFactory, kind: str, sent: str
) -> None:
    """A PUT of an incomplete upload is rejected, and the upload can be completed afterwards."""
    contents, model = small_contents(kind)
    upload = start_upload(resources, contents)
    complete_files, role, length = PARTS[sent](contents)
    upload.write_all({name: contents[name] for name in complete_files})
    socket = upload.attach(role)
    if length:
        socket.write(0, contents[role][:length])
    with stays_incomplete(upload, "the PUT was rejected"):
        expect_4xx_with_reason(upload.finalize(), f"{sent} of the upload was sent")
    socket.write(length, contents[role][length:])
    socket.close()
    upload.write_all({name: file for name, file in contents.items() if name not in (role, *complete_files)})
    expect_intact(upload, model, "an upload that was completed after a rejected PUT")


SENT: dict[str, Callable[[int], int]] = {  # bytes of a file of some size that are sent before
    "nothing": lambda _size: 0,
    "half": lambda size: size // 2,
    "everything": lambda size: size,
}


def send_part(upload: Upload, contents: Mapping[str, bytes], part: Callable[[int], tuple[int, int]]) -> None:
    """Send the bytes from begin to end of each file, which follow from its size."""
    for role, content in contents.items():
        begin, end = part(len(content))
        socket = upload.attach(role)
        with precondition("uploading"):
            if begin < end:
                socket.write(begin, content[begin:end])
        socket.close()


@requirement("GEN-1", "FIN-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("sent", list(SENT))
def test_reading_before_finalizing_never_gets_a_5xx(resources: ResourceFactory, kind: str, sent: str) -> None:
    """Description, content and list get no 5xx while an upload is not finalized, and do not keep it from that."""
    contents, model = small_contents(kind)
    upload = start_upload(resources, contents)
    send_part(upload, contents, lambda size: (0, SENT[sent](size)))
    requests: dict[str, dict[str, str]] = {"dataset.get": {"uuid": upload.uuid}, "dataset.list": {}}
    if upload.account.target.dialect.has_content:
        column = {"column_name": next(iter(model.columns)), "row_offset": "0", "number_of_rows": "1"}
        requests["dataset.content"] = {"uuid": upload.uuid, **column}
    for operation, params in requests.items():
        answer = upload.account.call(operation, params=params)
        expected = f"an answer below 500 to {operation} before the PUT"
        require(not answer.failed, expected=expected, actual=answer)
    send_part(upload, contents, lambda size: (SENT[sent](size), size))
    with default_requirement("FIN-1"):
        expect_intact(upload, model, "an upload that was read before")


def body_with(upload: Upload, field: str, value: Any) -> dict[str, Any]:
    """Return the valid body of the PUT with one field changed or left out."""
    return drop_missing({**upload.finalize_body(), field: value})


WRONG_UUIDS: dict[str, Any] = {
    "unknown": str(uuids.UUID("6fa459ea-ee8a-4ca4-894e-db77e160355e")),
    "malformed": "not-a-uuid",
    "missing": MISSING,
    "null": None,
    "a number": 1,
}


# FIN-4: unknown file uuids, file uuids of another dataset or user, swapped files and the path of the wrong kind are
# rejected and destroy nothing.
@requirement("FIN-4")
@pytest.mark.parametrize("field", ["uuid", "uuid_input_file", "uuid_label_file"])
@pytest.mark.parametrize("kind", list(WRONG_UUIDS))
def test_invalid_uuids_are_rejected_and_destroy_nothing(resources: ResourceFactory, field: str, kind: str) -> None:
    """A PUT with an invalid uuid is rejected, and the upload can still be finalized."""
    upload, model = small_upload(resources, "mnist")
    expect_complete(upload)
    expect_4xx_with_reason(upload.finalize(body_with(upload, field, WRONG_UUIDS[kind])), f"{field} is {kind}")
    expect_intact(upload, model, "an upload after a rejected PUT")


@requirement("FIN-4")
def test_swapped_files_are_rejected_and_destroy_nothing(resources: ResourceFactory) -> None:
    """A PUT with swapped label and image files is rejected."""
    upload, model = small_upload(resources, "mnist")
    body = upload.finalize_body()
    body["uuid_input_file"], body["uuid_label_file"] = body["uuid_label_file"], body["uuid_input_file"]
    expect_4xx_with_reason(upload.finalize(body), "the files are swapped")
    expect_intact(upload, model, "an upload after a rejected PUT")


@requirement("FIN-4")
@pytest.mark.parametrize("field", ["uuid_input_file", "uuid_label_file"])
def test_one_file_twice_is_rejected_and_destroys_nothing(resources: ResourceFactory, field: str) -> None:
    """A PUT with one file in place of both is rejected."""
    upload, model = small_upload(resources, "mnist")
    other = upload.files["label" if field == "uuid_input_file" else "input"]
    expect_4xx_with_reason(upload.finalize(body_with(upload, field, other.uuid)), f"{field} is that of the other file")
    expect_intact(upload, model, "an upload after a rejected PUT")


@requirement("FIN-4")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_resource_of_another_kind_is_no_file(resources: ResourceFactory, kind: str) -> None:
    """A PUT with the uuid of the dataset itself, or of a cluster, in place of that of a file is rejected."""
    upload, model = small_upload(resources, kind)
    expect_complete(upload)
    cluster = resources.any_cluster(ONE_BRICK)
    for role in upload.files:
        for what, uuid in (("the dataset", upload.uuid), ("a cluster", cluster.uuid)):
            body = body_with(upload, f"uuid_{role}_file", uuid)
            expect_4xx_with_reason(upload.finalize(body), f"the uuid of the {role} file is that of {what}")
    expect_intact(upload, model, "an upload after a rejected PUT")


@requirement("FIN-4", "DEL-1")
def test_files_of_a_deleted_dataset_are_rejected(resources: ResourceFactory) -> None:
    """A PUT with a file of a deleted dataset is rejected."""
    upload, model = small_upload(resources, "csv")
    gone, _ = small_upload(resources, "csv")
    gone.delete()
    body = body_with(upload, "uuid_input_file", gone.files["input"].uuid)
    expect_4xx_with_reason(upload.finalize(body), "the input file belongs to a deleted dataset")
    expect_intact(upload, model, "an upload after a rejected PUT")


@requirement("FIN-4")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("owner", ["the same user", "another user"])
def test_files_of_another_dataset_are_rejected(
    resources: ResourceFactory, request: pytest.FixtureRequest, kind: str, owner: str
) -> None:
    """A PUT with a file of another upload is rejected and destroys neither."""
    account = None if owner == "the same user" else request.getfixturevalue("other_account")
    upload, model = small_upload(resources, kind)
    other, other_model = small_upload(resources, kind, account)
    for role in upload.files:
        foreign = body_with(upload, f"uuid_{role}_file", other.files[role].uuid)
        expect_4xx_with_reason(upload.finalize(foreign), f"the {role} file belongs to another dataset of {owner}")
    expect_intact(upload, model, "an upload after a rejected PUT")
    expect_intact(other, other_model, "the upload whose file was named elsewhere")


@requirement("FIN-4", "GEN-3")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_another_user_cannot_finalize(resources: ResourceFactory, other_account: Account, kind: str) -> None:
    """Another user's PUT is rejected, and the owner can still finalize."""
    upload, model = small_upload(resources, kind)
    expect_4xx_with_reason(
        other_account.call(f"{kind}.finalize", body=upload.finalize_body()), "the upload belongs to another user"
    )
    expect_intact(upload, model, "an upload after another user's PUT")


@requirement("FIN-4")
def test_the_path_of_the_other_kind_is_rejected(resources: ResourceFactory) -> None:
    """A PUT on the path of the other kind is rejected and destroys nothing."""
    for kind, other in (("csv", "mnist"), ("mnist", "csv")):
        upload, model = small_upload(resources, kind)
        expect_4xx_with_reason(upload.finalize(kind=other), f"a {kind} upload on the {other} path")
        body = {"uuid": upload.uuid, "uuid_input_file": upload.files["input"].uuid}
        if other == "mnist":
            body["uuid_label_file"] = body["uuid_input_file"]
        expect_4xx_with_reason(
            upload.finalize(body, kind=other), f"a {kind} upload on the {other} path, with its fields"
        )
        expect_intact(upload, model, "an upload after a PUT on the wrong path")


@requirement("FIN-4")
@pytest.mark.parametrize("token", REST_TOKENS)
def test_finalizing_needs_a_valid_token(resources: ResourceFactory, token: str) -> None:
    """A PUT without a valid token is rejected, and the upload can still be finalized."""
    upload, model = small_upload(resources, "csv")
    answer = resources.target.call(
        "csv.finalize", body=upload.finalize_body(), token=invalid_header_token(token, resources.target)
    )
    require(answer.status == 401, expected=f"401: the token is {token}", actual=answer)
    expect_intact(upload, model, "an upload after a PUT without a valid token")


# FIN-5: a second PUT is rejected and leaves the dataset unchanged.
@requirement("FIN-5")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_second_put_is_rejected_and_changes_nothing(resources: ResourceFactory, kind: str) -> None:
    """A second PUT is rejected and does not change the dataset."""
    upload, model = small_upload(resources, kind)
    dataset = expect_intact(upload, model, "a complete upload")
    expect_4xx_with_reason(upload.finalize(), "it is finalized already")
    expect_unchanged(dataset, "the second PUT")


# FIN-7: finalizing with the upload socket still open is harmless; the temporary files are gone afterwards.
@requirement("FIN-7")
@pytest.mark.parametrize(
    ("kind", "role"), [("csv", "input"), ("mnist", "input"), ("mnist", "label")], ids=lambda value: value
)
def test_finalizing_with_the_socket_open_is_harmless(resources: ResourceFactory, kind: str, role: str) -> None:
    """A PUT with a socket of either file open succeeds, and later chunks change nothing."""
    upload, model = small_upload(resources, kind)
    socket = upload.attach(role)
    dataset = expect_intact(upload, model, "an upload with a socket open")
    socket.send(0, b"x" * 10)
    answer = socket.websocket.receive_or_close("a rejection of a chunk after the PUT, or a close")
    if isinstance(answer, Message):
        acknowledgement = socket.decode(answer)
        require(not acknowledgement.success, expected="success = false after the PUT", actual=describe(acknowledgement))
    expect_unchanged(dataset, "a chunk after the PUT")


@requirement("FIN-7")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_the_files_are_gone_after_finalizing(resources: ResourceFactory, kind: str) -> None:
    """The temporary files are gone after the PUT."""
    upload, model = small_upload(resources, kind)
    expect_intact(upload, model, "a complete upload")
    expect_no_sockets(upload, "is finalized")
