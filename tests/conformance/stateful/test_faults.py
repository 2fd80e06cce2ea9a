"""Each kind of sequence finds a fault that no example was written for, under the right requirement, and shrinks it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.suite_runs import faulty_backend, result_of, run_suite
from tools.reference import ALICE, TIMEOUT, clean_environment

FOUND = [
    ("first-write-wins", "upload", "DATA-4", 4),
    ("forgets-the-second-brick", "direct", "DIO-4", 2),
    ("ignores-blanks-behind-the-target", "first", "ATT-5", 1),
    ("transposes-images", "content", "FIN-2", 1),
    ("takes-any-name", "call", "INIT-5", 1),
]


@pytest.mark.parametrize(("fault", "kind", "requirement", "most"), FOUND, ids=[fault for fault, *_ in FOUND])
def test_a_fault_is_found_attributed_and_shrunk(
    tmp_path: Path, fault: str, kind: str, requirement: str, most: int
) -> None:
    with faulty_backend(fault) as url:
        run = run_suite("--target", url, *ALICE, "--case", f"test_{kind}_sequences.py", cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    (case,) = result_of(tmp_path)["cases"]
    assert case["outcome"] == "failed"
    assert case["violated"] == [requirement], case["reason"]
    sequence = json.loads(case["sequence"])
    assert len(sequence["steps"]) <= most, sequence
    assert sequence["kind"] == kind
    (path,) = (tmp_path / "reports" / "latest" / "exchanges").glob("*.json")
    assert json.loads(path.read_text()) == sequence


@pytest.mark.slow
def test_a_fault_of_two_operations_at_once_is_found_and_replayed(tmp_path: Path) -> None:
    with faulty_backend("puts-at-once-all-accepted") as url:
        run = run_suite("--target", url, *ALICE, "--case", "test_overlap_sequences.py", "--shrink", "2", cwd=tmp_path)
        assert run.returncode == 1, run.stdout + run.stderr
        (case,) = result_of(tmp_path)["cases"]
        assert case["violated"] == ["FIN-5"], case["reason"]
        assert "which no order explains after: the PUT of upload 0 by branch" in case["actual"]
        steps = json.loads(case["sequence"])["steps"]
        assert [step["action"] for step in steps if "branch" in step].count("finalize") > 1
        (path,) = (tmp_path / "reports" / "latest" / "exchanges").glob("*.json")
        replayed = subprocess.run(
            [sys.executable, "-m", "hanami_conformance.cli.main", "replay", str(path), "--target", url, *ALICE],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    assert replayed.returncode == 1, replayed.stdout + replayed.stderr
    assert "still failing" in replayed.stdout


@pytest.mark.slow
def test_a_failing_sequence_runs_first_next_time_and_is_forgotten_when_fixed(tmp_path: Path) -> None:
    options = (*ALICE, "--case", "test_call_sequences.py")
    with faulty_backend("takes-any-name") as url:
        first = run_suite("--target", url, *options, cwd=tmp_path)
        found = result_of(tmp_path)["cases"][0]
        again = run_suite("--target", url, *options, cwd=tmp_path)
        replayed = result_of(tmp_path)["cases"][0]
    assert (first.returncode, again.returncode) == (1, 1)
    assert json.loads(replayed["sequence"])["steps"] == json.loads(found["sequence"])["steps"]
    assert replayed["sequences"] < found["sequences"]
    database = tmp_path / ".hypothesis" / "examples"
    assert any(database.iterdir())
    with faulty_backend() as url:
        fixed = run_suite("--target", url, *options, cwd=tmp_path)
    assert fixed.returncode == 0, fixed.stdout
    with faulty_backend("takes-any-name") as url:
        clean = run_suite("--target", url, *options, "--database", "none", cwd=tmp_path)
    assert clean.returncode == 1
    assert result_of(tmp_path)["cases"][0]["sequences"] == found["sequences"]
