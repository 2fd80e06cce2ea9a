"""Runs with faults from end to end: outages of a known length, servers that never recover, and wrong data."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hanami_loadtests.ports import free_port
from hanami_reports.model.faults import FaultResult
from hanami_reports.model.load import LoadResult, RunState, read_load_result
from support.load_runs import EASY, LOGIN, easy_limits, load_result_of, run_load
from support.paths import ROOT
from tools.reference import TIMEOUT, USERS, backend, clean_environment
from tools.web_ui import Swarm, free_ports

OUTAGE, START = 1.0, 2.0  # seconds for which a server is killed, and that it takes on top to start again
BEFORE = ("--warm-up", "0.2", "--model", "open", "--rate", "60", "--users", "3", "--file-size", "16KiB")
REQUESTS = (*BEFORE, "--scenario", "direct-request", "--seconds", "14")
KILL = f'[[fault]]\nkind = "kill"\nat = "4 s"\nseconds = {OUTAGE}\n'


def faults(folder: Path, text: str) -> tuple[str, str]:
    (folder / "faults.toml").write_text(text, encoding="utf-8")
    return "--faults", "faults.toml"


# Of the messages that no fault can have affected, in the seconds of which that is true.
RATE = '[[limit]]\nmetric = "rate"\nof = "direct request"\nat_least = 30\nabort = true\n'


def limits(folder: Path, seconds: float, more: str = "") -> tuple[str, str]:
    text = f'{EASY}[[limit]]\nmetric = "recovery"\nat_most = "{seconds:g} s"\n{more}'
    (folder / "limits.toml").write_text(text, encoding="utf-8")
    return "--limits", "limits.toml"


def managed(folder: Path, again: str = "") -> tuple[str, ...]:
    """The options of a run that starts a reference backend; a shell does something before it starts it again."""
    port = free_port()
    words = [sys.executable, "-m", "hanami_reference_backend", "--port", str(port), *USERS]
    marker = shlex.quote(str(folder / "started"))
    shell = f"fault=; if [ -e {marker} ]; then {again or 'true'}; fi; touch {marker}; exec {shlex.join(words)} $fault"
    return ("--target", f"http://127.0.0.1:{port}", "--server-command", shlex.join(["/bin/sh", "-c", shell]))


def only_fault(result: LoadResult) -> FaultResult:
    (fault,) = result.faults
    return fault


def errors(fault: FaultResult) -> int:
    return sum(one.failed + one.unanswered for one in fault.series.values())


def test_a_server_is_killed_and_recovers_after_a_known_time(tmp_path: Path) -> None:
    options = (*managed(tmp_path, f"sleep {START}"), *faults(tmp_path, KILL), *limits(tmp_path, 12, RATE))
    run = run_load(*options, *REQUESTS, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    fault = only_fault(result)
    assert fault.begin == pytest.approx(3.8, abs=1.0)
    assert fault.end - fault.begin >= OUTAGE
    assert fault.recovery is not None
    assert START - 1 <= fault.recovery <= 12.0  # known to the second
    assert fault.rate_before == pytest.approx(60, rel=0.3)
    assert fault.lost == {"cluster": 3}  # the server keeps nothing, and declares nothing
    assert errors(fault) > 0
    assert sum(one.failed + one.unanswered for one in result.series.values()) == errors(fault)
    assert all(error.in_faults == error.count for error in result.errors)
    assert "kill 1" in run.stdout
    assert "3 of 3 clusters lost" in run.stdout
    assert result.server is not None
    assert not result.server.ended  # another process is observed now


@pytest.mark.slow
def test_a_recovery_that_takes_too_long_fails_a_run(tmp_path: Path) -> None:
    options = (*managed(tmp_path, f"sleep {START}"), *faults(tmp_path, KILL + 'recovery = "1 s"\n'))
    run = run_load(*options, *limits(tmp_path, 12), *REQUESTS, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    (late,) = [one for one in result.limits if one.metric == "recovery"]
    assert (late.state, late.selector, late.bound) == (RunState.FAIL, "fault kill 1", "<= 1 s")
    assert late.value is not None
    assert late.value >= START - 1
    # What fails after the time allowed for the recovery is a failure like any other.
    assert any(one.metric == "failed" and one.state is RunState.FAIL for one in result.limits)


@pytest.mark.slow
def test_a_server_that_does_not_come_back_never_recovers(tmp_path: Path) -> None:
    options = (*managed(tmp_path, "exit 3"), *faults(tmp_path, KILL), *limits(tmp_path, 12))
    run = run_load(*options, *BEFORE, "--scenario", "rest", "--seconds", "11", cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    fault = only_fault(load_result_of(tmp_path))
    assert fault.recovery is None
    assert "fault kill 1: recovery time <= 12 s: never recovered: 0 valid answers per second" in run.stdout
    assert "SERVER  its process ended with exit status 3" in run.stdout


@pytest.mark.slow
def test_wrong_answers_are_failures_within_a_fault_too(tmp_path: Path) -> None:
    options = (*managed(tmp_path, "fault='--fault numbers-rounded'"), *faults(tmp_path, KILL))
    load = ("--scenario", "csv-upload", *BEFORE, "--rate", "600", "--seconds", "10")
    run = run_load(*options, *limits(tmp_path, 20), *load, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.reasons[0].startswith("*: incorrect count <= 0: ")
    assert all(error.in_faults == error.count for error in result.errors if error.kind == "incorrect answer")


@pytest.mark.slow
def test_what_a_server_declares_to_keep_must_be_there(tmp_path: Path) -> None:
    options = (*managed(tmp_path), *faults(tmp_path, KILL), "--durable", "datasets")
    load = ("--scenario", "csv-upload", *BEFORE, "--rate", "600", "--seconds", "10")
    run = run_load(*options, *limits(tmp_path, 20), *load, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    fault = only_fault(load_result_of(tmp_path))
    assert fault.lost["dataset"] > 0
    assert "FIN-1: expected the dataset after a restart, which --durable datasets declares" in run.stdout


# A server whose process is a mere relay keeps everything when that is killed.
RELAY = """
import asyncio, sys
from hanami_loadtests.faults.tcp_proxy import TcpProxy

