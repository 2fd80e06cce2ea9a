"""Equal runs are distinguished from runs that differ."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hanami_reports.model.conformance import CaseResult, Level, Outcome, RequirementResult, RunResult, Verdict
from support.suite_runs import with_tools
from tools.process import BURN
from tools.reference import TIMEOUT
from tools.repeatability import Plan, conclude, differences, parse_options, said

PROGRAM = ("-m", "tools.repeatability")
GOOD = RunResult(
    manifest={},
    exit_status=0,
    reason="",
    requirements=(
        RequirementResult("PROG-1", Level.MUST, "upload", "4", "text", Verdict.PASS),
        RequirementResult("PROG-2", Level.MUST, "upload", "4", "text", Verdict.NOT_RUN, selected=False),
    ),
    cases=(CaseResult("test_a.py::test_a", "title", ("PROG-1",), Outcome.PASSED),),
)
BAD = replace(
    GOOD,
    exit_status=1,
    requirements=(replace(GOOD.requirements[0], verdict=Verdict.FAIL, reason="it lied"), GOOD.requirements[1]),
    cases=(replace(GOOD.cases[0], outcome=Outcome.FAILED, reason="it lied"),),
)


def run_repeatability(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *PROGRAM, *arguments],
        cwd=cwd,
        env=with_tools(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


# What runs say


def test_alike_is_alike() -> None:
    assert differences([]) == []
    assert differences([said(0, GOOD, "")] * 3) == []
    assert differences([said(1, BAD, ""), said(1, BAD, "")]) == []


def test_a_deviating_run_is_named_with_its_reason() -> None:
    found = differences([said(1, BAD, ""), said(0, GOOD, ""), said(0, GOOD, "")])
    assert [str(difference) for difference in found] == [
        "exit status: 0; run 1: 1",
        "headline: CONFORMANT; run 1: NOT CONFORMANT",
        "PROG-1: PASS; run 1: FAIL (it lied)",
        "test_a.py::test_a: passed, 0 checks; run 1: failed, 0 checks (it lied)",
    ]


def test_another_reason_is_no_difference() -> None:
    other = replace(BAD, cases=(replace(BAD.cases[0], reason="it lied in other words"),))
    assert differences([said(1, BAD, ""), said(1, other, "")]) == []


def with_checks(case_id: str, checks: int) -> RunResult:
    return replace(GOOD, cases=(replace(GOOD.cases[0], id=case_id, checks=checks),))


@pytest.mark.parametrize(
    ("case_id", "count"), [("test_a.py::test_a", 1), ("test_overlap.py::test_a", 0), ("test_overlap_b.py::test_a", 0)]
)
def test_the_number_of_checks_depends_on_timing_only_where_operations_overlap(case_id: str, count: int) -> None:
    found = differences([said(0, with_checks(case_id, checks), "") for checks in (7, 8)])
    assert len(found) == count


def test_a_case_too_few_is_a_difference() -> None:
    found = differences([said(0, GOOD, ""), said(0, replace(GOOD, cases=()), "")])
    assert [str(difference) for difference in found] == [
        "cases: 1; run 2: 0",
        "test_a.py::test_a: passed, 0 checks; run 2: nothing",
    ]


def test_an_exit_status_that_contradicts_the_result_is_a_difference() -> None:
    assert [str(found) for found in differences([said(0, GOOD, ""), said(3, GOOD, "")])] == ["exit status: 0; run 2: 3"]


def test_a_run_without_a_result_is_a_difference() -> None:
    found = differences([said(0, GOOD, ""), said(0, GOOD, ""), said(None, None, "it did not end within 5 s")])
    assert str(found[1]) == "headline: CONFORMANT; run 3: it did not end within 5 s"


# What is kept


@pytest.mark.parametrize(
    ("results", "kept", "verdict"),
    [
        ([GOOD, GOOD], [], "ALIKE: 2 runs of 1 cases, CONFORMANT"),
        ([GOOD, BAD, GOOD], ["run-2"], "NOT ALIKE in 4 things: 3 runs of 1 cases, CONFORMANT, NOT CONFORMANT"),
        ([BAD, GOOD, BAD], ["run-1", "run-2", "run-3"], "NOT ALIKE in 4 things: 3 runs of 1 cases, NOT CONFORMANT, "),
        ([BAD, BAD], ["run-1"], "ALIKE: 2 runs of 1 cases, NOT CONFORMANT"),
    ],
)
def test_reports_of_deviating_runs_are_kept(
    results: list[RunResult], kept: list[str], verdict: str, tmp_path: Path
) -> None:
    for number in range(1, len(results) + 1):
        (tmp_path / "all" / f"run-{number}").mkdir(parents=True)
    lines: list[str] = []
    plan = Plan(len(results), 0, 1.0, tmp_path / "kept", ())
    runs = [said(result.exit_status, result, "") for result in results]
    assert conclude(plan, runs, tmp_path / "all", lines.append) is not bool(kept)
    assert sorted(path.name for path in (tmp_path / "kept").glob("*")) == kept
    assert lines[-1].startswith(verdict)


# The program


def test_two_runs_are_compared(tmp_path: Path) -> None:
    done = run_repeatability(
        "--runs", "2", "--load", "1", "--", "--requirement", "PROG-1", "--profile", "smoke", cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line[:12] for line in lines[:2]] == ["run   1 of 2", "run   2 of 2"]
    assert all(line.endswith("exit status 0  CONFORMANT") for line in lines[:2])
    assert lines[2].startswith("ALIKE: 2 runs of ")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_takes_too_long_is_stopped_and_kept(tmp_path: Path) -> None:
    done = run_repeatability("--runs", "1", "--load", "0", "--deadline", "0.5", "--report-dir", "kept", cwd=tmp_path)
    assert done.returncode == 1
    assert "it did not end within 0.5 s" in done.stdout
    assert (tmp_path / "kept" / "run-1" / "output.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--runs", "0"], "from 1 to 10000"),
        (["--runs", "x"], "whole number"),
        (["--load", "-1"], "from 0 to 1000"),
        (["--deadline", "nan"], "a number above 0"),
        (["--", "--target", "http://127.0.0.1:1"], "the runs get --target"),
        (["--", "--report-dir=x"], "the runs get --target"),
    ],
)
def test_wrong_options_are_reported(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        parse_options(arguments)
    assert ending.value.code == 2
    assert text in capsys.readouterr().err.splitlines()[-1]


def test_wrong_options_of_the_runs_are_reported(tmp_path: Path) -> None:
    done = run_repeatability("--runs", "9", "--load", "0", "--", "--requirement", "NOPE", cwd=tmp_path)
    assert (done.returncode, len(done.stdout.splitlines())) == (2, 1)
    assert "no requirement 'NOPE'" in done.stdout


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for children in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, *PROGRAM, "--load", "2"], cwd=tmp_path, env=with_tools(), stdout=subprocess.PIPE, text=True
    ) as process:
        children = children_of(process, 3)
        process.send_signal(number)
        output, _ = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (130, "interrupted in run 1 of 30\n")
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert list(tmp_path.iterdir()) == []


def children_of(process: subprocess.Popen[str], count: int) -> list[str]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        children = listed.read_text(encoding="ascii").split()
        if len(children) == count:
            return children
        time.sleep(0.05)
    pytest.fail("the programs did not start")


def test_a_busy_process_ends_with_its_parent(tmp_path: Path) -> None:
    code = "import os, subprocess, sys; print(subprocess.Popen([*sys.argv[1:], str(os.getpid())]).pid)"
    command = [sys.executable, "-c", code, sys.executable, "-c", BURN]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT, check=True)
    end = time.monotonic() + TIMEOUT
    while is_running(int(done.stdout)):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
        return ") Z " not in Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except OSError:
        return False
