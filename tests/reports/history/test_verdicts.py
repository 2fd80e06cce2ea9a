"""Verdicts over time: flakes, regressions, first bad runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanami_reports.history.runs import CaseRecord, ConformanceRun
from hanami_reports.history.verdicts import Track, case_tracks, run_track


def runs(marks: str, inputs: str = "") -> list[ConformanceRun]:
    """Runs of one case: ``+`` good, ``-`` bad, ``.`` without a verdict; a letter for the input of each."""
    made = []
    for index, mark in enumerate(marks):
        records = {} if mark == "." else {"case": CaseRecord(mark == "+", "" if mark == "+" else f"r{index}", ("A-1",))}
        given = inputs[index] if inputs else "a"
        headline = "CONFORMANT" if mark == "+" else "NOT CONFORMANT"
        status = {"+": 0, "-": 1, ".": 5}[mark]
        made.append(ConformanceRun(Path(str(index)), str(index), headline, status, "", "1", given, records))
    return made


def track(marks: str, inputs: str = "") -> Track:
    (found,) = case_tracks(runs(marks, inputs))
    return found


@pytest.mark.parametrize(
    ("marks", "changes", "pairs", "flaky", "first_bad", "regression"),
    [
        ("++++", 0, 3, False, None, False),
        ("++--", 1, 3, False, 2, True),
        ("--++", 1, 3, False, None, False),
        ("----", 0, 3, False, 0, False),  # bad from the first run on: no regression
        ("++-+", 2, 3, True, None, False),
        ("+-+-", 3, 3, True, 3, False),
        ("+-+---", 3, 5, False, 3, True),  # flaky once, and failing now
        ("+---+---", 3, 7, True, 5, False),  # failed as long before, and recovered
        ("+.-.", 1, 1, False, 2, True),
        ("+..+", 0, 1, False, None, False),
        ("-", 0, 0, False, 0, False),
    ],
)
def test_a_case_over_the_runs(
    marks: str, changes: int, pairs: int, flaky: bool, first_bad: int | None, regression: bool
) -> None:
    one = track(marks)
    assert (one.changes, one.pairs, one.is_flaky) == (changes, pairs, flaky)
    assert (one.first_bad, one.is_regression) == (first_bad, regression)


def test_a_verdict_that_changes_with_the_suite_or_its_options_is_no_flake() -> None:
    one = track("+-+-", "abab")
    assert (one.changes, one.pairs, one.flake_rate, one.is_flaky) == (0, 0, 0.0, False)
    assert (one.first_bad, one.last_good, one.is_regression) == (3, 2, True)
    assert track("+-+", "aab").changes == 1


def test_the_flake_rate_is_a_share_and_the_newest_failure_gives_the_reason() -> None:
    one = track("+-++-+")
    assert one.flake_rate == pytest.approx(4 / 5)
    assert (one.reason, one.requirements) == ("r4", ("A-1",))


def test_runs_that_judged_nothing_have_no_verdict() -> None:
    assert run_track(runs("+.-")).marks == (True, None, False)
    assert run_track(runs("+.-")).first_bad == 2
