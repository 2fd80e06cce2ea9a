"""Servers that are as odd as real ones, and not faulty: no false alarm, and no more connections than they can bear."""

from __future__ import annotations

from pathlib import Path

import pytest
from suite_support import ALICE, SECOND, TCP_TABLE, USERS, backend, most_connections, result_of, run_suite

from reference_backend.quirks import quirk_names


@pytest.mark.skipif(not TCP_TABLE.exists(), reason="connections are counted on Linux only")
@pytest.mark.parametrize("name", quirk_names())
@pytest.mark.parametrize("dialect", ["given", "auto"])
def test_smoke_finds_no_fault_in_a_quirky_server(name: str, dialect: str, tmp_path: Path) -> None:
    options = ("--profile", "smoke", "--dialect", name if dialect == "given" else "auto")
    with backend(*USERS, "--quirks", name) as url, most_connections(url) as most:
        run = run_suite("--target", url, *ALICE, *SECOND, *options, cwd=tmp_path)
        assert run.returncode == 0, run.stdout + run.stderr
        assert most() <= 3, "two held open, and a REST call on top"
    result = result_of(tmp_path)
    assert {entry["verdict"] for entry in result["statements"]} <= {"PASS", "OBSERVED", "UNSUPPORTED"}
    assert result["manifest"]["dialect"] == name
    assert result["leftovers"] == []
