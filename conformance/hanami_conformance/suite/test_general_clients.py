"""General: clients that are slow, silent, half-open or broken off."""

from __future__ import annotations

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.bystander import expect_other_clients_served, open_socket
from hanami_conformance.suite.support.clusters import direct_cluster
from hanami_conformance.suite.support.sample_data import random_bytes


# GEN-4: slow, silent, half-open and abruptly closed clients do not block others.
@requirement("GEN-4")
@pytest.mark.parametrize("how", ["says nothing", "stops in the middle of a frame", "has closed its sending side"])
def test_a_client_that_stalls_blocks_nobody(resources: ResourceFactory, how: str) -> None:
    """A socket that stalls before its first message, or in the middle of a frame, does not delay others."""
    resources.target.connection_limit.require(2)
    stalled = open_socket(resources.target)
    if how == "stops in the middle of a frame":
        stalled.send_raw(b"\x82\xfe", "the first two bytes of a frame")
    elif how == "has closed its sending side":
        stalled.half_close()
    with attribute_to("GEN-4"):
        expect_other_clients_served(resources)
    stalled.reset()


# PATH stands for one that reads a body: where nothing is served, nothing waits for the rest.
HALVES = {
    "the head of a request": b"POST PATH HTTP/1.1\r\nHost: x\r\nContent-Le",
    "the body of a request": b"POST PATH HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    "the first byte": b"P",
    "nothing": b"",
}


@requirement("GEN-4")
@pytest.mark.parametrize("sent", list(HALVES))
def test_a_half_sent_request_blocks_nobody(resources: ResourceFactory, sent: str) -> None:
    """A connection that stops in the middle of a request does not delay others."""
    resources.target.connection_limit.require(2)
    path = resources.target.dialect.route("token.create").path
    with resources.target.raw() as connection:
        connection.send(HALVES[sent].replace(b"PATH", path.encode()), f"no more than {sent}")
        with attribute_to("GEN-4"):
            expect_other_clients_served(resources)


@requirement("GEN-4")
@pytest.mark.parametrize("what", ["connections", "websockets"])
def test_clients_that_say_nothing_block_nobody(resources: ResourceFactory, what: str) -> None:
    """Connections and websockets that come and go without a word leave the server as it was for others."""
    for _ in range(40):
        if what == "connections":
            with resources.target.raw():
                pass
        else:
            open_socket(resources.target).close()
    with attribute_to("GEN-4"):
        expect_other_clients_served(resources)


@requirement("GEN-4")
def test_clients_that_break_off_block_nobody(resources: ResourceFactory) -> None:
    """Sockets that are reset before, during and after an upload do not disturb the next ones."""
    upload = resources.csv(10_000)
    for index in range(5):
        open_socket(resources.target).reset()
        socket = upload.reattach()
        socket.send(index * 100, random_bytes(100))
        socket.websocket.reset()
    with attribute_to("GEN-4"):
        expect_other_clients_served(resources)


@requirement("GEN-4")
def test_a_client_that_does_not_read_blocks_nobody(resources: ResourceFactory) -> None:
    """A socket that asks for far more output than the network holds, and never reads, does not delay others."""
    resources.target.connection_limit.require(2)
    shape = ClusterShape({"test_input": 2}, {"test_output": 2000}, hidden=2)
    _, silent = direct_cluster(resources, shape)
    question = resources.target.dialect.codec.encode_io("test_input", [0.5, 0.5], is_last=True)
    silent.websocket.send_without_reading([question] * 3000, "3000 requests for 8 kB each")
    with attribute_to("GEN-4"):
        expect_other_clients_served(resources)
    silent.websocket.reset()


@requirement("GEN-4")
def test_a_slow_client_blocks_nobody(resources: ResourceFactory) -> None:
    """A request that comes byte by byte does not delay the requests of others in between."""
    target = resources.target
    route = target.dialect.route("dataset.list")
    slow = f"{route.method} {route.path} HTTP/1.1\r\nHost: slow\r\n".encode()
    with target.raw() as connection, attribute_to("GEN-4"):
        for index in range(0, len(slow), 4):
            connection.send(slow[index : index + 4], "a few bytes of a request")
            answer = target.account.call("dataset.list")
            require(answer.status == 200, expected="200 to another client", actual=answer)


@requirement("GEN-4")
def test_many_sockets_at_once_are_served(resources: ResourceFactory) -> None:
    """As many sockets as the budget allows are served at the same time."""
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
        require(upload.wait_complete(), expected="complete = true of each upload", actual="complete = false")
