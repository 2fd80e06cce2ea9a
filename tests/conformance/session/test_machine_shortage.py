"""What this machine lacks is never the target's failure: exit status 3, and one line that names it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hanami_conformance.session.execution import MOST_CPU_WAITS
from hanami_loadtests.ports import free_port
from support.few_ports import FEW_PORTS, NEEDS_NAMESPACE
from support.suite_runs import COMMAND, result_of, run_suite
from tools.reference import TIMEOUT, clean_environment

LACKS = "this machine lacks what the run needs: "
# Servers on the first CPU that takes a connection, and then needs that CPU for ever, or nothing at all.
SERVER = """
import os, socket, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
listener.accept()
while True:
    if sys.argv[2] == "silent":
        time.sleep(60)
"""
BUSY = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nwhile True: pass"
HOGS = 6  # processes that need the same CPU; each in a session, since some kernels share CPUs among sessions


@contextmanager
def crowded_cpu() -> Iterator[None]:
    """Let other processes use the first CPU."""
    hogs = [subprocess.Popen([sys.executable, "-c", BUSY], start_new_session=True) for _ in range(HOGS)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def run_against(kind: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "server.py").write_text(SERVER)
    port = free_port()
    command = f"{sys.executable} {folder / 'server.py'} {port} {kind}"
    options = ("--user", "alice", "--password", "x", "--deadline", "1", "--server-timeout", "6")
    return run_suite("--target", f"http://127.0.0.1:{port}", "--server-command", command, *options, cwd=folder)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be bound to a CPU here")
@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel has no counters of threads")
def test_a_server_without_a_cpu_fails_nothing_and_a_silent_one_does(tmp_path: Path) -> None:
    with crowded_cpu():
        run = run_against("busy", tmp_path)
        assert run.returncode == 3, run.stdout + run.stderr
        assert f"NOT JUDGED  {LACKS}too little CPU time is left to judge a target" in run.stdout.replace("\n", " ")
        run = run_against("silent", tmp_path)
        assert run.returncode == 6, run.stdout + run.stderr


def few_descriptors() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))


@pytest.mark.parametrize("command", ["run", "check-target"])
def test_too_few_descriptors_are_named(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [*COMMAND[:-1], command, "--target", "reference"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        preexec_fn=few_descriptors,
    )
    assert done.returncode == 3, done.stdout + done.stderr
    text = " ".join(done.stdout.split())
    assert f"{LACKS}a process may have 40 file descriptors: raise the limit to 80 (ulimit -n)" in text
    assert "Traceback" not in done.stdout + done.stderr
    if command == "run":
        result = result_of(tmp_path)
        assert result["verdict"] == "NOT JUDGED"
        assert not any(case["violated"] for case in result["cases"])
        page = (tmp_path / "reports" / "latest" / "conformance.html").read_text(encoding="utf-8")
        assert "raise the limit to 80" in page


IN_CASE = """
import hanami_conformance.clients.websocket_connection as module
original = module.WebSocketConnection._connect
def connect(self, timeout):
    connect.count += 1
    if connect.count > 20:
        raise OSError({errno}, "of the system")
    original(self, timeout)
connect.count = 0
module.WebSocketConnection._connect = connect
"""


@pytest.mark.parametrize(("errno", "words"), [(24, "no file descriptor is left of the"), (12, "no memory is left")])
def test_a_shortage_during_a_run_ends_it_and_violates_nothing(tmp_path: Path, errno: int, words: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(IN_CASE.format(errno=errno))
    environment = {"PYTHONPATH": str(tmp_path)}
    run = run_suite("--target", "reference", "--requirement", "ATT", cwd=tmp_path, environment=environment)
    assert run.returncode == 3, run.stdout + run.stderr
    assert f"NOT JUDGED  {LACKS}{words}" in run.stdout
    result = result_of(tmp_path)
    outcomes = [case["outcome"] for case in result["cases"]]
    assert outcomes.count("error") == 1
    assert "passed" in outcomes
    assert "not run" in outcomes
    assert not any(case["violated"] for case in result["cases"])
    assert result["reason"].startswith(f"{LACKS}{words}")
    assert "Traceback" not in run.stdout + run.stderr


BUSY_FOR_A_WHILE = """
import hanami_conformance.clients.websocket_connection as module
import hanami_conformance.session.execution as execution
from hanami_conformance.common.shortage import CpuShortage
original = module.WebSocketConnection._connect
def connect(self, timeout):
    connect.count += 1
    if 2 < connect.count <= {last}:
        raise CpuShortage("too little CPU time is left")
    original(self, timeout)
connect.count = 0
module.WebSocketConnection._connect = connect
execution.CPU_PAUSE = 0.01
"""


@pytest.mark.parametrize("lasting", [False, True])
def test_a_case_that_lacked_a_cpu_runs_again(tmp_path: Path, *, lasting: bool) -> None:
    (tmp_path / "sitecustomize.py").write_text(BUSY_FOR_A_WHILE.format(last=10**9 if lasting else 4))
    environment = {"PYTHONPATH": str(tmp_path)}
    run = run_suite(
        "--target", "reference", "--requirement", "ATT-4", "--profile", "smoke", cwd=tmp_path, environment=environment
    )
    outcomes = [case["outcome"] for case in result_of(tmp_path)["cases"]]
    repeats = run.stdout.count("runs again in 0 s: too little CPU time is left")
    if lasting:
        assert run.returncode == 3, run.stdout + run.stderr
        assert outcomes.count("error") == 1
        assert repeats == MOST_CPU_WAITS
    else:
        assert run.returncode == 0, run.stdout + run.stderr
        assert "error" not in outcomes
        assert 1 <= repeats <= 2
    assert not any(case["violated"] for case in result_of(tmp_path)["cases"])


@pytest.mark.slow
@NEEDS_NAMESPACE
def test_a_run_with_few_local_ports_waits_for_them(tmp_path: Path) -> None:
    """The cases open more connections than there are ports, which the system keeps for a while."""
    done = subprocess.run(
        [*FEW_PORTS, *COMMAND, "--target", "reference", "--requirement", "PROG", "-k", "not sequences"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(case["exchanges"] for case in result_of(tmp_path)["cases"]) > 300
