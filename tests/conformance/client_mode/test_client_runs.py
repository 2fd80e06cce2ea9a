"""Runs of a client: a right client as a user starts it, and clients with one mistake each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hanami_conformance.client_mode.interference import Rule
from hanami_conformance.client_mode.judge import judge
from hanami_conformance.client_mode.runner import ClientRunner, Command
from hanami_conformance.client_mode.scenario import Scenario, scenarios
from hanami_reports.model.conformance import Outcome, Verdict, read_result
from support.paths import ROOT
from support.suite_runs import COMMAND
from tools.reference import TIMEOUT, clean_environment

EXAMPLE = [sys.executable, str(ROOT / "examples" / "client"), "{workflow}", "--result-file", "{result_file}"]
SMALL_CLIENT = [sys.executable, str(ROOT / "tests" / "support" / "small_client.py"), "{workflow}"]


def test_a_right_client_is_conformant(tmp_path: Path) -> None:
    options = ["--scenario", "mnist-unknown-keys", "--scenario", "direct-plain", "--report-dir", str(tmp_path)]
    run = subprocess.run(
        [*COMMAND[:-1], "client", *options, "--", *EXAMPLE],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    result = read_result(tmp_path)
    assert run.returncode == result.exit_status == 0, run.stdout + run.stderr
    assert {case.outcome for case in result.cases} == {Outcome.PASSED}
    assert {path.name for path in tmp_path.iterdir()} >= {"conformance.html", "junit.xml", "result.json"}
    verdicts = {one.id: one.verdict for one in result.requirements}
    assert verdicts["CLI-12"] is verdicts["CLI-22"] is Verdict.PASS
    assert sum(case.exchanges for case in result.cases) > 10


@pytest.mark.parametrize(
    ("mistake", "scenario", "requirement"),
    [
        ("no-token", "csv-plain", "CLI-1"),
        ("positions-count-from-one", "mnist-plain", "CLI-12"),
        ("no-progress", "mnist-plain", "CLI-14"),
        ("stays-direct", "direct-plain", "CLI-18"),
    ],
)
def test_a_mistake_violates_its_requirement(
    runner: ClientRunner, monkeypatch: pytest.MonkeyPatch, mistake: str, scenario: str, requirement: str
) -> None:
    monkeypatch.setenv("SMALL_CLIENT_MISTAKE", mistake)
    cases = list(judge(runner.run(scenarios()[scenario], Command(SMALL_CLIENT, TIMEOUT))))
    violated = {name for case in cases for name in case.violated}
    assert requirement in violated
    shown = next(case for case in cases if requirement in case.violated)
    assert shown.exchange[shown.failed_at].direction == "sent"


def test_a_token_that_expires_while_a_request_is_repeated_is_renewed(runner: ClientRunner) -> None:
    """The last try of the example client, behind two errors, is rejected because of its token."""
    errors = Rule("dataset.progress", "answer", times=2, status=503, body="busy")
    expired = Rule("dataset.progress", "answer", first=3, status=401, body="the token has expired")
    scenario = Scenario("csv-expired", "csv", "the token expires", "either", (errors, expired))
    record = runner.run(scenario, Command(EXAMPLE, TIMEOUT)).record
    assert (record.exit_status, record.output.count("Traceback")) == (0, 0), record.output
