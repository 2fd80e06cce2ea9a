from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanami_loadtests.engine.schedule import Schedule

RATES = st.floats(0.1, 5000)


@given(RATES, st.integers(0, 100), st.sampled_from(["constant", "poisson"]))
def test_due_times_are_a_plan_that_does_not_depend_on_when_one_looks(rate: float, seed: int, arrivals: str) -> None:
    left, right = (Schedule(rate, 10.0, seed, arrivals) for _ in range(2))
    for _ in range(20):
        assert left.next_time == right.next_time >= 10.0
        left.advance()
        right.advance()


@given(RATES, st.integers(0, 100))
def test_constant_gaps_are_as_long_as_the_rate_says(rate: float, seed: int) -> None:
    schedule = Schedule(rate, 0.0, seed)
    dues = []
    for _ in range(10):
        dues.append(schedule.next_time)
        schedule.advance()
    assert 0 <= dues[0] <= 1 / rate
    assert all(later - earlier == pytest.approx(1 / rate) for earlier, later in itertools.pairwise(dues))


def test_poisson_gaps_differ_and_have_the_mean_of_the_rate() -> None:
    schedule = Schedule(100.0, 0.0, 1, "poisson")
    dues = []
    for _ in range(5000):
        dues.append(schedule.next_time)
        schedule.advance()
    gaps = [later - earlier for earlier, later in itertools.pairwise(dues)]
    assert sum(gaps) / len(gaps) == pytest.approx(0.01, rel=0.1)
    # Of exponential gaps about 63 % are shorter than the mean.
    assert sum(gap < 0.01 for gap in gaps) / len(gaps) == pytest.approx(0.632, abs=0.03)


def test_users_of_different_seeds_do_not_begin_at_once() -> None:
    assert len({Schedule(1.0, 0.0, seed).next_time for seed in range(50)}) == 50


@given(st.integers(1, 200), st.floats(0, 50))
def test_scheduled_messages_that_are_not_sent_are_unsent(rate: int, end: float) -> None:
    schedule, counted = Schedule(rate, 0.0, 3), Schedule(rate, 0.0, 3)
    expected = 0
    while counted.next_time <= end:
        counted.advance()
        expected += 1
    assert len(schedule.skip_until(end)) == expected
    assert schedule.next_time > end
    assert schedule.skip_until(end) == []


def test_a_closed_model_has_nothing_overdue_and_sends_at_once() -> None:
    schedule = Schedule(0.0, 5.0)
    schedule.advance()
    assert schedule.next_time < 0
    assert schedule.skip_until(1e9) == []


def test_messages_left_over_from_the_warm_up_are_skipped() -> None:
    schedule = Schedule(100.0, start=0.0)
    schedule.skip_before(10.0, now=9.0)
    assert schedule.next_time < 1.0
    schedule.skip_before(10.0, now=12.0)
    assert 10.0 <= schedule.next_time < 10.02
    due = schedule.next_time
    schedule.skip_before(10.0, now=20.0)
    assert schedule.next_time == due
    Schedule(0.0, start=0.0).skip_before(10.0, now=12.0)
