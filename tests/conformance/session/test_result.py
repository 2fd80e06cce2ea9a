"""The result of a run says why a target is not conformant, also where only some requirements were selected."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from hanami_conformance.session.result import build_result
from hanami_reports.conformance.terminal import render_result
from hanami_reports.model.conformance import CaseResult, ExitStatus, Level, Outcome, RunResult, Verdict


def case(name: str, outcome: Outcome, requirement: str, violated: str = "", reason: str = "") -> CaseResult:
    return CaseResult(f"f.py::{name}", "title", (requirement,), outcome, (violated,) if violated else (), reason)


def result_of(*cases: CaseResult, selected: Collection[str] | None = None) -> RunResult:
    return build_result(
        planned={one.id: (one.title, one.requirements) for one in cases},
        cases={one.id: one for one in cases},
        manifest={},
        selected=selected,
        level=Level.SHOULD,
        reason="",
        unreachable=False,
        interrupted=False,
        shortage=False,
        leftovers=(),
    )


def test_what_is_violated_outside_the_selection_is_named() -> None:
    passed = [case(f"passed{number}", Outcome.PASSED, "GEN-3") for number in range(11)]
    failed = [case(f"failed{number}", Outcome.FAILED, "GEN-3", "PROG-2", "complete") for number in range(2)]
    result = result_of(*passed, *failed, selected={"GEN-3"})
    verdicts = {one.id: one.verdict for one in result.requirements if one.selected}
    assert verdicts == {"PROG-2": Verdict.FAIL, "GEN-3": Verdict.PASS}
    assert (result.exit_status, result.reason) == (
        ExitStatus.NOT_CONFORMANT,
        "violated outside the selection: PROG-2",
    )
    text = render_result(result, Path("r"), color=False, verbose=True)
    (line,) = [line for line in text.splitlines() if line.startswith("  GEN-3")]
    assert "11 of 13" in line
    assert "2 of 13 cases violated PROG-2 before it was reached" in " ".join(text.split())
    assert "NOT CONFORMANT  violated outside the selection: PROG-2  2 requirements: 1 PASS, 1 FAIL" in text


def test_what_is_violated_inside_the_selection_needs_no_word() -> None:
    failed = case("failed", Outcome.FAILED, "PROG-2", "PROG-2")
    for selected in ({"PROG-2"}, None):
        result = result_of(failed, selected=selected)
        assert (result.exit_status, result.reason) == (ExitStatus.NOT_CONFORMANT, "")


def test_cases_that_could_not_run_are_the_reason_where_nothing_is_violated() -> None:
    blocked = case("blocked", Outcome.BLOCKED, "DIO-1", reason="its setup failed: expected 200; actual 500")
    result = result_of(case("passed", Outcome.PASSED, "DIO-1"), blocked)
    verdicts = {one.id: one.verdict for one in result.requirements if one.selected}
    assert (result.exit_status, verdicts) == (ExitStatus.NOT_CONFORMANT, {"DIO-1": Verdict.PASS})
    assert result.reason == "1 case could not run: its setup failed: expected 200; actual 500"
    assert f"NOT CONFORMANT  {result.reason}  1 requirement: 1 PASS" in render_result(result, None, color=False)
