"""Scheduled times of a whole run, shared by its users and by processes, at rates that change."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanami_loadtests.engine.arrivals import Arrivals, RateCurve, RateSegment, SharedSchedule, UserSchedule
from hanami_loadtests.engine.pacing import PacedScenario, Pacing, shares_of_processes

REQUESTS = PacedScenario("direct-request", "message", "direct request")
TRAINS = PacedScenario("direct-train", "message", "direct train")
UPLOADS = PacedScenario("csv-upload", "file", "upload file")
# Up to 100/s within 10 s, 100/s for 10 s, nothing for 5 s, 20/s from then on.
CURVE = RateCurve(
    (
        RateSegment(0, 10, 0, 100),
        RateSegment(10, 20, 100, 100),
        RateSegment(20, 25, 0, 0),
        RateSegment(25, math.inf, 20, 20),
    )
)


def times(arrivals: Arrivals, end: float) -> list[float]:
    return arrivals.skip_until(end)


def test_a_curve_counts_what_is_scheduled() -> None:
    assert CURVE.count(0, 10) == pytest.approx(500)
    assert CURVE.count(0, 5) == pytest.approx(125)
    assert CURVE.count(10, 22) == pytest.approx(1000)
    assert CURVE.count(20, 25) == 0
    assert CURVE.count(25, 30) == pytest.approx(100)


@given(st.floats(0, 40), st.floats(0.001, 3000))
def test_a_count_ends_at_the_time_that_it_takes(start: float, count: float) -> None:
    end = CURVE.after(start, count)
    assert end >= start
    assert CURVE.count(start, end) == pytest.approx(count, rel=1e-6, abs=1e-6)


def test_a_rate_of_nothing_never_schedules() -> None:
    assert RateCurve.constant(0).after(0, 1) == math.inf
    assert Arrivals(RateCurve.constant(0), 0, 0).claim() == math.inf


@pytest.mark.parametrize("kind", ["constant", "poisson"])
def test_the_arrivals_of_a_run_follow_its_curve(kind: str) -> None:
    scheduled = times(Arrivals(CURVE, begin=1000, now=1000, arrivals=kind), 1100)
    for start, end in ((0, 5), (5, 10), (10, 20), (20, 25), (25, 100)):
        expected = CURVE.count(start, end)
        found = sum(start < time - 1000 <= end for time in scheduled)
        assert abs(found - expected) <= (1 if kind == "constant" else 4 * math.sqrt(expected))
    assert scheduled == sorted(scheduled)


def test_constant_arrivals_have_equal_gaps() -> None:
    scheduled = times(Arrivals(RateCurve.constant(50), 0, 0), 10)
    assert all(later - earlier == pytest.approx(0.02) for earlier, later in itertools.pairwise(scheduled))


def test_users_take_turns_and_a_slow_one_holds_up_nobody() -> None:
    arrivals = Arrivals(RateCurve.constant(10), 0, 0)
    slow, fast = SharedSchedule(arrivals), SharedSchedule(arrivals)
    first = slow.next_time
    taken = []
    for _ in range(5):  # the slow one sends nothing meanwhile
        taken.append(fast.next_time)
        fast.advance()
    assert slow.next_time == first < taken[0]
    assert all(later - earlier == pytest.approx(0.1) for earlier, later in itertools.pairwise([first, *taken]))


def test_the_time_of_a_user_that_leaves_is_for_the_next() -> None:
    arrivals = Arrivals(RateCurve.constant(10), 0, 0)
    leaving, staying = SharedSchedule(arrivals), SharedSchedule(arrivals)
    claimed = leaving.next_time
    leaving.leave()
    assert staying.next_time == claimed


def test_what_was_never_sent_is_counted_once() -> None:
    arrivals = Arrivals(RateCurve.constant(10), 0, 0)
    users = [SharedSchedule(arrivals) for _ in range(3)]
    claimed = [user.next_time for user in users]
    unsent = [time for user in users for time in user.skip_until(2.0)]
    assert sorted(unsent)[:3] == sorted(claimed)
    assert len(unsent) == 20
    assert len(set(unsent)) == 20


def test_what_is_left_of_the_warm_up_is_skipped() -> None:
    arrivals = Arrivals(RateCurve.constant(10), 0, 0)
    user = SharedSchedule(arrivals)
    assert user.next_time < 1
    user.skip_before(1.0, now=0.5)
    assert user.next_time < 1, "the warm-up lasts"
    user.skip_before(1.0, now=1.0)
    assert 1 <= user.next_time < 1.1


def pacing(now: list[float], processes: int = 1, index: int = 0) -> Pacing:
    return Pacing(
        rates={"message": 7.0, "file": 0.5},
        curves={"message": RateCurve.constant(100)},
        begin=lambda: 0.0,
        clock=lambda: now[0],
        processes=processes,
        index=index,
    )


def drawn(users: Sequence[UserSchedule], end: float) -> int:
    """How many times of these users, who send at once, are until an end."""
    return sum(1 for user in users for _ in user.skip_until(end))


def test_scenarios_share_the_rate_by_their_users() -> None:
    made = pacing([0.0])
    requests = [made.join(REQUESTS, number) for number in range(3)]
    trains = [made.join(TRAINS, 3)]
    assert drawn(requests, 10) == pytest.approx(750, abs=2)
    assert drawn(trains, 10) == pytest.approx(250, abs=2)


def test_without_a_rate_of_the_run_each_user_has_its_own() -> None:
    made = pacing([0.0])
    upload = made.join(UPLOADS, 0)
    assert not upload.is_shared
    assert len(upload.skip_until(20)) == 10
    assert not Pacing({}, {}, lambda: 0.0, lambda: 0.0).join(UPLOADS, 0).is_open


def test_the_rate_stays_when_users_join_and_leave() -> None:
    now = [0.0]
    made = pacing(now)
    users = [made.join(REQUESTS, 0)]
    assert drawn(users, 1.0) == pytest.approx(100, abs=1)
    now[0] = 1.0
    users += [made.join(REQUESTS, number) for number in range(1, 4)]
    assert drawn(users, 2.0) == pytest.approx(100, abs=1)
    now[0] = 2.0
    users.pop().leave()
    made.leave(REQUESTS)
    assert drawn(users, 3.0) == pytest.approx(100, abs=1)


def test_without_users_nothing_is_scheduled() -> None:
    now = [0.0]
    made = pacing(now)
    made.join(REQUESTS, 0).leave()
    made.leave(REQUESTS)
    now[0] = 100.0
    assert made.overdue() == {"direct request": 0}
    user = made.join(REQUESTS, 1)
    assert 100 <= user.next_time <= 100.01


def test_processes_share_the_rate_by_their_users() -> None:
    units = {"direct-request": "message", "direct-train": "message", "csv-upload": "file"}
    users = {"one": {"direct-request": 3, "csv-upload": 1}, "other": {"direct-request": 0, "direct-train": 1}}
    shares = shares_of_processes(users, units)
    assert shares == {
        "one": {"direct-request": 0.75, "csv-upload": 1.0},
        "other": {"direct-request": 0.0, "direct-train": 0.25},
    }
    total = 0
    for index, counts in enumerate(users.values()):
        made = pacing([0.0], processes=2, index=index)
        scenario = REQUESTS if index == 0 else TRAINS
        schedules = [made.join(scenario, number) for number in range(counts[scenario.name])]
        assert made.users == {scenario.name: counts[scenario.name]}
        made.set_shares(shares[("one", "other")[index]])
        total += drawn(schedules, 10)
    assert total == pytest.approx(1000, abs=3)


def test_processes_share_the_rate_evenly_until_they_are_counted() -> None:
    schedules = [pacing([0.0], processes=4, index=index).join(REQUESTS, 0) for index in range(4)]
    assert sum(len(one.skip_until(10)) for one in schedules) == pytest.approx(1000, abs=4)
    assert len({one.skip_until(10.5)[0] for one in schedules}) == 4, "not at the same moments"


def test_schedules_of_two_users_are_two() -> None:
    arrivals = Arrivals(RateCurve.constant(10), 0, 0)
    one, other = SharedSchedule(arrivals), SharedSchedule(arrivals)
    schedules = [one, other]
    schedules.remove(other)
    assert schedules == [one]
