"""Credentials reach the given target alone: no redirect is followed, no proxy is used, no path names another host."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from hanami_conformance.cases.failures import ConnectionClosed
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.clients.websocket import WebSocket
from support.hostile_servers import READ, Relay, relayed
from support.suite_runs import double, faulty_backend, result_of, run_suite
from support.targets import backend, hanami
from support.traps import Trap, redirect, trap

ALICE = ("--user", "alice", "--password", "very-secret-1")
BEGIN = Step("begin", {"kind": "csv", "size": 100, "count": 1, "user": 0})
SEQUENCE = StepSequence("upload", (BEGIN,), "documented", "PROG-2").to_json()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("dialect", ["documented", "auto"])
def test_a_login_that_is_redirected_says_where_to(tmp_path: Path, status: int, dialect: str) -> None:
    with trap() as elsewhere:

        def serve(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
            path = connection.recv(READ).split(b" ")[1].decode()
            connection.sendall(redirect(status, elsewhere.url + path))

        with double(serve) as url:
            run = hanami("check-target", "--target", url, *ALICE, "--dialect", dialect, cwd=tmp_path)
        assert elsewhere.received == []
    assert run.returncode == 4, run.stdout + run.stderr
    line = " ".join((run.stdout + run.stderr).split())
    assert f"{url} redirects POST /v1/token to {elsewhere.url}/v1/token: " in line
    assert f"give --target {elsewhere.url}; credentials are sent to no other address than the given one" in line


def redirecting(elsewhere: Trap) -> type[Relay]:
    """A relay that redirects everything but logins."""

    class Redirecting(Relay):
        def relay(self, connection: socket.socket, begun: bytes = b"") -> bytes:
            begun = begun or connection.recv(READ)
            if b"/token " in begun.split(b"\r\n", 1)[0]:
                return super().relay(connection, begun)
            connection.sendall(redirect(307, f"{elsewhere.url}/there?from=here"))
            return b""

    return Redirecting


def test_no_redirect_is_followed_and_the_reason_says_where_to(tmp_path: Path) -> None:
    with trap() as elsewhere, faulty_backend() as url, relayed(url, redirecting(elsewhere)) as address:
        options = ("--profile", "smoke", "--requirement", "INIT", "--requirement", "MODE", "--deadline", "2")
        run = run_suite("--target", address, *ALICE, *options, cwd=tmp_path)
        path = tmp_path / "sequence.json"
        path.write_text(SEQUENCE)
        hanami("replay", str(path), "--target", address, *ALICE, cwd=tmp_path)
        assert elsewhere.received == []
        assert run.returncode == 1, run.stdout + run.stderr
        assert f"actual 307 redirect to {elsewhere.url}/there?from=here" in json.dumps(result_of(tmp_path))


def test_a_handshake_that_is_redirected_says_where_to() -> None:
    with trap() as elsewhere:

        def serve(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
            connection.recv(READ)
            connection.sendall(redirect(302, f"{elsewhere.url}/socket"))

        with double(serve) as url, pytest.raises(ConnectionClosed) as failed:
            WebSocket(Endpoint(url), AdaptiveTimeout(5.0), ConnectionLimit(1)).open()
        assert elsewhere.received == []
    assert f"HTTP 302, a redirect to {elsewhere.url}/socket" in failed.value.actual


def test_a_proxy_of_the_environment_receives_nothing(tmp_path: Path) -> None:
    with trap() as proxy, backend() as url:
        selection = [word for name in ("ATT-1", "PROG-1", "GEN-1") for word in ("--requirement", name)]
        run = run_suite(
            "--target", url, *ALICE, "--profile", "smoke", *selection, cwd=tmp_path, environment=proxy.environment
        )
        assert run.returncode == 0, run.stdout + run.stderr
        checked = hanami("check-target", "--target", url, *ALICE, cwd=tmp_path, environment=proxy.environment)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert proxy.received == []


@pytest.mark.parametrize("path", ["@elsewhere.example/", ".elsewhere.example/", ":1/", ""])
def test_a_path_names_no_other_host(path: str) -> None:
    with trap() as target:
        client = RestClient(Endpoint(target.url), AdaptiveTimeout(5.0))
        with pytest.raises(ConnectionClosed, match="a request that can be sent"):
            client.request("GET", path, token="a-token")
        assert target.received == []
        client.request("GET", "//elsewhere.example/x", token="a-token")
    (request,) = target.received
    assert request.startswith(b"GET //elsewhere.example/x HTTP/1.1\r\n")
    assert f"\r\nhost: {target.url.removeprefix('http://')}\r\n".encode() in request.lower()
