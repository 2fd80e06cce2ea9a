"""Servers that are as odd as real ones, and not faulty: no false alarm in what is odd."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanami_reference_backend.quirks import QUIRK_NAMES
from support.suite_runs import result_of, run_suite
from tools.reference import ALICE, SECOND, USERS, backend

FEW = [word for name in ("ATT-2", "ATT-3", "DIO-3", "DIO-6") for word in ("--requirement", name)]


@pytest.mark.parametrize("name", QUIRK_NAMES)
def test_quirks_are_no_failures(name: str, tmp_path: Path) -> None:
    with backend(*USERS, "--quirks", name, "--quirk-speed", "0") as url:
        options = ("--profile", "smoke", "--dialect", "auto", *FEW)
        run = run_suite("--target", url, *ALICE, *SECOND, *options, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = result_of(tmp_path)
    assert {entry["verdict"] for entry in result["requirements"] if entry["selected"]} <= {"PASS", "OBSERVED"}
    assert result["manifest"]["dialect"] == name
    assert result["leftovers"] == []
