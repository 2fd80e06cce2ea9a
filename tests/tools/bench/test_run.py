"""The benchmark as a program, and what its parts do with servers that misbehave."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from hanami_conformance.common.child_process import ProcessError
from hanami_proto.dialect import load_dialect
from support.paths import ROOT
from tools.bench import client
from tools.bench.benchmarks import MEASUREMENTS
from tools.bench.cli import parse_options
from tools.bench.client import WebSocket, exchange_for
from tools.bench.request import OUTPUTS, RequestSide, forward_pass
from tools.bench.servers import Bare, Servers
from tools.bench.upload import FileContent, UploadSide, bare_file, reference_file, table
from tools.process import running_server

COMMAND = [sys.executable, "-m", "tools.bench"]
TIMEOUT = 120.0  # seconds; only reached when something is broken
CODEC = load_dialect().codec


class EndError(Exception):
    """Ends a connection."""


@contextlib.contextmanager
def server_that(answers: Callable[[bytes], list[bytes]], first: str = '{"success": true}') -> Iterator[str]:
    """Provide a websocket server that answers the first message with a text, the others with ``answers``."""

    def handle(connection: ServerConnection) -> None:
        try:
            for message in connection:
                for answer in [first] if isinstance(message, str) else answers(message):
                    connection.send(answer)
        except ConnectionClosed:
            pass
        except EndError:
            connection.close(1008, "enough")

    with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(TIMEOUT)


# The program


QUICK = ["upload", "request", "load-request", "gate"]


def test_a_tiny_run_measures_the_selected_benchmarks(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    process = subprocess.run(
        [*COMMAND, *QUICK, "--rounds", "1", "--seconds", "0.2", "--requirement", "MODE-3", "--json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["plan"] == {"rounds": 1, "seconds": 0.2, "chunk": 131072, "requirements": ["MODE-3"]}
    assert content["machine"]["cpus"] >= 1
    assert list(content["measurements"]) == QUICK == [name for name in MEASUREMENTS if name in QUICK]
    for name, found in content["measurements"].items():
        assert name in process.stdout
        assert isinstance(found["met"], bool)
        assert set(found["aim"]) == {"limit", "at_least"}
        assert len(found["ratio"]["rounds"]) == 1
        assert found["ratio"]["low"] == found["ratio"]["median"] == found["ratio"]["high"] > 0
        for side in found["sides"].values():
            (sample,) = side["rounds"]
            assert sample["operations"] >= 1
            assert sample["seconds"] > 0
            assert side["per_second"]["median"] > 0
    assert list(content["measurements"]["upload"]["sides"]) == ["reference backend", "bare server"]
    assert len(content["measurements"]["request"]["sides"]) == 3
    assert list(content["measurements"]["gate"]["sides"]) == ["suite", "replay"]
    sides = content["measurements"]["load-request"]["sides"]
    assert list(sides) == ["hanami-load", "Locust user, websocket-client", "plain socket"]
    for side in sides.values():
        (sample,) = side["rounds"]
        assert sample["size"] == sample["operations"] * 784 * 4
        assert sample["cpu"] > 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for children in /proc")
@pytest.mark.parametrize(
    ("number", "measurement", "most"),
    [
        *(
            (number, name, 2)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
            for name in ("upload", "gate")
        ),
        (signal.SIGKILL, "load-upload", 4),
    ],
)
def test_no_child_outlives_an_interrupted_run(number: signal.Signals, measurement: str, most: int) -> None:
    with subprocess.Popen(
        [*COMMAND, measurement, "--rounds", "1000"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children: list[str] = []
        end = time.monotonic() + TIMEOUT
        while len(children) < most and time.monotonic() < end:
            children = listed.read_text(encoding="ascii").split()
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate(timeout=TIMEOUT)
    if number != signal.SIGKILL:
        assert (process.returncode, errors) == (130, "tools.bench: interrupted\n")
    while any(is_running(child) for child in children) and time.monotonic() < end:
        time.sleep(0.05)
    assert len(children) == most
    assert not any(is_running(child) for child in children)


def is_running(child: str) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{child}/stat").read_text(encoding="ascii")
    except OSError:
        return False


def test_a_server_that_does_not_start_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "hanami_reference_backend.py").write_text("raise SystemExit('no\\nluck')", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    process = subprocess.run(
        COMMAND, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert process.returncode == 1
    assert process.stderr == "tools.bench: the reference backend did not start: no luck\n"


def test_neither_the_backend_nor_locust_is_imported() -> None:
    code = (
        "import sys, tools.bench.cli, tools.bench.baseline_server; "
        "sys.exit(any(name.split('.')[0] in ('hanami_reference_backend', 'locust') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=TIMEOUT).returncode == 0


# Options


def test_the_options_have_defaults() -> None:
    options = parse_options([])
    assert options.measurements == tuple(MEASUREMENTS.values())
    assert (options.plan.rounds, options.plan.seconds, options.plan.chunk) == (None, 1.0, 128 * 1024)
    assert options.plan.requirements == ()
    assert [measurement.default_rounds for measurement in options.measurements] == [5, 5, 5, 5, 5, 1, 3, 3, 5, 3]
    assert options.json is None


def test_measurements_are_chosen_by_name() -> None:
    options = parse_options(["request", "--rounds", "7", "--seconds", "0.5", "--chunk", "4096", "--json", "f.json"])
    assert parse_options(["--requirement", "PROG", "--requirement", "DATA-2"]).plan.requirements == ("PROG", "DATA-2")
    assert [measurement.name for measurement in options.measurements] == ["request"]
    assert (options.plan.rounds, options.plan.seconds, options.plan.chunk) == (7, 0.5, 4096)
    assert options.json == Path("f.json")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--rounds", "0"], "whole number from 1"),
        (["--rounds", "five"], "whole number"),
        (["--seconds", "nan"], "give a number of at least 0.01 and at most 600"),
        (["--seconds", "-1"], "give a number of at least 0.01 and at most 600"),
        (["--chunk", "0"], "whole number"),
        (["--chunk", "99999999999999999999"], "whole number"),
        (["--json", "no/such/folder/f.json"], "folder that exists"),
        (["--json", "."], "must be a file"),
        (["download"], "choose of upload, request, load-upload"),
    ],
)
def test_wrong_options_are_reported(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        parse_options(arguments)
    assert ending.value.code == 2
    assert text in capsys.readouterr().err.splitlines()[-1]


# Answers


def test_an_upload_to_the_reference_backend_is_one() -> None:
    content = FileContent.of(CODEC, size=100_000, chunk=7_000)
    positions = [CODEC.decode_chunk(message).position for message in content.messages]
    assert positions == list(range(0, 100_000, 7_000))
    assert b"".join(CODEC.decode_chunk(message).data for message in content.messages) == table(100_000)
    with Servers() as servers:
        side = UploadSide(content, partial(reference_file, servers.reference, content.size))
        whole = side.send_file(math.inf)
        assert (whole.operations, whole.size) == (15, 100_000)
        part = side.send_file(0.0)
        assert (part.operations, part.size) == (1, 7_000)
        assert servers.reference.ask("dataset.list", {})["body"] == []
        with pytest.raises(ProcessError, match="answered GET /v1/dataset with 404"):
            servers.reference.ask("dataset.get", {"uuid": "00000000-0000-4000-8000-000000000000"})


def test_a_rejected_chunk_is_reported() -> None:
    refusal = CODEC.encode_acknowledgement(success=False, error="disk full")
    with (
        server_that(lambda _message: [refusal]) as url,
        pytest.raises(ProcessError, match="refused a chunk: disk full"),
    ):
        UploadSide(FileContent.of(CODEC, 10, 4), partial(bare_file, Bare(url)))(0.1)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"\xff", "no|not"),
        (CODEC.encode_io("digits", [0.5] * 9, is_last=True), "9 values, not 10"),
        (CODEC.encode_io("digits", [0.5] * 10, is_last=True, number_of_values=11), "values, not 10"),
        (CODEC.encode_io("digits", [0.5] * 9 + [math.nan], is_last=True), "not finite"),
    ],
)
def test_a_wrong_output_is_reported(answer: bytes, text: str) -> None:
    with server_that(lambda _message: [answer]) as url, Bare(url).open("request") as connection:
        side = RequestSide("the server", connection, CODEC, [b"a"])
        with pytest.raises(ProcessError, match=text):
            side(0.05)


def test_a_second_answer_is_reported() -> None:
    with (
        server_that(lambda message: [message, message]) as url,
        Bare(url).open("x") as connection,
        pytest.raises(ProcessError, match="more than one answer"),
    ):
        exchange_for(connection, [b"a"] * 1000, math.inf)


def test_a_missing_answer_is_reported_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT", 0.2)
    with (
        server_that(lambda _message: []) as url,
        Bare(url).open("x") as connection,
        pytest.raises(ProcessError, match=r"no answer within 0\.2 s"),
    ):
        connection.exchange(b"a")


def test_a_rejected_websocket_is_reported() -> None:
    with server_that(lambda _message: [], first='{"success": false}') as url:  # noqa: SIM117
        with pytest.raises(ProcessError, match="did not accept the websocket"):
            Bare(url).open("x")


def test_a_close_is_reported_with_its_reason_after_the_answer_before_it() -> None:
    def answers(message: bytes) -> list[bytes]:
        if message == b"end":
            raise EndError
        return [message]

    with server_that(answers) as url, Bare(url).open("x") as connection:
        assert connection.exchange(b"a") == b"a"
        for _ in range(2):
            with pytest.raises(ProcessError, match=r"ended the connection.*enough"):
                connection.exchange(b"end")


def test_a_missing_server_is_reported() -> None:
    with pytest.raises(ProcessError, match="does not take connections"):
        WebSocket("the server", "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("print('hello')", "no JSON"),
        ("print('{}')", "no url"),
        ("import sys; sys.exit('broken')", "did not start: broken"),
    ],
)
def test_a_program_that_is_no_server_is_reported(code: str, text: str) -> None:
    with pytest.raises(ProcessError, match=text), running_server("the server", ["-c", code]):
        pass


def test_the_bare_server_serves_nothing_but_its_websockets() -> None:
    with Servers() as servers, pytest.raises(ProcessError, match="ended the connection"):
        servers.bare.open("elsewhere")


# Some kernels of OpenBLAS leave the flag of an invalid value behind, although every value is right, which is asserted
# below (numpy issue 24067).
@pytest.mark.filterwarnings("ignore:invalid value encountered in matmul")
def test_the_forward_pass_is_tanh_then_sigmoid() -> None:
    random = np.random.default_rng(3)
    hidden = random.standard_normal((7, 5), dtype=np.float32)
    output = random.standard_normal((OUTPUTS, 7), dtype=np.float32)
    values = random.random(5, dtype=np.float32)
    expected = 1 / (1 + np.exp(-(output.astype(float) @ np.tanh(hidden.astype(float) @ values))))
    answer = forward_pass(hidden, output)(values)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, expected, rtol=1e-5)
