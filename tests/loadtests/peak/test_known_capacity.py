"""``hanami-load peak`` from end to end, against a small server whose capacity is known."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from hanami_loadtests.cli import main
from hanami_reports.model.load import RunState, read_load_result
from hanami_reports.model.peak import PeakResult, read_peak_result
from support.load_runs import COMMAND, EASY, LOGIN
from tools.process import running_server
from tools.reference import TIMEOUT, clean_environment

PEAK = [*COMMAND[:-1], "peak"]
CAPACITY = 100.0  # messages a second
# One worker that takes 10 ms for each message, whoever sends it; a queue before it.
SERVER = f"""
import sys
from tools.clocks import pathologies, server

class OneWorker:
    free_at = 0.0

    def __call__(self, message):
        self.free_at = max(self.free_at, message.arrival) + 1 / {CAPACITY}
        return self.free_at

pathologies.PATHOLOGIES["one worker"] = OneWorker
sys.argv[1:] = ["one worker"]
sys.exit(server.main())
"""
# A tenth of the messages may wait because this machine does something else.
LIMIT = '[[limit]]\nmetric = "response"\nof = "direct request"\nstatistic = "p90"\nat_most = "250 ms"\n'


def options(url: str, folder: Path, *more: str) -> list[str]:
    (folder / "limits.toml").write_text(EASY + LIMIT, encoding="utf-8")
    server = ("--target", url, "--dialect", "documented", "--sockets", "0", "--limits", "limits.toml")
    return [*PEAK, *server, "--point-seconds", "5", *more]


def result_of(folder: Path) -> PeakResult:
    return read_peak_result(folder / "reports" / "latest-peak")


@pytest.mark.slow
def test_the_capacity_of_a_server_is_found(tmp_path: Path) -> None:
    search = ("--start", "40", "--budget", "170", "--resolution", "10")
    with running_server("a server with one worker", ["-c", SERVER]) as announced:
        run = subprocess.run(
            options(announced["url"], tmp_path, *search),
            cwd=tmp_path,
            env=clean_environment({"HANAMI_TOKEN": "any"}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT * 4,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    assert run.returncode == 0, run.stdout + run.stderr
    result = result_of(tmp_path)
    assert result.state is RunState.PASS
    assert result.low is not None
    assert result.high is not None
    # What exceeds the capacity by 5 % takes a point to make the tenth message wait for 250 ms.
    assert result.low <= CAPACITY * 1.06
    assert result.high >= CAPACITY * 0.98
    assert result.broken_first is not None
    assert result.manifest["duration"] <= 170 + 15  # the end of a run may take longer than those before
    assert f"peak: {result.headline}" in run.stdout
    for point in result.points:
        kept = read_load_result(tmp_path / "reports" / "latest-peak" / "points" / f"{point.number:03d}")
        assert kept.state is point.state


@pytest.mark.slow
def test_an_interrupted_search_writes_what_was_found(tmp_path: Path) -> None:
    with running_server("a server with one worker", ["-c", SERVER]) as announced:
        process = subprocess.Popen(
            options(announced["url"], tmp_path, "--start", "20"),
            cwd=tmp_path,
            env=clean_environment({"HANAMI_TOKEN": "any"}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        with process:
            second = tmp_path / "reports" / "latest-peak" / "points" / "002"
            until = time.monotonic() + TIMEOUT
            while not second.exists() and time.monotonic() < until:
                time.sleep(0.1)
            time.sleep(1)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2, output + errors
    result = result_of(tmp_path)
    assert result.state is RunState.INTERRUPTED
    assert [point.load for point in result.points] == [20.0]
    assert result.low == 20.0
    assert "INTERRUPTED  peak: at least 20/s" in output
    assert (tmp_path / "reports" / "latest-peak" / "peak.html").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--budget", "1"), "ERROR: --budget '1': give a number of at least 10"),
        (("--start", "x"), "ERROR: --start 'x': give a number"),
        (("--start", "9", "--at-most", "3"), "ERROR: --start 9: is above the greatest load to be tried, 3 (--at-most)"),
        (("--rate", "9"), "ERROR: --rate 9: is what the search finds"),
        (("--scenario", "rest", "--scenario", "csv-upload"), "have no arrival rate in common"),
        (("--model", "closed"), "nothing breaks without a limit of a time"),
        (("--model", "closed", "--limits", "limits.toml", "--start", "1.5"), "give a whole number of users"),
        (("--users", "1", "--scenario", "rest", "--scenario", "direct-request"), "--users 1: too few for 2 scenarios"),
        (("--stages", "none.toml"), "ERROR: --stages none.toml: a search has points of constant load"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(
    tmp_path: Path,
    words: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    Path("limits.toml").write_text(LIMIT, encoding="utf-8")
    assert main(["peak", "--target", "http://127.0.0.1:1", *words]) == 4
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
