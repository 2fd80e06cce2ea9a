"""Reports replace those of an earlier run where they have something to say, and what is announced is there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from hanami_conformance.session.reports import RunReports
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.model.conformance import UNINFORMATIVE, CaseResult, ExitStatus, Outcome, RunResult
from support.full_disk import files_of_at_most
from support.suite_runs import result_of, run_suite
from tools.reference import ALICE

SMOKE = ("--target", "reference", "--requirement", "PROG-1", "--profile", "smoke")
REPORTS = Path("reports") / "latest"


def result(*outcomes: Outcome) -> RunResult:
    cases = tuple(CaseResult(f"f.py::test_{one.name}", "t", ("PROG-1",), one) for one in outcomes)
    return RunResult({}, ExitStatus.NOTHING_RAN, "", (), cases)


def reports_in(path: Path) -> RunReports:
    folder = ConformanceReportFolder(path)
    folder.prepare()
    return RunReports(folder)


@pytest.fixture
def earlier(tmp_path: Path) -> dict[str, bytes]:
    """Reports of a run that judged something, by their names."""
    assert reports_in(tmp_path).write(result(Outcome.PASSED))
    (tmp_path / "server.log").write_text("of the earlier run")
    return contents(tmp_path)


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize("outcomes", [(), UNINFORMATIVE])
def test_a_run_that_judged_nothing_keeps_the_reports(
    tmp_path: Path, earlier: dict[str, bytes], outcomes: Sequence[Outcome]
) -> None:
    reports = reports_in(tmp_path)
    nothing = result(*outcomes)
    for case in nothing.cases:
        reports.note_case(case)
    assert reports.write(nothing)
    assert contents(tmp_path) == earlier
    assert (reports.path, reports.note) == (
        None,
        f"reports  none: nothing was judged, so {tmp_path} keeps those of an earlier run\n",
    )


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome not in UNINFORMATIVE])
def test_the_first_case_that_says_something_removes_them(
    tmp_path: Path, earlier: dict[str, bytes], outcome: Outcome
) -> None:
    assert earlier
    reports = reports_in(tmp_path)
    something = result(Outcome.UNSUPPORTED, outcome)
    reports.note_case(something.cases[1])
    assert contents(tmp_path) == {}
    assert reports.write(something)
    assert (reports.path, reports.note) == (tmp_path, "")
    assert f"test_{outcome.name}".encode() in contents(tmp_path)["result.json"]


def test_a_run_that_judged_nothing_has_reports_where_there_are_none(tmp_path: Path) -> None:
    reports = reports_in(tmp_path)
    assert reports.write(result())
    assert reports.write(result(Outcome.NOT_RUN))  # again, with what was left over
    assert reports.path == tmp_path
    assert b"NOT_RUN" in contents(tmp_path)["result.json"]


def test_the_log_of_this_run_stays(tmp_path: Path, earlier: dict[str, bytes]) -> None:
    reports = reports_in(tmp_path)
    reports.keeps_log = True
    assert reports.write(result(Outcome.FAILED))
    assert contents(tmp_path)["server.log"] == earlier["server.log"]


@pytest.mark.parametrize("size", [10, 5000])
def test_reports_that_cannot_be_stored_are_one_line(
    tmp_path: Path, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = reports_in(tmp_path)
    with files_of_at_most(size):
        assert not reports.write(result(Outcome.FAILED))
    assert re.fullmatch(r"ERROR: cannot write \S+: File too large; free [^\n]*\n", capsys.readouterr().err)
    assert reports.path is None
    assert all(file.endswith(("}\n", ">\n", "\n")) for file in map(bytes.decode, contents(tmp_path).values()))
    assert "conformance.html" not in contents(tmp_path)


# The command.


def test_runs_without_a_case_keep_the_reports_of_the_last_one(tmp_path: Path) -> None:
    good = run_suite(*SMOKE, cwd=tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    before = contents(tmp_path / REPORTS)
    for options, status, headline in (
        (("--target", "http://127.0.0.1:1", *ALICE), 6, "TARGET NOT REACHABLE"),
        (("--target", "reference", "-k", "nope"), 5, "NOTHING RAN  no case matches the selection"),
    ):
        run = run_suite(*options, cwd=tmp_path)
        assert run.returncode == status, run.stdout + run.stderr
        assert run.stdout.startswith(headline)
        assert run.stdout.endswith(f"reports  none: nothing was judged, so {REPORTS} keeps those of an earlier run\n")
        assert contents(tmp_path / REPORTS) == before


def test_an_early_interrupt_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import hanami_conformance.session.collection as collection\n"
        "def interrupted(items):\n"
        "    raise KeyboardInterrupt\n"
        "collection.sort_by_requirement = interrupted\n"
    )
    run = run_suite(*SMOKE, cwd=tmp_path, environment={"PYTHONPATH": str(tmp_path)})
    assert run.returncode == 2, run.stdout + run.stderr
    assert run.stdout.startswith("INTERRUPTED  before the first case\n")
    assert result_of(tmp_path)["reason"] == "before the first case"


def test_a_run_on_a_full_disk_announces_nothing_that_is_not_there(tmp_path: Path) -> None:
    with files_of_at_most(10_000):
        run = run_suite(*SMOKE, cwd=tmp_path)
    assert run.returncode == 3, run.stdout + run.stderr
    assert re.fullmatch(r"ERROR: cannot write \S+/result.json: File too large; free [^\n]*\n", run.stderr)
    assert "reports  " not in run.stdout
    assert contents(tmp_path / REPORTS) == {}
