"""Whatever a target does, the suite ends in bounded time with the right verdict: never a traceback, never green."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.hostile_servers import (
    LATENCY,
    Relay,
    answers_of_others,
    byte_by_byte,
    closes,
    dies_in_answers,
    goes_silent,
    relayed,
    silent_on_websockets,
    talks_nonsense,
)
from support.suite_runs import faulty_backend, result_of, run_suite
from tools.reference import ALICE, SECOND

BOUND = 120.0  # seconds; a hang would take for ever, and a run that tries each case in spite of it far longer
TURNS_AFTER = 40  # connections that are relayed before the target turns
ACCEPTED = 150  # connections before it turns, websockets that were accepted among them
TURNS = [goes_silent, silent_on_websockets, closes, talks_nonsense, dies_in_answers]


@pytest.mark.slow
@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.__name__)
def test_a_target_that_turns_in_the_middle_is_lost(tmp_path: Path, turn: Callable[..., None]) -> None:
    began = time.monotonic()
    relayed_first = ACCEPTED if turn is silent_on_websockets else TURNS_AFTER
    with faulty_backend() as url, relayed(url, lambda port: Relay(port, turn, relayed_first)) as address:
        run = run_suite("--target", address, *ALICE, *SECOND, "--deadline", "1", cwd=tmp_path)
    assert time.monotonic() - began < BOUND
    assert run.returncode == 6, run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert "TARGET LOST" in run.stdout
    result = result_of(tmp_path)
    outcomes = [case["outcome"] for case in result["cases"]]
    assert outcomes.count("lost") == 1
    assert outcomes[outcomes.index("lost") + 1 :] == ["not run"] * (len(outcomes) - outcomes.index("lost") - 1)
    assert "passed" in outcomes[: outcomes.index("lost")]
    reason = result["cases"][outcomes.index("lost")]["reason"]
    assert ("it answers REST calls and is silent on websockets" in reason) is (turn is silent_on_websockets)


@pytest.mark.slow
def test_a_target_that_gives_the_answers_of_others_is_never_green(tmp_path: Path) -> None:
    with faulty_backend() as url, relayed(url, lambda port: Relay(port, answers_of_others, 20)) as address:
        options = ("--deadline", "1", "--profile", "smoke", "-k", "not sequences")
        run = run_suite("--target", address, *ALICE, *SECOND, *options, cwd=tmp_path)
    assert run.returncode in (1, 6), run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    outcomes = {case["outcome"] for case in result_of(tmp_path)["cases"]}
    assert "error" not in outcomes
    assert outcomes & {"failed", "lost"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "cases"),
    [
        (lambda port: Relay(port, latency=LATENCY), "direct_io and request and not sequences"),
        (lambda port: Relay(port, pump=byte_by_byte), "not sequences"),
    ],
    ids=["latency", "a byte at a time"],
)
def test_a_slow_target_is_no_worse_for_it(tmp_path: Path, make: Callable[[int], Relay], cases: str) -> None:
    with faulty_backend() as url, relayed(url, make) as address:
        options = ("--profile", "smoke", "--deadline", "5", "-k", cases)
        run = run_suite("--target", address, *ALICE, *SECOND, *options, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert {case["outcome"] for case in result_of(tmp_path)["cases"]} <= {"passed", "unsupported"}
