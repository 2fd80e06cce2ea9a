"""The search against simulated servers of a known capacity: no network, no clock, seeded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from hanami_loadtests.peak.search import Ending, Outcome, Search

Server = Callable[[float, np.random.Generator], Outcome]
RUNS = 20
MOST_POINTS = 50
SECONDS = 10.0  # of a point


def outcome(holds: bool) -> Outcome:
    return Outcome.HOLDS if holds else Outcome.FAILS


def token_bucket(capacity: float, noise: float = 0.0) -> Server:
    """A server that answers at most so many messages a second, and more or less of them in each point."""

    def serve(load: float, random: np.random.Generator) -> Outcome:
        answered = capacity * (1 + noise * random.standard_normal())
        return outcome(1 - answered / load <= 0.01)  # the share that was never sent

    return serve


def single_queue(service: float, limit: float) -> Server:
    """An M/D/1 queue with a limit on the p99 of the response time: each point measures a few thousand messages."""

    def serve(load: float, random: np.random.Generator) -> Outcome:
        return outcome(float(np.percentile(response_times(load, service, SECONDS, random), 99)) <= limit)

    return serve


def response_times(load: float, service: float, seconds: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Response times of Poisson arrivals at one server with a fixed service time (Lindley)."""
    arrivals = np.sort(random.random(random.poisson(load * seconds))) * seconds
    ahead = np.arange(len(arrivals)) * service
    response: NDArray[np.float64] = np.maximum.accumulate(arrivals - ahead) + ahead + service - arrivals
    return response


def search_for(serve: Server, seed: int, *, whole: bool = False, resolution: float = 0.05) -> Search:
    random = np.random.default_rng(seed)
    search = Search(start=1.0 if whole else 100.0, least=100 / 1024, most=1e6, resolution=resolution, whole=whole)
    for _ in range(MOST_POINTS):
        load = search.propose()
        if load is None:
            break
        search.record(load, serve(load, random))
    return search


# The capacity in a steady state: of the queues, the rate at which p99 is the limit in a long simulation.
SERVERS = {
    "a token bucket": (token_bucket(730), 730 / 0.99),
    "a slow token bucket": (token_bucket(3.7), 3.7 / 0.99),
    "a token bucket with noise of 3 %": (token_bucket(730, 0.03), 730 / 0.99),
    "a queue with a service time of 1 ms": (single_queue(0.001, 0.005), 561.0),
    "a queue near its saturation": (single_queue(0.001, 0.02), 884.0),
    "a fast queue": (single_queue(0.0002, 0.001), 2805.0),
}


@pytest.mark.parametrize(("serve", "capacity"), SERVERS.values(), ids=list(SERVERS))
def test_the_interval_holds_the_capacity_in_19_of_20_searches(serve: Server, capacity: float) -> None:
    found = [search_for(serve, seed).estimate() for seed in range(RUNS)]
    held = [one for one in found if one is not None and one.low <= capacity <= one.high]
    assert len(held) >= 19
    assert np.median([one.high / one.low for one in held]) < 1.12
    assert np.median([one.value for one in held]) == pytest.approx(capacity, rel=0.03)


def test_a_quiet_server_takes_few_points() -> None:
    loads = []

    def serve(load: float, _random: np.random.Generator) -> Outcome:
        loads.append(load)
        return outcome(load <= 730)

    search = search_for(serve, 0)
    assert search.ending() is Ending.FOUND
    assert loads[:4] == [100, 200, 400, 800]
    assert len(loads) <= 25
    assert sum(abs(load - 730) < 73 for load in loads) >= 5, "repeated near the edge"


def test_users_are_whole_numbers() -> None:
    loads = []

    def serve(load: float, _random: np.random.Generator) -> Outcome:
        loads.append(load)
        return outcome(load <= 21)

    estimate = search_for(serve, 0, whole=True).estimate()
    assert estimate is not None
    assert all(load == int(load) for load in loads)
    assert 21 <= estimate.low <= estimate.high <= 22


def test_one_wrong_outcome_does_not_hide_the_capacity() -> None:
    outcomes = iter([False])  # the first point fails by a hiccup

    def serve(load: float, _random: np.random.Generator) -> Outcome:
        return outcome(next(outcomes, True) and load <= 730)

    estimate = search_for(serve, 0).estimate()
    assert estimate is not None
    assert estimate.low <= 730 <= estimate.high


def test_where_nothing_holds_the_search_halves_to_the_least_load() -> None:
    search = search_for(lambda _load, _random: Outcome.FAILS, 0)  # of 100 / 1024, which has no short decimal
    assert search.ending() is Ending.NOTHING_HOLDS
    assert (search.estimate(), search.highest_held) == (None, None)


def test_an_inconclusive_point_is_repeated_and_is_no_failure() -> None:
    """A generator that can offer 500 a second, for a server that bears more."""
    tried: list[float] = []

    def serve(load: float, _random: np.random.Generator) -> Outcome:
        tried.append(load)
        return Outcome.HOLDS if load <= 500 else Outcome.INCONCLUSIVE

    search = search_for(serve, 0)
    assert search.ending() is Ending.CEILING
    assert search.estimate() is None
    assert search.highest_held is not None
    assert 450 < search.highest_held <= 500
    assert tried.count(800) == 2
    assert max(tried) == 800


def test_a_capacity_below_what_the_generator_can_offer_is_found() -> None:
    def serve(load: float, _random: np.random.Generator) -> Outcome:
        return Outcome.INCONCLUSIVE if load > 760 else outcome(load <= 730)

    search = search_for(serve, 0)
    estimate = search.estimate()
    assert estimate is not None
    assert search.ending() is Ending.FOUND
    assert estimate.low <= 730 <= estimate.high


def test_an_inconclusive_first_point_is_followed_by_lower_ones() -> None:
    def serve(load: float, _random: np.random.Generator) -> Outcome:
        return Outcome.INCONCLUSIVE if load > 30 else outcome(load <= 20)

    estimate = search_for(serve, 0).estimate()
    assert estimate is not None
    assert estimate.low <= 20 <= estimate.high


def test_one_inconclusive_outcome_ends_nothing() -> None:
    outcomes = iter([Outcome.INCONCLUSIVE])

    def serve(load: float, _random: np.random.Generator) -> Outcome:
        return next(outcomes, outcome(load <= 730))

    estimate = search_for(serve, 0).estimate()
    assert estimate is not None
    assert estimate.low <= 730 <= estimate.high


def test_the_greatest_load_to_be_tried_ends_a_search() -> None:
    search = Search(start=100, least=1, most=350)
    tried = []
    while (load := search.propose()) is not None:
        tried.append(load)
        search.record(load, Outcome.HOLDS)
    assert tried == [100, 200, 350]
    assert search.ending() is Ending.EVERYTHING_HOLDS
