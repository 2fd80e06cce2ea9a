"""What became better or worse between two results."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from hanami_conformance.cli.main import main
from hanami_reports.conformance.compare import Change, Comparison, ExchangeCount, ObservationChange, Trend, compare
from hanami_reports.conformance.compare_text import render_comparison
from hanami_reports.model.conformance import (
    CaseResult,
    Event,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)

MANIFEST: dict[str, Any] = {
    "suite": "1.0",
    "target": {"url": "http://h:1"},
    "dialect": "documented",
    "duration": 2.0,
    "options": {"profile": "gate", "level": "should"},
    "digests": {"brick.proto": "a"},
}
CASE = CaseResult("test_x.py::test_a", "What a server does.", ("X-1",), Outcome.PASSED, exchanges=3)
REQUIREMENT = RequirementResult("X-1", Level.MUST, "Upload", "s", "the sentence", Verdict.PASS, "", (CASE.id,))


def result(
    verdict: Verdict = Verdict.PASS, outcome: Outcome = Outcome.PASSED, status: int = 0, **fields: Any
) -> RunResult:
    reason = "" if outcome is Outcome.PASSED else f"it was {outcome}"
    case = dataclasses.replace(CASE, outcome=outcome, reason=reason)
    requirement = dataclasses.replace(REQUIREMENT, verdict=verdict, reason=reason)
    given: dict[str, Any] = {"requirements": (requirement,), "cases": (case,), "manifest": MANIFEST, **fields}
    return RunResult(exit_status=status, reason="", **given)


def compared(before: RunResult, after: RunResult) -> Comparison:
    return compare(before, after, ("a.json", "b.json"))


@pytest.mark.parametrize(
    ("before", "after", "trend"),
    [
        (Verdict.PASS, Verdict.FAIL, Trend.WORSE),
        (Verdict.PASS, Verdict.LOST, Trend.WORSE),
        (Verdict.PASS, Verdict.NOT_RUN, Trend.WORSE),
        (Verdict.PASS, Verdict.VACUOUS, Trend.WORSE),
        (Verdict.KNOWN, Verdict.FAIL, Trend.WORSE),
        (Verdict.KNOWN, Verdict.NOT_RUN, Trend.WORSE),
        (Verdict.OBSERVED, Verdict.NOT_RUN, Trend.WORSE),
        (Verdict.PASS, Verdict.KNOWN, Trend.CHANGED),
        (Verdict.PASS, Verdict.UNSUPPORTED, Trend.CHANGED),
        (Verdict.FAIL, Verdict.KNOWN, Trend.CHANGED),
        (Verdict.FAIL, Verdict.NOT_RUN, Trend.CHANGED),
        (Verdict.UNSUPPORTED, Verdict.FAIL, Trend.CHANGED),
        (Verdict.FAIL, Verdict.PASS, Trend.BETTER),
        (Verdict.KNOWN, Verdict.PASS, Trend.BETTER),
        (Verdict.UNSUPPORTED, Verdict.PASS, Trend.BETTER),
        (Verdict.NOT_RUN, Verdict.OBSERVED, Trend.BETTER),
    ],
)
def test_which_way_a_requirement_went(before: Verdict, after: Verdict, trend: Trend) -> None:
    comparison = compared(result(before), result(after))
    (change,) = comparison.requirements
    assert (change.before, change.after, change.trend) == (before.value, after.value, trend)
    assert comparison.regressed is (trend is Trend.WORSE)


@pytest.mark.parametrize("before", [Outcome.PASSED, Outcome.KNOWN])
@pytest.mark.parametrize(
    "after", [Outcome.FAILED, Outcome.BLOCKED, Outcome.LOST, Outcome.NOT_RUN, Outcome.ERROR, Outcome.VACUOUS]
)
def test_a_case_that_no_longer_passes_is_a_regression(before: Outcome, after: Outcome) -> None:
    (change,) = compared(result(outcome=before), result(outcome=after)).cases
    assert change.trend is Trend.WORSE
    (back,) = compared(result(outcome=after), result(outcome=before)).cases
    assert back.trend is (Trend.BETTER if before is Outcome.PASSED else Trend.CHANGED)


def test_nothing_changed() -> None:
    comparison = compared(result(), result())
    assert not comparison.regressed
    assert (comparison.requirements, comparison.cases, comparison.notes) == ((), (), ())
    assert "NO REGRESSIONS  nothing changed" in render_comparison(comparison, color=False)


def test_a_case_with_a_different_failure_is_reported() -> None:
    before = result(outcome=Outcome.FAILED)
    after = dataclasses.replace(before, cases=(dataclasses.replace(before.cases[0], reason="actual 500"),))
    assert compared(before, after).cases == (
        Change(
            CASE.id, CASE.title, "failed", "failed", Trend.CHANGED, "it was failed", "actual 500", CASE.requirements
        ),
    )


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        (0, 0, False), (0, 1, True), (1, 0, False), (0, 5, True), (1, 5, False), (5, 1, False),
        (1, 3, True), (1, 2, True), (3, 6, True), (6, 1, False),
    ],
)  # fmt: skip
def test_a_worse_exit_status_is_a_regression(before: int, after: int, worse: bool) -> None:
    comparison = compared(result(status=before), result(status=after))
    assert (comparison.worse_exit, comparison.regressed) == (worse, worse)


def test_cases_observations_and_exchanges() -> None:
    more = dataclasses.replace(CASE, id="test_x.py::test_new")
    other = dataclasses.replace(CASE, exchanges=5, observations={"frame": "text", "new": "1"})
    before = result(cases=(dataclasses.replace(CASE, observations={"frame": "binary"}), more))
    after = result(cases=(other, dataclasses.replace(CASE, id="test_x.py::test_b")))
    comparison = compared(before, after)
    assert comparison.removed == ("test_x.py::test_new",)
    assert comparison.added == ("test_x.py::test_b",)
    assert comparison.exchanges == (ExchangeCount(CASE.id, 3, 5),)
    assert comparison.observations == (
        ObservationChange(CASE.id, "frame", "binary", "text"),
        ObservationChange(CASE.id, "new", "", "1"),
    )
    assert not comparison.regressed
    text = render_comparison(comparison, color=False, verbose=True)
    for part in ("1 case only before", "test_new", "1 case only after", "3 -> 5  test_x.py::test_a", "binary"):
        assert part in text


def test_a_uuid_that_differs_is_no_change() -> None:
    uuids = ("e3c46eb1-062b-4675-8a3e-0d3a2f1b9c11", "bf380fa4-357e-4628-9f0e-5a1c7d2e4b22")
    before, after = (
        result(
            cases=(
                dataclasses.replace(
                    CASE,
                    outcome=Outcome.FAILED,
                    reason=f"actual {uuid} after 1.{digit} s",
                    observations={"a": f"200 {uuid}"},
                ),
            )
        )
        for uuid, digit in zip(uuids, "12", strict=True)
    )
    comparison = compared(before, after)
    assert (comparison.cases, comparison.observations) == ((), ())


def test_unlike_runs_are_said_in_a_line_each() -> None:
    manifest = {
        **MANIFEST,
        "suite": "2.0",
        "dialect": "hanami-0.4",
        "options": {"profile": "smoke", "level": "must"},
        "digests": {"brick.proto": "b"},
    }
    assert compared(result(), result(manifest=manifest)).notes == (
        "different dialects: documented before, hanami-0.4 after",
        "different profiles: gate before, smoke after",
        "different suite versions: 1.0 before, 2.0 after",
        "different options: --level should before, must after",
        "different protocol files: brick.proto",
    )


def test_a_requirement_that_one_run_was_not_asked_for_is_not_compared() -> None:
    left_out = dataclasses.replace(REQUIREMENT, verdict=Verdict.NOT_RUN, selected=False)
    comparison = compared(result(), result(requirements=(left_out,)))
    assert comparison.requirements == ()
    assert comparison.notes == ("selected only before, and so not compared: X-1",)
    assert not comparison.regressed


def write(folder: Path, name: str, content: RunResult) -> str:
    path = folder / name
    path.write_text(content.to_json(), encoding="utf-8")
    return str(path)


def test_the_command_shows_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = result(Verdict.FAIL, Outcome.FAILED, ExitStatus.NOT_CONFORMANT)
    files = write(tmp_path, "a.json", result()), write(tmp_path, "b.json", bad)
    assert main(["compare", *files]) == 1
    out = capsys.readouterr().out
    for part in (
        "worse",
        "X-1",
        "PASS",
        "FAIL",
        "the sentence",
        "it was failed",
        "REGRESSIONS  1 new finding; worse: 1 requi",
    ):
        assert part in out
    assert "worse exit status: 0 -> 1" in out
    assert "\x1b" not in out
    assert main(["compare", *reversed(files)]) == 0
    assert "NO REGRESSIONS  1 gone finding; better: 1 requirement, 1 case" in capsys.readouterr().out


def test_the_command_takes_report_folders_and_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "result.json", result(outcome=Outcome.FAILED))
    assert main(["compare", str(tmp_path), write(tmp_path, "b.json", result()), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["format"], data["regressed"]) == ("hanami-conformance-comparison", False)
    assert data["cases"][0]["trend"] == "better"


@pytest.mark.parametrize("content", [None, "", "[]", '{"format": "hanami-conformance-result", "format_version": 9}'])
def test_wrong_files_get_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None) -> None:
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_text(content)
    assert main(["compare", write(tmp_path, "a.json", result()), str(path)]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert "bad.json" in captured.err


def test_text_of_a_server_is_no_markup() -> None:
    case = dataclasses.replace(
        CASE, outcome=Outcome.FAILED, reason="[bold]x[/]", exchange=(Event(0, "w", "sent", "h", ""),)
    )
    assert "[bold]x[/]" in render_comparison(compared(result(), result(cases=(case,))), color=False)
