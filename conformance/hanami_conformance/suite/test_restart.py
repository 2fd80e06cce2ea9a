"""General: a server that is restarted, killed or suspended, and what it keeps."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ResponseTimeout, Violation
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import check_dataset
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.bystander import expect_other_clients_served
from hanami_conformance.suite.support.clusters import expect_same, trained_cluster
from hanami_conformance.suite.support.intact_uploads import expect_intact
from hanami_conformance.suite.support.sockets import expect_nothing_more
from hanami_conformance.suite.support.uploads import (
    send_chunks,
    small_contents,
    small_upload,
    split_into_chunks,
    start_upload,
)
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, attach
from hanami_conformance.target.server_control import ServerControl
from hanami_conformance.target.target import Account
from hanami_proto.codec import ProcessType

CHUNK = 100  # bytes
SENT = 3  # chunks that are sent before a kill, or while the server is suspended
SUSPENDED_SECONDS = 1.0


@requirement("GEN-2", "GEN-1")
@pytest.mark.hostile
@pytest.mark.destructive
def test_uploads_begun_before_a_restart_get_clean_answers(
    resources: ResourceFactory, restart_server: Callable[[], None]
) -> None:
    """After a restart, sockets, PUT and progress of an upload that was begun before get an answer below 500.

    What the server keeps is observed. Progress comes last, because some servers are known to crash then.
    """
    contents, _ = small_contents("csv")
    partly_sent = start_upload(resources, contents)
    socket = partly_sent.attach()
    socket.write(0, contents["input"][:100])
    socket.close()
    uploads = {"partly sent": partly_sent, "completely sent": small_upload(resources, "mnist")[0]}
    restart_server()
    for state, upload in uploads.items():
        observe_attachment(upload, state)
    for state, upload in uploads.items():
        observe_answer(f"PUT of an upload {state}", upload.finalize())
    for state, upload in uploads.items():
        observe_answer(f"progress of an upload {state}", upload.progress_answer())
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)


@requirement("DATA-1", "DIO-3")
@pytest.mark.hostile
@pytest.mark.destructive
def test_a_suspended_server_goes_on_where_it_was(resources: ResourceFactory, server: ServerControl) -> None:
    """Chunks and a request that are sent while the server is suspended for a second get one answer each after it."""
    resources.target.connection_limit.require(2)
    contents, model = small_contents("csv")
    content, parts = contents["input"], split_into_chunks(len(contents["input"]), CHUNK)
    upload = start_upload(resources, contents)
    _, cluster_socket = trained_cluster(resources)
    question = sample_inputs(cluster_socket.shape, seed=1)
    before = cluster_socket.request(question)
    file_socket = upload.attach()
    send_chunks(file_socket, content, parts[:1])
    pending = parts[1 : 1 + SENT]
    with server.process.suspended():
        for begin, end in pending:
            file_socket.send(begin, content[begin:end])
        cluster_socket.send_messages(question, ProcessType.REQUEST)
        time.sleep(SUSPENDED_SECONDS)
    with attribute_to("DATA-1"):
        for begin, end in pending:
            file_socket.expect_accepted(begin, content[begin:end], f"chunk at {begin} for a suspended server")
        send_chunks(file_socket, content, parts[1 + SENT :])
        expect_nothing_more(file_socket, "one answer to each chunk, also to those sent to a suspended server")
    with attribute_to("DIO-3"):
        after = cluster_socket.receive_outputs()
    expect_same(resources, cluster_socket, after, before, "the answer as before the server was suspended", "DIO-3")
    with attribute_to("DIO-3"):
        expect_nothing_more(cluster_socket, "one answer to the request that was sent to a suspended server")
    expect_intact(upload, model, "an upload within which the server was suspended")


@requirement("GEN-2", "GEN-1")  # FIN-1, DATA-7 and DIO-11 only where that is declared
@pytest.mark.may_violate("FIN-1", "DATA-7", "DIO-11")
@pytest.mark.hostile
@pytest.mark.destructive
def test_a_killed_server_keeps_what_is_declared(resources: ResourceFactory, crash_server: Callable[[], None]) -> None:
    """The server is killed within an upload, after a PUT, and with a trained cluster, and restarted.

    What ``--durable`` declares must be there, with its content or its answers. All else is observed, and gets an answer
    below 500.
    """
    durable = resources.target.durable
    contents, model = small_contents("csv")
    dataset = resources.dataset("csv", contents)
    cluster, cluster_socket = trained_cluster(resources)
    question = sample_inputs(cluster_socket.shape, seed=1)
    answer = cluster_socket.request(question)
    cluster_socket.close()
    upload = start_upload(resources, contents)
    parts = split_into_chunks(len(contents["input"]), CHUNK)
    file_socket = upload.attach()
    send_chunks(file_socket, contents["input"], parts[:SENT])
    begin, end = parts[SENT]
    file_socket.send(begin, contents["input"][begin:end])  # nobody knows whether it arrives
    crash_server()

    if durable == "none":
        observe_answer("description of a dataset", dataset.description())
    else:
        with attribute_to("FIN-1"):
            check_dataset(dataset, model)
    if durable == "all":
        with attribute_to("DATA-7"):
            file_socket = upload.reattach()
            send_chunks(file_socket, contents["input"], parts[SENT:])
            file_socket.close()
            expect_intact(upload, model, "an upload within which the server was killed")
        with attribute_to("DIO-11"):
            cluster_socket = cluster.reattach()
            after = cluster_socket.request(question)
        expect_same(resources, cluster_socket, after, answer, "the answer as before the server was killed", "DIO-11")
        cluster_socket.close()
    else:
        observe_attachment(upload, "within which it was killed,")
        observe_answer("progress of an upload within which it was killed,", upload.progress_answer())
        observe_answer("switch of a cluster", cluster.set_mode(resources.target.dialect.modes[1]))
        observe_first_answer(cluster.account, cluster.uuid, CLUSTER, "a socket for a cluster before a restart")
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)


def observe_answer(what: str, answer: RestResponse) -> None:
    """Observe an answer, which must not be a 5xx."""
    expected = f"an answer below 500 to {what} before the restart"
    require(not answer.failed, expected=expected, actual=answer, requirement="GEN-1")
    observe(f"{what} before a restart", answer)


def observe_attachment(upload: Upload, state: str) -> None:
    """Observe whether a socket may attach to the input file of an upload."""
    what = f"a socket for an upload {state} before a restart"
    observe_first_answer(upload.account, upload.files["input"].uuid, FILE_UPLOAD, what)


def observe_first_answer(account: Account, uuid: str, kind: str, what: str) -> None:
    """Observe the answer to a first message; silence is no answer.

    Raises:
        ResponseTimeout: If the first message is not answered.
    """
    answer = "accepted"
    try:
        attach(account, uuid, kind).close()
    except ResponseTimeout:
        raise
    except Violation as violation:
        answer = violation.actual
    observe(what, answer)
