"""Points in which a queue fills slowly, of simulated servers of a known capacity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from hanami_loadtests.limits.file import Limits
from hanami_loadtests.limits.limit import Limit
from hanami_loadtests.peak.points import OUTCOMES, point_from, rising_times
from hanami_loadtests.peak.search import Search
from hanami_reports.model.histogram import COARSE, Histogram, bucket_for
from hanami_reports.model.load import LoadResult, RunState
from hanami_reports.model.series import Series, Slice

REQUEST = "direct request"
SECONDS = 10.0  # of a point
RUNS, MOST_POINTS = 20, 50
Arrivals = Callable[[float, np.random.Generator], NDArray[np.float64]]


def evenly(load: float, _random: np.random.Generator) -> NDArray[np.float64]:
    return np.arange(0, SECONDS, 1 / load)


def poisson(load: float, random: np.random.Generator) -> NDArray[np.float64]:
    return np.sort(random.random(random.poisson(load * SECONDS))) * SECONDS


def queue(arrivals: NDArray[np.float64], service: float) -> NDArray[np.float64]:
    """Response times of one server with a fixed service time (Lindley)."""
    ahead = np.arange(len(arrivals)) * service
    response: NDArray[np.float64] = np.maximum.accumulate(arrivals - ahead) + ahead + service - arrivals
    return response


def run(arrivals: NDArray[np.float64], response: NDArray[np.float64], limit: Limit) -> LoadResult:
    """The result of a load run with these response times."""
    series = Series(sent=len(arrivals), succeeded=len(arrivals))
    times = (response * 1e6).astype(np.int64)
    buckets = np.array([bucket_for(time) for time in times.tolist()])
    series.response = Histogram(Counter(buckets.tolist()), int(times.sum()), int(times.min()), int(times.max()))
    seconds = (arrivals + response).astype(np.int64)
    for second in np.unique(seconds).tolist():
        series.slices[second] = Slice(response=Counter((buckets[seconds == second] // COARSE).tolist()))
    results = tuple(limit.check({REQUEST: series}, SECONDS))
    state = next((one.state for one in results if one.state is not RunState.PASS), RunState.PASS)
    # A real run is a little shorter than asked for.
    return LoadResult({"duration": SECONDS - 0.06}, {}, state, 0, (), results, {REQUEST: series})


@dataclass(frozen=True)
class Server:
    """A server with a fixed service time, behind a limit."""

    service: float
    limit: Limit
    arrivals: Arrivals

    def point_state(self, load: float, random: np.random.Generator) -> RunState:
        arrivals = self.arrivals(load, random)
        result = run(arrivals, queue(arrivals, self.service), self.limit)
        return point_from(1, load, result, [REQUEST], Limits((self.limit,))).state


def response_limit(statistic: str, seconds: float) -> Limit:
    return Limit("response", REQUEST, statistic, seconds)


# With evenly spaced arrivals the capacity is that of the server: beyond it, any limit breaks after a while. With
# arrivals at random it is the rate at which the percentile is the limit in a long simulation.
SERVERS = {
    "a limit of a second": (Server(0.01, response_limit("p90", 1.0), evenly), 100.0),
    "a median of two seconds": (Server(0.01, response_limit("p50", 2.0), evenly), 100.0),
    "a short limit": (Server(0.005, response_limit("p99", 0.05), evenly), 200.0),
}
AT_RANDOM = (Server(0.002, response_limit("p99", 1.0), poisson), 497.8)


@pytest.mark.parametrize(
    ("server", "capacity"),
    [
        *(pytest.param(*one, id=name) for name, one in SERVERS.items()),
        pytest.param(*AT_RANDOM, id="arrivals at random", marks=pytest.mark.slow),
    ],
)
def test_a_queue_that_fills_slowly_does_not_raise_the_capacity(server: Server, capacity: float) -> None:
    found = []
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        search = Search(start=capacity * 0.4, least=1.0, most=1e6)
        for _ in range(MOST_POINTS):
            load = search.propose()
            if load is None:
                break
            search.record(load, OUTCOMES[server.point_state(load, random)])
        found.append(search.estimate())
    held = [one for one in found if one is not None and one.low <= capacity <= one.high]
    assert len(held) >= 19
    assert np.median([one.value for one in held]) == pytest.approx(capacity, rel=0.03)


@pytest.mark.parametrize("load", [10.0, 50.0, 80.0, 90.0])
@pytest.mark.parametrize("seed", range(5))
def test_the_noise_of_a_server_below_its_capacity_is_no_rise(load: float, seed: int) -> None:
    limit, random = response_limit("p90", 0.25), np.random.default_rng(seed)
    arrivals = poisson(load, random)
    noisy = queue(arrivals, 0.01) * np.exp(random.normal(0, 0.3, len(arrivals)))
    assert rising_times(Limits((limit,)), run(arrivals, noisy, limit)) == []


def test_a_point_that_rises_says_what_and_how_fast() -> None:
    limit, arrivals = response_limit("p90", 1.0), evenly(105.0, np.random.default_rng(0))
    result = run(arrivals, queue(arrivals, 0.01), limit)
    assert result.state is RunState.PASS, "the run ended before the limit was broken"
    found = point_from(1, 105.0, result, [REQUEST], Limits((limit,)))
    assert found.state is RunState.FAIL
    (rise,) = found.broken
    assert rise.value == pytest.approx(0.05, rel=0.1)  # each second brings 5 messages of 10 ms more than are served
    expected = "direct request: rise of response <= 5% of 1 s within a point"
    assert f"{rise.selector}: {rise.metric} {rise.bound}" == expected
    assert found.reasons[0].startswith("direct request: response times rise: ")


def test_users_that_wait_for_their_answers_bound_a_queue() -> None:
    limit, arrivals = response_limit("p90", 1.0), evenly(105.0, np.random.default_rng(0))
    result = run(arrivals, queue(arrivals, 0.01), limit)
    assert point_from(1, 105.0, result, [REQUEST]).state is RunState.PASS


def test_without_a_limit_of_a_time_nothing_rises_too_much() -> None:
    arrivals = evenly(105.0, np.random.default_rng(0))
    result = run(arrivals, queue(arrivals, 0.01), Limit("unsent", "*", "share", 0.01))
    assert rising_times(Limits(), result) == []
