"""Runs of several processes: what they report is about the time in which their workers measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.load_runs import load_result_of, run_load

RATE = 100.0


def test_the_duration_is_that_in_which_workers_sent(tmp_path: Path) -> None:
    load = ("--scenario", "rest", "--users", "4", "--model", "open", "--rate", f"{RATE:g}")
    options = ("--seconds", "5", "--warm-up", "1", "--processes", "2")
    run = run_load("--target", "reference", *load, *options, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    polls = result.series["rest dataset.progress"]
    scheduled = (
        polls.sent + polls.unsent + sum(result.series[name].sent for name in ("rest dataset.list", "rest cluster.list"))
    )
    # A constant rate: as many messages are scheduled as the rate and the duration say, but for what a worker's share
    # takes to be known.
    assert scheduled / result.duration == pytest.approx(RATE, rel=0.1)
    assert result.duration < 4.0, "the first second is not measured"
