"""The action for GitHub, without GitHub: do its scripts do what they should?"""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from hanami_conformance.cli import github_action
from hanami_reports.model.conformance import (
    CaseResult,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
    parse_result,
)
from support.action_runner import Runner
from support.paths import ROOT
from support.suite_runs import double, faulty_backend
from tools.reference import TIMEOUT, USERS

FAULT = "complete-from-the-beginning"
PASSWORD = "very-secret-1"
QUICK = {"user": "alice", "password": PASSWORD, "profile": "smoke", "arguments": "--requirement PROG --shrink 0"}


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    made = Runner(tmp_path)
    made.workspace.mkdir()
    # Where the install step puts the suite there is one that begins our own interpreter.
    python = made.temporary / "hanami-conformance" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def faultless() -> Iterator[str]:
    with faulty_backend() as url:
        yield url


@pytest.fixture(scope="module")
def faulty() -> Iterator[str]:
    with faulty_backend(FAULT) as url:
        yield url


def test_the_suite_is_installed_from_its_own_checkout(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    said = runner.folder / "said"
    fake = runner.folder / "python"
    # Makes an environment whose python is itself, and writes down what it is asked.
    fake.write_text(
        f'#!/bin/bash\necho "$@" >> {shlex.quote(str(said))}\n'
        'if [ "$2" = venv ]; then mkdir -p "${@: -1}/bin"; cp "$0" "${@: -1}/bin/python"; fi\n'
    )
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    assert runner.run("install") == (0, "")
    lines = said.read_text().splitlines()
    assert lines[1].split()[:2] == ["-m", "venv"]
    assert lines[2].startswith("-m pip install ")
    assert lines[2].endswith(f"--require-hashes --requirement {ROOT}/.ci/requirements.txt")
    assert lines[3].startswith("-m pip install ")
    assert lines[3].endswith(f"--no-deps --no-build-isolation {ROOT}")


def test_a_python_that_is_too_old_is_an_error(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    status, said = runner.run("install")
    assert status == 1
    assert said.startswith("::error title=Hanami conformance::Python 3.11 or newer is needed")


def test_a_server_without_faults_passes(runner: Runner, faultless: str) -> None:
    # A module in the workspace must not be imported in place of the suite.
    for name in ("hanami_conformance", "hanami_reports", "hanami_proto"):
        (runner.workspace / name).mkdir()
        (runner.workspace / name / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    status, said = runner.run("judge", target=faultless, **QUICK)
    assert status == 0, said
    assert runner.outputs == {
        "verdict": "CONFORMANT",
        "exit-status": "0",
        "result": "reports/latest/result.json",
        "reports": "reports/latest",
    }
    assert "Hanami conformance: CONFORMANT" in runner.summary
    assert "<https://github.com/someone/backend/actions/runs/17>" in runner.summary
    assert (runner.workspace / "reports/latest/summary.md").read_text() == runner.summary
    assert "::error" not in said
    assert PASSWORD not in said + runner.summary


def test_a_client_is_judged_without_a_target(runner: Runner) -> None:
    client = shlex.join([sys.executable, str(ROOT / "examples" / "client"), "{workflow}"])
    status, said = runner.run("judge", mode="client", command=client, arguments="--scenario csv-plain")
    assert status == 0, said
    assert runner.outputs["verdict"] == "CONFORMANT"
    result = parse_result(Path(runner.workspace, runner.outputs["result"]).read_text(encoding="utf-8"))
    assert {case.id.rsplit("::", 1)[0] for case in result.cases} == {"client::csv-plain"}
    assert result.client.endswith("'{workflow}'")
    assert "examples/client" in html.unescape(runner.summary)


def test_a_client_that_does_nothing_fails_the_job(runner: Runner) -> None:
    status, said = runner.run("judge", mode="client", command="true", arguments="--scenario csv-plain")
    assert status == int(runner.outputs["exit-status"]) == ExitStatus.NOTHING_RAN, said
    assert "::error title=Hanami conformance::NOTHING RAN" in said


def test_a_faulty_server_fails_and_a_baseline_accepts_its_old_failures(runner: Runner, faulty: str) -> None:
    status, said = runner.run("judge", target=faulty, **QUICK)
    assert status == 1, said
    assert (runner.outputs["verdict"], runner.outputs["exit-status"]) == ("NOT CONFORMANT", "1")
    assert "| <code>PROG-" in runner.summary
    assert "**FAIL**" in runner.summary
    assert "\n::error title=Hanami conformance::NOT CONFORMANT" in said
    assert re.search(r"\n::error title=(MUST|SHOULD) PROG-\d[^:]*::.*%0Arerun: hanami-conformance run ", said)
    # What the target made the suite print is no command for the runner.
    token = re.match(r"::stop-commands::([0-9a-f]{32})\n", said)
    assert token is not None
    assert said.index(f"\n::{token[1]}::\n") < said.index("\n::error")
    # The same again: nothing is worse. The baseline stands where the run writes its own result.
    status, said = runner.run("judge", target=faulty, baseline="reports/latest/result.json", **QUICK)
    assert status == 0, said
    assert runner.outputs["verdict"] == "NOT CONFORMANT"
    assert "Compared with the baseline: no regressions" in runner.summary
    assert "::error" not in said


@pytest.mark.parametrize(
    ("before", "annotated"),
    [
        (["PROG-2"], ["MUST DATA-2"]),  # the older finding is no news
        ([], ["MUST PROG-2", "MUST DATA-2"]),
        (["PROG-2", "DATA-2"], ["MUST PROG-2", "MUST DATA-2"]),  # red without a new one: the exit status is worse
    ],
)
def test_with_a_baseline_new_findings_are_annotated(tmp_path: Path, before: list[str], annotated: list[str]) -> None:
    names = ("PROG-2", "DATA-2")
    requirements = tuple(RequirementResult(one, Level.MUST, "w", "s", "t", Verdict.FAIL) for one in names)

    def result(violated: Sequence[str], status: int) -> RunResult:
        cases = [
            CaseResult(
                f"test_x.py::test_{one[:4].lower()}", "t", (one,), Outcome.FAILED, (one,), f"actual {one}", checks=1
            )
            if one in violated
            else CaseResult(f"test_x.py::test_{one[:4].lower()}", "t", (one,), Outcome.PASSED, checks=1)
            for one in names
        ]
        manifest = {"target": {"url": "http://h:1"}, "options": {}}
        return RunResult(manifest, status, "", requirements, tuple(cases))

    (tmp_path / "result.json").write_text(result(names, ExitStatus.NOT_CONFORMANT).to_json())
    settings = github_action.JobSettings((), {}, tmp_path, result(before, ExitStatus.CONFORMANT), "before.json")
    outcome = github_action.job_outcome(settings, ExitStatus.NOT_CONFORMANT)
    assert [title for title, _ in outcome.findings] == annotated
    assert outcome.status == ExitStatus.NOT_CONFORMANT


def test_a_regression_fails_the_job(runner: Runner, faultless: str, faulty: str) -> None:
    baseline = runner.workspace / "before.json"
    assert runner.run("judge", target=faultless, report_dir="a folder", **QUICK)[0] == 0
    (runner.workspace / "a folder" / "result.json").rename(baseline)
    status, said = runner.run("judge", target=faulty, baseline=baseline.name, **QUICK)
    assert status == 1, said
    assert "**The job fails**: <code>worse than the baseline</code>" in runner.summary
    assert "**worse**" in runner.summary
    assert "::error title=Hanami conformance::worse than the baseline" in said
    # Another part of the suite: a comparison of nothing is no success.
    requirement = next(one for one in parse_result(baseline.read_text()).requirements if not one.selected)
    other = QUICK | {"arguments": f"--requirement {requirement.id} --shrink 0"}
    data = json.loads(baseline.read_text())
    data["cases"] = [case for case in data["cases"] if requirement.id not in case["requirements"]]
    baseline.write_text(json.dumps(data))
    status, said = runner.run("judge", target=faultless, baseline=baseline.name, **other)
    assert status == 4, said
    assert "no case in common" in runner.summary


def test_a_result_of_an_earlier_run_does_not_pass_for_this_one(runner: Runner, faultless: str) -> None:
    assert runner.run("judge", target=faultless, **QUICK)[0] == 0
    status, _ = runner.run("judge", target=faultless, **(QUICK | {"profile": "no-such-profile"}))
    assert status == 4
    assert runner.outputs == {"verdict": "USAGE", "exit-status": "4", "result": "", "reports": ""}
    assert "Hanami conformance: USAGE" in runner.summary
    assert not (runner.workspace / "reports/latest/summary.md").exists()


def test_a_target_that_is_not_there_is_red_whatever_the_baseline(runner: Runner) -> None:
    quick = QUICK | {"arguments": "--requirement PROG --deadline 1"}
    status, _ = runner.run("judge", target="http://127.0.0.1:9", **quick)
    assert status == 6
    assert runner.outputs["verdict"] == "TARGET NOT REACHABLE"
    result = runner.workspace / "reports" / "latest" / "result.json"
    if result.is_file():
        status, _ = runner.run("judge", target="http://127.0.0.1:9", baseline=str(result), **quick)
        assert status == 6


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"arguments": "--password hunter2"}, "HANAMI_PASSWORD"),
        ({"arguments": "--passw=hunter2"}, "HANAMI_PASSWORD"),
        ({"arguments": "--second-tok hunter2"}, "HANAMI_SECOND_TOKEN"),
        ({"arguments": "--report-dir=elsewhere"}, "HANAMI_REPORT_DIR"),
        ({"arguments": "--requirement 'PROG"}, "No closing quotation"),
        ({"baseline": "nowhere.json"}, "cannot read nowhere.json"),
        ({"mode": "both"}, "mode: 'both' is neither server nor client"),
        ({"command": "python client.py"}, "command: only with mode: client"),
        ({"mode": "client", "command": "python client.py"}, "target: not with mode: client"),
        ({"mode": "client", "target": ""}, "command: mode: client needs the command that runs the client"),
        ({"mode": "client", "target": "", "command": "a 'b"}, "command: No closing quotation"),
        ({"mode": "client", "target": "", "command": "no-such-client"}, "the client cannot be started: No such file"),
        ({"arguments": "--no-such-option"}, "::ERROR: unknown option '--no-such-option'"),
    ],
)
def test_wrong_inputs_are_reported(runner: Runner, inputs: Mapping[str, str], message: str) -> None:
    status, said = runner.run("judge", **{"target": "http://127.0.0.1:9", **inputs})
    assert status == 4
    assert message in said
    summary = html.unescape(runner.summary)
    assert message.removeprefix("::ERROR: ") in summary
    assert "hunter2" not in said + summary
    assert runner.outputs["verdict"] == "USAGE"


