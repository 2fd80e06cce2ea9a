"""Several runs of the same load: their folders, their status, and that they can be compared."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from hanami_loadtests.repeat import run_repeatedly
from hanami_reports.load.compare.comparison import compare_load
from hanami_reports.load.compare.runs import read_side
from support.load_runs import run_load


def repeat(folder: Path, *statuses: int) -> tuple[int, list[str], str]:
    """Run as often as there are statuses; return the status, the folders and the output."""
    left, folders, output = list(statuses), list[str](), io.StringIO()

    def run(place: Path) -> int:
        folders.append(place.name)
        return left.pop(0)

    status = run_repeatedly(len(statuses), folder, run, Console(file=output, width=100))
    return status, folders, output.getvalue()


@pytest.mark.parametrize(
    ("statuses", "status", "words"),
    [
        ((0, 0, 0), 0, "3 runs: 3 PASS"),
        ((0, 1, 5), 1, "3 runs: 1 PASS, 1 FAIL, 1 INVALID"),
        ((5, 0, 0), 5, "3 runs: 2 PASS, 1 INVALID"),
    ],
)
def test_runs_with_a_verdict_go_on(tmp_path: Path, statuses: tuple[int, ...], status: int, words: str) -> None:
    found, folders, output = repeat(tmp_path, *statuses)
    assert (found, folders) == (status, ["1", "2", "3"])
    assert words in output


@pytest.mark.parametrize("status", [2, 3, 4, 6])
def test_a_run_without_a_verdict_ends_it(tmp_path: Path, status: int) -> None:
    assert repeat(tmp_path, 1, status, 0)[:2] == (status, ["1", "2"])


def test_runs_of_before_that_would_be_compared_are_an_error(tmp_path: Path) -> None:
    for name in ("1", "7"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "load.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"7 holds a run that would be compared as well"):
        repeat(tmp_path, 0, 0)
    single = tmp_path / "1"
    with pytest.raises(ValueError, match=r"1 holds the reports of a single run"):
        repeat(single, 0)


def test_repeated_runs_can_be_compared(tmp_path: Path) -> None:
    options = ("--target", "reference", "--scenario", "rest", "--users", "1", "--seconds", "3", "--warm-up", "0")
    run = run_load(*options, "--repeat", "2", "--report-dir", "base", cwd=tmp_path, login={})
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"run 1 of 2\n.*run 2 of 2\n.*2 runs: 2 PASS\n", run.stdout, re.DOTALL)
    side = read_side(tmp_path / "base")
    assert [run.file.parent.name for run in side.used] == ["1", "2"]
    other = tmp_path / "other"
    (other / "1").mkdir(parents=True)
    text = (tmp_path / "base" / "1" / "load.json").read_text(encoding="utf-8")
    (other / "1" / "load.json").write_text(text.replace('"seed": 0', '"seed": 1'), encoding="utf-8")
    assert compare_load(side, read_side(other), 0.05).headline.startswith("5 runs of each side are needed")
    wrong = run_load(*options, "--repeat", "0", cwd=tmp_path, login={})
    assert (wrong.returncode, wrong.stderr) == (4, "ERROR: --repeat 0: give a number of runs from 1 to 1000\n")
