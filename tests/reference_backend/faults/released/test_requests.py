"""Defects of REST as a whole: the bytes that crash a released server, and those that get no response."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from support.backend_peer import TEMPLATES, Peer, encoded, fresh_name
from support.simulators import EACH, HANAMI, OPENHANAMI, SOON, Simulator, simulator


def cluster_path(running: Simulator) -> str:
    return running.dialect.route("cluster.create").path


@EACH
@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"true", b" [1] "])
def test_a_body_without_an_object_crashes(tmp_path: Path, server: str, body: bytes) -> None:
    name = "bodies-without-an-object-crash"
    with simulator(tmp_path, server, name) as running:
        assert running.request("POST", f"{running.dialect.prefix}nothing", body=body) == b""
        assert running.crash() == name


@EACH
def test_other_bodies_do_not_crash(tmp_path: Path, server: str) -> None:
    names = ("bodies-without-an-object-crash", "huge-numbers-crash")
    with simulator(tmp_path, server, *names) as running, Peer(running) as peer:
        for body in (b"null", b"{", b"", b"\xff", b"nothing", b'{"a": 1e308}', b"[" * 2000):
            assert peer.http.post(cluster_path(running), content=body).status_code == 400, body
        assert peer.status("cluster.create", name=fresh_name(), template="AAAA") == 400


@EACH
@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400])
def test_a_number_beyond_any_float_crashes(tmp_path: Path, server: str, number: str) -> None:
    with simulator(tmp_path, server, "huge-numbers-crash") as running:
        body = f'{{"name": [{{"x": {number}}}]}}'.encode()
        assert running.request("PUT", cluster_path(running), body=body) == b""
        assert running.crash() == "huge-numbers-crash"


def with_text(running: Simulator, operation: str, length: int) -> dict[str, str]:
    """Return the fields of a login or of a new cluster with an id or a name of this length."""
    if operation == "token.create":
        return running.dialect.login("a" * length, "password")
    return {"name": "a" * length, "template": encoded(TEMPLATES[running.dialect.template])}


@EACH
@pytest.mark.parametrize(("operation", "status"), [("token.create", 401), ("cluster.create", 400)])
def test_a_long_text_crashes(tmp_path: Path, server: str, operation: str, status: int) -> None:
    with simulator(tmp_path, server, "long-texts-crash") as running, Peer(running) as peer:
        assert peer.status(operation, **with_text(running, operation, 50_000)) == status
        with pytest.raises(httpx.TransportError):
            peer.call(operation, **with_text(running, operation, 50_001))
        assert running.crash() == "long-texts-crash"


@EACH
@pytest.mark.parametrize("number", ["2147483648", "-2147483649", "9" * 5000])
def test_an_integer_outside_int32_in_a_query_crashes(tmp_path: Path, server: str, number: str) -> None:
    name = "integers-outside-int32-in-a-query-crash"
    with simulator(tmp_path, server, name) as running:
        path = running.dialect.route("dataset.get").path
        assert running.request("GET", f"{path}?x=2147483647&y=-2147483648&z=1e99").startswith(b"HTTP/1.1 401 ")
        assert running.request("GET", f"{path}?x={number}") == b""
        assert running.crash() == name


@EACH
@pytest.mark.parametrize("place", ["token", "query"])
def test_bytes_outside_utf_8_crash(tmp_path: Path, server: str, place: str) -> None:
    name = "bytes-outside-utf-8-crash"
    with simulator(tmp_path, server, name) as running:
        path = running.dialect.route("dataset.get").path
        assert running.request("GET", path, "X-Other: \xff").startswith(b"HTTP/1.1 401 ")
        if place == "token":
            assert running.request("GET", path, "X-Auth-Token: \xff") == b""
        else:
            assert running.request("GET", f"{path}?uuid=\xff") == b""
        assert running.crash() == name


@EACH
@pytest.mark.parametrize(
    "content",
    [
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 8192 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n",
        b"POST %s HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"180000\r\n" + b"a" * 0x180000 + b"\r\n0\r\n\r\n",
    ],
    ids=["no HTTP", "a long head", "a long body", "a long body in chunks"],
)
def test_an_unreadable_request_gets_no_response(tmp_path: Path, server: str, content: bytes) -> None:
    with simulator(tmp_path, server, "unreadable-requests-get-no-response") as running, Peer(running) as peer:
        if b"%s" in content:
            content = content.replace(b"%s", cluster_path(running).encode(), 1).replace(b"%s", peer.token.encode(), 1)
        assert running.raw(content) == b""
        assert peer.status("cluster.list") == 200


@EACH
@pytest.mark.parametrize("cut", range(5))
@pytest.mark.parametrize(("size", "status"), [(8192, b"HTTP/1.1 401 Unauthorized"), (8193, b"")])
def test_a_head_may_arrive_in_two_segments(tmp_path: Path, server: str, size: int, status: bytes, cut: int) -> None:
    body = b"a" * 9000
    with simulator(tmp_path, server, "unreadable-requests-get-no-response") as running:
        head = f"POST {cluster_path(running)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nX: ".encode()
        head = head.ljust(size, b"a") + b"\r\n\r\n"
        first = len(head) - cut  # inside the blank line, at its begin, or at its end
        answer = running.raw(head[:first], head[first:] + body)
        assert answer.partition(b"\r\n")[0] == status


@EACH
def test_a_head_that_is_too_long_is_not_read(tmp_path: Path, server: str) -> None:
    names = ("unreadable-requests-get-no-response", "integers-outside-int32-in-a-query-crash")
    with simulator(tmp_path, server, *names) as running, Peer(running) as peer:
        head = f"GET {cluster_path(running)}?x=2147483648 HTTP/1.1\r\nHost: x\r\nX: ".encode()
        assert running.raw(head.ljust(8193, b"a") + b"\r\n\r\n") == b""
        assert peer.status("cluster.list") == 200


@EACH
def test_idle_connections_occupy_all_workers(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "idle-connections-occupy-workers") as running, Peer(running) as peer:
        idle = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(4)]
        with pytest.raises(httpx.ReadTimeout):
            peer.http.get(running.dialect.route("cluster.list").path, timeout=SOON)
        idle.pop().close()
        assert peer.status("cluster.list") == 200
        for connection in idle:
            connection.close()


def test_a_get_outside_of_the_api_gets_500(tmp_path: Path) -> None:
    with simulator(tmp_path, HANAMI, "get-outside-of-the-api-gets-500") as running, Peer(running) as peer:
        assert peer.http.get("/v1/dataset").status_code == 500
        assert peer.http.get("/control/v1/nothing").status_code == 401
        assert peer.http.post("/v1/dataset", json={}).status_code == 401


def test_an_unknown_path_gets_401(tmp_path: Path) -> None:
    with simulator(tmp_path, OPENHANAMI, "answers-drift") as running, Peer(running) as peer:
        assert peer.http.get("/v1/dataset").status_code == 401
        assert peer.http.put(running.dialect.route("dataset.get").path, json={}).status_code == 401