def test_nothing_in_an_input_is_a_command(runner: Runner) -> None:
    evil = "$(touch evil) `touch evil`; touch evil\n\"'${{ x }}"
    words = "--requirement '$(touch evil)' `touch evil` ; touch evil"
    status, _ = runner.run("judge", target="http://127.0.0.1:9", user=evil, dialect=evil, known=evil, arguments=words)
    assert status == 4
    assert [path.name for path in runner.workspace.rglob("*") if path.name.startswith("evil")] == []


def test_secrets_are_in_the_environment_and_no_command() -> None:
    secret = {name: f"secret of {name}" for name in ("password", "token", "second-password")}
    gate = github_action.read_inputs(
        {github_action.input_variable(name): value for name, value in secret.items()} | {"PATH": "/bin"}
    )
    assert gate.environment == {
        "PATH": "/bin",
        "HANAMI_PASSWORD": "secret of password",
        "HANAMI_TOKEN": "secret of token",
        "HANAMI_SECOND_PASSWORD": "secret of second-password",
        "HANAMI_REPORT_DIR": "reports/latest",
    }
    assert not [word for word in gate.command if "secret" in word]


def test_an_input_that_is_empty_decides_nothing() -> None:
    empty = {github_action.input_variable(name): "" for name in (*github_action.PASSED_ON, *github_action.OWN)}
    gate = github_action.read_inputs(empty | {"HANAMI_TARGET": "http://here", "HANAMI_REPORT_DIR": "there"})
    assert gate.environment == {"HANAMI_TARGET": "http://here", "HANAMI_REPORT_DIR": "there"}
    assert gate.folder == Path("there")


