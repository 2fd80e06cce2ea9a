"""Requests that name another host, or come from a web page of others."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from hanami_reference_backend.options import parse_options
from hanami_reference_backend.run import allowed_hosts
from hanami_reference_backend.serving.host_check import HostCheck
from support.backend_peer import DEADLINE, Peer, Server, running

NAMES = ("dev.example",)


async def _application(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "reached"})


def reached(headers: list[tuple[str, str]], hosts: tuple[str, ...] | None, version: str = "1.1") -> bool | int:
    """Return whether a request reaches the application, or the status of its rejection."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    encoded = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "http_version": version, "method": "GET", "headers": encoded}
    asyncio.run(HostCheck(_application, hosts)(scope, receive, send))
    return sent == [{"type": "reached"}] or int(sent[0]["status"])


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:11418", True),
        ("LOCALHOST.:1", True),
        ("127.0.0.1:11418", True),
        ("127.8.9.1", True),
        ("[::1]:11418", True),
        ("dev.example", True),
        ("Dev.Example.:80", True),
        ("evil.example", 403),
        ("evil.example:11418", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("evil.example@localhost", 403),
        ("localhost:11418, evil.example", 403),
        ("localhost/", 403),
        ("192.168.0.1", 403),
        ("0.0.0.0:11418", 403),
        ("::1", 403),
        ("", 403),
        ("local host", 403),
        ("\u017flocalhost", 403),
    ],
)
def test_a_request_names_an_allowed_host(host: str, expected: bool | int) -> None:
    assert reached([("host", host)], NAMES) == expected
    assert reached([("host", host)], None) is True


@pytest.mark.parametrize(
    ("headers", "version", "checked", "unchecked"),
    [
        ([], "1.1", 400, 400),
        ([], "1.0", 400, True),
        ([("host", "localhost"), ("host", "localhost")], "1.1", 400, 400),
        ([("host", "localhost"), ("Host", "evil.example")], "1.1", 400, 400),
        ([("host", "localhost"), ("host", "localhost")], "1.0", 400, 400),
        ([("Host", "localhost")], "1.0", True, True),
    ],
    ids=range(6),
)
def test_a_request_has_exactly_one_host(
    headers: list[tuple[str, str]], version: str, checked: bool | int, unchecked: bool | int
) -> None:
    assert reached(headers, NAMES, version) == checked
    assert reached(headers, None, version) == unchecked


@pytest.mark.parametrize(
    ("origins", "expected"),
    [
        ([], True),
        (["http://localhost:11418"], True),
        (["HTTP://LOCALHOST:11418"], True),
        (["https://localhost:11418"], True),  # a proxy in front may speak TLS
        (["http://dev.example:5173"], True),
        (["http://localhost:3000"], 403),  # another server of this machine, whose pages are its own affair
        (["http://localhost"], 403),
        (["http://evil.example"], 403),
        (["http://localhost:11418.evil.example"], 403),
        (["http://localhost:11418@evil.example"], 403),
        (["null"], 403),
        ([""], 403),
        (["http://localhost:11418 http://evil.example"], 403),
        (["http://localhost:11418", "http://evil.example"], 403),
        (["file://localhost:11418"], 403),
    ],
    ids=range(15),
)
def test_a_web_page_is_of_the_server_or_allowed(origins: list[str], expected: bool | int) -> None:
    headers = [("host", "localhost:11418"), *(("origin", origin) for origin in origins)]
    assert reached(headers, NAMES) == expected
    assert reached(headers, None) is True


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server"), "--allow-host", "dev.example") as server:
        yield server


def test_a_rejected_request_is_answered_with_the_reason(server: Server) -> None:
    assert server.announced["allowed_hosts"] == ["localhost", "dev.example"]
    login = server.dialect.login("alice", "alice-password")
    with httpx.Client(base_url=server.url, trust_env=False, timeout=DEADLINE) as client:
        path = server.dialect.route("token.create").path
        answer = client.post(path, json=login, headers={"Host": "evil.example"})
        assert (answer.status_code, answer.text) == (
            403,
            "the host evil.example is not allowed: start the server with --allow-host evil.example",
        )
        answer = client.post(path, json=login, headers={"Origin": "http://evil.example"})
        assert (answer.status_code, answer.text) == (
            403,
            "a page of http://evil.example is not allowed: start the server with --allow-host evil.example",
        )
        assert client.post(path, json=login, headers={"Host": "dev.example:5173"}).status_code == 200
        assert client.post(path, json=login, headers={"Origin": server.url}).status_code == 200
        assert client.get("/docs", headers={"Host": "evil.example"}).status_code == 403


