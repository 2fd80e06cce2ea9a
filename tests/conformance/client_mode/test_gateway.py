"""The gateway between a client and the server: what it passes on, what it records, and how it interferes."""

from __future__ import annotations

import json
import socket as sockets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from hanami_conformance.client_mode import socket_relay
from hanami_conformance.client_mode.interference import Rule
from hanami_conformance.client_mode.record import NEVER
from hanami_conformance.client_mode.rest_relay import MAX_BODY, RestRelay
from hanami_conformance.client_mode.runner import ClientRunner
from hanami_conformance.client_mode.scenario import Scenario
from hanami_conformance.client_mode.situation import Situation

SECONDS = 10.0
RESET = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


@contextmanager
def serving(runner: ClientRunner, *rules: Rule, workflow: str = "csv") -> Iterator[Situation]:
    with runner.serving(Scenario("any", workflow, "any", "either", rules)) as situation:
        yield situation


def call(situation: Situation, operation: str, fields: Any) -> httpx.Response:
    given = situation.materials
    route = given.dialect.route(operation)
    form: dict[str, Any] = {"params": fields} if route.method == "GET" else {"json": fields}
    headers = {"X-Auth-Token": given.token}
    url = given.url + route.path
    return httpx.request(route.method, url, headers=headers, timeout=SECONDS, trust_env=False, **form)


def begin(situation: Situation) -> str:
    """Begin an upload of ten bytes; return the uuid of its file."""
    answer = call(situation, "csv.init", {"name": "table", "input_data_size": 10})
    return str(answer.json()["uuid_input_file"])


@contextmanager
def attached(situation: Situation, uuid: str) -> Iterator[ClientConnection]:
    with connect(situation.materials.url.replace("http", "ws"), proxy=None, open_timeout=SECONDS) as socket:
        first = {"token": situation.materials.token, "uuid": uuid, "target": "file_upload"}
        socket.send(json.dumps(first))
        assert json.loads(socket.recv(SECONDS))["success"] in (1, True)
        yield socket


def send_chunk(situation: Situation, socket: ClientConnection, position: int, data: bytes) -> Any:
    codec = situation.materials.dialect.codec
    socket.send(codec.encode_chunk(position, data))
    answer = socket.recv(SECONDS)
    assert isinstance(answer, bytes)
    return codec.decode_acknowledgement(answer)


def test_requests_and_messages_are_passed_on_and_recorded(runner: ClientRunner) -> None:
    with serving(runner) as situation:
        uuid = begin(situation)
        with attached(situation, uuid) as socket:
            assert send_chunk(situation, socket, 0, b"0123456789").success
        dataset = situation.uploads[0].uuid
        assert call(situation, "dataset.progress", {"uuid": dataset}).json()["complete"] is True
    record = situation.record
    assert [request.operation for request in record.requests] == ["csv.init", "dataset.progress"]
    (recorded,) = record.sockets
    assert (recorded.target, recorded.uuid, recorded.ended_by, recorded.close_code) == (
        "file_upload",
        uuid,
        "client",
        1000,
    )
    (chunk,) = situation.chunks(recorded)
    assert (chunk.file, chunk.position, chunk.data, chunk.stored) == ("csv", 0, b"0123456789", True)
    assert chunk.acknowledged != NEVER
    text = str(record.recording.exchange())
    assert situation.materials.token not in text
    assert record.open_connections == 0


def test_a_request_keeps_its_path_headers_and_body(runner: ClientRunner) -> None:
    with serving(runner) as situation:
        answer = httpx.post(f"{situation.materials.url}/no%2Fpath?a=%20b", content=b"\x00raw", trust_env=False)
        assert answer.status_code == 404
    (request,) = situation.record.requests
    assert (request.method, request.target, request.body, request.operation) == (
        "POST",
        "/no%2Fpath?a=%20b",
        b"\x00raw",
        "",
    )


def test_a_connection_is_kept_for_several_requests(runner: ClientRunner) -> None:
    with serving(runner) as situation, httpx.Client(base_url=situation.materials.url, trust_env=False) as client:
        assert [client.get("/x").status_code for _ in range(3)] == [404] * 3
        assert situation.record.most_open == 1
    assert len({request.channel for request in situation.record.requests}) == 1


