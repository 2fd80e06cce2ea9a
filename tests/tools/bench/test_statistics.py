"""Statistics of the benchmarks, and how a measurement takes its turns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tools.bench.measurement import Measurement, Outcome, Plan, Side, measure
from tools.bench.report import as_json, print_tables
from tools.bench.servers import Servers
from tools.bench.statistics import Aim, Sample, Spread

PLAN = Plan(rounds=3, seconds=2.0, chunk=1)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_a_spread_is_in_order_and_made_of_the_values(values: list[float]) -> None:
    spread = Spread.of(values)
    assert min(values) == spread.low <= spread.median <= spread.high == max(values)
    assert sum(value <= spread.median for value in values) * 2 >= len(values)


def test_the_median_of_an_even_number_is_between_the_two_in_the_middle() -> None:
    assert Spread.of([4.0, 1.0, 2.0, 3.0]) == Spread(2.5, 1.0, 4.0)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_a_spread_of_nothing_or_of_no_numbers_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="spread"):
        Spread.of(values)


def test_a_sample_has_rates_and_times() -> None:
    sample = Sample(operations=4, seconds=2.0, size=6_000_000)
    assert (sample.per_second, sample.each, sample.megabytes_per_second) == (2.0, 0.5, 3.0)


@pytest.mark.parametrize(("operations", "seconds"), [(0, 1.0), (1, 0.0), (1, math.nan)])
def test_a_sample_of_nothing_is_refused(operations: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="sample"):
        Sample(operations, seconds)


def test_an_aim_is_met_from_its_limit_on() -> None:
    least, most = Aim(0.6, at_least=True), Aim(2.0, at_least=False)
    assert [least.is_met(ratio) for ratio in (0.59, 0.6, 0.61)] == [False, True, True]
    assert [most.is_met(ratio) for ratio in (1.99, 2.0, 2.01)] == [True, True, False]
    assert (str(least), str(most)) == (">= 0.6", "<= 2")


class Doubled(Measurement):
    """The second side is twice as fast; both write down when they ran."""

    name = "doubled"
    title = "one side twice as fast"
    ratio_title = "rate: quick / slow"
    aim = Aim(3.0, at_least=True)

    def __init__(self) -> None:
        self.log: list[tuple[str, float]] = []

    @contextmanager
    def sides(self, _servers: Servers, _plan: Plan) -> Iterator[Mapping[str, Side]]:
        yield {"slow": self.side("slow", 10), "quick": self.side("quick", 20)}
        self.log.append(("end", 0.0))

    def side(self, title: str, operations: int) -> Side:
        def run(seconds: float) -> Sample:
            self.log.append((title, seconds))
            return Sample(operations, seconds)

        return run

    def ratio(self, samples: Mapping[str, Sample]) -> float:
        return samples["quick"].per_second / samples["slow"].per_second


def outcome() -> Outcome:
    return measure(Doubled(), Servers(), PLAN, lambda _text: None)


def test_sides_are_warmed_up_and_then_take_turns() -> None:
    measurement = Doubled()
    measure(measurement, Servers(), PLAN, lambda _text: None)
    turns = [("slow", 2.0), ("quick", 2.0)]
    assert measurement.log == [("slow", 0.5), ("quick", 0.5), *turns * 3, ("end", 0.0)]


def test_an_outcome_judges_the_median_of_the_ratios_of_its_rounds() -> None:
    rounds = tuple({"slow": Sample(1, 1.0), "quick": Sample(count, 1.0)} for count in (1, 9, 3))
    found = Outcome(Doubled(), rounds)
    assert found.ratio == Spread(3.0, 1.0, 9.0)
    assert found.is_met


def test_a_missed_aim_is_said() -> None:
    assert as_json([outcome()], PLAN)["measurements"]["doubled"]["met"] is False
    console = Console(width=80)
    with console.capture() as capture:
        print_tables([outcome()], PLAN, console)
    text = capture.get()
    assert "missed" in text
    assert ">= 3" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_json_is_json() -> None:
    content = as_json([outcome()], PLAN)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["plan"] == {"rounds": 3, "seconds": 2.0, "chunk": 1, "requirements": []}
