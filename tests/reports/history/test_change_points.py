"""Change points of histories that are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hanami_reports.history.change_points import LEAST_RUNS, ChangePoint, change_points

SPREAD = 0.03  # of the logarithm between runs of one level, as on a quiet machine


def level(draw: np.random.Generator, runs: int, series: int = 1) -> NDArray[np.float64]:
    """Runs of one level; half of their spread is common to all series, as that of a machine is."""
    common = draw.normal(0, SPREAD, (runs, 1))
    return np.asarray(0.5 * common + draw.normal(0, SPREAD, (runs, series)))


@pytest.mark.parametrize(("runs", "series"), [(8, 1), (12, 10), (30, 20)])
def test_at_most_one_history_of_twenty_without_a_change_has_a_change_point(runs: int, series: int) -> None:
    draw = np.random.default_rng(7)
    histories = 120
    alarms = sum(bool(change_points(level(draw, runs, series))) for _ in range(histories))
    # 5 % of 120 are six; at 5 %, more than 13 occur in fewer than one test of three hundred, and the seed is fixed.
    assert alarms <= 13


@pytest.mark.parametrize(("runs", "at"), [(8, 4), (10, 7), (20, 3), (40, 25)])
def test_a_slowdown_of_a_quarter_is_found_where_it_began(runs: int, at: int) -> None:
    draw = np.random.default_rng(11)
    found = []
    for _ in range(20):
        values = level(draw, runs, 5)
        values[at:, 2] += np.log(1.25)
        found.append(change_points(values))
    assert sum(any(point.at == at and 2 in point.series for point in points) for points in found) >= 18


def test_two_changes_are_two_points_each_with_its_series() -> None:
    values = level(np.random.default_rng(3), 45, 4)
    values[15:, 0] += np.log(1.3)
    values[30:, 1] += np.log(0.7)
    assert change_points(values) == [ChangePoint(15, (0,)), ChangePoint(30, (1,))]


def test_a_change_that_is_undone_is_two_points() -> None:
    values = level(np.random.default_rng(5), 36)
    values[12:24] += np.log(1.3)
    assert [point.at for point in change_points(values)] == [12, 24]


def test_one_odd_run_and_equal_runs_are_no_change() -> None:
    values = level(np.random.default_rng(9), 20)
    values[10] += np.log(4)
    assert change_points(values) == []
    assert change_points(np.zeros((20, 3))) == []
    assert change_points(np.zeros((20, 0))) == []


def test_too_few_runs_have_no_change_point() -> None:
    for runs in range(LEAST_RUNS):
        values = np.zeros((runs, 1))
        values[runs // 2 :] = 1.0
        assert change_points(values) == []
