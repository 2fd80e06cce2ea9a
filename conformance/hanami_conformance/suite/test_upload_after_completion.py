"""Upload: what comes after the last byte, and after the PUT."""

from __future__ import annotations

import pytest

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported, Violation
from hanami_conformance.catalogue import requirement
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.intact_uploads import expect_intact, expect_unchanged
from hanami_conformance.suite.support.sample_data import MnistSample, csv_sample
from hanami_conformance.suite.support.uploads import (
    expect_4xx_with_reason,
    expect_no_sockets,
    send_chunks,
    small_contents,
    small_upload,
    split_into_chunks,
    start_upload,
)
from hanami_conformance.target.attach import FILE_UPLOAD, attach

pytestmark = pytest.mark.parallel

CHUNK = 100  # bytes


@requirement("DATA-4")
@pytest.mark.parametrize("socket", ["the same socket", "another socket"])
def test_other_bytes_after_the_last_one_count(resources: ResourceFactory, socket: str) -> None:
    """A complete file stays open until the PUT: bytes that are acknowledged after the last one replace others."""
    first, second = MnistSample(2000, seed=1, side=8), MnistSample(2000, seed=2, side=8)
    upload = start_upload(resources, first.contents)
    upload.write_all({"label": second.contents["label"]})
    content = first.contents["input"]
    open_socket = upload.attach()
    send_chunks(open_socket, content, split_into_chunks(len(content), CHUNK))
    with attribute_to("PROG-3"):
        upload.wait_complete()
    if socket == "another socket":
        open_socket.close()
        with attribute_to("DATA-4"):
            open_socket = upload.attach()
    content = second.contents["input"]
    with attribute_to("DATA-4"):
        send_chunks(open_socket, content, split_into_chunks(len(content), CHUNK)[::-1])
    open_socket.close()
    expect_intact(upload, second.model, "a complete file that was replaced before the PUT", values=True)


@requirement("FIN-6", "INIT-3")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_rejected_content_can_be_corrected_while_the_file_takes_sockets(resources: ResourceFactory, kind: str) -> None:
    """After a PUT that was rejected for its content, a file that still accepts a socket accepts its right bytes."""
    contents, model = small_contents(kind)
    upload = start_upload(resources, contents)
    upload.write_all({**contents, "input": bytes(len(contents["input"]))})
    with attribute_to("PROG-3"):
        upload.wait_complete()
    answer = upload.finalize()
    if not answer.rejected:  # which cases of FIN-6 judge
        raise Unsupported(f"needs a PUT that is rejected for its content, it was answered with {answer}")
    if any(not is_attachable(upload, role) for role in upload.files):
        raise Unsupported("the server ends an upload whose content it rejects")
    with attribute_to("INIT-3"):
        upload.write_all(contents)
    with default_requirement("FIN-6"):
        expect_intact(upload, model, "an upload that was corrected after a rejected PUT", values=True)


def is_attachable(upload: Upload, role: str) -> bool:
    """Whether a file of an upload accepts a socket."""
    try:
        attach(upload.account, upload.files[role].uuid, FILE_UPLOAD).close()
    except Violation as violation:
        if violation.requirement != "ATT-2":
            raise
        return False
    return True


@requirement("FIN-5", "FIN-7", "GEN-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_no_step_after_the_put_changes_the_dataset(resources: ResourceFactory, kind: str) -> None:
    """Each step of an upload that follows its PUT is rejected or harmless, and the dataset stays as it was."""
    upload, model = small_upload(resources, kind)
    dataset = expect_intact(upload, model, "a complete upload")
    expect_no_sockets(upload, "is finalized")
    progress = upload.progress_answer()
    require(not progress.failed, expected="no 5xx to a progress after the PUT", actual=progress, requirement="GEN-1")
    expect_4xx_with_reason(upload.finalize(), "it is finalized already")
    other = upload.start_again()  # of the same name, where that is allowed, and with the same sizes
    other.write_all({role: bytes(file.model.size) for role, file in upload.files.items()})
    expect_no_sockets(upload, "is finalized, with another upload beside it")
    answer = upload.finalize(other.finalize_body() | {"uuid": upload.uuid})
    expect_4xx_with_reason(answer, "it is finalized already, and the files are those of another upload")
    other.delete()
    expect_unchanged(dataset, "the steps after its PUT")


@requirement("DEL-1")
@pytest.mark.parametrize("state", ["open", "finalized"])
def test_no_step_after_a_delete_brings_it_back(resources: ResourceFactory, state: str) -> None:
    """Each step of an upload that follows its DELETE is rejected, and nothing of it is listed again."""
    content, model = csv_sample()
    upload = start_upload(resources, {"input": content})
    upload.write_all({"input": content})
    if state == "finalized":
        expect_intact(upload, model, "a complete upload")
    answer = upload.delete()
    require(answer.status == 200, expected="200 to the DELETE", actual=answer)
    for again in ("once", "twice"):  # some servers bring a resource back that is asked for
        another = upload.delete()
        require(another.status == 404, expected=f"404 to another DELETE, {again}", actual=another)
        expect_no_sockets(upload, "is deleted")
        for name, later in (("progress", upload.progress_answer()), ("PUT", upload.finalize())):
            require(later.rejected, expected=f"a 4xx to the {name} after the DELETE", actual=later)
        listed = upload.account.call("dataset.list")
        is_listed = upload.uuid in listed.text
        require(not is_listed, expected=f"{upload.uuid} is not listed after the DELETE", actual=listed)
