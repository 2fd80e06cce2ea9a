"""How long a point lasts, and what its load run says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hanami_loadtests.limits.file import Limits
from hanami_loadtests.limits.limit import Limit
from hanami_loadtests.peak.points import PointLength, point_from
from hanami_reports.model.load import LimitResult, LoadResult, RunState
from hanami_reports.model.peak import LoadUnit
from support.load_results import made_up
from support.peak_results import point

P99 = Limit("response", "direct IO request", "p99", 0.05, least_samples=1000)
REQUEST = "direct IO request"


def length(unit: LoadUnit = LoadUnit.MESSAGES, *limits: Limit) -> PointLength:
    return PointLength(Limits(limits or (P99,)), unit, least=10.0)


def test_a_point_lasts_until_its_percentile_has_its_samples() -> None:
    assert length().seconds(20, [], at_edge=False) == pytest.approx(60)  # 1,000 answers, and a fifth more
    assert length().seconds(20, [], at_edge=True) == pytest.approx(150)
    assert length().seconds(2000, [], at_edge=True) == 10
    assert length(LoadUnit.FILES).seconds(1200, [], at_edge=False) == pytest.approx(60)
    assert length(LoadUnit.USERS).seconds(20, [], at_edge=False) == 10


def test_without_percentiles_a_point_has_its_least_length() -> None:
    unsent = Limit("unsent", "*", "share", 0.01)
    assert length(LoadUnit.MESSAGES, unsent).seconds(1, [], at_edge=True) == 10


def few(samples: int, seconds: int) -> LoadResult:
    limit = LimitResult("response", REQUEST, "p99", "<= 50 ms", 0.01, "10 ms", samples, 1000, RunState.INVALID, "few")
    return replace(made_up(), manifest={"duration": float(seconds)}, limits=(limit,))


def test_the_samples_of_earlier_points_count() -> None:
    earlier = [(point(1, 100), few(samples=100, seconds=10))]
    assert length().seconds(100, earlier, at_edge=False) == pytest.approx(120)
    assert length().seconds(200, earlier, at_edge=False) == pytest.approx(60), "twice the rate"
    assert length(LoadUnit.USERS).seconds(200, earlier, at_edge=False) == pytest.approx(120), "no more by more users"


def test_a_point_holds_the_times_of_its_messages() -> None:
    result = made_up()
    found = point_from(3, 500, result, [REQUEST, "not sent"])
    response = result.series[REQUEST].response
    assert (found.number, found.load, found.state, found.samples) == (3, 500, RunState.PASS, response.count)
    assert found.p99 == response.percentile(99)
    assert found.rate == pytest.approx(result.series[REQUEST].rate(result.duration), abs=0.001)


def test_a_point_without_answers_has_no_times() -> None:
    found = point_from(1, 500, replace(made_up(), state=RunState.INVALID), [])
    assert (found.samples, found.mean, found.p99, found.unsent) == (0, None, None, 0)


def test_the_limit_of_the_generator_is_known_as_such() -> None:
    assert point(1, 100, RunState.INVALID).is_generator_limited
    assert not point(1, 100, RunState.FAIL).is_generator_limited