def test_a_rejected_handshake_opens_no_websocket(server: Server) -> None:
    for headers, reason in (
        ({"Host": "evil.example"}, "the host evil.example"),
        ({"Origin": "http://evil.example"}, "a page of http://evil.example"),
    ):
        with pytest.raises(InvalidStatus) as rejected:
            connect(server.socket_url, additional_headers=headers, proxy=None)
        response = rejected.value.response
        assert response.status_code in (400, 403)  # the client adds a Host of its own to the other one
        if "Origin" in headers:
            assert reason.encode() in (response.body or b"")
    with Peer(server) as peer, peer.attach(peer.begin_csv(1)["uuid_input_file"]):
        pass


@pytest.mark.parametrize("host", ["", "Host: evil.example\r\n", "Host: localhost\r\nHost: localhost\r\n"])
@pytest.mark.parametrize("upgrade", [False, True])
def test_raw_requests_need_one_allowed_host(server: Server, host: str, upgrade: bool) -> None:
    handshake = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    )
    with closing(socket.create_connection(("127.0.0.1", server.port), DEADLINE)) as connection:
        connection.sendall(f"GET /docs HTTP/1.1\r\n{host}{handshake if upgrade else ''}\r\n".encode())
        status = connection.recv(4096).split()[1]
    assert status == (b"403" if "evil" in host else b"400")


# Which hosts a server allows


@pytest.mark.parametrize(
    ("options", "address", "hosts"),
    [
        pytest.param([], "127.0.0.1", frozenset(), id="defaults"),
        pytest.param(["--host", "::1"], "::1", frozenset(), id="IPv6"),
        pytest.param(["--host", "devbox"], "127.0.1.1", frozenset({"devbox"}), id="a name of this machine"),
        pytest.param(["--user", "alice:other:alpha"], "127.0.0.1", None, id="own users"),
        pytest.param(["--user", "eve:alice-password:alpha"], "127.0.0.1", frozenset(), id="a known password"),
        pytest.param(["--allow-host", "*"], "127.0.0.1", None, id="any host"),
        pytest.param(["--as", "hanami-0.4.1"], "127.0.0.1", None, id="a released server, which has no such check"),
        pytest.param(["--allow-host", "A.example"], "127.0.0.1", frozenset({"a.example"}), id="a host"),
        pytest.param(
            ["--allow-host", "a", "--allow-host", "[fd00::1]", "--user", "a:b:c", "--host", "0.0.0.0"],
            "0.0.0.0",
            frozenset({"a", "fd00::1"}),
            id="hosts, whatever the passwords and the address",
        ),
    ],
)
def test_hosts_are_checked_where_pages_could_log_in(
    options: list[str], address: str, hosts: frozenset[str] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert allowed_hosts(parse_options(options), address) == hosts
    assert capsys.readouterr().err == ""


def test_default_passwords_that_others_can_use_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert allowed_hosts(parse_options(["--host", "0.0.0.0"]), "0.0.0.0") is None
    assert re.fullmatch(
        r"hanami-reference-backend: warning: other machines can reach 0\.0\.0\.0, .*--user\n", capsys.readouterr().err
    )


@pytest.mark.parametrize("host", ["", "a b", "http://a", "a:80", "a/", "a@b", "[::1]:80", "**"])
def test_an_invalid_host_is_reported_in_one_line(host: str) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "hanami_reference_backend", "--allow-host", host],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert process.returncode == 2
    assert "is not the name of a host without port, or *" in process.stderr.splitlines()[-1]


def test_own_users_need_no_check(tmp_path: Path) -> None:
    with running(tmp_path, "--user", "alice:own:alpha") as server:
        assert server.announced["allowed_hosts"] is None
        answer = httpx.get(server.url + "/docs", headers={"Host": "any.example"}, trust_env=False)
        assert answer.status_code == 200
