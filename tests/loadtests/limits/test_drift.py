"""Drift of response times and memory, of series with a known slope."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hanami_loadtests.limits.drift import DriftLimit, theil_sen
from hanami_loadtests.limits.file import read_limits
from hanami_loadtests.limits.verdict import check_limits
from hanami_reports.model.histogram import COARSE, bucket_for
from hanami_reports.model.load import RunState
from hanami_reports.model.series import Series, Slice
from hanami_reports.model.server_usage import ServerSample, ServerUsage

P50 = DriftLimit("response", "direct request", 50.0, 0.001 / 60, "minute")  # 1 ms per minute
P99 = DriftLimit("response", "direct request", 99.0, 0.001 / 60, "minute")
MEMORY = DriftLimit("server.memory", "", None, 1e6 / 60, "minute")  # 1 MB per minute


@cache
def served(slope: float, seconds: int = 300, rate: int = 200, seed: int = 1) -> dict[str, Series]:
    """Response times around 20 ms that grow by so many seconds in each second."""
    random, series = np.random.default_rng(seed), Series()
    for second in range(seconds):
        times = (0.02 + slope * second) * np.exp(random.normal(0, 0.3, rate))
        buckets = Counter(bucket_for(int(time * 1e6)) // COARSE for time in times)
        series.slices[second] = Slice(succeeded=rate, response=buckets)
    return {"direct request": series}


def used(slope: float, seconds: int = 300, noise: float = 5e4) -> ServerUsage:
    random = np.random.default_rng(2)

    def sample(second: int) -> ServerSample:
        return ServerSample(0.5, int(100e6 + slope * second + random.normal(0, noise)), 4, 1)

    return ServerUsage(1, "server", sample(0), samples={second: sample(second) for second in range(seconds)})


def test_the_slope_of_a_line_is_found_and_stalls_do_not_move_it() -> None:
    random = np.random.default_rng(0)
    times = np.arange(60.0)
    values = 5 + 0.25 * times + random.normal(0, 0.5, 60)
    values[[10, 40]] += 100
    slope, low, high = theil_sen(times, values)
    assert low < 0.25 < high
    assert slope == pytest.approx(0.25, abs=0.02)


def test_the_interval_holds_the_slope_in_19_of_20_series() -> None:
    random, times, held = np.random.default_rng(4), np.arange(30.0), 0
    for _ in range(200):
        _, low, high = theil_sen(times, 0.1 * times + random.normal(0, 1, 30))
        held += low <= 0.1 <= high
    assert held >= 190


@pytest.mark.parametrize("limit", [P50, P99])
def test_a_steady_response_time_holds_its_limit(limit: DriftLimit) -> None:
    result = limit.check(served(0.0, seconds=400), None, 0, 400)
    assert result.state is RunState.PASS
    assert result.value is not None
    assert abs(result.value) < 0.001 / 60


@pytest.mark.parametrize("limit", [P50, P99])
def test_a_response_time_that_grows_breaks_it(limit: DriftLimit) -> None:
    result = limit.check(served(0.005 / 60), None, 0, 300)  # 5 ms per minute
    assert result.state is RunState.FAIL
    assert "is above 1 ms per minute" in result.explanation
    assert "95 % interval" in result.value_text


def test_the_slope_of_a_median_is_right_although_slices_are_coarse() -> None:
    slope = 0.002 / 60
    assert P50.check(served(slope), None, 0, 300).value == pytest.approx(slope, rel=0.15)


def test_only_the_stage_counts() -> None:
    series = served(0.0, seconds=400)
    series = {"direct request": Series(slices=dict(series["direct request"].slices))}
    for second in range(150, 400):
        series["direct request"].slices[second] = served(0.005, seconds=400)["direct request"].slices[second]
    assert P50.check(series, None, 0, 150).state is RunState.PASS
    assert P50.check(series, None, 0, 400).state is RunState.FAIL


def test_too_few_samples_decide_nothing() -> None:
    assert P99.check(served(0.0, seconds=8), None, 0, 8).state is RunState.INVALID
    assert P99.check({}, None, 0, 300).state is RunState.INVALID
    assert MEMORY.check({}, None, 0, 300).state is RunState.INVALID


def test_an_interval_on_both_sides_of_the_bound_decides_nothing() -> None:
    result = P50.check(served(0.001 / 60, seconds=60), None, 0, 60)
    assert result.state is RunState.INVALID
    assert "more time is needed" in result.explanation


def test_memory_that_grows_breaks_its_limit() -> None:
    assert MEMORY.check({}, used(3e6 / 60), 0, 300).state is RunState.FAIL
    steady = MEMORY.check({}, used(0.0), 0, 300)
    assert steady.state is RunState.PASS
    assert (steady.metric, steady.selector, steady.statistic) == ("server.memory drift", "server", "slope")
    assert steady.bound == "<= 1 MB per minute"


FILE = """
[[drift]]
metric = "response"
of = "direct request"
statistic = "p50"
at_most = "1 ms per minute"
[[drift]]
metric = "server.memory"
at_most = "1 MB per minute"
"""


@pytest.mark.parametrize(
    ("times", "memory", "states"),
    [
        (0.0, 0.0, [RunState.PASS, RunState.PASS]),
        (0.005 / 60, 0.0, [RunState.FAIL, RunState.PASS]),
        (0.0, 3e6 / 60, [RunState.PASS, RunState.FAIL]),
    ],
)
def test_a_file_of_limits_limits_the_drift_over_the_whole_run(
    tmp_path: Path, times: float, memory: float, states: list[RunState]
) -> None:
    (tmp_path / "limits.toml").write_text(FILE, encoding="utf-8")
    limits = read_limits(tmp_path / "limits.toml")
    results = check_limits(limits, served(times), (), 300.0, used(memory))
    drifts = [one for one in results if one.metric.endswith(" drift")]
    assert [one.state for one in drifts] == states
    assert [one.selector for one in drifts] == ["direct request", "server"]


def test_the_drift_of_a_run_counts_only_until_its_end(tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text(FILE, encoding="utf-8")
    series = deepcopy(served(0.0))
    for second in range(300, 330):  # answers that are waited for at the end
        series["direct request"].slices[second] = Slice(response=Counter({bucket_for(5_000_000) // COARSE: 200}))
    (drift, _) = (
        one
        for one in check_limits(read_limits(tmp_path / "limits.toml"), series, (), 300.0, used(0.0))
        if "drift" in one.metric
    )
    assert drift.state is RunState.PASS
