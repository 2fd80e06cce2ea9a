"""Deleting a dataset before, during and after its upload."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported, Violation
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.upload_socket import describe
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.bystander import expect_other_clients_served
from hanami_conformance.suite.support.intact_uploads import expect_intact
from hanami_conformance.suite.support.markers import alone
from hanami_conformance.suite.support.sample_data import csv_sample, random_bytes
from hanami_conformance.suite.support.uploads import (
    expect_4xx_with_reason,
    expect_no_sockets,
    small_upload,
)
from hanami_conformance.target.target import Account

pytestmark = pytest.mark.parallel

COLUMNS = {"csv": "first", "mnist": "picture"}  # of a small upload, by its kind
IN_FLIGHT = 200  # chunks that are sent before a DELETE, and whose answers are not read


def started(resources: ResourceFactory, kind: str) -> Upload:
    """Return an upload of which nothing was sent."""
    return resources.csv(1000) if kind == "csv" else resources.mnist(1000, 1000)


def partly_sent(resources: ResourceFactory, kind: str) -> Upload:
    """Return an upload of which a part was sent."""
    upload = started(resources, kind)
    socket = upload.attach(chunk_requirement="DATA-1")
    socket.write(0, random_bytes(10))
    socket.close()
    return upload


def finalized(resources: ResourceFactory, kind: str) -> Upload:
    """Return a finalized upload."""
    upload, model = small_upload(resources, kind)
    expect_intact(upload, model, "a complete upload")
    return upload


STATES: dict[str, Callable[[ResourceFactory, str], Upload]] = {
    "before its upload": started,
    "during its upload": partly_sent,
    "after its upload": lambda resources, kind: small_upload(resources, kind)[0],
    "finalized": finalized,
}


# DEL-1: deleting a dataset before, during or after its upload ends the upload: later chunks are rejected, and nothing
# of it is listed.
@requirement("DEL-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("state", list(STATES))
def test_a_deleted_dataset_is_gone(resources: ResourceFactory, kind: str, state: str) -> None:
    """A deleted dataset is gone, whatever the state of its upload."""
    upload = STATES[state](resources, kind)
    answer = upload.delete()
    require(answer.status == 200, expected="200 to the DELETE", actual=answer)
    expect_gone(upload)


def expect_gone(upload: Upload) -> None:
    """Check that a dataset has no entry, progress or files any more, and cannot be deleted or finalized."""
    listed = upload.account.call("dataset.list")
    require(upload.uuid not in listed.text, expected=f"{upload.uuid} not in the list", actual=listed)
    answers = {"GET": upload.description(), "progress": upload.progress_answer()}
    if upload.account.target.dialect.has_content:
        column = {"column_name": COLUMNS[upload.kind], "row_offset": "0", "number_of_rows": "1"}
        answers["content"] = upload.account.call("dataset.content", params={"uuid": upload.uuid, **column})
    for what, answer in answers.items():
        require(answer.status == 404, expected=f"404 to {what} of a deleted dataset", actual=answer)
    answer = upload.delete()
    require(answer.status == 404, expected="404 to a second DELETE", actual=answer)
    expect_4xx_with_reason(upload.finalize(), "the dataset is deleted")
    expect_no_sockets(upload, "is deleted")


@requirement("DEL-1")
@pytest.mark.parametrize(
    ("kind", "role"), [("csv", "input"), ("mnist", "input"), ("mnist", "label")], ids=lambda value: value
)
def test_chunks_after_a_delete_are_rejected(resources: ResourceFactory, kind: str, role: str) -> None:
    """Chunks on an open socket of either file are rejected once the dataset is deleted, by an answer or a close."""
    resources.target.connection_limit.require(2)
    upload = started(resources, kind)
    socket = upload.attach(role)
    socket.write(0, random_bytes(100))
    answer = upload.delete()
    require(answer.status == 200, expected="200 to the DELETE", actual=answer)
    try:
        socket.send(100, random_bytes(100))
        acknowledgement = socket.receive_acknowledgement()
    except Violation:
        require(socket.websocket.close_info is not None, expected="a rejection or a close", actual="neither")
    else:
        expected = "success = false after the DELETE"
        require(not acknowledgement.success, expected=expected, actual=describe(acknowledgement))
    expect_gone(upload)


@requirement("DEL-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@alone
def test_a_dataset_may_be_deleted_with_chunks_in_flight(resources: ResourceFactory, kind: str) -> None:
    """A DELETE is answered while chunks arrive, the dataset is gone, and the server goes on."""
    upload = started(resources, kind)
    socket = upload.attach()
    chunk = resources.target.dialect.codec.encode_chunk(0, random_bytes(1000))
    socket.websocket.send_without_reading([chunk] * IN_FLIGHT, f"{IN_FLIGHT} chunks of 1000 bytes at 0")
    answer = upload.delete()
    require(answer.status == 200, expected="200 to the DELETE", actual=answer)
    socket.close()
    # By the list, since some servers do not survive a GET of an unknown dataset.
    listed = upload.account.call("dataset.list")
    require(upload.uuid not in listed.text, expected=f"{upload.uuid} not in the list", actual=listed)
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)


@requirement("DEL-1", "GEN-3")
def test_another_user_cannot_delete(resources: ResourceFactory, other_account: Account) -> None:
    """Another user's DELETE gets 404 and changes nothing."""
    upload, model = small_upload(resources, "csv")
    answer = other_account.call("dataset.delete", params={"uuid": upload.uuid})
    require(answer.status == 404, expected="404: it belongs to another user", actual=answer)
    expect_intact(upload, model, "an upload after another user's DELETE")