def test_a_job_that_is_cancelled_ends_the_run_and_is_still_reported(runner: Runner) -> None:
    asked = threading.Event()

    def silent(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001 - as a double has it
        asked.set()
        done.wait()

    with double(silent) as url:
        quick = QUICK | {"arguments": "--deadline 60"}
        with runner.start("judge", target=url, **quick) as process:
            try:
                assert asked.wait(TIMEOUT)
                process.send_signal(signal.SIGINT)
                said, _ = process.communicate(timeout=TIMEOUT)
            finally:
                process.kill()
    assert process.returncode == 2, said
    assert runner.outputs["verdict"] == "INTERRUPTED"
    assert "INTERRUPTED" in runner.summary


def test_the_summary_is_a_command_too(runner: Runner, faultless: str) -> None:
    assert runner.run("judge", target=faultless, **QUICK)[0] == 0
    command = [sys.executable, "-m", "hanami_conformance.cli.main", "summary"]

    def summary(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], cwd=runner.workspace, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )

    address = "https://github.com/someone/backend/actions/runs/17"
    done = summary("reports/latest/result.json", "--link", f"run and reports={address}")
    assert (done.returncode, done.stdout) == (0, runner.summary)
    assert "no regressions" in summary("reports/latest", "--baseline", "reports/latest").stdout
    for wrong in (["nowhere.json"], ["reports/latest", "--link", "x"], ["reports/latest", "--baseline", "no"], []):
        done = summary(*wrong)
        assert done.returncode == 4
        assert "Traceback" not in done.stderr
    result = runner.workspace / "reports" / "latest" / "result.json"
    result.write_text(result.read_text().replace('"exit_status": 0', '"exit_status": "zero"'))
    done = summary("reports/latest")
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)


def test_the_servers_of_these_tests_know_the_password() -> None:
    assert f"alice:{PASSWORD}:alpha" in USERS
    assert os.access(ROOT / ".ci" / "install", os.X_OK)
