"""Lines for a shell are run by a shell: the same request arrives, and nothing that the target sent is run."""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from hanami_conformance.suite.support.near_misses import NEAR_MISSES, OTHER_CASE
from hanami_reports.conformance.export.client_commands import (
    LONGEST,
    ClientCommand,
    ClientCommands,
    variable_name,
    what_to_set,
)
from hanami_reports.conformance.report_folder import exchange_text
from hanami_reports.model.conformance import Event, read_result
from support.backend_peer import PASSWORDS, running
from support.paths import ROOT
from support.recorded_exchanges import FIRST_MESSAGE, HANDSHAKE, TOKEN, recorded, recorded_result, rest_exchange

RUN = ("-m", "hanami_conformance.cli.main", "run", "--user", "alice")
DEADLINE = 30.0  # seconds; reached only by a defect
LABEL = TOKEN
SECRET = "a'b\"c$d `e` \\f!"
SHELLS = [shell for shell in ("sh", "bash", "zsh") if shutil.which(shell)]
# Each would be run, expanded, or read as an option or file, were it not quoted.
HOSTILE = (
    *(
        "'; touch pwned; '",
        '"; touch pwned; "',
        "$(touch pwned)",
        "`touch pwned`",
        "${HOME}",
        "$HOME",
        "a\\",
        "\\'",
        "!!",
    ),
    *(
        "@/etc/passwd",
        "-o pwned",
        "--output=pwned",
        "a & touch pwned &",
        "a | touch pwned",
        "> pwned",
        "*",
        "~",
        "é€ ♥",
        "",
    ),
)
UNPRINTABLE = (
    b"a\nb",
    b"a\tb",
    b"a\r\n\r\nGET / HTTP/1.1",
    b"\x00\xff\xfe",
    b"a\x1b[31m",
    "a\u202eb".encode(),
    b"'\n'",
)
Received = tuple[str, str, list[tuple[str, str]], bytes]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.raw_requestline.split(b" ")[1].decode("latin-1")  # self.path has no second slash
        self.server.received.append((self.command, target, self.headers.items(), body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def capture() -> Iterator[tuple[str, list[Received]]]:
    """The address of a server, and the requests that it receives."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.received = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", server.received  # type: ignore[attr-defined]
    server.shutdown()
    thread.join(DEADLINE)
    server.server_close()


def call(url: str, line: str, headers: Mapping[str, str], body: bytes) -> Event:
    """A recorded REST call with the headers that the suite sends."""
    own = {
        "Host": url.removeprefix("http://"),
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive",
        "User-Agent": "hanami-conformance",
    }
    length = {"Content-Length": str(len(body))} if body and "Transfer-Encoding" not in headers else {}
    fields = "".join(f"{name}: {value}\r\n" for name, value in (own | dict(headers) | length).items())
    return recorded(0.1, "rest-1", "sent", "http", line, body, head=f"{line} HTTP/1.1\r\n{fields}\r\n")


def command_for(url: str, *events: Event, **target: object) -> ClientCommand:
    command = ClientCommands(events, {"target": {"url": url, **target}}).command(0)
    assert command is not None
    return command


def run_line(shell: str, line: str, folder: Path, **variables: str) -> bytes:
    """Run a line as if it was pasted; it may leave no file behind."""
    assert line.isprintable()
    done = subprocess.run(
        [shell, "-c", line],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "no_proxy": "*", **variables},
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    assert not list(folder.glob("*pwned*"))
    return done.stdout


def expect_arrives(
    capture: tuple[str, list[Received]], folder: Path, event: Event, want: Received, shell: str = "sh"
) -> None:
    url, received = capture
    received.clear()
    output = run_line(shell, command_for(url, event).line, folder, HANAMI_TOKEN=SECRET, HANAMI_PASSWORD=SECRET)
    assert output.startswith(b"HTTP/1.1 200")
    [(method, target, headers, body)] = received
    assert (method, target, body) == (want[0], want[1], want[3])
    own = ("host", "accept", "accept-encoding", "connection", "user-agent", "content-length")
    assert [(name, value) for name, value in headers if name.lower() not in own] == want[2]
    assert not body or dict(headers).get("Content-Length", str(len(body))) == str(len(body))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_arrive_as_they_were_sent(
    text: str, shell: str, capture: tuple[str, list[Received]], tmp_path: Path
) -> None:
    body = json.dumps({"name": text}, ensure_ascii=False).encode()
    value = text.encode().decode("latin-1").strip() or "x"
    headers = {"Content-Type": "application/json", "X-Auth-Token": value}
    event = call(capture[0], "POST /v1/a", headers, body)
    expect_arrives(capture, tmp_path, event, ("POST", "/v1/a", list(headers.items()), body), shell)
    event = call(capture[0], "PUT /v1/a", {}, text.encode())
    expect_arrives(capture, tmp_path, event, ("PUT", "/v1/a", [], text.encode()), shell)


@pytest.mark.parametrize("body", UNPRINTABLE)
def test_bytes_that_are_no_printable_text_arrive_unchanged(
    body: bytes, capture: tuple[str, list[Received]], tmp_path: Path
) -> None:
    event = call(capture[0], "POST /v1/a", {"Content-Type": "text/plain"}, body)
    expect_arrives(capture, tmp_path, event, ("POST", "/v1/a", [("Content-Type", "text/plain")], body))


@pytest.mark.parametrize(
    ("line", "headers", "body"),
    [
        ("GET /v1/a?b=c&d=%20e+f", {}, b""),
        ("GET /v1/a", {"Content-Type": "application/json"}, b'{"uuid": "u"}'),
        ("POST /v1/a", {"Content-Length": "0"}, b""),
        ("POST /v1/a", {}, b""),
        ("DELETE /v1/a", {"X-Auth-Token": ""}, b""),
        ("HEAD /v1/a", {}, b""),
        ("OPTIONS *", {}, b""),
        ("GET /v1/../../etc/./passwd", {}, b""),
        ("GET /v1/{a,b}[1-3]", {}, b""),
        ("GET /v1/a#b", {}, b""),
        ("GET /v1/$(touch${IFS}pwned)';touch${IFS}pwned;'", {}, b""),
        ("PURGE /v1/a", {"Cookie": "a=b", "Accept-Language": "de"}, b""),
        ("POST /v1/a", {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}, b"in chunks"),
    ],
)
def test_method_target_and_headers_arrive_as_they_were_sent(
    line: str, headers: dict[str, str], body: bytes, capture: tuple[str, list[Received]], tmp_path: Path
) -> None:
    method, target = line.split(" ")
    kept = [(name, value) for name, value in headers.items() if name != "Content-Length"]
    expect_arrives(capture, tmp_path, call(capture[0], line, headers, body), (method, target, kept, body))


@pytest.mark.parametrize("shell", SHELLS)
def test_redacted_secrets_are_variables(shell: str, capture: tuple[str, list[Received]], tmp_path: Path) -> None:
    body = b'{"password": "[password of the first user]", "other": "[1] [token] [no label] $HANAMI_TOKEN"}'
    event = call(capture[0], "POST /v1/a?t=[expired token]", {"X-Auth-Token": LABEL}, body)
    command = command_for(capture[0], event)
    assert what_to_set([command]) == (
        "HANAMI_EXPIRED_TOKEN: expired token; HANAMI_TOKEN: token of the first user; "
        "HANAMI_PASSWORD: password of the first user"
    )
    received = capture[1]
    received.clear()
    run_line(shell, command.line, tmp_path, HANAMI_TOKEN="abc", HANAMI_PASSWORD=SECRET, HANAMI_EXPIRED_TOKEN="old")
    [(_, target, headers, arrived)] = received
    assert target == "/v1/a?t=old"
    assert dict(headers)["X-Auth-Token"] == "abc"
    assert arrived == body.replace(b"[password of the first user]", SECRET.encode())


def test_a_secret_without_a_name_is_a_value_of_the_reader(capture: tuple[str, list[Received]], tmp_path: Path) -> None:
    command = command_for(capture[0], call(capture[0], "POST /v1/token", {}, b'{"password": "[secret]"}'))
    assert what_to_set([command]).startswith("HANAMI_SECRET: a value of your own")
    capture[1].clear()
    run_line("sh", command.line, tmp_path, HANAMI_SECRET="mine")
    assert capture[1][0][3] == b'{"password": "mine"}'


def test_every_label_of_the_suite_is_a_variable() -> None:
    """Each call of the redactor, as the source has it."""
    sources = [path.read_text() for path in (ROOT / "conformance").rglob("*.py")]
    labels = {label for source in sources for label in re.findall(r'SECRETS\.add\(.*, f?"([^"]+)"\)', source)}
    assert len(labels) >= 7
    changes = {f"token {change}" for change in (*NEAR_MISSES, *OTHER_CASE)}
    for label in labels - {"token {change}"} | changes:
        text = re.sub(r"\{[^}]+\}", "second user" if " of the " in label else "malformed", label)
        event = call("http://h:1", "GET /", {"X-Auth-Token": f"[{text}]"}, b"")
        assert command_for("http://h:1", event).variables == {variable_name(text): text}
        assert re.fullmatch("HANAMI_[A-Z0-9_]+", variable_name(text))


def websocket(*messages: tuple[str, bytes], **more: Any) -> list[Event]:
    opened = recorded(0.1, "ws-1", "sent", "open", "handshake", head=more.pop("head", HANDSHAKE))
    return [opened, *(recorded(0.2, "ws-1", "sent", kind, "m", data, **more) for kind, data in messages)]


MESSAGES = [("text", json.dumps({"a": text}, ensure_ascii=False).encode()) for text in HOSTILE] + [
    ("text", FIRST_MESSAGE),
    ("binary", bytes(range(256))),
    ("binary", b"base64:\n'"),
    ("binary", FIRST_MESSAGE),
]


@pytest.mark.parametrize("shell", SHELLS)
def test_messages_reach_websocat_as_they_were_sent(shell: str, tmp_path: Path) -> None:
    tool = tmp_path / "websocat"
    tool.write_text(
        f"#!{sys.executable}\nimport json, pathlib, sys\n"
        "pathlib.Path('arguments').write_text(json.dumps(sys.argv[1:]))\n"
        "pathlib.Path('input').write_bytes(sys.stdin.buffer.read())\n"
    )
    (tmp_path / "sleep").write_text("#!/bin/sh\n")  # nobody waits for answers here
    for program in (tool, tmp_path / "sleep"):
        program.chmod(0o755)
    head = HANDSHAKE.replace("\r\n\r\n", "\r\nX-Odd: '$(touch pwned)'\r\n\r\n")
    command = command_for("https://h:1", *websocket(*MESSAGES, head=head), certificate_checked=False)
    path = f"{tmp_path}:{os.environ['PATH']}"
    run_line(shell, command.line, tmp_path, PATH=path, HANAMI_TOKEN="abc")
    arguments = json.loads((tmp_path / "arguments").read_text())
    assert arguments[:3] == ["--base64", "--binary-prefix", "base64:"]
    assert arguments[3:] == ["--header=X-Odd: '$(touch pwned)'", "-k", "wss://h:1/"]
    lines = (tmp_path / "input").read_bytes().removesuffix(b"\n").split(b"\n")
    arrived = [
        ("binary", base64.b64decode(line.removeprefix(b"base64:"))) if line.startswith(b"base64:") else ("text", line)
        for line in lines
    ]
    assert arrived == [(kind, data.replace(LABEL.encode(), b"abc")) for kind, data in MESSAGES]
    for message in HOSTILE[:-1]:
        only = command_for("http://h:1", *websocket(("text", message.encode())))
        run_line(shell, only.line, tmp_path, PATH=path)
        assert "--no-line" in json.loads((tmp_path / "arguments").read_text())
        assert (tmp_path / "input").read_bytes() == message.encode()


@pytest.mark.skipif(shutil.which("websocat") is None, reason="websocat is not installed")
def test_websocat_sends_the_messages_and_prints_the_answers(tmp_path: Path) -> None:
    arrived: list[str | bytes] = []

    def answer(connection: ServerConnection) -> None:
        for message in connection:
            arrived.append(message)
            connection.send(f"answer {len(arrived)}")

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        output = run_line("sh", command_for(url, *websocket(*MESSAGES)).line, tmp_path, HANAMI_TOKEN="abc")
        run_line("sh", command_for(url, *websocket(("text", b"no JSON"))).line, tmp_path)
        server.shutdown()
        thread.join(DEADLINE)
    want = [(kind, data.replace(LABEL.encode(), b"abc")) for kind, data in MESSAGES]
    *arrived, last = [message.removesuffix("\n") if isinstance(message, str) else message for message in arrived]
    assert arrived == [data.decode() if kind == "text" else data for kind, data in want]
    assert last == "no JSON"
    assert output.decode().splitlines() == [f"answer {number}" for number in range(1, len(MESSAGES) + 1)]


@pytest.mark.parametrize(
    "events",
    [
        [recorded(0, "rest-1", "sent", "http", "GET /a")],  # without its headers
        [recorded(0, "rest-1", "sent", "http", "GET /a", head="GET /a HTTP/1.1\r\nA b: c\r\n\r\n")],
        [recorded(0, "rest-1", "sent", "http", "GET /a b", head="GET /a b HTTP/1.1\r\n\r\n")],
        [recorded(0, "rest-1", "sent", "http", "x", head="G\u00e4T /a HTTP/1.1\r\n\r\n")],
        [recorded(0, "rest-1", "sent", "http", "x", bytes(LONGEST), head="POST /a HTTP/1.1\r\n\r\n")],
        [
            recorded(
                0,
                "rest-1",
                "sent",
                "http",
                f"x (cut after 1 MiB: 9 bytes, sha256 {'0' * 64})",
                head="POST /a HTTP/1.1\r\n",
            )
        ],
        [recorded(0, "rest-1", "sent", "http", "x", f"{LABEL}\n".encode(), head="POST /a HTTP/1.1\r\n\r\n")],
        [recorded(0, "tcp-1", "sent", "raw", "GET / HTTP/1.1", b"GET / HTTP/1.1\r\n\r\n")],
        [recorded(0, "rest-1", "received", "http", "200 a", head="HTTP/1.1 200 OK\r\n\r\n")],
        websocket(("text", b"a\nb")),
        websocket(("text", b"no JSON"), ("binary", b"a")),
        websocket(("text", b"base64:aa")),
        websocket(("text", b"")),
        websocket(("binary", b"")),
        websocket(("binary", bytes(LONGEST))),
        websocket(("text", b"\xff")),
        websocket(("raw", b"\x83\x80")),
        websocket(("binary", b"ab"), frames=b"fragments"),
    ],
)
def test_without_a_line_that_sends_the_same_there_is_none(events: list[Event]) -> None:
    assert ClientCommands(events, {"target": {"url": "http://h:1"}}).command(0) is None


def test_the_address_of_a_server_that_is_gone_is_a_variable(
    tmp_path: Path, capture: tuple[str, list[Received]]
) -> None:
    command = command_for("http://127.0.0.1:1", call("http://127.0.0.1:1", "GET /v1/a", {}, b""), reference=True)
    assert "HANAMI_TARGET: address of the server" in what_to_set([command])
    capture[1].clear()
    run_line("sh", command.line, tmp_path, HANAMI_TARGET=capture[0])
    assert [one[:2] for one in capture[1]] == [("GET", "/v1/a")]
    socket = command_for("http://127.0.0.1:1", *websocket(("text", b"a")), reference=True)
    line = socket.line.rpartition("|")[2].replace("websocat", "printf '%s '")
    assert run_line("sh", line, tmp_path, HANAMI_TARGET="https://h:1").endswith(b" wss://h:1/ ")


def test_the_text_of_an_exchange_ends_with_its_commands() -> None:
    result = recorded_result()
    failed = next(case for case in result.cases if case.exchange)
    text = exchange_text(failed, result)
    lines = [line for line in text.splitlines() if line.startswith("rest-") and " curl -i " in line]
    assert len(lines) == len([event for event in rest_exchange() if event.direction == "sent"])
    assert "set HANAMI_TOKEN: token of the first user" in text


def test_the_text_of_an_exchange_names_what_curl_cannot_send() -> None:
    result = recorded_result()
    failed = next(case for case in result.cases if case.exchange)
    request = call("http://h:1", "GET /v1/a", {}, b"")
    form = recorded(0.0, "rest-1", "note", "form", "the request that follows has TCP segments: head apart")
    text = exchange_text(replace(failed, exchange=(form, request), sequence="{}"), result)
    assert " curl -i " not in text
    assert "rest-1  curl cannot send it as it was: the request that follows has TCP segments: head apart" in text
    assert text.endswith("hanami-conformance replay, with the file beside this one, sends all of them as they were\n")


def test_the_calls_of_a_real_run_have_the_same_answers_again(tmp_path: Path) -> None:
    case = "test_upload_progress.py::test_a_repeated_chunk_counts_once[1000]"
    with running(tmp_path, "--fault", "complete-from-the-beginning") as server:
        subprocess.run(
            [sys.executable, *RUN, "--target", server.url, "--case", case, "--report-dir", str(tmp_path / "reports")],
            cwd=ROOT,
            env={**os.environ, "HANAMI_PASSWORD": PASSWORDS["alice"]},
            capture_output=True,
            timeout=4 * DEADLINE,
            check=False,
        )
        result = read_result(tmp_path / "reports")
        [failed] = [case for case in result.cases if case.exchange]
        login = call(
            server.url,
            "POST /v1/token",
            {"Content-Type": "application/json"},
            b'{"id": "alice", "password": "[password of the first user]"}',
        )
        output = run_line("sh", command_for(server.url, login).line, tmp_path, HANAMI_PASSWORD=PASSWORDS["alice"])
        token = json.loads(output.partition(b"\r\n\r\n")[2])["token"]
        commands = {event.channel: one for event, one in ClientCommands(failed.exchange, result.manifest).all()}
        calls = {
            event.channel: event for event in failed.exchange if event.kind == "http" and event.direction == "sent"
        }
        assert calls
        assert set(calls) < set(commands)
        for channel, event in calls.items():
            answer = run_line("sh", commands[channel].line, tmp_path, HANAMI_TOKEN=token)
            # What the case created is deleted, so what reads it finds nothing; but it is allowed to ask.
            assert answer.split(b" ")[1] == (b"200" if event.head.startswith("POST") else b"404"), answer
