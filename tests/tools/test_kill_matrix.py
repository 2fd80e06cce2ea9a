"""Each problem makes the kill matrix fail, and its page shows it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from hanami_reports.model.conformance import (
    CaseResult,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)
from support.browser import DESK, PHONE, WCAG, running_browser, stored, visiting
from support.suite_runs import left_in, with_tools
from tools.kill_matrix import runs
from tools.kill_matrix.matrix import Matrix, baseline_problems
from tools.kill_matrix.output import RowPrinter, write_matrix
from tools.kill_matrix.page import render_page
from tools.kill_matrix.plan import Plan
from tools.kill_matrix.row import Row, row_from
from tools.kill_matrix.runs import Part, try_idle_tests

COUNTS = "test_a.py::test_progress_counts_bytes"
LISTS = "test_a.py::test_lists_are_private"


@dataclass(frozen=True)
class FaultStub:
    """A fault."""

    name: str = "counts-chunks"
    violates: tuple[str, ...] = ("PROG-2", "FIN-3")
    text: str = "Progress counts <chunks>"


def case(test: str, outcome: Outcome, *violated: str, requirements: tuple[str, ...] = ("PROG-2",)) -> CaseResult:
    """A case with an exchange and a comparison."""
    return CaseResult(f"{test}[1]", "", requirements, outcome, violated, "expected a; actual b", exchanges=1, checks=1)


def run(*cases: CaseResult, status: int = ExitStatus.NOT_CONFORMANT) -> RunResult:
    """What a run of these cases left."""
    return RunResult({}, status, "", (), cases)


DETECTED = run(case(COUNTS, Outcome.FAILED, "PROG-2"), case(LISTS, Outcome.PASSED, requirements=("GEN-3",)))
PASSING = Matrix(
    rows=(
        row_from(FaultStub(), DETECTED, ExitStatus.NOT_CONFORMANT, 1.0, 2),
        row_from(
            FaultStub("lists-all", ("GEN-3",), "Lists have the resources of all users"),
            run(case(LISTS, Outcome.FAILED, "GEN-3", requirements=("GEN-3",))),
            ExitStatus.NOT_CONFORMANT,
            1.0,
            1,
        ),
    ),
    tests={COUNTS: ("PROG-2",), LISTS: ("GEN-3",), "test_a.py::test_what_is_seen": ("DIO-13",)},
    observing=frozenset({"test_a.py::test_what_is_seen"}),
    levels={"PROG-2": Level.MUST, "GEN-3": Level.SHOULD, "DIO-13": Level.OBSERVE},
    baseline_problems=(),
    complete=True,
)


def with_run(result: RunResult | None, status: int | None, planned: int = 1) -> Matrix:
    """The passing matrix with another run against the first fault."""
    return replace(PASSING, rows=(row_from(FaultStub(), result, status, 1.0, planned), PASSING.rows[1]))


def test_no_problems() -> None:
    assert PASSING.problems == ()
    assert PASSING.rows[0].correctly_attributed == (COUNTS,)
    assert json.loads(PASSING.to_json())["passed"] is True


def test_collateral_is_what_fails_besides_the_violated_requirements() -> None:
    """Two cases of one test fail for the first fault, under three requirements of which it violates two."""
    failed = run(
        case(COUNTS, Outcome.FAILED, "PROG-2"),
        replace(case(COUNTS, Outcome.LOST, "GEN-2", "FIN-3"), id=f"{COUNTS}[2]"),
        case(LISTS, Outcome.BLOCKED),
    )
    matrix = with_run(failed, ExitStatus.NOT_CONFORMANT, 3)
    figures = {
        "failed requirements": {"mean": 2.0, "median": 2.0, "most": 3, "fault": "counts-chunks"},
        "failed requirements that it does not violate": {
            "mean": 0.5,
            "median": 0.5,
            "most": 1,
            "fault": "counts-chunks",
        },
        "failed cases": {"mean": 1.5, "median": 1.5, "most": 2, "fault": "counts-chunks"},
        "findings": {"mean": 1.5, "median": 1.5, "most": 2, "fault": "counts-chunks"},
    }
    written = json.loads(matrix.to_json())
    assert written["collateral"] == figures
    assert [row["failed_cases"] for row in written["faults"]] == [2, 1]
    assert written["faults"][0]["failed_requirements"] == ["PROG-2", "GEN-2", "FIN-3"]
    assert "Failed requirements a fault: mean 2, median 2, at most 3 (counts-chunks)." in render_page(matrix)
    both = matrix.rows[0].merge(PASSING.rows[0])
    assert both.failed_cases == 3


def requirement(name: str, level: Level) -> RequirementResult:
    """A violated requirement."""
    return RequirementResult(name, level, "", "", f"The text of {name}", Verdict.FAIL)


REQUIREMENTS = (
    requirement("PROG-2", Level.SHOULD),
    requirement("DATA-2", Level.MUST),
    requirement("FIN-3", Level.MUST),
)


def failing(*cases: tuple[str, str]) -> RunResult:
    """A run whose cases each violate one requirement, with what the target did."""
    failed = [
        replace(case(COUNTS, Outcome.FAILED, name), id=f"{COUNTS}[{place}]", expected=f"right {place}", actual=actual)
        for place, (name, actual) in enumerate(cases)
    ]
    return replace(run(*failed), requirements=REQUIREMENTS)


EARLY, ACCEPTED = ("PROG-2", "complete = true"), ("FIN-3", "200 of a file that misses one byte")
WRONG_VALUES = ("DATA-2", "values that differ from those sent")


def test_findings_of_a_fault_are_those_of_a_report_and_the_first_names_what_it_violates() -> None:
    """Two cases of one requirement are one finding, and that of the MUST comes first, whatever ran first."""
    matrix = with_run(failing(EARLY, EARLY, ACCEPTED), ExitStatus.NOT_CONFORMANT, 3)
    (row,) = json.loads(matrix.to_json())["faults"][:1]
    assert [finding["requirements"] for finding in row["findings"]] == [["FIN-3"], ["PROG-2"]]
    assert row["findings"][0]["title"] == "The text of FIN-3"
    assert matrix.rows[0].first_finding == "FIN-3"
    wrong = with_run(failing(EARLY, WRONG_VALUES), ExitStatus.NOT_CONFORMANT, 2)
    assert wrong.rows[0].correctly_attributed, "detected, but somebody who reads one finding reads of DATA-2"
    assert wrong.rows[0].first_finding == "DATA-2"


def test_the_share_of_first_findings_that_name_a_violated_requirement_is_stated() -> None:
    rows = (
        row_from(FaultStub(), failing(EARLY), ExitStatus.NOT_CONFORMANT, 1.0, 1),
        row_from(FaultStub("two"), failing(EARLY, WRONG_VALUES), ExitStatus.NOT_CONFORMANT, 1.0, 2),
        row_from(FaultStub("none"), run(PASSED_CASE), ExitStatus.CONFORMANT, 1.0, 1),
    )
    matrix = replace(PASSING, rows=rows)
    text = "first finding begins with a violated requirement: 1 of 3 faults (33 %)"
    assert matrix.first_findings == text
    assert json.loads(matrix.to_json())["first_finding_right"] == 1
    page = render_page(matrix)
    assert text.capitalize() in page
    assert "Findings a fault: mean 1, median 1, at most 2 (two)." in page
    assert '<td data-name="findings">1, first <span>PROG-2</span></td>' in page
    assert '<td data-name="findings">2, first <span class="bad">DATA-2</span></td>' in page
    assert '<td data-name="findings">0</td>' in page


def test_findings_of_examples_and_sequences_are_found_together() -> None:
    """A cause that shows in both is one finding."""
    rows = [row_from(FaultStub(), failing(*cases), 1, 1.0, 2) for cases in ((EARLY, ACCEPTED), (EARLY, WRONG_VALUES))]
    assert [len(row.findings) for row in (*rows, rows[0].merge(rows[1]))] == [2, 2, 3]


def test_the_command_prints_what_fails_for_each_fault_and_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = with_run(failing(EARLY, EARLY, WRONG_VALUES), ExitStatus.NOT_CONFORMANT, 3)
    print_row = RowPrinter(len(matrix.rows))
    for row in matrix.rows:
        print_row(row)
    assert write_matrix(matrix, tmp_path) == 0
    heading, first, second, *figures = capsys.readouterr().out.splitlines()
    assert heading.split() == ["fault", "violates", "failed", "cases", "findings"]
    assert first.split()[-7:] == ["PROG-2", "2", "3", "2", "killed", "by", "1"]
    assert second.split()[-7:] == ["GEN-3", "1", "1", "1", "killed", "by", "1"]
    assert "findings a fault: mean 1.5, median 1.5, at most 2 (counts-chunks)" in figures
    assert "first finding begins with a violated requirement: 0 of 2 faults (0 %)" in figures


PASSED_CASE = case(COUNTS, Outcome.PASSED)
MISATTRIBUTED = case(COUNTS, Outcome.FAILED, "GEN-3")
PROBLEMS = {
    "survives": (with_run(run(PASSED_CASE), 0), "counts-chunks survives: Progress counts <chunks>"),
    "only others": (
        with_run(run(MISATTRIBUTED), 1),
        "detected, but under the wrong requirement: GEN-3 instead of PROG-2, FIN-3",
    ),
    "test without a fault": (with_run(run(PASSED_CASE), 0), f"{COUNTS} detects no fault"),
    "nothing judged": (
        with_run(run(case(COUNTS, Outcome.UNSUPPORTED)), ExitStatus.NOTHING_RAN),
        "the run against counts-chunks judged nothing",
    ),
    "fewer cases": (with_run(DETECTED, 1, planned=3), "2 cases ran against counts-chunks instead of 3"),
    "empty case": (
        with_run(run(case(COUNTS, Outcome.FAILED, "PROG-2"), case(LISTS, Outcome.VACUOUS)), 1),
        f"a case made no assertions against counts-chunks: {LISTS}[1]",
    ),
    "hang": (with_run(None, None), "the run against counts-chunks did not end in time"),
    "internal error": (with_run(DETECTED, 3), "the run against counts-chunks ended with status 3"),
    "no requirement": (
        replace(PASSING, tests={**PASSING.tests, "t.py::test_x": ()}),
        "t.py::test_x names no requirement",
    ),
    "no test": (replace(PASSING, levels={**PASSING.levels, "PROG-9": Level.MUST}), "PROG-9 has no test"),
    "no fault": (
        replace(
            PASSING, levels={**PASSING.levels, "MODE-1": Level.SHOULD}, tests={**PASSING.tests, COUNTS: ("MODE-1",)}
        ),
        "MODE-1 (SHOULD) is violated by no fault",
    ),
    "baseline": (replace(PASSING, baseline_problems=("a case sent nothing",)), "a case sent nothing"),
}


@pytest.mark.parametrize(("matrix", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_problem_fails(matrix: Matrix, line: str) -> None:
    assert any(line in one for one in matrix.problems), matrix.problems
    assert json.loads(matrix.to_json())["passed"] is False


def test_a_lost_target_is_detected_by_the_case_that_lost_it() -> None:
    lost = run(case(COUNTS, Outcome.LOST), case(LISTS, Outcome.NOT_RUN, requirements=("GEN-3",)))
    matrix = with_run(lost, ExitStatus.TARGET_LOST)
    assert matrix.problems == ()
    assert matrix.rows[0].correctly_attributed == (COUNTS,)


def test_undetecting_tests_are_no_problem_unless_all_faults_were_tried() -> None:
    assert replace(PASSING, rows=PASSING.rows[:1], complete=False).problems == ()


def test_examples_and_sequences_are_one_row() -> None:
    examples = row_from(FaultStub(), run(PASSED_CASE), 0, 1.0, 1)
    sequences = row_from(FaultStub(), run(case(LISTS, Outcome.FAILED, "PROG-2")), 1, 2.0, 1)
    merged = examples.merge(sequences)
    assert (merged.cases, merged.planned, merged.seconds, merged.exit_status) == (2, 2, 3.0, 1)
    assert merged.correctly_attributed == (LISTS,)
    assert merged.tests == (COUNTS, LISTS)
    assert examples.merge(row_from(FaultStub(), None, None, 9.0, 1)).exit_status is None


def test_sequences_that_detected_nothing_run_until_they_detect_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    sequence, other = "test_a_sequences.py::test_any_upload", "test_b_sequences.py::test_any_call"
    faults = [FaultStub("f1", ("GEN-3",)), FaultStub("f2", ("PROG-2",)), FaultStub("f3", ("PROG-2",))]
    rows = [
        row_from(fault, run(case(COUNTS, Outcome.FAILED, *fault.violates)), ExitStatus.NOT_CONFORMANT, 1.0, 1)
        for fault in [*faults, FaultStub("f4", ("PROG-2",))]
    ]
    rows[3] = rows[3].merge(row_from(faults[2], run(case(other, Outcome.FAILED, "PROG-2")), 1, 1.0, 1))
    asked: list[tuple[str, tuple[str, ...], int]] = []

    def run_part(_plan: Plan, fault: FaultStub, part: Part) -> Row:
        asked.append((fault.name, part.options, part.planned))
        outcome = Outcome.FAILED if fault.name == "f3" else Outcome.PASSED
        violated = ("PROG-2",) if outcome is Outcome.FAILED else ()
        return row_from(fault, run(case(sequence, outcome, *violated)), ExitStatus.NOT_CONFORMANT, 1.0, 1)

    monkeypatch.setattr(runs, "run_part", run_part)
    baseline = run(case(COUNTS, Outcome.PASSED), case(sequence, Outcome.PASSED), case(other, Outcome.PASSED))
    plan = Plan(all_cases=False, jobs=1, deadline=1.0, stop=Event())
    found = try_idle_tests(plan, rows, [*faults, FaultStub("f4", ("PROG-2",))], baseline)
    assert asked == [(name, ("--case", sequence), 1) for name in ("f2", "f3")]
    assert [sequence in row.detected_by for row in found] == [False, False, True, False]
    assert found[2].planned == 2


def test_the_unmodified_server_must_be_conformant_and_every_case_must_compare() -> None:
    assert baseline_problems(run(PASSED_CASE, status=0), 0) == ()
    assert "status 1" in baseline_problems(DETECTED, 1)[0]
    assert "no result" in baseline_problems(None, None)[0]
    (line,) = baseline_problems(run(replace(PASSED_CASE, checks=0), status=0), 0)
    assert "sent or compared nothing" in line


def test_the_page_is_one_file_and_escapes_its_texts() -> None:
    text = render_page(PROBLEMS["survives"][0])
    assert "Fail: 1 of 2 faults" in text
    assert "Progress counts &lt;chunks&gt;" in text
    assert "<chunks>" not in text
    assert "http:" not in text.lower()
    assert "Pass: 2 of 2 faults" in render_page(PASSING)


def many() -> Matrix:
    """A matrix that is wider and longer than any window."""
    tests = {f"test_{n // 9}.py::test_number_{n}_of_many_tests": ("PROG-2",) for n in range(90)}
    detected = run(*(case(test, Outcome.FAILED, "PROG-2" if n % 9 else "GEN-3") for n, test in enumerate(tests)))
    rows = [
        row_from(FaultStub(f"a-fault-of-the-server-{n}"), detected, ExitStatus.NOT_CONFORMANT, 1.0, 90)
        for n in range(60)
    ]
    return replace(PASSING, rows=tuple(rows), tests=tests, complete=False)


def test_the_page_looks_and_works_as_the_pages_of_reports(tmp_path: Path) -> None:
    files = stored(tmp_path, {"one": render_page(PROBLEMS["survives"][0]), "many": render_page(many())})
    with running_browser() as browser, visiting(browser, files) as look:
        for name in files:
            for size, scheme in ((DESK, "light"), (PHONE, "dark")):
                visit = look(name, size, scheme)
                assert visit.overflow() <= 0
                expect(visit.page.locator(".brand")).to_have_text("✿ Hanami conformance")
                found = Axe().run(visit.page, options={"runOnly": WCAG, "resultTypes": ["violations"]})
                assert found.violations_count == 0, found.generate_report()
        page = look("many").page
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("button", name="Dark").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != paper


def run_script(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command."""
    return subprocess.run(
        [sys.executable, "-m", "tools.kill_matrix", "--report-dir", str(folder), *options],
        env=with_tools(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_wrong_options_are_one_line(tmp_path: Path) -> None:
    run = run_script("--fault", "first-write-win", folder=tmp_path)
    assert run.returncode == 2
    assert "did you mean first-write-wins?" in run.stderr.splitlines()[-1]
    (tmp_path / "file").touch()
    run = run_script(folder=tmp_path / "file")
    assert run.returncode == 2
    assert "is not a writable folder" in run.stderr.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    work, reports = tmp_path / "work", tmp_path / "reports"
    work.mkdir()
    words = [sys.executable, "-m", "tools.kill_matrix", "--report-dir", str(reports)]
    environment = with_tools({"TMPDIR": str(work)})
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "the unmodified server first ...\n"
        process.send_signal(number)
        output, _ = process.communicate(timeout=600)
    assert (process.returncode, output) == (130, "interrupted: no matrix was written\n")
    assert left_in(work) == left_in(reports) == []


# All of them are for ``make kill-matrix``. The first also gets sequences, the second ends the server.
FEW = ("tokens-unchecked-on-sockets", "dies-of-large-positions", "first-write-wins", "is-last-ignored")


@pytest.mark.slow
def test_a_few_faults_are_killed_for_the_right_reason(tmp_path: Path) -> None:
    run = run_script(*(word for name in FEW for word in ("--fault", name)), folder=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"PASS  {len(FEW)} of {len(FEW)} faults" in run.stdout
    matrix = json.loads((tmp_path / "matrix.json").read_text())
    assert {row["fault"] for row in matrix["faults"]} == set(FEW)
    assert all(row["correctly_attributed"] for row in matrix["faults"])
    assert (tmp_path / "matrix.html").stat().st_size < 3_000_000
