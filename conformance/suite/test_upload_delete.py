"""Deleting a dataset before, during and after its upload."""

from __future__ import annotations

import pytest

from conformance.catalogue import statement
from conformance.checks import Violation, check
from conformance.clients.file_socket import describe
from conformance.resources import Upload
from conformance.suite.finalizing import expect_dataset, expect_no_sockets, expect_refused, small_upload
from conformance.suite.material import noise
from conformance.target import Account
from conformance.workshop import Workshop


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
