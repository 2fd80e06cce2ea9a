"""A load run against a target that sends far too much ends in time, with a verdict, and within memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import floods
from support.floods import FLOODS, Flood, flooding
from support.load_runs import COMMAND, LOGIN, easy_limits, load_result_of
from support.peak_memory import MIB, folder_size, run_measured
from support.suite_runs import faulty_backend

BOUND = 100.0  # seconds; runs of 5 seconds with a deadline of 2 and a drain of 2
MOST_MEMORY, MOST_REPORTS = 300 * MIB, 20 * MIB
QUICK = [Flood(floods.continue_flood, "rest"), Flood(floods.ping_flood, "message")]


def check_run(tmp_path: Path, flood: Flood, *more: str) -> None:
    options = ("--users", "20", "--seconds", "5", "--warm-up", "0", "--deadline", "2", "--drain", "2", "--sockets", "0")
    with faulty_backend() as url, flooding(url, flood) as address:
        words = [*COMMAND, *easy_limits(tmp_path), "--target", address, "--dialect", "documented", *options, *more]
        run = run_measured(words, tmp_path, LOGIN)
    assert run.returncode in (1, 6), run.output
    assert run.seconds < BOUND
    assert "Traceback" not in run.output
    assert run.peak < MOST_MEMORY
    assert folder_size(tmp_path / "reports") < MOST_REPORTS
    result = load_result_of(tmp_path)
    assert result.errors
    assert all(len(error.message) <= 300 for error in result.errors)


@pytest.mark.parametrize("flood", QUICK, ids=str)
def test_a_run_ends_in_time_with_a_verdict(tmp_path: Path, flood: Flood) -> None:
    check_run(tmp_path, flood)


@pytest.mark.slow
@pytest.mark.parametrize("flood", [one for one in FLOODS if one not in QUICK], ids=str)
def test_any_flood_ends_in_time_with_a_verdict(tmp_path: Path, flood: Flood) -> None:
    check_run(tmp_path, flood)
