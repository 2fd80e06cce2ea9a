"""The suite against challenging targets: what is as expected, what is kept, and that nothing is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hanami_reports.model.conformance import (
    CaseResult,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)
from support.suite_runs import left_in, with_tools
from tools.reference import TIMEOUT
from tools.target_matrix.__main__ import main, parse_options, run_all
from tools.target_matrix.servers import Served, nginx_program, reached, reference
from tools.target_matrix.targets import SCENARIOS, TargetScenario, by_name, complaints

QUICK = TargetScenario("quick", "one requirement", reference(), ("--requirement", "PROG-1", "--profile", "smoke"))
GREEN = RunResult(
    manifest={},
    exit_status=0,
    reason="",
    requirements=(RequirementResult("PROG-1", Level.MUST, "upload", "4", "text", Verdict.PASS),),
    cases=(CaseResult("test_a.py::test_a", "title", ("PROG-1",), Outcome.PASSED),),
)
LOST = replace(GREEN.cases[0], outcome=Outcome.LOST, reason="its process ended", server_log="boom")
RED = replace(GREEN, exit_status=1, cases=(GREEN.cases[0], replace(LOST, id="test_b.py::test_b")))
DYING = replace(QUICK, status=ExitStatus.NOT_CONFORMANT, lost=("test_b.py::",))


def with_case(result: RunResult, **changes: Any) -> RunResult:
    """The result with one more case, a changed one."""
    case = replace(result.cases[-1], id="test_c.py::test_c", **changes)
    return replace(result, cases=(*result.cases, case))


@pytest.mark.parametrize(
    ("scenario", "status", "result", "says"),
    [
        (QUICK, 0, GREEN, []),
        (QUICK, None, GREEN, ["it did not end within 600 s"]),
        (QUICK, 6, None, ["exit status 6 in place of 0", "no result"]),
        (QUICK, 1, GREEN, ["exit status 1 in place of 0"]),
        (replace(QUICK, least=2), 0, GREEN, ["1 cases passed, not 2"]),
        (QUICK, 0, replace(GREEN, leftovers=("dataset x",)), ["left over: dataset x"]),
        (QUICK, 0, with_case(GREEN, outcome=Outcome.UNSUPPORTED, reason="odd"), ["1 unsupported: odd"]),
        (replace(QUICK, lacking={"odd": 1}), 0, with_case(GREEN, outcome=Outcome.UNSUPPORTED, reason="odd"), []),
        (replace(QUICK, lacking={"odd": 1}), 0, GREEN, ["0 cases unsupported, not 1 to 1: odd"]),
        (DYING, 1, RED, []),
        (DYING, 1, GREEN, ["no case is LOST of test_b.py::"]),
        (DYING, 1, with_case(RED, outcome=Outcome.FAILED, reason="x"), ["test_c.py::test_c failed: x"]),
        (DYING, 1, with_case(RED), ["test_c.py::test_c is LOST: its process ended"]),
        (DYING, 1, with_case(RED, server_log=""), ["test_c.py::test_c is LOST", "no log is quoted with test_c.py"]),
    ],
)
def test_unexpected_outcomes_are_reported(
    scenario: TargetScenario, status: int | None, result: RunResult, says: list[str]
) -> None:
    found = complaints(scenario, status, result)
    assert len(found) == len(says), found
    assert [text for text, part in zip(found, says, strict=True) if not text.startswith(part)] == []


def test_a_failed_verdict_is_reported() -> None:
    failing = replace(GREEN.requirements[0], verdict=Verdict.FAIL, reason="it lied")
    assert complaints(QUICK, 0, replace(GREEN, requirements=(failing,))) == ["PROG-1 FAIL: it lied"]
    unsupported = replace(GREEN.requirements[0], verdict=Verdict.UNSUPPORTED)
    result = replace(GREEN, requirements=(unsupported,))
    assert complaints(QUICK, 0, result) == ["unsupported: PROG-1, not nothing"]
    assert complaints(replace(QUICK, unsupported=("PROG-1",)), 0, result) == []


def test_only_reports_of_unexpected_outcomes_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = replace(QUICK, name="wrong", status=ExitStatus.TARGET_LOST)
    (tmp_path / "quick").mkdir()  # of an earlier run, and would pass for this one's
    assert run_all([QUICK, wrong], 2, tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["wrong"]
    assert {"output.txt", "report"} <= {path.name for path in (tmp_path / "wrong").iterdir()}
    lines = sorted(capsys.readouterr().out.splitlines())
    assert lines[0].startswith("WRONG")
    assert "NOT AS EXPECTED: exit status 0 in place of 6" in lines[0]
    assert lines[1].startswith("ok")


def test_a_server_that_cannot_be_started_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @contextmanager
    def never() -> Iterator[Served]:
        raise RuntimeError("nginx did not start")
        yield Served(reached(""))

    assert run_all([replace(QUICK, serve=never)], 1, tmp_path) == 1
    assert "NOT AS EXPECTED: RuntimeError: nginx did not start" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--target", "nobody"], "there is no 'nobody'; there are hanami-0.4.1"),
        (["--jobs", "0"], "from 1 to 16"),
        (["--report-dir", "/dev/null"], "no folder that can be written"),
    ],
)
def test_wrong_options_are_reported(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        parse_options(arguments)
    assert ending.value.code == 2
    assert text in capsys.readouterr().err.splitlines()[-1]


def test_the_targets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(SCENARIOS) == len(by_name())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    environment = with_tools({"TMPDIR": str(tmp_path / "work")})
    (tmp_path / "work").mkdir()
    words = [sys.executable, "-m", "tools.target_matrix", "--target", "tls-proxy"]
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + TIMEOUT
        while not list(tmp_path.glob("work/hanami-targets-*/tls-proxy/report")):
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(number)
        output, _ = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (130, "interrupted\n")
    assert left_in(tmp_path / "work") == []
    assert [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path) in said_of(path)] == []


def said_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def test_nginx_is_found_where_debian_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "nginx"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert nginx_program() == str(program)
