"""Reports of a run that judged a client: they name the client, and mark what it sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hanami_reports.conformance.html.page import conformance_page
from hanami_reports.conformance.junit import junit_xml
from hanami_reports.conformance.markdown import result_markdown
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.conformance.reproduce_commands import rerun_command
from hanami_reports.conformance.terminal import render_result
from hanami_reports.model.conformance import (
    CaseResult,
    Event,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
    read_result,
)

COMMAND = "python my_client.py '{workflow}'"
EVENTS = (
    Event(0.1, "ws-1", "sent", "binary", "chunk of 5 bytes at 1"),
    Event(0.2, "ws-1", "received", "binary", "success"),
    Event(0.3, "ws-1", "sent", "close", "close 1000"),
)
CASE = CaseResult(
    "client::mnist-plain::CLI-12",
    "positions",
    ("CLI-12",),
    Outcome.FAILED,
    violated=("CLI-12",),
    reason="expected a; actual b",
    expected="the bytes of the file",
    actual="5 bytes at 1",
    exchanges=2,
    checks=1,
    exchange=EVENTS,
    failed_at=0,
)
REQUIREMENT = RequirementResult(
    "CLI-12", Level.MUST, "Upload", "step 3", "positions", Verdict.FAIL, cases=(CASE.id,), violation="wrong positions"
)
MANIFEST = {"client": COMMAND, "dialect": "documented", "target": {"url": "http://127.0.0.1:1", "reference": True}}


def result(client: str = COMMAND) -> RunResult:
    return RunResult(MANIFEST | {"client": client}, 1, "", (REQUIREMENT,), (CASE,))


def test_the_message_of_the_client_is_marked() -> None:
    printed = render_result(result(), None, color=False)
    (marked,) = [line for line in printed.splitlines() if line.strip().startswith(">")]
    assert "chunk of 5 bytes at 1" in marked


@pytest.mark.parametrize(
    ("client", "words"), [(COMMAND, f"-- {COMMAND}"), ("", "--server")], ids=["command", "by hand"]
)
def test_the_command_that_runs_the_client_again_names_its_scenario(client: str, words: str) -> None:
    expected = "hanami-conformance client --dialect documented --scenario mnist-plain --report-dir reports/rerun"
    assert rerun_command(CASE, result(client)) == f"{expected} {words}"


def test_the_command_that_runs_the_client_again_gives_it_the_same_time() -> None:
    run = RunResult(MANIFEST | {"options": {"timeout": 12.0, "level": "should"}}, 1, "", (REQUIREMENT,), (CASE,))
    assert "--timeout 12 --report-dir" in rerun_command(CASE, run)


def test_every_report_names_the_client(tmp_path: Path) -> None:
    page = conformance_page(result(), tmp_path)
    assert "python my_client.py" in page
    assert "the reference backend" not in page
    assert "python my&#95;client&#46;py" in result_markdown(result())
    assert "127" not in result_markdown(result()).split("###")[0]
    assert "a client started by hand" in conformance_page(result(""), tmp_path)
    assert 'name="mnist-plain::CLI-12"' in junit_xml(result())


def test_the_exchanges_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    folder = ConformanceReportFolder(tmp_path)
    folder.prepare()
    folder.write(result())
    exchange = tmp_path / "exchanges" / "client-mnist-plain-CLI-12.txt"
    assert "chunk of 5 bytes at 1" in exchange.read_text(encoding="utf-8")
    assert read_result(tmp_path) == result()
    folder.write(replace(result(), cases=(replace(CASE, exchange=()),)))
    assert not exchange.exists()
