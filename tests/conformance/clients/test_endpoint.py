"""Failures to connect are distinguished, for each address of a name, and the next address is tried."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from hanami_conformance.cases.failures import ResponseTimeout, TargetDown
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import AdaptiveTimeout, Deadline
from hanami_conformance.clients.endpoint import ConnectError, Endpoint
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.clients.tcp import RawConnection
from hanami_conformance.clients.websocket import WebSocket
from support.suite_runs import double, silent
from support.targets import hanami

SECONDS = 0.3


@contextlib.contextmanager
def full_queue(host: str = "127.0.0.1") -> Iterator[int]:
    """The port of a server that never takes a connection, and whose queue has no room for another one."""
    with contextlib.ExitStack() as stack:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = stack.enter_context(socket.socket(family))
        server.bind((host, 0))
        server.listen(0)
        port = server.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket(family))
            waiting.setblocking(False)
            waiting.connect_ex((host, port))
        yield port


def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def resolved_to(monkeypatch: pytest.MonkeyPatch, *places: tuple[str, int]) -> None:
    """Let every name have these addresses."""

    def getaddrinfo(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        families = [socket.AF_INET6 if ":" in host else socket.AF_INET for host, _ in places]
        return [(family, socket.SOCK_STREAM, 6, "", place) for family, place in zip(families, places, strict=True)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def failure(url: str, context: ssl.SSLContext | None = None) -> str:
    with pytest.raises(ConnectError) as failed:
        Endpoint(url, context).connect(Deadline.after(SECONDS))
    return str(failed.value)


def test_a_refused_connection_and_a_timeout_are_distinguished() -> None:
    assert failure(f"http://127.0.0.1:{unused_port()}") == "connection refused"
    with full_queue() as port:
        assert failure(f"http://127.0.0.1:{port}") == "connect timeout after 0.3 s"


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH])
def test_a_missing_route(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def unreachable(*_: object) -> None:
        raise OSError(number, "as the system says it")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert failure("http://192.0.2.1:80") == "no route to this host"
    with pytest.raises(ConnectError) as failed:
        Endpoint("http://192.0.2.1:80").connect(Deadline.after(SECONDS))
    assert failed.value.errno == number


def test_an_unknown_host_and_a_name_that_nobody_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert failure("http://backend.example:80") == "unknown host 'backend.example'"

    def failing(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    expected = "host name 'backend.example' cannot be resolved: Temporary failure in name resolution"
    assert failure("http://backend.example:80") == expected
    done = threading.Event()

    def hanging(*_: object, **__: object) -> None:
        done.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "at last")

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    assert failure("http://backend.example:80") == "host name 'backend.example' not resolved within 0.3 s"
    done.set()
    monkeypatch.undo()
    assert failure(f"http://{'x' * 64}.example:80") == f"unknown host '{'x' * 64}.example'"


def test_the_next_address_is_tried_and_the_one_that_works_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with full_queue() as hole, double(silent) as url:
        live = Endpoint(url).port
        resolved_to(monkeypatch, ("127.0.0.1", hole), ("127.0.0.1", unused_port()), ("127.0.0.1", live))
        endpoint = Endpoint("http://backend.example:80")
        with endpoint.connect(Deadline.after(3 * SECONDS)) as connection:
            assert connection.getpeername()[1] == live
        # The hole alone would take longer than this.
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("resolved although an address works"))
        with endpoint.connect(Deadline.after(SECONDS)) as connection:
            assert connection.getpeername()[1] == live


def test_the_reason_of_each_address_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    with full_queue() as hole:
        resolved_to(monkeypatch, ("127.0.0.1", unused_port()), ("::1", hole), ("127.0.0.1", hole))
        reason = failure("http://backend.example:80")
    first, second, third = reason.removeprefix("backend.example has 3 addresses: ").split("; ")
    assert first == second.replace("[::1]", "127.0.0.1") == "127.0.0.1: connection refused"
    assert re.fullmatch(r"127\.0\.0\.1: connect timeout after 0\.[123] s", third)


def test_a_name_is_resolved_again_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint("http://backend.example:80")
    resolved_to(monkeypatch, ("127.0.0.1", unused_port()))
    with pytest.raises(ConnectError, match=r"^connection refused$"):
        endpoint.connect(Deadline.after(SECONDS))
    with double(silent) as url:
        resolved_to(monkeypatch, ("127.0.0.1", Endpoint(url).port))
        endpoint.connect(Deadline.after(SECONDS)).close()


def test_failures_of_tls_are_distinguished() -> None:
    context = ssl.create_default_context()

    def plain(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        connection.recv(65_536)

    def leaving(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
        connection.recv(65_536)

    hint = "does the server speak TLS on this port? (http:// in place of https://)"
    with double(silent) as url:
        assert failure(url, context) == f"no answer to the TLS handshake within 0.3 s; {hint}"
    with double(plain) as url:
        assert failure(url, context) in (
            f"TLS handshake failed: {reason}; {hint}" for reason in ("wrong version number", "record layer failure")
        )
    with double(leaving) as url:
        assert failure(url, context) == f"TLS handshake failed: the server ended the connection; {hint}"


def test_an_unknown_certificate_is_no_broken_handshake() -> None:
    certificate = trustme.CA().issue_cert("127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    def encrypted(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True):
            pass

    with double(encrypted) as url:
        reason = failure(url, ssl.create_default_context())
    assert reason.startswith("certificate rejected: ")
    assert reason.endswith("give --ca-file FILE with the authority that signed it, or --insecure")


def test_every_client_says_that_nothing_was_sent() -> None:
    timeouts, limit = AdaptiveTimeout(SECONDS), ConnectionLimit(1)
    with full_queue() as port:
        endpoint = Endpoint(f"http://127.0.0.1:{port}")
        expected = f"no connection to {{}}://127.0.0.1:{port}/?: connect timeout after 0.3 s"
        with pytest.raises(TargetDown, match=expected.format("http")):
            RestClient(endpoint, timeouts).request("GET", "/")
        with pytest.raises(TargetDown, match=expected.format("http")):
            RawConnection(endpoint, SECONDS, limit)
        with pytest.raises(TargetDown, match=expected.format("ws")):
            WebSocket(endpoint, timeouts, limit).open()
    with double(silent) as url, pytest.raises(ResponseTimeout, match=r"an answer to GET / within 0\.3 s"):
        RestClient(Endpoint(url), timeouts).request("GET", "/")


def test_check_target_of_an_address_that_takes_no_connection(tmp_path: Path) -> None:
    options = ("--user", "alice", "--password", "very-secret-1", "--deadline", "0.5")
    with full_queue("::1") as port:
        checked = hanami("check-target", "--target", f"http://[::1]:{port}", *options, cwd=tmp_path)
    assert checked.returncode == 6
    expected = f"no connection to http://[::1]:{port}: connect timeout after 0.5 s"
    assert expected in " ".join((checked.stdout + checked.stderr).split())
