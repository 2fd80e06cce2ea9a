"""A request of any bytes gets its response, or a failure that says how it ended."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.raw_request import send_raw
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.tcp import RawConnection

OK = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"


@pytest.fixture(autouse=True)
def case() -> Iterator[None]:
    begin_case("test")
    yield
    end_case()


def exchange(answer: bytes, *, closes: bool = True, seconds: float = 5.0) -> RestResponse:
    """Send a request to a server that gives this answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(answer)
                if not closes:
                    peer.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        try:
            with RawConnection(Endpoint(url), 5.0, ConnectionLimit(1)) as connection:
                return send_raw(connection, b"\xff", "a byte", AdaptiveTimeout(seconds))
        finally:
            thread.join()


@pytest.mark.parametrize(
    ("rest", "closes"),
    [
        (b"Content-Length: 4\r\n\r\nwhy?", False),
        (b"Transfer-Encoding: chunked\r\n\r\n4\r\nwhy?\r\n0\r\n\r\n", False),
        (b"\r\nwhy?", True),
    ],
    ids=["with a length", "in chunks", "to the end"],
)
def test_a_response_is_read(rest: bytes, closes: bool) -> None:
    answer = exchange(OK + rest, closes=closes)
    assert (answer.status, answer.text, answer.content_type) == (400, "why?", "text/plain")
    assert [event.payload for event in current_case().events] == [b"\xff", b"why?"]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad"])
def test_an_end_without_a_response_is_a_closed_connection(answer: bytes) -> None:
    with pytest.raises(ConnectionClosed, match="an answer to a byte; actual the end of the connection"):
        exchange(answer)


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 5\r\n\r\nwhy?",
        b"Content-Length: 4\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nwhy?\r\n",
    ],
    ids=["within its body", "before its body", "before the last chunk"],
)
def test_a_response_that_is_cut_is_no_response(rest: bytes) -> None:
    actual = r"no whole response, only 'HTTP/1\.1 400 .*', and the end of the connection"
    with pytest.raises(ConnectionClosed, match=actual):
        exchange(OK + rest)


def test_other_bytes_are_no_response() -> None:
    with pytest.raises(ConnectionClosed, match="bytes that are not HTTP"):
        exchange(b"SSH-2.0\r\n\r\n")


def test_silence_ends_with_the_deadline() -> None:
    with pytest.raises(ResponseTimeout, match=r"an answer to a byte within 0\.1 s"):
        exchange(OK, closes=False, seconds=0.1)


def test_a_response_that_never_pauses_ends_with_the_deadline() -> None:
    until = time.monotonic() + 2.0

    class Endless:
        channel = "tcp"

        def send(self, *_: object) -> None:
            self.rest = OK + b"\r\n"

        def receive(self, seconds: float) -> bytes:
            assert seconds > 0
            assert time.monotonic() < until
            data, self.rest = self.rest, b"why?"
            return data

    connection: Any = Endless()
    with pytest.raises(ResponseTimeout, match=r"an answer to a byte within 0\.1 s"):
        send_raw(connection, b"\xff", "a byte", AdaptiveTimeout(0.1))
