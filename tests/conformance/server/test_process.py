"""The process of a server that the suite starts: how it ended, what it logged, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from hanami_conformance.cases.failures import TargetRejectedConfiguration
from hanami_conformance.common import signals
from hanami_conformance.common.redact import SECRETS, redact_file
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.server.process import TAIL_LINES, ServerProcess
from hanami_conformance.server.startup import ServerStartError, ServerStartup, is_taken
from hanami_proto.files import DiskError
from support.full_disk import files_of_at_most
from tools.reference import TIMEOUT, clean_environment

PATIENT = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def secrets() -> Iterator[None]:
    SECRETS.clear()
    yield
    SECRETS.clear()


def started(folder: Path, code: str) -> ServerProcess:
    server = ServerProcess((sys.executable, "-c", code), folder / "server.log")
    server.start()
    return server


def wait_for(what: object, seconds: float = 20.0) -> None:
    assert callable(what)
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether a process ended: it is not there, or nobody has asked for its status yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise SystemExit(3)", "its process ended with exit status 3"),
        ("import os; os.kill(os.getpid(), 11)", "its process was ended by signal 11 (SIGSEGV)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "its process was ended by signal 9 (SIGKILL)"),
    ],
)
def test_how_it_ended(tmp_path: Path, code: str, says: str) -> None:
    server = started(tmp_path, code)
    wait_for(server.ended)
    assert server.ended() == says
    server.close()
    assert signals.EXIT_ACTIONS == []


def test_the_end_of_its_log_is_short_and_holds_no_secret(tmp_path: Path) -> None:
    SECRETS.add("very-secret-1", "password")
    code = "for i in range(9000): print('line', i, 'very-secret-1')\nprint('\\x1b[31m' + 'x' * 5000)"
    server = started(tmp_path, code)
    wait_for(server.ended)
    lines = server.tail().splitlines()
    assert len(lines) == TAIL_LINES
    assert lines[-2] == "line 8999 [password]"
    assert len(lines[-1]) < 400
    assert "\x1b" not in lines[-1]
    server.start()
    wait_for(server.ended)
    server.close()
    text = (tmp_path / "server.log").read_text()
    assert text.count("line 8999 [password]") == 2
    assert "very-secret-1" not in text


PARENT = """
import sys, time
from pathlib import Path
from hanami_conformance.server.process import ServerProcess
server = ServerProcess(("/bin/sh", "-c", sys.argv[1]), Path("server.log"))
server.start()
time.sleep(600)
"""
PATIENT_CHILD = "trap '' TERM; sleep 600 & echo $$ $! > pids.tmp; mv pids.tmp pids; wait; wait"


@pytest.mark.parametrize("command", [PATIENT_CHILD.removeprefix("trap '' TERM; "), PATIENT_CHILD])
def test_it_ends_with_what_it_started_where_the_suite_is_killed(tmp_path: Path, command: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, command], cwd=tmp_path, env=clean_environment()) as parent:
        wait_for((tmp_path / "pids").exists, TIMEOUT)
        guards = {child.pid for child in psutil.Process(parent.pid).children()}
        started_ids = set(map(int, (tmp_path / "pids").read_text().split()))
        assert len(guards - started_ids) == 1
        parent.kill()
    for pid in guards | started_ids:
        wait_for(partial(is_gone, pid), TIMEOUT)


def test_nothing_guards_a_server_that_was_stopped(tmp_path: Path) -> None:
    server = started(tmp_path, PATIENT)
    before = psutil.Process().children()
    assert len(before) == 2
    server.close()
    assert not any(child.is_running() for child in before)


def test_only_log_lines_since_the_last_start_are_quoted(tmp_path: Path) -> None:
    server = ServerProcess(
        ("/bin/sh", "-c", f"echo once; test -e {tmp_path}/x && exit; touch {tmp_path}/x"), tmp_path / "log"
    )
    for _ in range(2):
        server.start()
        wait_for(server.ended)
        assert server.tail() == "once"
    server.close()


def test_only_log_lines_since_the_case_began_are_quoted(tmp_path: Path) -> None:
    server = started(tmp_path, "print('start', flush=True); input(); print('\x1b[1;31mcrash\x1b[0m', flush=True)")
    wait_for(server.ended)  # without input it ends with an error
    assert server.tail().splitlines()[0] == "start"
    server.begin_case()
    assert server.tail() == ""
    with (tmp_path / "server.log").open("a") as log:
        log.write("\x1b[1;31mERROR:\x1b[0m out of range\n")
    assert server.tail() == "ERROR: out of range"
    server.close()


def test_a_process_that_does_not_end_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hanami_conformance.common.child_process.STOP_SECONDS", 0.3)
    code = (
        f"import subprocess, sys; c = [sys.executable, '-c', {PATIENT!r}]; print(subprocess.Popen(c).pid, flush=True)"
    )
    server = started(tmp_path, f"{code}\n{PATIENT}")
    wait_for(lambda: server.tail().count("up") == 2)
    child = int(next(line for line in server.tail().splitlines() if line.isdigit()))
    server.close()
    wait_for(lambda: is_gone(child))
    server.close()


def test_children_that_outlive_the_process_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanami_conformance.common.child_process.STOP_SECONDS", 0.3)
    code = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {PATIENT!r}]).pid, flush=True)"
    server = started(tmp_path, code)
    wait_for(lambda: server.ended() and "up" in server.tail())
    child = int(next(line for line in server.tail().splitlines() if line.isdigit()))
    server.close()
    wait_for(lambda: is_gone(child))


def test_a_third_signal_leaves_nothing(tmp_path: Path) -> None:
    server = started(tmp_path, PATIENT)
    wait_for(server.tail)
    for act in signals.EXIT_ACTIONS:
        act()
    wait_for(server.ended)
    assert server.ended().endswith(f"signal {signal.SIGKILL:d} (SIGKILL)")
    server.close()


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    server = ServerProcess(("no-such-command",), tmp_path / "server.log")
    with pytest.raises(
        TargetRejectedConfiguration, match="cannot be started: No such file or directory: no-such-command"
    ):
        server.start()
    assert server.ended() == ""
    server.close()
    assert signals.EXIT_ACTIONS == []


def test_an_address_that_is_taken_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = ServerProcess(("touch", str(tmp_path / "started")), tmp_path / "server.log")
        options = TargetOptions(url=url, account=Credentials("alice", "very-secret-1"))
        with pytest.raises(TargetRejectedConfiguration, match="something listens at"):
            ServerStartup(server, options, 1.0).start()
    assert server.starts == 0
    assert not is_taken(url)


@pytest.mark.slow
def test_a_server_that_is_never_ready(tmp_path: Path) -> None:
    server = ServerProcess((sys.executable, "-c", PATIENT), tmp_path / "server.log")
    options = TargetOptions(url="http://127.0.0.1:1", account=Credentials("alice", "very-secret-1"))
    with pytest.raises(ServerStartError, match=r"not ready within 0\.8 s: no connection") as failed:
        ServerStartup(server, options, 0.8).start()
    assert "the end of its log:\nup" in str(failed.value)
    server.close()


def test_a_log_is_hidden_in_place(tmp_path: Path) -> None:
    SECRETS.add("very-secret-1", "password")
    path = tmp_path / "log"
    path.write_bytes(b"a very-secret-1\n\xff\nvery%2Dsecret\\u002d1, very&#45;secret-1\n" + b"x" * (3 << 20))
    redact_file(path)
    assert path.read_bytes() == b"a [password]\n\xff\n[password], [password]\n" + b"x" * (3 << 20)
    assert os.listdir(tmp_path) == ["log"]  # noqa: PTH208 - nothing else is left


def test_a_log_that_cannot_be_hidden_is_removed_with_all_traces_of_the_attempt(tmp_path: Path) -> None:
    SECRETS.add("very-secret-1", "password")
    path = tmp_path / "log"
    path.write_bytes(b"a very-secret-1\n" + b"x" * 50_000)
    with files_of_at_most(10_000), pytest.raises(DiskError, match="File too large"):
        redact_file(path)
    assert os.listdir(tmp_path) == []  # noqa: PTH208
