"""The kill matrix is red for each thing that it says makes it red, and its page shows it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hanami_reports.model.conformance import CaseResult, ExitStatus, Level, Outcome, RunResult
from support.suite_runs import left_in, with_tools
from tools.kill_matrix.matrix import Matrix, honest_lacks, row_of
from tools.kill_matrix.page import page

COUNTS = "test_a.py::test_progress_counts_bytes"
LISTS = "test_a.py::test_lists_are_private"


@dataclass(frozen=True)
class Lie:
    """A fault."""

    name: str = "counts-chunks"
    violates: tuple[str, ...] = ("PROG-2", "FIN-3")
    text: str = "Progress counts <chunks>"


def case(test: str, outcome: Outcome, *broken: str, requirements: tuple[str, ...] = ("PROG-2",)) -> CaseResult:
    """A case with an exchange and a comparison."""
    return CaseResult(f"{test}[1]", "", requirements, outcome, broken, "expected a; actual b", exchanges=1, checks=1)


def run(*cases: CaseResult, status: int = ExitStatus.NOT_CONFORMANT) -> RunResult:
    """What a run of these cases left."""
    return RunResult({}, status, "", (), cases)


NOTICED = run(case(COUNTS, Outcome.FAILED, "PROG-2"), case(LISTS, Outcome.PASSED, requirements=("GEN-3",)))
GREEN = Matrix(
    rows=(
        row_of(Lie(), NOTICED, ExitStatus.NOT_CONFORMANT, 1.0, 2),
        row_of(
            Lie("lists-all", ("GEN-3",), "Lists are of everybody"),
            run(case(LISTS, Outcome.FAILED, "GEN-3", requirements=("GEN-3",))),
            ExitStatus.NOT_CONFORMANT,
            1.0,
            1,
        ),
    ),
    tests={COUNTS: ("PROG-2",), LISTS: ("GEN-3",), "test_a.py::test_what_is_seen": ("DIO-13",)},
    observing=frozenset({"test_a.py::test_what_is_seen"}),
    levels={"PROG-2": Level.MUST, "GEN-3": Level.SHOULD, "DIO-13": Level.OBSERVE},
    honest=(),
    whole=True,
)


def with_run(result: RunResult | None, status: int | None, planned: int = 1) -> Matrix:
    """The green matrix with another run against the first fault."""
    return replace(GREEN, rows=(row_of(Lie(), result, status, 1.0, planned), GREEN.rows[1]))


def test_green() -> None:
    assert GREEN.lacking == ()
    assert GREEN.rows[0].rightly == (COUNTS,)
    assert json.loads(GREEN.to_json())["green"] is True


PASSED = case(COUNTS, Outcome.PASSED)
OTHERWISE = case(COUNTS, Outcome.FAILED, "GEN-3")
REDS = {
    "survives": (with_run(run(PASSED), 0), "counts-chunks survives: Progress counts <chunks>"),
    "only others": (
        with_run(run(OTHERWISE), 1),
        "detected, but under the wrong requirement: GEN-3 instead of PROG-2, FIN-3",
    ),
    "test without a fault": (with_run(run(PASSED), 0), f"{COUNTS} notices no fault"),
    "fewer cases": (with_run(NOTICED, 1, planned=3), "2 cases ran against counts-chunks instead of 3"),
    "empty case": (
        with_run(run(case(COUNTS, Outcome.FAILED, "PROG-2"), case(LISTS, Outcome.VACUOUS)), 1),
        f"a case judged nothing against counts-chunks: {LISTS}[1]",
    ),
    "hang": (with_run(None, None), "the run against counts-chunks did not end in time"),
    "fault of the suite": (with_run(NOTICED, 3), "the run against counts-chunks ended with status 3"),
    "no requirement": (replace(GREEN, tests={**GREEN.tests, "t.py::test_x": ()}), "t.py::test_x names no requirement"),
    "no test": (replace(GREEN, levels={**GREEN.levels, "PROG-9": Level.MUST}), "PROG-9 has no test"),
    "no fault": (
        replace(GREEN, levels={**GREEN.levels, "MODE-1": Level.SHOULD}, tests={**GREEN.tests, COUNTS: ("MODE-1",)}),
        "MODE-1 (SHOULD) is broken by no fault",
    ),
    "honest": (replace(GREEN, honest=("a case sent nothing",)), "a case sent nothing"),
}


@pytest.mark.parametrize(("matrix", "line"), REDS.values(), ids=REDS)
def test_red(matrix: Matrix, line: str) -> None:
    assert any(line in one for one in matrix.lacking), matrix.lacking
    assert json.loads(matrix.to_json())["green"] is False


def test_a_lost_target_is_noticed_by_the_case_that_lost_it() -> None:
    lost = run(case(COUNTS, Outcome.LOST), case(LISTS, Outcome.NOT_RUN, requirements=("GEN-3",)))
    matrix = with_run(lost, ExitStatus.TARGET_LOST)
    assert matrix.lacking == ()
    assert matrix.rows[0].rightly == (COUNTS,)


def test_what_some_faults_alone_cannot_show_is_not_told() -> None:
    assert replace(GREEN, rows=GREEN.rows[:1], whole=False).lacking == ()


def test_examples_and_sequences_are_one_row() -> None:
    examples = row_of(Lie(), run(PASSED), 0, 1.0, 1)
    sequences = row_of(Lie(), run(case(LISTS, Outcome.FAILED, "PROG-2")), 1, 2.0, 1)
    joined = examples.joined(sequences)
    assert (joined.cases, joined.planned, joined.seconds, joined.exit_status) == (2, 2, 3.0, 1)
    assert joined.rightly == (LISTS,)
    assert joined.tests == (COUNTS, LISTS)
    assert examples.joined(row_of(Lie(), None, None, 9.0, 1)).exit_status is None


def test_the_honest_server_must_be_conformant_and_every_case_must_compare() -> None:
    assert honest_lacks(run(PASSED, status=0), 0) == ()
    assert "status 1" in honest_lacks(NOTICED, 1)[0]
    assert "no result" in honest_lacks(None, None)[0]
    (line,) = honest_lacks(run(replace(PASSED, checks=0), status=0), 0)
    assert "sent or compared nothing" in line


def test_the_page_is_one_file_and_escapes_what_it_shows() -> None:
    text = page(REDS["survives"][0])
    assert "RED" in text
    assert "Progress counts &lt;chunks&gt;" in text
    assert "<chunks>" not in text
    assert "http" not in text.lower()
    assert "GREEN" in page(GREEN)


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
    assert "is no folder that can be written" in run.stderr.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    work, reports = tmp_path / "work", tmp_path / "reports"
    work.mkdir()
    words = [sys.executable, "-m", "tools.kill_matrix", "--report-dir", str(reports)]
    environment = with_tools({"TMPDIR": str(work)})
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "the honest server first ...\n"
        process.send_signal(number)
        output, _ = process.communicate(timeout=600)
    assert (process.returncode, output) == (130, "interrupted: no matrix was written\n")
    assert left_in(work) == left_in(reports) == []


# All of them are for ``make kill-matrix``. The first also gets sequences, the second ends the server.
FEW = ("tokens-unchecked-on-sockets", "dies-of-large-positions", "first-write-wins", "is-last-ignored")


@pytest.mark.slow
def test_a_few_faults_are_noticed_as_what_they_break(tmp_path: Path) -> None:
    run = run_script(*(word for name in FEW for word in ("--fault", name)), folder=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"GREEN  {len(FEW)} of {len(FEW)} faults" in run.stdout
    matrix = json.loads((tmp_path / "matrix.json").read_text())
    assert {row["fault"] for row in matrix["faults"]} == set(FEW)
    assert all(row["rightly"] for row in matrix["faults"])
    assert (tmp_path / "matrix.html").stat().st_size < 3_000_000
