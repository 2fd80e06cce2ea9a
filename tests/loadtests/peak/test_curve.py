"""The knee, what broke first, and the fit of a law, of made-up points with known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanami_loadtests.peak.curve import broken_first, fit_scalability, knee
from hanami_reports.model.load import RunState
from hanami_reports.model.peak import PeakPoint
from support.peak_results import LIMIT, point


def test_the_knee_of_a_queue_is_at_half_its_capacity() -> None:
    """The power of an M/M/1 queue, load / (service / (1 - utilisation)), is greatest at half of the capacity."""
    points = [point(n, load, mean=0.001 / (1 - load / 1000)) for n, load in enumerate(range(100, 1000, 100), 1)]
    assert knee(points) == 500


def test_inconclusive_points_are_no_knee() -> None:
    assert knee([point(1, 400, RunState.INVALID, mean=1e-6), point(2, 100)]) == 100
    assert knee([]) is None


def test_what_broke_first_is_the_limit_at_the_lowest_load() -> None:
    unsent = replace(LIMIT, metric="unsent", selector="*", statistic="share", bound="<= 1%", explanation="3% is above")
    points = [
        point(1, 100),
        replace(point(2, 1600, RunState.FAIL), broken=(unsent, LIMIT)),
        point(3, 900, RunState.FAIL),
        replace(point(4, 3200, RunState.FAIL), broken=(unsent,)),
        point(5, 50, RunState.INVALID),
    ]
    first = broken_first(points)
    assert first is not None
    assert first.limit == "direct request: response p99 <= 50 ms"
    assert (first.load, first.points, first.of) == (900, 2, 3)
    assert broken_first(points[:1]) is None


def scaled(users: float, rate: float, contention: float, coherency: float, noise: float = 0.0) -> PeakPoint:
    answers = rate * users / (1 + contention * (users - 1) + coherency * users * (users - 1))
    return replace(point(1, users), rate=answers * (1 + noise))


def test_the_fit_finds_the_parameters_of_the_law() -> None:
    random = np.random.default_rng(3)
    noises = random.normal(0, 0.01, 7)
    users = (1, 2, 4, 8, 16, 32, 64)
    fit = fit_scalability([scaled(n, 100, 0.05, 0.001, noise) for n, noise in zip(users, noises, strict=True)])
    assert fit is not None
    assert fit.rate == pytest.approx(100, rel=0.03)
    assert fit.contention == pytest.approx(0.05, abs=0.01)
    assert fit.coherency == pytest.approx(0.001, rel=0.2)
    assert fit.error < 0.02
    assert fit.best == pytest.approx(((1 - 0.05) / 0.001) ** 0.5, rel=0.15)


def test_a_law_without_coherency_has_no_greatest_throughput() -> None:
    fit = fit_scalability([scaled(n, 100, 0.1, 0) for n in (1, 2, 4, 8, 16, 32)])
    assert fit is not None
    assert fit.contention == pytest.approx(0.1, abs=1e-3)
    assert fit.best is None or fit.best > 1000


def test_a_poor_fit_is_none() -> None:
    rates = (100, 20, 300, 40, 500, 60)
    points = [replace(point(1, 2**n), rate=rate) for n, rate in enumerate(rates)]
    assert fit_scalability(points) is None


def test_a_fit_needs_five_different_loads() -> None:
    assert fit_scalability([scaled(n, 100, 0.05, 0.001) for n in (1, 2, 4, 8, 8, 8)]) is None