@requirement("DEL-1")
@pytest.mark.parametrize("of", ["input", "label"])
def test_the_uuid_of_a_file_deletes_nothing(resources: ResourceFactory, of: str) -> None:
    """A DELETE with the uuid of a file is rejected, and the upload goes on."""
    upload, model = small_upload(resources, "mnist")
    answer = upload.account.call("dataset.delete", params={"uuid": upload.files[of].uuid})
    require(answer.rejected, expected=f"a 4xx: the uuid is that of the {of} file", actual=answer)
    expect_intact(upload, model, "an upload after a DELETE that was rejected")


@requirement("DEL-1")
@alone
def test_a_delete_affects_one_dataset_only(resources: ResourceFactory) -> None:
    """A DELETE affects the dataset with the uuid, and no other of the same name."""
    content, model = csv_sample()
    uploads = [resources.csv(len(content)) for _ in range(2)]
    for upload in uploads:
        upload.write_all({"input": content})
    name = uploads[0].name
    answer = upload.account.call("csv.init", body={"name": name, "input_data_size": len(content)})
    if not answer.rejected:  # names need not be unique
        uploads.append(resources.from_init_response(answer, "csv", name, {"input": len(content)}))
        uploads[-1].write_all({"input": content})
    uploads[0].delete()
    for upload in uploads[1:]:
        expect_intact(upload, model, "an upload after the DELETE of another one")


@requirement("DEL-1", "FIN-2")
@alone
def test_a_new_dataset_has_nothing_of_a_deleted_one(resources: ResourceFactory) -> None:
    """A new dataset with the name of a deleted one has its own content."""
    content, model = csv_sample(seed=1)
    old = resources.csv(len(content))
    old.write_all({"input": content})
    expect_intact(old, model, "a complete upload")
    old.delete()
    content, model = csv_sample(seed=2)
    answer = old.account.call("csv.init", body={"name": old.name, "input_data_size": len(content)})
    if answer.rejected:
        raise Unsupported(f"the name of a deleted dataset is not free: {answer}")
    new = resources.from_init_response(answer, "csv", old.name, {"input": len(content)})
    new.write_all({"input": content})
    expect_intact(new, model, "an upload with the name of a deleted dataset", values=True)
