"""What the recording of an exchange holds besides its messages: heads, frames, and how connections ended."""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.raw_request import send_raw
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.clients.tcp import RawConnection
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.common.redact import SECRETS
from hanami_reports.model.conformance import Event
from support.suite_runs import closing, double, failing, silent

TOKEN = "eyJhbGciOi.J9.secret-of-a-token"


@pytest.fixture(autouse=True)
def case() -> Iterator[None]:
    SECRETS.clear()
    SECRETS.add(TOKEN, "token of the first user")
    begin_case("test")
    yield
    end_case()
    SECRETS.clear()


def events() -> tuple[Event, ...]:
    return current_case().exchange()


@contextlib.contextmanager
def peer(*, status: int = 101) -> Iterator[str]:
    """A websocket server that reads everything, or rejects the handshake."""

    def reject(connection: ServerConnection, request: Request) -> Response | None:  # noqa: ARG001
        return None if status == 101 else connection.respond(status, "no sockets here")

    def read(connection: ServerConnection) -> None:
        for message in connection:
            if message == b"leave":
                connection.close(1008, "not so")

    with serve(read, "127.0.0.1", 0, compression=None, ping_interval=None, process_request=reject) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
        thread.join()


def websocket(url: str) -> WebSocket:
    return WebSocket(Endpoint(url), AdaptiveTimeout(5), ConnectionLimit(1))


def test_a_rest_call_has_the_heads_of_request_and_response() -> None:
    with double(failing) as url:
        RestClient(Endpoint(url), AdaptiveTimeout(5)).request(
            "PUT", "/v1/x", token=TOKEN, params={"a": "b c"}, content=b"{}"
        )
        sent, received = events()
    lines = sent.head.split("\r\n")
    assert lines[0] == "PUT /v1/x?a=b%20c HTTP/1.1" or lines[0] == "PUT /v1/x?a=b+c HTTP/1.1"
    assert f"Host: {url.removeprefix('http://')}" in lines
    assert "X-Auth-Token: [token of the first user]" in lines
    assert lines[-2:] == ["", ""]
    assert received.head == "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
    assert base64.b64decode(received.payload) == b"Oops"


@pytest.mark.parametrize("token", ["abc", "this is no registered token"])
def test_a_token_that_is_no_known_secret_stays_out_of_the_head(token: str) -> None:
    with double(failing) as url:
        RestClient(Endpoint(url), AdaptiveTimeout(5)).request("GET", "/", token=token)
        assert "X-Auth-Token: [secret]\r\n" in events()[0].head
        assert token not in events()[0].head


def test_cookies_of_a_target_stay_out_of_the_head() -> None:
    assert SECRETS.headers("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nX: y\r\n\r\n") == (
        "HTTP/1.1 200 OK\r\nSet-Cookie: [secret]\r\nX: y\r\n\r\n"
    )


def test_a_request_of_bytes_has_the_head_of_its_response() -> None:
    with double(failing) as url, RawConnection(Endpoint(url), 5, ConnectionLimit(1)) as connection:
        send_raw(connection, b"\xff", "a byte", AdaptiveTimeout(5))
        assert events()[-1].head == "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"


def test_a_websocket_has_the_heads_of_its_handshake() -> None:
    with peer() as url:
        client = websocket(url)
        client.open({"Upgrade": "WebSocket"})
        client.close()
        request, response = events()[:2]
    assert request.head.startswith("GET / HTTP/1.1\r\n")
    assert "Upgrade: WebSocket\r\n" in request.head
    assert response.head.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    assert "Sec-WebSocket-Accept: " in response.head


def test_a_rejected_handshake_is_recorded_with_its_response() -> None:
    with peer(status=403) as url:
        with pytest.raises(ConnectionClosed):
            websocket(url).open()
        rejected = events()[-1]
    assert (rejected.direction, rejected.kind) == ("received", "open")
    assert rejected.head.startswith("HTTP/1.1 403 Forbidden\r\n")
    assert base64.b64decode(rejected.payload) == b"no sockets here"


def test_fragments_are_recorded_as_frames() -> None:
    with peer() as url:
        client = websocket(url)
        client.open()
        client.send_fragments([b"ab", b"cd"], summary="a message", between="ping")
        client.send(b"one frame")
        client.close()
        fragmented, whole = [event for event in events() if event.kind == "binary"]
    mask = bytes(4)
    frames = b"\x02\x82" + mask + b"ab" + b"\x89\x87" + mask + b"between" + b"\x80\x82" + mask + b"cd"
    assert base64.b64decode(fragmented.frames) == frames
    assert base64.b64decode(fragmented.payload) == b"abcd"
    assert whole.frames == ""


def test_messages_sent_back_to_back_are_events_of_their_own() -> None:
    with peer() as url:
        client = websocket(url)
        client.open()
        client.send_segmented([b"one", b"two"], [2], "2 messages in 2 segments")
        client.close()
        sent = [event for event in events() if event.kind == "binary"]
    assert [base64.b64decode(event.payload) for event in sent] == [b"one", b"two"]
    assert sent[0].summary == "2 messages in 2 segments: message 1 of 2"


def test_a_flood_has_the_frames_that_were_sent() -> None:
    with peer() as url:
        client = websocket(url)
        client.open()
        client.send_without_reading([b"x"] * 3, "3 messages")
        client.close()
        flood = next(event for event in events() if event.kind == "binary")
    assert base64.b64decode(flood.frames) == (b"\x82\x81" + bytes(4) + b"x") * 3


def test_frames_that_hold_a_secret_are_left_out() -> None:
    with peer() as url:
        client = websocket(url)
        client.open()
        client.send_fragments([b"a", TOKEN.encode()], summary="a message")
        client.close()
        sent = next(event for event in events() if event.kind == "binary")
    assert sent.frames == ""
    assert base64.b64decode(sent.payload) == b"a[token of the first user]"


def test_a_close_has_its_code_and_its_reason() -> None:
    with peer() as url:
        client = websocket(url)
        client.open()
        client.send(b"leave")
        with pytest.raises(ConnectionClosed):
            client.receive("an answer")
        client.close()
        closed = events()[-1]
    assert closed.kind == "close"
    assert base64.b64decode(closed.payload) == struct.pack("!H", 1008) + b"not so"


def reset(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Accept a websocket, and reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.recv(4096)


def test_the_ends_of_connections_have_their_kinds() -> None:
    def end(client: RestClient) -> str:
        with pytest.raises((ResponseTimeout, ConnectionClosed, TargetDown)):
            client.request("GET", "/")
        return events()[-1].kind

    with double(silent) as url:
        assert end(RestClient(Endpoint(url), AdaptiveTimeout(0.1))) == "timeout"
    assert end(RestClient(Endpoint(url), AdaptiveTimeout(5))) == "refused"
    with double(closing) as url:
        assert end(RestClient(Endpoint(url), AdaptiveTimeout(5))) == "end"
    with peer() as url:
        client = websocket(url)
        client.open()
        client.half_close()
        assert events()[-1].kind == "half-close"
        client.reset()
        assert events()[-1].kind == "reset"
    with double(reset) as url:
        with pytest.raises(ConnectionClosed):
            websocket(url.replace("http", "ws")).open()
        assert [event.kind for event in events()[-2:]] == ["open", "reset"]


def test_a_recording_begins_at_a_time_of_the_clock() -> None:
    before = datetime.now(UTC)
    case = begin_case("another")
    started = datetime.fromisoformat(case.started)
    assert before <= started <= datetime.now(UTC)
    case.restart_record()
    assert datetime.fromisoformat(case.started) >= started