def test_bytes_that_are_not_http_are_recorded(runner: ClientRunner) -> None:
    with serving(runner) as situation:
        host, port = situation.materials.url.removeprefix("http://").split(":")
        with sockets.create_connection((host, int(port)), timeout=SECONDS) as connection:
            connection.sendall(b"NONSENSE\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert len(situation.record.malformed) == 1


def raw_websocket(situation: Situation) -> sockets.socket:
    """Open a websocket whose frames the test writes itself, and return its connection."""
    host, port = situation.materials.url.removeprefix("http://").split(":")
    connection = sockets.create_connection((host, int(port)), timeout=SECONDS)
    lines = ["GET / HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", ""]
    connection.sendall("\r\n".join(lines).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101")
    return connection


def test_a_frame_that_is_not_masked_is_recorded_and_ends_the_websocket(
    runner: ClientRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_relay, "CLOSE_SECONDS", 0.2)  # this client sends no close frame
    with serving(runner) as situation, raw_websocket(situation) as connection:
        connection.sendall(b"\x81\x02{}")
        assert connection.recv(100)[:1] == b"\x88"  # a close frame
        connection.sendall(b"more")
        while connection.recv(100):
            pass
    (reason,) = situation.record.malformed
    assert "mask" in reason
    (recorded,) = situation.record.sockets
    assert (recorded.ended_by, recorded.has_close_frame, recorded.sent) == ("server", False, [])


def test_a_client_that_ends_without_a_close_frame_has_sent_no_invalid_frame(runner: ClientRunner) -> None:
    with serving(runner) as situation:
        raw_websocket(situation).close()
    (recorded,) = situation.record.sockets
    assert (recorded.ended_by, recorded.has_close_frame) == ("client", False)
    assert situation.record.malformed == []


def test_a_close_frame_without_a_code_is_a_close_frame(runner: ClientRunner) -> None:
    with serving(runner) as situation, raw_websocket(situation) as connection:
        connection.sendall(b"\x88\x80\x00\x00\x00\x00")
        assert connection.recv(100)[:1] == b"\x88"
    (recorded,) = situation.record.sockets
    assert (recorded.ended_by, recorded.has_close_frame) == ("client", True)
    assert situation.record.malformed == []


def test_a_body_has_a_limit(runner: ClientRunner) -> None:
    with serving(runner) as situation:
        content = b"x" * (MAX_BODY + 1)
        try:
            answer = httpx.post(f"{situation.materials.url}/x", content=content, trust_env=False)
        except RESET:
            pass  # the answer was lost behind the rest of the body
        else:
            assert answer.status_code == 413
    assert situation.record.requests == []
    assert len(situation.record.malformed) == 1


@pytest.mark.parametrize("action", ["drop", "drop-after"])
def test_a_dropped_request_resets_its_connection(runner: ClientRunner, action: str) -> None:
    with serving(runner, Rule("csv.init", action)) as situation:
        with pytest.raises(RESET):
            begin(situation)
        assert begin(situation)
    first, second = situation.record.requests
    assert (first.is_disturbed, first.status, second.status) == (True, 0, 200)
    assert first.server_status == (200 if action == "drop-after" else 0)
    assert situation.record.disturbed < second.at


def test_an_answer_is_replaced_or_its_keys_are(runner: ClientRunner) -> None:
    rejection = Rule("csv.init", "answer", status=409, body="full")
    with serving(runner, rejection, Rule("csv.init", "set", first=2, keys={"uuid": "other"})) as situation:
        answer = call(situation, "csv.init", {"name": "table", "input_data_size": 10})
        assert (answer.status_code, answer.text) == (409, "full")
        answer = call(situation, "csv.init", {"name": "table", "input_data_size": 10})
        assert (answer.json()["uuid"], answer.json()["name"]) == ("other", "table")


def test_a_request_is_done_and_answered_by_a_gateway(runner: ClientRunner) -> None:
    with serving(runner, Rule("csv.init", "answer-after", status=504, body="too late")) as situation:
        answer = call(situation, "csv.init", {"name": "table", "input_data_size": 10})
        assert (answer.status_code, answer.text) == (504, "too late")
        (request,) = situation.record.requests
        assert (request.status, request.server_status, request.is_disturbed) == (504, 200, True)
        uuid = json.loads(request.server_answer)["uuid"]
        assert call(situation, "dataset.progress", {"uuid": uuid}).json()["complete"] is False


def test_a_request_is_left_unanswered_until_the_client_leaves(runner: ClientRunner) -> None:
    with serving(runner, Rule("dataset.list", "lose", times=0)) as situation:
        url = situation.materials.url + situation.materials.dialect.route("dataset.list").path
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(url, timeout=0.2, trust_env=False)
    (request,) = situation.record.requests
    assert (request.status, request.is_disturbed) == (0, True)


def test_a_rejected_chunk_is_not_stored_and_would_be_accepted_again(runner: ClientRunner) -> None:
    with serving(runner, Rule("chunk", "reject", first=2, body="busy")) as situation:
        uuid = begin(situation)
        with attached(situation, uuid) as socket:
            answers = [send_chunk(situation, socket, position, b"01234") for position in (0, 5, 5)]
        assert [answer.success for answer in answers] == [True, False, True]
    (recorded,) = situation.record.sockets
    assert [chunk.stored for chunk in situation.chunks(recorded)] == [True, False, True]


def test_a_lost_acknowledgement_is_recorded_as_such(runner: ClientRunner) -> None:
    with serving(runner, Rule("acknowledgement", "lose")) as situation, attached(situation, begin(situation)) as socket:
        socket.send(situation.materials.dialect.codec.encode_chunk(0, b"0123456789"))
        with pytest.raises(TimeoutError):
            socket.recv(0.3)
    (lost,) = situation.record.sockets[0].answers
    assert (lost.delivered, lost.is_disturbed) == (False, True)


def test_answers_after_a_close_are_recorded_as_not_delivered(runner: ClientRunner) -> None:
    rule = Rule("acknowledgement", "delay", times=0, seconds=0.3)
    with serving(runner, rule) as situation, attached(situation, begin(situation)) as socket:
        socket.send(situation.materials.dialect.codec.encode_chunk(0, b"0123456789"))
    (late,) = situation.record.sockets[0].answers
    assert (late.delivered, late.is_disturbed) == (False, False)


def test_messages_are_fragmented(runner: ClientRunner) -> None:
    rules = (Rule("acceptance", "fragment", size=3), Rule("acknowledgement", "fragment", size=1))
    with serving(runner, *rules) as situation:
        with attached(situation, begin(situation)) as socket:
            codec = situation.materials.dialect.codec
            socket.send(codec.encode_chunk(0, b"0123456789"))
            parts = list(socket.recv_streaming())
        assert len(parts) == 2
        assert codec.decode_acknowledgement(b"".join(map(bytes, parts))).success  # type: ignore[arg-type]


def test_an_acceptance_is_replaced(runner: ClientRunner) -> None:
    rule = Rule("acceptance", "text", binary=True, body='{"success": true, "more": 1}')
    with serving(runner, rule) as situation:
        uuid = begin(situation)
        with connect(situation.materials.url.replace("http", "ws"), proxy=None) as socket:
            first = {"token": situation.materials.token, "uuid": uuid, "target": "file_upload"}
            socket.send(json.dumps(first))
            assert socket.recv(SECONDS) == b'{"success": true, "more": 1}'
            assert send_chunk(situation, socket, 0, b"0123456789").success
    assert situation.record.sockets[0].accepted != NEVER


def test_a_first_message_is_rejected_with_a_reason(runner: ClientRunner) -> None:
    with serving(runner, Rule("first-message", "reject", body="no")) as situation:
        with connect(situation.materials.url.replace("http", "ws"), proxy=None) as socket:
            socket.send(json.dumps({"token": "", "uuid": "", "target": "file_upload"}))
            assert json.loads(socket.recv(SECONDS)) == {"success": False, "error": "no"}
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(SECONDS)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "no")
    (recorded,) = situation.record.sockets
    assert (recorded.accepted, recorded.ended_by) == (NEVER, "server")
    assert recorded.rejected != NEVER


@pytest.mark.parametrize("step", ["chunk", "acknowledgement"])
def test_a_dropped_websocket_ends_without_a_close_frame(runner: ClientRunner, step: str) -> None:
    with serving(runner, Rule(step, "drop")) as situation, pytest.raises(ConnectionClosedError):  # noqa: SIM117
        with attached(situation, begin(situation)) as socket:
            send_chunk(situation, socket, 0, b"0123456789")
    assert situation.record.sockets[0].ended_by == "scenario"


def test_a_server_that_stops_closes_the_websocket(runner: ClientRunner) -> None:
    def send() -> None:
        with attached(situation, begin(situation)) as socket:
            send_chunk(situation, socket, 0, b"0123456789")

    with serving(runner, Rule("chunk", "go-away")) as situation:
        with pytest.raises(ConnectionClosed) as closed:
            send()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    (recorded,) = situation.record.sockets
    assert (recorded.ended_by, recorded.data[0].delivered) == ("server", False)


def test_a_handshake_is_rejected(runner: ClientRunner) -> None:
    with serving(runner, Rule("handshake", "answer", status=503, body="busy")) as situation:
        with pytest.raises(InvalidStatus) as rejected:
            connect(situation.materials.url.replace("http", "ws"), proxy=None)
        assert rejected.value.response.status_code == 503
    assert situation.record.sockets[0].ended_by == "server"


def test_a_restart_resets_every_connection_and_forgets_uploads(runner: ClientRunner) -> None:
    with serving(runner, Rule("chunk", "restart")) as situation:
        uuid = begin(situation)
        with pytest.raises(ConnectionClosedError), attached(situation, uuid) as socket:
            send_chunk(situation, socket, 0, b"0123456789")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                answer = call(situation, "dataset.progress", {"uuid": situation.uploads[0].uuid})
            except (*RESET, httpx.ConnectError):
                time.sleep(0.1)
            else:
                break
        assert answer.status_code == 401, answer.text  # tokens are forgotten, too
    with serving(runner) as situation:
        assert begin(situation)


def test_an_internal_error_is_no_mistake_of_the_client(runner: ClientRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    def request() -> None:
        with serving(runner) as situation, pytest.raises(RESET):
            httpx.get(situation.materials.url, trust_env=False)

    monkeypatch.setattr(RestRelay, "_note", fail)
    with pytest.raises(RuntimeError, match="the gateway failed") as failure:
        request()
    assert isinstance(failure.value.__cause__, ZeroDivisionError)
