"""What strategies draw, from one seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy, lists

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.hypothesis_determinism import without_local_constants

Drawn = TypeVar("Drawn")

SAME = settings(database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


def draws(strategy: SearchStrategy[Drawn], is_wanted: Callable[[Drawn], Any]) -> bool:
    """Whether something like this is drawn, in one sample or another, or else in a search, all from one seed."""
    for count, at_once in ((1500, 10), (6000, 10), (1500, 1)):  # drawn once for all questions about a strategy
        if any(is_wanted(drawn) for drawn in sample(strategy, count, at_once)):
            return True
    try:
        with without_local_constants():
            find(
                strategy,
                lambda drawn: bool(is_wanted(drawn)),
                settings=settings(SAME, max_examples=5000),
                random=Random(1),
            )
    except NoSuchExample:
        return False
    return True


@cache
def sample(strategy: SearchStrategy[Drawn], count: int = 300, at_once: int = 10) -> Sequence[Drawn]:
    """Some of what is drawn, from one seed.

    Args:
        strategy: Strategy to draw from.
        count: Number of draws.
        at_once: Number of draws in one example, as in a sequence; examples of one draw take three times as long, but a
            large draw, such as a table, needs the room of a whole example.
    """
    drawn: list[Drawn] = []

    @settings(SAME, max_examples=count // at_once)
    @seed(1)
    @given(lists(strategy, min_size=at_once, max_size=at_once))
    def note(some: list[Drawn]) -> None:
        drawn.extend(some)

    with without_local_constants():  # so that the loaded modules make no difference
        note()
    return drawn


def has(action: str, **parts: object) -> Callable[[Step], bool]:
    """Whether a step is one of these; a part is a value, or a predicate."""

    def check(step: Step) -> bool:
        return step.action == action and all(
            expected(step.arguments[name]) if callable(expected) else step.arguments[name] == expected
            for name, expected in parts.items()
        )

    return check