async def serve(port, target):
    relay = TcpProxy("127.0.0.1", target, listen=port)
    await relay.serve()

asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
"""


@pytest.mark.slow
def test_what_a_server_keeps_over_a_restart_is_verified_again(tmp_path: Path) -> None:
    port = free_port()
    with backend(*USERS) as url:
        command = shlex.join([sys.executable, "-c", RELAY, str(port), url.rpartition(":")[2]])
        target = ("--target", f"http://127.0.0.1:{port}", "--server-command", command, "--durable", "all")
        users = ("--users", "6", "--scenario", "csv-upload", "--scenario", "direct-request", "--scenario", "rest")
        options = (*target, *faults(tmp_path, KILL), *limits(tmp_path, 6), *BEFORE, *users, "--seconds", "14")
        run = run_load(*options, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    fault = only_fault(load_result_of(tmp_path))
    assert fault.lost == {}
    assert min(fault.kept[kind] for kind in ("cluster", "dataset", "upload")) >= 1


NETWORK = """
[[fault]]
kind = "partition"
at = "4 s"
seconds = 1.5
[[fault]]
kind = "reset"
at = "11 s"
[[fault]]
kind = "latency"
at = "17 s"
seconds = 1.5
delay = "300 ms"
"""


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_bad_network_is_between_the_users_and_the_target(tmp_path: Path, processes: str) -> None:
    with backend(*USERS) as url:
        options = ("--target", url, *faults(tmp_path, NETWORK), *limits(tmp_path, 5), "--processes", processes)
        run = run_load(*options, *BEFORE, "--scenario", "direct-request", "--seconds", "25", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.manifest["target"] == url
    partition, reset, latency = result.faults
    for fault in result.faults:
        assert fault.recovery is not None
    # Nothing is lost while nothing passes, but late.
    assert errors(partition) == 0
    assert partition.series["direct request"].response.most >= 1_000_000
    assert errors(reset) > 0
    assert errors(latency) == 0
    assert latency.series["direct request"].response.most >= 600_000  # there and back


@pytest.mark.slow
def test_each_run_from_the_page_has_the_faults(tmp_path: Path) -> None:
    file = faults(tmp_path, '[[fault]]\nkind = "suspend"\nat = "4 s"\nseconds = 1\n')[1]
    (port,) = free_ports(1)
    command = [sys.executable, "-P", "-m", "hanami_loadtests.cli", "web", "--target", "reference", "--warm-up", "0.2"]
    # Users of the closed model are as fast as the machine at the moment, and seem not to recover.
    command += ["--model", "open", "--rate", "60"]
    command += ["--faults", str(tmp_path / file), "--web-port", str(port), "--report-dir", str(tmp_path / "reports")]
    with contextlib.ExitStack() as stack:
        page = Swarm(f"http://127.0.0.1:{port}", tmp_path, [], stack)
        page.start([*command, *easy_limits(tmp_path)], {})
        page.wait_until(lambda: bool(page.get("/stats/requests")))

        def tab() -> Any:
            return page.get("/stats/requests")["hanami"]

        for _ in range(2):
            form = {"user_count": "2", "spawn_rate": "2", "user_classes": ["direct-request"]}
            assert page.post("/swarm", data=form).json()["success"]
            page.wait_until(lambda: tab()["faults"] == [])
            page.wait_until(lambda: any(point["second"] > 9 for point in tab()["points"]) and bool(tab()["faults"]))
            (shown,) = tab()["faults"]
            assert shown["name"] == "suspend 1"
            assert shown["end"] - shown["begin"] >= 1.0
            page.post("/stop")
            page.wait_until(lambda: tab()["banner"]["has_report"])
            fault = only_fault(read_load_result(tmp_path / "reports"))
            assert fault.end == pytest.approx(shown["end"], abs=0.01)
            assert fault.recovery is not None


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (KILL, (), "the fault 'kill 1' is one of the server's process: start the server with --server-command, or use"),
        ('[[fault]]\nkind = "reset"\nat = "5 s"\n', ("--seconds", "6"), "leave at least 5 s to recover"),
        ('[[fault]]\nkind = "reset"\nat = "2 s"\n', (), "fault 'reset 1': at 2 s: give at least 4 s"),
        ("", (), "write [[fault]] with two brackets"),
    ],
)
def test_faults_that_cannot_be_injected_are_said_in_one_line(
    tmp_path: Path, text: str, options: tuple[str, ...], message: str
) -> None:
    run = run_load("--target", "http://127.0.0.1:1", *faults(tmp_path, text), *options, cwd=tmp_path)
    assert run.returncode == 4
    assert run.stderr.startswith("ERROR: ")
    assert message in run.stderr
    assert run.stderr.count("\n") == 1


def test_locust_alone_injects_no_faults(tmp_path: Path) -> None:
    options = ("--headless", "-t", "30s", *faults(tmp_path, '[[fault]]\nkind = "reset"\nat = "9 s"\n'))
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), *options]
    run = subprocess.run(
        [*command, "--host", "http://127.0.0.1:1"],
        cwd=tmp_path,
        env=clean_environment(LOGIN),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 4
    assert "ERROR: --faults: faults are injected by hanami-load run and hanami-load web, not by Locust" in run.stderr
