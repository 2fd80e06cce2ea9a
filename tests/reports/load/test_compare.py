"""Comparing load runs: chance is rarely called worse, a slowdown is found, different configurations are rejected."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanami_reports.cli.compare import share
from hanami_reports.cli.main import main
from hanami_reports.load.compare.comparison import compare_load
from hanami_reports.load.compare.runs import read_side
from hanami_reports.load.compare.statistics import LEAST_RUNS, Numbers, Ratio, Verdict, ratios
from hanami_reports.model.load import LoadResult, RunState
from support.load_results import KINDS, Plan, invalid_run, lost_run, made_up

METRICS = 12
NOISE = 0.03  # between runs
SHORT = {name: KINDS[name] for name in ("direct IO request", "GET progress")}


def runs(draw: np.random.Generator, count: int, factor: float = 1.0, noise: float = NOISE) -> Numbers:
    """Numbers of runs that vary together, as those of one run do, and each by itself."""
    common = draw.normal(0, noise, (count, 1))
    return np.asarray(np.exp(common + draw.normal(0, noise, (count, METRICS)))) * 10 * factor


def verdicts(found: Sequence[Ratio], tolerance: float) -> list[Verdict]:
    return [one.verdict(more_is_worse=True, tolerance=tolerance) for one in found]


def test_equal_runs_are_rarely_called_worse_with_any_number_of_metrics() -> None:
    draw = np.random.default_rng(7)
    comparisons = 300
    false = sum(
        any(one is not Verdict.SAME for one in verdicts(ratios(runs(draw, 5), runs(draw, 5)), 0.0))
        for _ in range(comparisons)
    )
    # 5 % of all comparisons, worse or better, are allowed to be wrong; 300 of them hold that within 9 %.
    assert false / comparisons <= 0.09
    # It is no test that never says anything: metric by metric at 95 %, about half of them would be wrong.
    assert false > 0


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_a_slowdown_of_a_fifth_is_found_with_five_runs_of_each_side(noise: float) -> None:
    draw = np.random.default_rng(8)
    found = [ratios(runs(draw, 5, noise=noise), runs(draw, 5, 1.2, noise)) for _ in range(60)]
    assert sum(Verdict.WORSE in verdicts(one, 0.05) for one in found) >= 57
    assert not any(Verdict.BETTER in verdicts(one, 0.05) for one in found)


@given(st.integers(0, 10_000), st.integers(5, 9), st.integers(5, 9), st.floats(0.5, 2.0))
@settings(max_examples=15)
def test_sides_that_change_places_give_the_inverse_and_the_same_numbers_give_the_same_answer(
    seed: int, before: int, after: int, factor: float
) -> None:
    draw = np.random.default_rng(seed)
    base, new = runs(draw, before), runs(draw, after, factor)
    forth, back = ratios(base, new), ratios(new, base)
    assert forth == ratios(base, new)
    for one, other in zip(forth, back, strict=True):
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.ratio <= one.high
        assert one.ratio == pytest.approx(1 / other.ratio)


@pytest.mark.parametrize(
    ("low", "high", "more_is_worse", "expected"),
    [
        (1.06, 1.2, True, Verdict.WORSE),
        (1.04, 1.2, True, Verdict.SAME),
        (0.8, 0.94, True, Verdict.BETTER),
        (0.8, 0.94, False, Verdict.WORSE),
        (1.06, 1.2, False, Verdict.BETTER),
        (0.99, 1.01, True, Verdict.SAME),
    ],
)
def test_worse_is_an_interval_wholly_beyond_the_tolerance(
    low: float, high: float, more_is_worse: bool, expected: Verdict
) -> None:
    assert Ratio(1.0, low, high).verdict(more_is_worse=more_is_worse, tolerance=0.05) is expected


@pytest.mark.parametrize(("typed", "expected"), [("5%", 0.05), ("0.1", 0.1), (" 2.5 % ", 0.025), ("0", 0.0)])
def test_a_tolerance_is_a_share(typed: str, expected: float) -> None:
    assert share(typed) == pytest.approx(expected)


def write(folder: Path, results: Sequence[LoadResult]) -> Path:
    for number, result in enumerate(results):
        place = folder / str(number)
        place.mkdir(parents=True)
        (place / "load.json").write_text(result.to_json(), encoding="utf-8")
    return folder


def made(count: int, seed: int, slowdown: float = 1.0) -> list[LoadResult]:
    plans = (Plan(6, SHORT, seed + number, slowdown=slowdown, wobble=0.02) for number in range(count))
    return [made_up(plan) for plan in plans]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("runs") / "base", made(5, 1))


def test_the_command_says_that_a_slower_server_is_worse(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = write(tmp_path / "slow", made(5, 100, 1.3))
    assert main(["compare", str(base), str(slow), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "WORSE  response p50 of direct IO request is 1." in said
    assert "load-compare.html" in said
    assert "maxT" in (tmp_path / "out" / "load-compare.html").read_text(encoding="utf-8")


def test_the_same_server_is_no_regression_and_inconclusive_runs_are_reported_and_not_used(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = write(tmp_path / "again", [*made(5, 100), replace(invalid_run(), state=RunState.INVALID)])
    assert main(["compare", str(base), str(again), "--tolerance", "10%", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert f"not used, INVALID: {again}/5/load.json" in said
    assert "NEW (5)" in said


def test_a_difference_hidden_by_noise_is_reported(base: Path, tmp_path: Path) -> None:
    # One run of five that took three times as long: the interval of every time is wide.
    noisy = [*made(4, 100), *made(1, 104, 3.0)]
    found = compare_load(read_side(base), read_side(write(tmp_path / "noisy", noisy)), 0.05)
    assert found.exit_status == 0
    match = re.search(r"; these runs cannot exclude that response p\d+ of .* is up to (\d+)% worse", found.headline)
    assert match
    assert int(match[1]) > 50
    assert int(match[1]) == round(max(row.undetected for row in found.rows) * 100)


def test_too_few_runs_are_no_answer(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = write(tmp_path / "few", made(LEAST_RUNS - 1, 100, 3.0))
    assert main(["compare", str(base), str(few), "--out", str(tmp_path / "out")]) == 5
    assert "TOO FEW RUNS  5 runs of each side are needed" in capsys.readouterr().out


def test_runs_of_another_configuration_are_rejected_with_the_difference(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = [replace(one, configuration={**one.configuration, "window": 16}) for one in made(5, 100)]
    assert main(["compare", str(base), str(write(tmp_path / "other", other)), "--out", str(tmp_path / "out")]) == 4
    said = capsys.readouterr()
    assert "different configurations: window is 8 in " in said.err
    assert not (tmp_path / "out").exists()


def test_the_same_run_on_both_sides_is_refused(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(base), str(base / "0")]) == 4
    assert "is on both sides" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["nowhere", "nowhere"], ["."], [".", ".", "--tolerance", "200%"]])
def test_wrong_arguments_are_one_line_and_status_4(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["compare", *given])
    except SystemExit as left:
        status = int(left.code or 0)
    assert status == 4
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_type_of_which_nothing_is_answered_any_more_is_worse(base: Path, tmp_path: Path) -> None:
    silent = []
    for one in made(5, 100):
        series = {**one.series}
        series["GET progress"] = replace(series["GET progress"], succeeded=0, bytes_down=0)
        silent.append(replace(one, series=series, state=RunState.FAIL))
    found = compare_load(read_side(base), read_side(write(tmp_path / "silent", silent)), 0.05)
    worst = found.rows[0]
    assert (worst.type, worst.metric.name, worst.verdict) == ("GET progress", "valid/s", Verdict.WORSE)


def test_a_wrong_answer_is_worse_whatever_the_ratios_say(base: Path, tmp_path: Path) -> None:
    wrong = made(5, 100)
    wrong[2].series["GET progress"].incorrect = 1
    found = compare_load(read_side(base), read_side(write(tmp_path / "incorrect", wrong)), 0.5)
    assert found.exit_status == 1
    assert found.headline.startswith("NEW has 1 incorrect answer, BASE has none")


def test_a_target_that_is_lost_is_worse_whatever_the_other_runs_say(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = write(tmp_path / "gone", [*made(5, 100), lost_run()])
    assert main(["compare", str(base), str(gone), "--tolerance", "90%", "--out", str(tmp_path / "out")]) == 1
    assert "WORSE  the target was LOST in 1 run of NEW, in none of BASE" in capsys.readouterr().out


def test_a_target_that_is_lost_on_both_sides_is_no_news(tmp_path: Path) -> None:
    before, after = (
        read_side(write(tmp_path / name, [*made(5, seed), lost_run()]))
        for name, seed in (("before", 1), ("after", 100))
    )
    assert compare_load(before, after, 0.9).exit_status == 0


def test_failures_are_reported_since_times_are_of_successes(base: Path, tmp_path: Path) -> None:
    failing = made(5, 100)
    for one in failing:
        progress = one.series["GET progress"]
        progress.failed, progress.sent = progress.succeeded, 2 * progress.succeeded
    found = compare_load(read_side(base), read_side(write(tmp_path / "failing", failing)), 0.9)
    assert [note for note in found.notes if "failed or unanswered" in note] == [
        "GET progress: 0 % failed or unanswered in BASE, 50 % in NEW; times are those of successful messages"
    ]


@pytest.mark.parametrize("where", ["base", "new"])
def test_a_copy_of_a_run_is_not_another_run(
    where: str, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = write(tmp_path / "copied", [made(5, 1)[0], *made(4, 100)] if where == "base" else made(2, 100) * 2)
    assert main(["compare", str(base), str(copied)]) == 4
    assert "are copies of one run, which would count twice" in capsys.readouterr().err


def test_metrics_with_too_few_samples_are_not_judged(tmp_path: Path) -> None:
    kinds = {"GET progress": replace(KINDS["GET progress"], rate=2.0)}
    sides = [
        write(tmp_path / name, [made_up(Plan(5, kinds, seed + one)) for one in range(5)])
        for name, seed in (("a", 1), ("b", 50))
    ]
    found = compare_load(read_side(sides[0]), read_side(sides[1]), 0.05)
    few = [row.metric.name for row in found.few]
    assert few == ["response p50", "response p99"]
    assert found.exit_status == 0
