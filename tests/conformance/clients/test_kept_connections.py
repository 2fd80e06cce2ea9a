"""REST calls share a connection where the target keeps it, and get one of their own where it does not."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from hanami_conformance.cases.failures import ConnectionClosed
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.common.text import printable_line

SECONDS = 5.0
# Serves one request of a connection, by its number on it; returns whether another one may follow.
Serve = Callable[[socket.socket, int], bool]


def ok(body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", body]
    return b"\r\n".join(lines)


def keeps(connection: socket.socket, number: int) -> bool:
    connection.sendall(ok(b"%d" % number))
    return True


def says_close(connection: socket.socket, number: int) -> bool:
    connection.sendall(ok(b"%d" % number, b"Connection: close"))
    return False


def closes_silently(connection: socket.socket, number: int) -> bool:
    connection.sendall(ok(b"%d" % number))
    return False


def closes_behind_the_second_request(connection: socket.socket, number: int) -> bool:
    if number == 1:
        connection.sendall(ok(b"1"))
    return number == 1


def closes_behind_the_third_request(connection: socket.socket, number: int) -> bool:
    if number < 3:
        connection.sendall(ok(b"%d" % number))
    return number < 3


def sends_too_much(connection: socket.socket, number: int) -> bool:
    connection.sendall(ok(b"%d" % number) + ok(b"of somebody else"))
    return True


def has_no_length(connection: socket.socket, number: int) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n%d" % number)
    return False


class Server:
    """A server of bare sockets, which counts its connections."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        threads = []
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                break
            self.connections += 1
            threads.append(threading.Thread(target=self._talk, args=(peer,), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join(SECONDS)

    def _talk(self, peer: socket.socket) -> None:
        number = 0
        with peer:
            peer.settimeout(SECONDS)
            while data := peer.recv(1 << 16):
                number += 1
                self.requests.append(data)
                if not self._serve(peer, number):
                    return

    def refuse(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):  # refused already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def stop(self) -> None:
        self.refuse()
        self._thread.join(SECONDS)


@pytest.fixture(autouse=True)
def case() -> Iterator[None]:
    begin_case("test")
    yield
    end_case()


@pytest.fixture
def serve() -> Iterator[Callable[[Serve], Server]]:
    """Provide a function that starts a server, which ends with the test."""
    with contextlib.ExitStack() as stack:

        def start(serve: Serve) -> Server:
            server = Server(serve)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def calls(request: pytest.FixtureRequest) -> Iterator[tuple[Server, RestClient, ConnectionLimit]]:
    server = Server(request.param)
    limit = ConnectionLimit(2)
    client = RestClient(Endpoint(server.url), AdaptiveTimeout(SECONDS), lambda: limit)
    try:
        yield server, client, limit
    finally:
        client.close()
        server.stop()


@pytest.mark.parametrize(
    ("calls", "connections", "answers"),
    [
        (keeps, 1, ["1", "2", "3"]),
        (says_close, 3, ["1", "1", "1"]),
        (closes_silently, 3, ["1", "1", "1"]),
        (has_no_length, 3, ["1", "1", "1"]),
        (sends_too_much, 3, ["1", "1", "1"]),
    ],
    indirect=["calls"],
)
def test_a_connection_is_kept_as_long_as_the_target_keeps_it(
    calls: tuple[Server, RestClient, ConnectionLimit], connections: int, answers: list[str]
) -> None:
    server, client, _ = calls
    assert [client.request("GET", "/").text for _ in range(3)] == answers
    assert server.connections == connections


@pytest.mark.parametrize("calls", [closes_behind_the_second_request], indirect=True)
def test_a_connection_that_is_closed_without_a_word_is_kept_no_more(
    calls: tuple[Server, RestClient, ConnectionLimit],
) -> None:
    """The first request over a kept connection is a trial, and is sent again over a new one."""
    server, client, _ = calls
    assert [client.request("GET", "/").text for _ in range(4)] == ["1", "1", "1", "1"]
    assert server.connections == 4
    kinds = [event.kind for event in current_case().events]
    assert kinds == ["http", "http", "http", "end", *["http"] * 6]


@pytest.mark.parametrize("calls", [closes_behind_the_second_request], indirect=True)
def test_only_what_changes_nothing_is_a_trial(calls: tuple[Server, RestClient, ConnectionLimit]) -> None:
    server, client, _ = calls
    assert [client.request("PUT", "/").text for _ in range(3)] == ["1", "1", "1"]
    assert len(server.requests) == 3


@pytest.mark.parametrize("calls", [closes_behind_the_third_request], indirect=True)
def test_the_end_of_a_connection_that_the_target_keeps_is_a_failure(
    calls: tuple[Server, RestClient, ConnectionLimit],
) -> None:
    """A call that was sent again could hide that its first answer is missing."""
    server, client, _ = calls
    assert [client.request("GET", "/").text for _ in range(2)] == ["1", "2"]
    with pytest.raises(ConnectionClosed, match="an answer to PUT /; actual the end of the connection"):
        client.request("PUT", "/")
    assert len(server.requests) == 3


@pytest.mark.parametrize("calls", [keeps], indirect=True)
def test_a_connection_that_was_idle_is_not_used_again(
    calls: tuple[Server, RestClient, ConnectionLimit], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client, _ = calls
    monkeypatch.setattr("hanami_conformance.clients.rest.KEPT_SECONDS", 0.0)
    assert [client.request("GET", "/").text for _ in range(2)] == ["1", "1"]
    assert server.connections == 2


def test_a_target_that_ends_by_a_request_is_no_target_that_was_down_before(serve: Callable[[Serve], Server]) -> None:
    servers: list[Server] = []

    def ends(connection: socket.socket, number: int) -> bool:
        if number == 1:
            connection.sendall(ok(b"1"))
            return True
        servers[0].refuse()
        return False

    servers.append(serve(ends))
    limit = ConnectionLimit(1)
    client = RestClient(Endpoint(servers[0].url), AdaptiveTimeout(SECONDS), lambda: limit)
    assert client.request("GET", "/").status == 200
    with pytest.raises(ConnectionClosed, match="an answer to GET /; actual the end of the connection"):
        client.request("GET", "/")


@pytest.mark.parametrize("calls", [keeps], indirect=True)
def test_without_a_limit_each_call_has_a_connection_of_its_own(
    calls: tuple[Server, RestClient, ConnectionLimit],
) -> None:
    server, _, _ = calls
    client = RestClient(Endpoint(server.url), AdaptiveTimeout(SECONDS))
    assert [client.request("GET", "/").text for _ in range(2)] == ["1", "1"]
    assert server.connections == 2


@pytest.mark.parametrize("calls", [keeps], indirect=True)
def test_a_kept_connection_is_closed_at_the_end_of_a_case(
    calls: tuple[Server, RestClient, ConnectionLimit],
) -> None:
    server, client, _ = calls
    client.request("GET", "/")
    client.close()
    client.request("GET", "/")
    assert server.connections == 2


@pytest.mark.parametrize("calls", [keeps], indirect=True)
def test_calls_at_the_same_time_have_connections_of_their_own(
    calls: tuple[Server, RestClient, ConnectionLimit],
) -> None:
    server, client, limit = calls
    client.request("GET", "/")
    kept = client._take_kept()
    assert kept is not None
    limit.make_room()  # a call of another thread
    assert kept.is_open
    client.request("GET", "/")
    client._keep(kept)
    assert not kept.is_open  # one is kept already
    client.request("GET", "/")
    assert server.connections == 2


def test_the_head_of_a_call_is_recorded_as_it_was_sent(serve: Callable[[Serve], Server]) -> None:
    server = serve(keeps)
    client = RestClient(Endpoint(server.url), AdaptiveTimeout(SECONDS))
    client.request("POST", "/a", params={"b": "c d"}, content=b"{}")
    sent, received = current_case().events
    assert server.requests == [str(sent.head).encode("latin-1") + b"{}"]
    assert received.head == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"


@pytest.mark.parametrize("token", ["a\r\nX-Injected: b", "a\nb", "a\0b", " a", "a\n"], ids=printable_line)
def test_a_token_that_could_begin_another_header_is_not_sent(serve: Callable[[Serve], Server], token: str) -> None:
    server = serve(keeps)
    client = RestClient(Endpoint(server.url), AdaptiveTimeout(SECONDS))
    with pytest.raises(ConnectionClosed, match="a request that can be sent"):
        client.request("GET", "/", token=token)
    assert server.requests == []


def test_the_end_within_a_body_is_no_answer(serve: Callable[[Serve], Server]) -> None:
    def breaks_off(connection: socket.socket, number: int) -> bool:  # noqa: ARG001
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        return False

    server = serve(breaks_off)
    with pytest.raises(ConnectionClosed, match=r"no whole response, only .*, and the end of the connection"):
        RestClient(Endpoint(server.url), AdaptiveTimeout(SECONDS)).request("GET", "/")


def test_a_reset_within_a_body_of_no_length_is_no_answer(serve: Callable[[Serve], Server]) -> None:
    """The regular end of the connection ends such a body, and nothing else."""

    def resets(connection: socket.socket, number: int) -> bool:  # noqa: ARG001
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nab")
        arrived.wait(SECONDS)
        return False

    arrived = threading.Event()
    server = serve(resets)
    threading.Timer(0.2, arrived.set).start()
    with pytest.raises(ConnectionClosed, match="the end of the connection"):
        RestClient(Endpoint(server.url), AdaptiveTimeout(SECONDS)).request("GET", "/")


def test_a_coding_that_is_not_chunked_ends_with_the_connection(serve: Callable[[Serve], Server]) -> None:
    def identity(connection: socket.socket, number: int) -> bool:  # noqa: ARG001
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nabc")
        return False

    server = serve(identity)
    answer = RestClient(Endpoint(server.url), AdaptiveTimeout(SECONDS)).request("GET", "/")
    assert (answer.status, answer.text) == (200, "abc")


def test_the_response_to_a_head_has_no_body(serve: Callable[[Serve], Server]) -> None:
    def head(connection: socket.socket, number: int) -> bool:  # noqa: ARG001
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n")
        return True

    server = serve(head)
    answer = RestClient(Endpoint(server.url), AdaptiveTimeout(SECONDS)).request("HEAD", "/")
    assert (answer.status, answer.body) == (404, b"")


def test_interim_responses_come_before_the_final_one(serve: Callable[[Serve], Server]) -> None:
    def hints(connection: socket.socket, number: int) -> bool:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\n" + ok(b"%d" % number))
        return True

    server = serve(hints)
    answer = RestClient(Endpoint(server.url), AdaptiveTimeout(SECONDS)).request("GET", "/")
    assert (answer.status, answer.text) == (200, "1")
    assert current_case().events[-1].head == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
