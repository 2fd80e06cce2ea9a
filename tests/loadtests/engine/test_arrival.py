"""Bytes have arrived when the system received them, however late they are read."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

import pytest

from hanami_loadtests.engine.arrival import ArrivalReader, clock

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux notes when bytes arrive")
LATE = 0.05  # seconds


@pytest.fixture(name="ends")
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname(), timeout=10)
        far, _ = listener.accept()
        with near, far:
            yield near, far


@LINUX
def test_bytes_that_are_read_late_had_arrived_earlier(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    reader = ArrivalReader(near)
    for _ in range(3):  # the system may begin to note arrivals a moment after it is asked to
        before = clock()
        far.sendall(b"answer")
        after = clock()
        time.sleep(LATE)
        assert reader.receive(100) == b"answer"
    assert before - 0.001 <= reader.at <= after + 0.001 < clock() - LATE + 0.002


@LINUX
def test_bytes_that_are_read_into_a_buffer_had_arrived_earlier(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    reader, buffer = ArrivalReader(near), bytearray(100)
    for _ in range(3):
        far.sendall(b"answer")
        after = clock()
        time.sleep(LATE)
        assert reader.receive_into(memoryview(buffer), lambda _: pytest.fail("read another way")) == 6
    assert buffer[:6] == b"answer"
    assert reader.at <= after + 0.001


def test_where_nobody_notes_it_bytes_arrive_when_they_are_read() -> None:
    near, far = socket.socketpair()
    with near, far:
        reader = ArrivalReader(near)
        far.sendall(b"answer")
        before = clock()
        assert reader.receive(100) == b"answer"
        assert before <= reader.at <= clock()
