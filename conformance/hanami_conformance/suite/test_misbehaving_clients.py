"""General: clients that are slow, silent, half-closed or reset."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ResponseTimeout, Unsupported, Violation
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.stalled_client import STALL_KINDS, StalledClient
from hanami_conformance.suite.support.bystander import expect_other_clients_served, open_socket
from hanami_conformance.suite.support.clusters import direct_cluster
from hanami_conformance.suite.support.intact_uploads import expect_complete_as_sent
from hanami_conformance.suite.support.operations import request_bytes
from hanami_conformance.suite.support.sample_data import ONE_BRICK, MnistSample, random_bytes
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, first_message
from hanami_conformance.target.target import Target

IDLE = 8  # connections: twice as many as released servers have workers
RESETS = 30
SIDE, PICTURES = 28, 2000  # as JSON 8 MB: more than the systems take from a server for a client that does not read


# GEN-4: slow, silent, half-open and abruptly closed clients do not block others.
@requirement("GEN-4")
@pytest.mark.parametrize("kind", [kind for kind in STALL_KINDS if kind != "reset"])  # resets have a case of their own
def test_a_stalled_client_blocks_nobody(resources: ResourceFactory, kind: str) -> None:
    """A client that stalls within a request, before its first message or within a frame does not block others."""
    resources.target.connection_limit.require(2)
    stalled = StalledClient(resources.target)
    stalled.start(kind)
    with attribute_to("GEN-4"):
        expect_other_clients_served(resources)
    stalled.stop()


SILENT_CLIENTS: dict[str, Callable[[Target], object]] = {
    "connections": lambda target: target.raw().close(),
    "websockets": lambda target: open_socket(target).close(),
}


@requirement("GEN-4")
@pytest.mark.parametrize("kind", list(SILENT_CLIENTS))
def test_silent_clients_block_nobody(resources: ResourceFactory, kind: str) -> None:
    """Forty connections that close without sending anything do not block others."""
    for _ in range(40):
        SILENT_CLIENTS[kind](resources.target)
    with attribute_to("GEN-4"):
        expect_other_clients_served(resources)


@requirement("GEN-4")
@pytest.mark.hostile
@pytest.mark.destructive  # some servers serve nobody else meanwhile
def test_idle_connections_block_nobody(resources: ResourceFactory) -> None:
    """Connections that stay open and send nothing do not block others."""
    resources.target.connection_limit.require(2)  # where one is allowed, a second one may have to wait
    # They do not count for the limit of the run: it is there to keep workers free, and the case is about these.
    limit = ConnectionLimit(IDLE)
    for _ in range(IDLE):
        resources.target.raw(limit)
    with attribute_to("GEN-4"):
        expect_other_clients_served(resources)


@requirement("GEN-4")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("resource", [FILE_UPLOAD, CLUSTER])
def test_resets_behind_the_first_message_block_nobody(resources: ResourceFactory, resource: str) -> None:
    """Sockets that are reset right behind their first message do not block others."""
    target = resources.target
    if resource == CLUSTER:
        cluster = resources.any_cluster(ONE_BRICK)
        cluster.enter_direct_mode()
        first = first_message(target.account.token, cluster.uuid, resource)
    else:
        first = first_message(target.account.token, resources.csv(100).files["input"].uuid, resource)
    with attribute_to("GEN-4"):
        for _ in range(RESETS):
            websocket = open_socket(target)
            websocket.send_text(first)
            websocket.reset()
        for _ in range(target.dialect.workers):  # each of them
            upload = resources.csv(100)
            upload.attach().close()
        expect_other_clients_served(resources)


@requirement("GEN-4")
def test_reset_connections_block_nobody(resources: ResourceFactory) -> None:
    """Sockets that are reset before and during an upload do not block others."""
    upload = resources.csv(10_000)
    try:
        for index in range(5):
            open_socket(resources.target).reset()
            socket = upload.reattach()
            socket.send(index * 100, random_bytes(100))
            socket.websocket.reset()
    except Violation:  # which is about this upload, unless others are not served either
        with attribute_to("GEN-4"):
            expect_other_clients_served(resources)
        raise
    with attribute_to("GEN-4"):
        expect_other_clients_served(resources)


@requirement("GEN-4")
def test_a_client_that_does_not_read_blocks_nobody(resources: ResourceFactory) -> None:
    """A client that requests much output and never reads it does not block others."""
    resources.target.connection_limit.require(2)
    shape = ClusterShape({"test_input": 2}, {"test_output": 2000}, hidden=2)
    _, silent = direct_cluster(resources, shape)
    question = resources.target.dialect.codec.encode_io("test_input", [0.5, 0.5], is_last=True)
    silent.websocket.send_without_reading([question] * 3000, "3000 requests for 8 kB each")
    silent.websocket.wait_until_filled()  # by answers, so that the server cannot send another one
    with attribute_to("GEN-4"):
        expect_other_clients_served(resources)
    silent.websocket.reset()


@requirement("GEN-4")
def test_a_client_that_does_not_read_rows_blocks_nobody(resources: ResourceFactory) -> None:
    """A client that asks for many rows of a dataset and does not read them does not keep others from theirs."""
    target = resources.target
    target.connection_limit.require(2)
    images = MnistSample(PICTURES * SIDE**2 + 16, side=SIDE)
    dataset = resources.dataset("mnist", images.contents)
    if not target.serves_content(dataset.account, dataset.uuid, "picture"):
        raise Unsupported("the content of a dataset cannot be read back")
    query = f"?uuid={dataset.uuid}&column_name=picture&row_offset=0&number_of_rows="
    with target.raw() as connection:
        connection.limit_unread()
        what = f"a request for {PICTURES} pictures"
        connection.send(request_bytes(target, "dataset.content", query=f"{query}{PICTURES}".encode()), what)
        try:
            connection.receive(target.timeouts.setting)  # the beginning
        except TimeoutError:
            raise ResponseTimeout(f"an answer to {what}", "nothing") from None
        with attribute_to("GEN-4"):
            route = target.dialect.route("dataset.content")
            answer = target.rest.request(route.method, f"{route.path}{query}1", token=target.account.token)
            require(answer.status == 200, expected="200 to another client that asks for a row", actual=answer)
            expect_other_clients_served(resources)


@requirement("GEN-4")
def test_a_slow_client_blocks_nobody(resources: ResourceFactory) -> None:
    """A request that arrives byte by byte does not block the requests of others."""
    target = resources.target
    route = target.dialect.route("dataset.list")
    slow = f"{route.method} {route.path} HTTP/1.1\r\nHost: {target.endpoint.authority}\r\n".encode()
    with target.raw() as connection, attribute_to("GEN-4"):
        for index in range(0, len(slow), 4):
            connection.send(slow[index : index + 4], "a few bytes of a request")
            answer = target.account.call("dataset.list")
            require(answer.status == 200, expected="200 to another client", actual=answer)


@requirement("GEN-4")
def test_many_sockets_at_once_are_served(resources: ResourceFactory) -> None:
    """As many sockets as the limit allows are served at the same time."""
    target = resources.target
    uploads = [resources.csv(300) for _ in range(target.connection_limit.limit)]
    with attribute_to("GEN-4"):
        sockets = [upload.attach() for upload in uploads]
    for position in range(0, 300, 100):
        for socket in sockets:
            socket.write(position, random_bytes(100))
    for socket in sockets:
        socket.close()
    for upload in uploads:
        expect_complete_as_sent(upload)
