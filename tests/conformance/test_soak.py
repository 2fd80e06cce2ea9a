"""Runs that say the same are told from runs that do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from suite_support import TIMEOUT, clean_environment

SOAK = Path(__file__).parents[1] / "soak.py"


def test_differences_are_named() -> None:
    from importlib.util import module_from_spec, spec_from_file_location  # noqa: PLC0415

    spec = spec_from_file_location("soak", SOAK)
    assert spec is not None
    assert spec.loader is not None
    soak = module_from_spec(spec)
    spec.loader.exec_module(soak)
    good = {"verdict": "CONFORMANT", "exit_status": 0, "statements": [{"id": "PROG-2", "verdict": "PASS"}], "cases": []}
    bad = {**good, "statements": [{"id": "PROG-2", "verdict": "FAIL"}]}
    assert soak.differences([soak.said(good), soak.said(good)]) == []
    assert soak.differences([soak.said(good), soak.said(good), soak.said(bad)]) == ["run 3, PROG-2: FAIL; run 1: PASS"]


def test_two_runs_are_compared() -> None:
    run = subprocess.run(
        [sys.executable, SOAK, "--runs", "2", "--load", "1", "--", "--statement", "PROG-1"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("CONFORMANT") == 2
    assert "the same: 2 runs" in run.stdout
