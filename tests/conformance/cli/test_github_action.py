"""The action for GitHub, without GitHub: is ``action.yml`` consistent, and do its scripts do what they should?"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from hanami_conformance.cli import github_action
from hanami_conformance.cli.main import parser
from hanami_conformance.options.definitions import OPTIONS
from hanami_reports.model.conformance import parse_result
from support.paths import ROOT
from support.suite_runs import double, faulty_backend
from tools.reference import TIMEOUT, USERS, clean_environment

ACTION: Mapping[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: Mapping[str, Any] = {step["id"]: step for step in ACTION["runs"]["steps"]}
DOCS = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
FAULT = "complete-from-the-beginning"
PASSWORD = "very-secret-1"
QUICK = {"user": "alice", "password": PASSWORD, "profile": "smoke", "arguments": "--requirement PROG --shrink 0"}
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Runner:
    """What the hosting service gives to a step, in a folder."""

    folder: Path

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def temporary(self) -> Path:
        return self.folder / "temp"

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text(encoding="utf-8")

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs, as the runner reads them."""
        lines = iter((self.folder / "output").read_text(encoding="utf-8").split("\n"))
        found = {}
        for line in lines:
            if line:
                name, _, end = line.partition("<<")
                found[name] = "\n".join(iter(lines.__next__, end))
        return found

    def environment(self, step: str, inputs: Mapping[str, str]) -> dict[str, str]:
        """The environment of a step: inputs of the action go where ``env`` of the step puts them."""
        given = {name: one.get("default", "") for name, one in ACTION["inputs"].items()} | dict(inputs)
        values = {f"inputs.{name}": value for name, value in given.items()}
        values["steps.python.outputs.python-path"] = sys.executable
        own = {name: EXPRESSION.sub(lambda match: values[match[1]], text) for name, text in STEPS[step]["env"].items()}
        return clean_environment() | {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "someone/backend",
            "GITHUB_RUN_ID": "17",
            "RUNNER_TEMP": str(self.temporary),
            **own,
        }

    def start(self, step: str, **inputs: str) -> subprocess.Popen[str]:
        """Begin the script of a step as the runner does."""
        for name in ("summary", "output"):
            (self.folder / name).write_text("")
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        script = self.folder / "script.sh"
        script.write_text(STEPS[step]["run"])
        return subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self.workspace,
            env=self.environment(step, given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, step: str, **inputs: str) -> tuple[int, str]:
        """Run the script of a step; its exit status, and what it printed."""
        with self.start(step, **inputs) as process:
            said, _ = process.communicate(timeout=TIMEOUT)
        return process.returncode, said


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


def texts(part: Any) -> Iterator[str]:
    """All texts of a parsed file."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from texts(one)
    elif isinstance(part, str):
        yield part


def test_the_action_is_consistent() -> None:
    inputs, outputs = ACTION["inputs"], ACTION["outputs"]
    assert ACTION["runs"]["using"] == "composite"
    assert all(one["description"] and isinstance(one["default"], str) for one in inputs.values())
    used = [match for text in texts(ACTION["runs"]) for match in EXPRESSION.findall(text)]
    used += [step["if"] for step in STEPS.values() if "if" in step]
    named = {name for text in used for name in re.findall(r"inputs\.([a-z-]+)", text)}
    assert named == set(inputs)  # none that is not there, none that is not used
    for text in (*used, *(one["value"] for one in outputs.values())):
        for step, output in re.findall(r"steps\.([a-z]+)\.outputs\.([a-z-]+)", text):
            assert step in STEPS
            assert step == "python" or output in {*outputs, "reports"}
    assert {name: one["value"] for name, one in outputs.items()} == {
        name: f"${{{{ steps.judge.outputs.{name} }}}}" for name in ("verdict", "exit-status", "result")
    }


def test_inputs_reach_the_program_by_the_environment_and_no_script() -> None:
    environment = STEPS["judge"]["env"]
    names = (*github_action.PASSED_ON, *github_action.OWN)
    assert environment == {github_action.input_variable(name): f"${{{{ inputs.{name} }}}}" for name in names}
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")
        assert ("run" in step) == (step.get("shell") == "bash")
    assert {option.name for option in OPTIONS if option.name in names} == set(github_action.PASSED_ON)


def test_reports_are_uploaded_also_when_red() -> None:
    step = STEPS["upload"]
    assert list(STEPS).index("judge") < list(STEPS).index("upload")
    assert step["if"].startswith("always()")
    assert step["with"]["path"] == "${{ steps.judge.outputs.reports }}"


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
        ({"arguments": "--no-such-option"}, ""),
    ],
)
def test_wrong_inputs_are_reported(runner: Runner, inputs: Mapping[str, str], message: str) -> None:
    status, said = runner.run("judge", target="http://127.0.0.1:9", **inputs)
    assert status == 4
    assert message in said
    assert "hunter2" not in said + runner.summary
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


def test_the_examples_of_the_docs_are_right() -> None:
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)]
    steps = [
        step for block in blocks for job in block.get("jobs", {}).values() for step in job["steps"] if "uses" in step
    ]
    ours = [step for step in steps if "hanami-conformance@" in step["uses"]]
    assert ours
    for step in ours:
        assert set(step["with"]) <= set(ACTION["inputs"])
        assert all("secrets." in step["with"][name] for name in step["with"] if name.endswith(("password", "token")))
    assert any("services" in job for block in blocks for job in block.get("jobs", {}).values())
    jobs = [job for block in blocks for job in block.values() if isinstance(job, dict) and "script" in job]
    assert jobs
    for job in jobs:
        assert job["artifacts"]["when"] == "always"
        assert job["artifacts"]["reports"]["junit"] == "reports/latest/junit.xml"
        for line in (*job["script"], *job.get("after_script", [])):
            for part in re.split(r"\|\||&&|>", line):
                words = shlex.split(part)
                if words[:1] == ["hanami-conformance"]:
                    parser().parse_args(words[1:])


def test_every_input_is_documented() -> None:
    for name in (*ACTION["inputs"], *ACTION["outputs"]):
        assert f"`{name}`" in DOCS


def test_the_servers_of_these_tests_know_the_password() -> None:
    assert f"alice:{PASSWORD}:alpha" in USERS
    assert os.access(ROOT / ".ci" / "install", os.X_OK)
