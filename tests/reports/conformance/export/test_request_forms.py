"""Lines of curl for requests in other legal forms: the same bytes arrive, or words say why no line sends them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

from hanami_conformance.clients.http_forms import FRAMINGS, MEDIA_TYPES, SEGMENTS, SPELLINGS, HttpForm
from hanami_reports.conformance.export.client_commands import ClientCommands
from hanami_reports.model.conformance import Event
from support.recorded_exchanges import recorded

DEADLINE = 30.0  # seconds; reached only by a defect
BODY = b'{"name": "a name of some bytes"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
# Lines that any client sends in its own way, where they are spelled as usual.
OWN = ("Host: ", "Accept: ", "Accept-Encoding: ", "Connection: ", "User-Agent: ")

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


class Recorder:
    """A server that records the bytes of each request, and the number of its connection."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self.authority = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(DEADLINE)

    def _serve(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            with connection:
                connection.settimeout(DEADLINE)
                self._answer(connection, number)

    def _answer(self, connection: socket.socket, number: int) -> None:
        data = b""
        while received := connection.recv(65_536):
            data += received
            if is_whole(data):
                self.requests.append((number, data))
                data = b""
                connection.sendall(ANSWER)


def is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    if b"transfer-encoding" in fields:
        return body.endswith(b"0\r\n\r\n")
    return bool(end) and len(body) == int(fields.get(b"content-length", b"0"))


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as made:
        yield made


def sent(authority: str, form: HttpForm, channel: str = "rest-1") -> tuple[Event, bytes]:
    """A recorded POST in a form, and its bytes."""
    data = b"".join(form.encode("POST", "/v1/a", {"Host": authority, "X-Auth-Token": "abc"}, BODY))
    head = data.partition(b"\r\n\r\n")[0].decode() + "\r\n\r\n"
    return recorded(0.1, channel, "sent", "http", "POST /v1/a", BODY, head=head), data


def run(line: str, folder: Path, **variables: str) -> None:
    environment: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "no_proxy": "*", **variables}
    subprocess.run(["sh", "-c", line], cwd=folder, env=environment, timeout=DEADLINE, check=True, capture_output=True)


def lines_and_body(data: bytes) -> tuple[list[str], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return [first, *sorted(line for line in lines if not line.startswith(OWN))], body


FORMS = [
    *(HttpForm(body=body, headers=headers) for body in ("sized", "one chunk") for headers in SPELLINGS),
    *(HttpForm(media_type=media_type) for media_type in MEDIA_TYPES),
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_request_arrives_in_its_form_or_a_reason_is_given(form: HttpForm, recorder: Recorder, tmp_path: Path) -> None:
    event, data = sent(recorder.authority, form)
    commands = ClientCommands([event], {"target": {"url": f"http://{recorder.authority}"}})
    command = commands.command(0)
    if form.headers in ("lower case", "upper case"):
        name = "host" if form.headers == "lower case" else "HOST"
        assert command is None
        assert [reason for _, reason in commands.obstacles()] == [f"curl writes Host, whatever the header '{name}' is"]
        return
    assert command is not None
    assert list(commands.obstacles()) == []
    run(command.line, tmp_path)
    ((_, arrived),) = recorder.requests
    assert lines_and_body(arrived) == lines_and_body(data)


def test_the_spelling_of_all_headers_but_host_arrives(recorder: Recorder, tmp_path: Path) -> None:
    event, data = sent(recorder.authority, HttpForm(headers="upper case"))
    event = Event(
        event.at,
        event.channel,
        event.direction,
        event.kind,
        event.summary,
        event.payload,
        event.head.replace("HOST", "Host"),
    )
    command = ClientCommands([event], {"target": {"url": f"http://{recorder.authority}"}}).command(0)
    assert command is not None
    run(command.line, tmp_path)
    ((_, arrived),) = recorder.requests
    assert b"\r\nCONTENT-LENGTH: %d\r\n" % len(BODY) in arrived
    assert lines_and_body(arrived) == lines_and_body(data.replace(b"HOST", b"Host"))


def test_a_request_in_http_1_0_arrives_as_such(recorder: Recorder, tmp_path: Path) -> None:
    head = f"GET /v1/a HTTP/1.0\r\nHost: {recorder.authority}\r\n\r\n"
    event = recorded(0.1, "rest-1", "sent", "http", "GET /v1/a", head=head)
    command = ClientCommands([event], {"target": {"url": f"http://{recorder.authority}"}}).command(0)
    assert command is not None
    run(command.line, tmp_path)
    assert recorder.requests[0][1].startswith(b"GET /v1/a HTTP/1.0\r\n")


def test_a_request_on_a_kept_connection_follows_the_one_before(recorder: Recorder, tmp_path: Path) -> None:
    head = f"GET /v1/b HTTP/1.1\r\nHost: {recorder.authority}\r\nX-Auth-Token: [token of the second user]\r\n\r\n"
    first = recorded(0.1, "tcp-1", "sent", "http", "GET /v1/b", head=head)
    answer = recorded(0.2, "tcp-1", "received", "http", "200", head="HTTP/1.1 200 OK\r\n\r\n")
    second, _ = sent(recorder.authority, HttpForm(), "tcp-1")
    commands = ClientCommands([first, answer, second], {"target": {"url": f"http://{recorder.authority}"}})
    command = commands.command(2)
    assert command is not None
    assert command.variables == {"HANAMI_SECOND_TOKEN": "token of the second user"}
    run(command.line, tmp_path, HANAMI_SECOND_TOKEN="xyz")
    (one, before), (other, after) = recorder.requests
    assert one == other, "the same connection"
    assert (before.split(b" ")[:2], after.split(b" ")[:2]) == ([b"GET", b"/v1/b"], [b"POST", b"/v1/a"])
    assert b"X-Auth-Token: xyz\r\n" in before
    assert b"X-Auth-Token: abc\r\n" in after


def test_a_form_that_the_head_does_not_show_is_noted_and_has_no_line() -> None:
    for form in (HttpForm(body=body) for body in FRAMINGS):
        assert form.unseen(has_body=True) == ("" if form.body in ("sized", "one chunk") else form.body)
        assert form.unseen(has_body=False) == ""
    for segments in SEGMENTS:
        expected = "" if segments == "one" else f"TCP segments: {segments}"
        assert HttpForm(segments=segments).unseen(has_body=False) == expected
    event, _ = sent("h:1", HttpForm(body="chunks of 7 bytes"))
    note = recorded(0.0, "rest-1", "note", "form", "the request that follows has chunks of 7 bytes")
    commands = ClientCommands([note, event], {"target": {"url": "http://h:1"}})
    assert commands.command(1) is None
    assert list(commands.obstacles()) == [(event, "the request that follows has chunks of 7 bytes")]
