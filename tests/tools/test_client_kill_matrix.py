"""Faulty variants of the example client fit it and name what they violate; the matrix says which were detected."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import expect

from hanami_conformance.catalogue import client_catalogue
from hanami_conformance.client_mode.scenario import scenarios
from hanami_proto.dialect import DEFAULT_DIALECT
from hanami_reports.model.conformance import CLIENT_CASES, CaseResult, ExitStatus, Level, Outcome, RunResult
from support.browser import DESK, PHONE, running_browser, stored, visiting
from tools.client_kill_matrix import __main__ as command
from tools.client_kill_matrix.runs import run_variant
from tools.client_kill_matrix.variants import Change, Variant, VariantError, all_variants, changed_files, write_client
from tools.kill_matrix.matrix import Matrix, baseline_problems
from tools.kill_matrix.page import render_page
from tools.kill_matrix.plan import Plan
from tools.kill_matrix.row import row_from

FEWEST = 40  # variants
LOST_CHUNK = Variant("lost-chunk", ("CLI-13", "CLI-23"), "a chunk is lost", ("csv-plain",), ())


def case(scenario: str, requirement: str, outcome: Outcome = Outcome.FAILED, *, exchanges: int = 1) -> CaseResult:
    violated = (requirement,) if outcome is Outcome.FAILED else ()
    name = f"{CLIENT_CASES}{scenario}::{requirement}"
    return CaseResult(name, "", (requirement,), outcome, violated, "why", exchanges=exchanges, checks=1)


def run(*cases: CaseResult, status: int = ExitStatus.NOT_CONFORMANT) -> RunResult:
    return RunResult({}, status, "", (), cases)


def matrix(*cases: CaseResult, status: int | None = ExitStatus.NOT_CONFORMANT) -> Matrix:
    """The matrix of one variant, which violates CLI-13 and was run in one scenario."""
    row = row_from(LOST_CHUNK, run(*cases), status, 1.0, 1)
    tests, levels = {"csv-plain": ("CLI-13", "CLI-24")}, {"CLI-13": Level.MUST}
    return Matrix((row,), tests, frozenset(), levels, (), complete=True, subject=command.CLIENTS)


def test_there_are_many_variants() -> None:
    assert len(all_variants()) >= FEWEST


@pytest.mark.parametrize("variant", all_variants().values(), ids=all_variants())
def test_a_variant_is_a_client_with_a_fault(variant: Variant) -> None:
    texts = changed_files(variant)
    assert texts
    for name, text in texts.items():
        compile(text, name, "exec")
    assert set(variant.violates) <= set(client_catalogue())
    assert variant.scenarios
    assert set(variant.scenarios) <= set(scenarios())


def test_every_requirement_has_a_variant_that_violates_it_first() -> None:
    assert {variant.violates[0] for variant in all_variants().values()} == set(client_catalogue())


def test_a_change_that_does_not_fit_is_an_error() -> None:
    variant = Variant("misfit", ("CLI-1",), "nothing", ("csv-plain",), (Change("upload.py", "no such text", ""),))
    with pytest.raises(VariantError, match=r"misfit: upload\.py has 'no such text' 0 times, not once"):
        changed_files(variant)


def test_the_unmodified_client_is_copied_as_it_is(tmp_path: Path) -> None:
    client = write_client(tmp_path, None)
    assert {path.name for path in client.iterdir()} == {"__main__.py", "session.py", "upload.py", "direct_io.py"}


SURVIVING = case("csv-plain", "CLI-13", Outcome.PASSED)
ELSEWHERE = case("csv-plain", "CLI-24")
UNSUPPORTED = case("csv-plain", "CLI-13", Outcome.UNSUPPORTED)


def test_a_variant_is_killed_by_the_scenarios_in_which_it_fails_for_the_right_reason() -> None:
    made = matrix(case("csv-plain", "CLI-24"), case("csv-plain", "CLI-13"))
    assert made.problems == ()
    assert made.rows[0].correctly_attributed == ("csv-plain",)
    assert made.rows[0].outcome == "killed by 1"
    assert made.rows[0].other_requirements == ("CLI-24",)


@pytest.mark.parametrize(
    ("made", "outcome", "problem"),
    [
        (matrix(ELSEWHERE), "detected under the wrong requirement: CLI-24", "under the wrong requirement: CLI-24"),
        (matrix(SURVIVING, status=ExitStatus.CONFORMANT), "SURVIVED", "lost-chunk survives: a chunk is lost"),
        (matrix(UNSUPPORTED, status=ExitStatus.NOTHING_RAN), "NOT JUDGED", "the run against lost-chunk judged nothing"),
        (matrix(status=None), "NOT JUDGED", "the run against lost-chunk did not end in time"),
    ],
    ids=["elsewhere", "survived", "nothing judged", "no end"],
)
def test_a_variant_that_is_not_detected_is_a_problem(made: Matrix, outcome: str, problem: str) -> None:
    assert made.rows[0].outcome == outcome
    assert any(problem in line for line in made.problems)
    assert "csv-plain detects no variant" in made.problems or made.rows[0].detected_by


def test_a_client_that_fails_without_a_fault_is_the_problem() -> None:
    failed = run(case("csv-slow", "CLI-24"))
    expected = "the run against the unmodified client ended with status 1: NOT CONFORMANT: CLI-24"
    assert baseline_problems(failed, 1, command.CLIENTS) == (expected,)


def test_the_unmodified_client_must_send_something_in_each_scenario() -> None:
    sent = case("csv-plain", "CLI-1", Outcome.PASSED, exchanges=3)
    counted_before = case("csv-plain", "CLI-3", Outcome.PASSED, exchanges=0)
    silent = case("csv-slow", "CLI-1", Outcome.PASSED, exchanges=0)
    assert baseline_problems(run(sent, counted_before, status=0), 0, command.CLIENTS) == ()
    (line,) = baseline_problems(run(sent, counted_before, silent, status=0), 0, command.CLIENTS)
    assert line.endswith("against the unmodified client: client::csv-slow::CLI-1")


def test_the_page_is_that_of_the_kill_matrix_with_the_words_of_clients(tmp_path: Path) -> None:
    page = render_page(matrix(case("csv-plain", "CLI-13")))
    assert "Client kill matrix: 1 of 1 variants killed" in page
    assert ">fault<" not in page
    assert "\N{MULTIPLICATION SIGN} tests" not in page
    assert "1 scenario, 1 case fails" in page
    with running_browser() as browser, visiting(browser, stored(tmp_path, {"page": page})) as look:
        for size in (DESK, PHONE):
            visit = look("page", size)
            assert visit.overflow() <= 0
            expect(visit.page.locator(".brand")).to_have_text("✿ Hanami conformance")
            expect(visit.page.locator(".kills thead th.first").first).to_have_text("csv")


def test_unknown_variants_are_wrong_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--variant", "no-such-variant", "--report-dir", str(tmp_path)])
    assert "no variant 'no-such-variant'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_fault_is_detected_by_a_real_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--variant", "position-counts-from-one", "--jobs", "1", "--report-dir", str(tmp_path)]
    assert command.main(options) == 0
    assert "PASS  1 of 1 variants killed for the right reason" in capsys.readouterr().out
    (found,) = json.loads((tmp_path / "matrix.json").read_text(encoding="utf-8"))["faults"]
    assert "CLI-12" in found["detected_by"]["csv-plain"]
    assert "position-counts-from-one" in (tmp_path / "matrix.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_harmless_change_survives() -> None:
    harmless = Variant(
        "other-chunks", ("CLI-12",), "small chunks", ("csv-plain",), (Change("upload.py", "128 * 1024", "100_000"),)
    )
    plan = Plan(all_cases=False, jobs=1, deadline=120.0, stop=Event())
    assert run_variant(plan, DEFAULT_DIALECT, harmless).outcome == "SURVIVED"
