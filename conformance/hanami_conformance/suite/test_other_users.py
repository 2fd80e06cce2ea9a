"""General: another user before, while and after the owner does the same."""

from __future__ import annotations

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.resources.upload import Upload, init_fields
from hanami_conformance.suite.support.clusters import expect_same, trained_cluster
from hanami_conformance.suite.support.intact_uploads import expect_intact, expect_unchanged
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_conformance.suite.support.uploads import send_chunks, small_contents, split_into_chunks, start_upload
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, expect_rejected, first_message
from hanami_conformance.target.target import Account

CHUNK = 100  # bytes
MANY = 70  # just beyond a limit of 2^n


def expect_foreign(answer: RestResponse, what: str) -> None:
    """Check that a call about another user's resource gets 404."""
    require(answer.status == 404, expected=f"404 to {what} by another user", actual=answer)


def expect_foreign_upload(upload: Upload, other: Account, when: str) -> None:
    """Check that every step of an upload is rejected if another user takes it."""
    for file in upload.files.values():
        what = f"another user's token for the {file.role} file, {when}"
        expect_rejected(other.target, first_message(other.token, file.uuid, FILE_UPLOAD), what)
    for operation in ("dataset.progress", "dataset.get", "dataset.delete"):
        expect_foreign(other.call(operation, params={"uuid": upload.uuid}), f"the {operation} {when}")
    expect_foreign(other.call(f"{upload.kind}.finalize", body=upload.finalize_body()), f"the PUT {when}")
    listed = other.call("dataset.list")
    require(upload.uuid not in listed.text, expected=f"no foreign dataset in the list {when}", actual=listed)


@requirement("GEN-3")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_an_upload_is_its_owners_at_any_time(resources: ResourceFactory, other_account: Account, kind: str) -> None:
    """Another user's steps are rejected before, while and after the owner takes them, and change nothing."""
    resources.target.connection_limit.require(2)
    contents, model = small_contents(kind)
    upload = start_upload(resources, contents)
    expect_foreign_upload(upload, other_account, "before the owner's socket")
    socket = upload.attach()
    first, *others = split_into_chunks(len(contents["input"]), CHUNK)
    send_chunks(socket, contents["input"], [first])
    expect_foreign_upload(upload, other_account, "beside the owner's socket")
    with attribute_to("GEN-3"):  # the socket must not have been given to the other user
        send_chunks(socket, contents["input"], others)
        socket.close()
        upload.write_all({role: content for role, content in contents.items() if role != "input"})
    expect_foreign_upload(upload, other_account, "after the owner's socket")
    dataset = expect_intact(upload, model, "an upload between steps of another user")
    expect_foreign_upload(upload, other_account, "after the owner's PUT")
    expect_unchanged(dataset, "the steps of another user after the PUT")


@requirement("GEN-3")
def test_a_cluster_is_its_owners_at_any_time(resources: ResourceFactory, other_account: Account) -> None:
    """Another user's socket and calls are rejected beside the owner's socket and after it, and change nothing."""
    resources.target.connection_limit.require(2)
    cluster, socket = trained_cluster(resources)
    question = sample_inputs(cluster.shape, seed=1)
    expected = socket.request(question)
    task, direct = resources.target.dialect.modes

    def expect_foreign_cluster(when: str) -> None:
        first = first_message(other_account.token, cluster.uuid, CLUSTER)
        expect_rejected(resources.target, first, f"another user's token, {when}")
        for operation in ("cluster.get", "cluster.delete"):
            answer = other_account.call(operation, params={"uuid": cluster.uuid})
            expect_foreign(answer, f"the {operation} {when}")
        for mode in (task, direct):
            answer = other_account.call("cluster.set_mode", body={"uuid": cluster.uuid, "new_state": mode})
            expect_foreign(answer, f"the switch to {mode} {when}")

    expect_foreign_cluster("beside the owner's socket")
    with attribute_to("GEN-3"):
        actual = socket.request(question)
    expect_same(resources, socket, actual, expected, "the answer as before another user's calls")
    socket.close()
    expect_foreign_cluster("after the owner's socket")
    with attribute_to("GEN-3"):
        again = cluster.reattach()
        actual = again.request(question)
    expect_same(resources, again, actual, expected, "the answer as before another user's calls")


@requirement("GEN-3")
@pytest.mark.may_violate("DEL-1")
@pytest.mark.parametrize("gone", ["an upload", "a cluster"])
def test_the_deletion_of_a_neighbour_changes_nothing(
    resources: ResourceFactory, other_account: Account, gone: str
) -> None:
    """What another user deletes does not affect an upload that was begun before, and is finished afterwards."""
    resources.target.connection_limit.require(2)
    contents, model = small_contents("csv")
    neighbour: Upload | Cluster = start_upload(resources, contents, other_account)
    if gone == "a cluster":
        neighbour = resources.cluster(ONE_BRICK, other_account)
    upload = start_upload(resources, contents)
    socket = upload.attach()
    first, *others = split_into_chunks(len(contents["input"]), CHUNK)
    send_chunks(socket, contents["input"], [first])
    answer = neighbour.delete()
    require(answer.status == 200, expected=f"200 to the DELETE of {gone}", actual=answer, requirement="DEL-1")
    with attribute_to("GEN-3"):
        send_chunks(socket, contents["input"], others)
        socket.close()
    expect_intact(upload, model, f"an upload beside {gone} that was deleted meanwhile")


@requirement("GEN-2", "GEN-3")
@pytest.mark.may_violate("GEN-1")
def test_unfinished_uploads_of_others_use_up_nothing(resources: ResourceFactory, other_account: Account) -> None:
    """A user begins and finishes an upload however many another user leaves unfinished; these may be limited."""
    sizes = {"input": 1}
    for _ in range(MANY):
        name = resources.name("csv")
        answer = other_account.call("csv.init", body=init_fields(name, sizes))
        require(not answer.failed, expected="an answer below 500", actual=answer, requirement="GEN-1")
        if answer.rejected:
            break
        resources.from_init_response(answer, "csv", name, sizes, other_account)
    contents, model = small_contents("csv")
    with attribute_to("GEN-2"):
        upload = start_upload(resources, contents)
        upload.write_all(contents)
    expect_intact(upload, model, "an upload beside many that another user left unfinished")
