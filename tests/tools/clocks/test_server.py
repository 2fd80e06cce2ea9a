"""The server knows the true times: also those of a message that waited for the server to run."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tools.clocks.log import REST, Exchange
from tools.clocks.pathologies import BASE
from tools.process import running_server


@pytest.fixture(name="server")
def running() -> Iterator[str]:
    with running_server("the server", ["-m", "tools.clocks.server", "constant"]) as announced:
        yield announced["url"]


def log_of(url: str) -> list[Exchange]:
    with urllib.request.urlopen(f"{url}/log", timeout=10) as answer:
        return [Exchange(**one) for one in json.load(answer)["log"]]


def test_the_log_has_true_times(server: str) -> None:
    address = ("127.0.0.1", int(server.rpartition(":")[2]))
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"POST /v1/csv/dataset HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        head, _, body = connection.recv(4096).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        began, times = time.time(), []
        for _ in range(3):
            sent = time.time()
            path = f"/v1/dataset/progress?uuid={json.loads(body)['uuid']}"
            connection.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
            assert b'"complete": false' in connection.recv(4096)
            times.append(time.time() - sent)
    log = log_of(server)
    assert [(one.series, one.user, one.index) for one in log] == [(REST, 0, index) for index in range(3)]
    for one, measured in zip(log, times, strict=True):
        assert one.planned == pytest.approx(one.arrival + BASE)
        assert one.departure is not None
        assert one.planned is not None
        assert one.planned - 0.001 <= one.departure
        assert one.departure - one.arrival <= measured + 0.001
    assert log[0].arrival <= time.time() - began
