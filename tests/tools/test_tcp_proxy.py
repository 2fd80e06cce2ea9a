"""The count of connections with which tests prove that a budget is kept: none is missed, none is counted twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support.suite_runs import double
from tools.tcp_proxy import COUNTS, counting_proxy

pytestmark = pytest.mark.skipif(not COUNTS, reason="only Linux reports the state of a connection")


@pytest.fixture(name="url")
def echo() -> Iterator[str]:
    """A server that sends back what it gets."""

    def serve(connection: socket.socket, _done: threading.Event) -> None:
        while data := connection.recv(100):
            connection.sendall(data)

    with double(serve) as url:
        yield url


def connected(address: str) -> socket.socket:
    """A connection over which something went to the server and back."""
    connection = socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 10.0)
    connection.sendall(b"a")
    assert connection.recv(1) == b"a"
    return connection


def test_one_after_the_other_is_one(url: str) -> None:
    with counting_proxy(url) as (address, most):
        for _ in range(200):
            connected(address).close()
        assert most() == 1


def test_at_the_same_time_are_as_many_as_there_are(url: str) -> None:
    with counting_proxy(url) as (address, most), ExitStack() as stack:
        for count in range(1, 6):
            stack.enter_context(connected(address))
            assert most() == count


def test_one_that_is_closed_while_others_stay_is_counted_no_more(url: str) -> None:
    with counting_proxy(url) as (address, most), connected(address), connected(address):
        for _ in range(100):
            connected(address).close()
        assert most() == 3
