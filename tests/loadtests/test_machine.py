"""What this machine lacks makes a load run INVALID, with the cure; it is never the target's failure."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from hanami_conformance.clients.endpoint import Endpoint
from hanami_loadtests.engine.failures import GeneratorShortage, NoConnection
from hanami_loadtests.engine.rest import Rest
from hanami_proto.dialect import load_dialect
from hanami_reports.model.load import RunState
from loadtests.test_interrupted_runs import started
from support.few_ports import FEW_PORTS, NEEDS_NAMESPACE
from support.load_runs import COMMAND, EASY, easy_limits, load_result_of, run_load
from support.suite_runs import faulty_backend
from tools.reference import TIMEOUT, clean_environment

DESCRIPTORS = ("sh", "-c", 'ulimit -n 80; exec "$@"', "sh")  # before a command
SECONDS = "150"  # of a run that would last, on a machine on which each login may take a second
MEMORY = ("sh", "-c", 'ulimit -v 1500000; exec "$@"', "sh")  # KiB


def run_limited(words: Sequence[str], *options: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*words, *COMMAND, *easy_limits(cwd), *options],
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "processes", "lacking"),
    [
        (DESCRIPTORS, "0", "no file descriptor is left of the 80 that this process may have: raise the limit"),
        pytest.param(
            DESCRIPTORS, "1", "no file descriptor is left of the 80 that this process may have", marks=pytest.mark.slow
        ),
        pytest.param(FEW_PORTS, "0", "no local port is left of 40000 to 40060: wait a minute", marks=NEEDS_NAMESPACE),
    ],
)
def test_a_run_ends_where_this_machine_lacks_what_connections_need(
    tmp_path: Path, words: tuple[str, ...], processes: str, lacking: str
) -> None:
    options = ("--target", "reference", "--users", "80", "--seconds", SECONDS, "--processes", processes)
    run = run_limited(words, *options, "--sockets", "0", cwd=tmp_path)
    assert run.returncode == 5, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.state is RunState.INVALID
    assert result.reasons[0].startswith(lacking)
    assert result.duration < float(SECONDS)  # it ends early
    assert f"  {lacking}" in run.stdout


@pytest.mark.slow
def test_contents_that_do_not_fit_into_memory_are_no_internal_error(tmp_path: Path) -> None:
    options = ("--target", "reference", "--users", "1", "--scenario", "csv-upload", "--file-size", "2000MiB")
    run = run_limited(MEMORY, *options, "--dialect", "documented", cwd=tmp_path)
    assert run.returncode == 5, run.stdout + run.stderr
    assert run.stderr.startswith("INVALID: no memory is left: ")
    assert run.stderr.count("\n") == 1


def test_a_generator_that_had_to_wait_for_a_cpu_measured_itself(tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    slow = '[[limit]]\nmetric = "response"\nof = "rest *"\nstatistic = "max"\nat_most = "1 us"\nabort = true\n'
    limits.write_text(slow + EASY.replace("cpu_wait = 1.0", "cpu_wait = 0.000001"))  # no process waits so little
    with faulty_backend() as url:
        options = ("--users", "1", "--seconds", "30", "--warm-up", "0", "--scenario", "rest")
        run = run_load("--target", url, *options, "--limits", str(limits), cwd=tmp_path)
    assert run.returncode == 5, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.state is RunState.INVALID
    assert "the generator was the bottleneck: CPU wait " in run.stdout
    assert result.reasons[0].startswith("ended by its limit: rest ")
    assert 0 < result.generators[0].cpu_wait <= 1


def test_a_killed_generator_is_no_internal_error(tmp_path: Path) -> None:
    with faulty_backend() as url, started(tmp_path, "--target", url, "--seconds", "60") as command:
        until = time.monotonic() + TIMEOUT
        while not (children := psutil.Process(command.pid).children()):
            assert time.monotonic() < until
            time.sleep(0.05)
        children[0].kill()
        output, _ = command.communicate(timeout=TIMEOUT)
    assert command.returncode == 5, output
    assert output.splitlines()[-1] == "INVALID: Locust was killed (SIGKILL), as by a system that lacks memory"


def test_only_errors_of_this_machine_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    rest = Rest(Endpoint("http://127.0.0.1:1"), load_dialect("documented"), lambda: "token", 5.0)
    with pytest.raises(NoConnection, match="no connection for GET /v1/dataset/all: connection refused"):
        rest.call("dataset.list")

    def no_descriptor(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("socket.socket.connect", no_descriptor)
    with pytest.raises(GeneratorShortage, match="no file descriptor is left"):
        rest.call("dataset.list")
