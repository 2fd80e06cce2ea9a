"""Covering rows: few rows of values that together hold every pair of values that can meet."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

from allpairspy import AllPairs

from hanami_conformance.cases.step import Step
from hanami_conformance.combinations.input_model import (
    NUMBER,
    VALUE,
    Choice,
    Dimension,
    InputModel,
    Row,
    load_model,
)

COSTLY = "costly: it meets other values only in the profile deep"


@dataclass(frozen=True)
class Plan:
    """The rows of an input model for one target and one profile.

    Attributes:
        model: The input model.
        rows: Rows as steps, one for each value that is not plain; the first row is the plain one.
        left_out: Values that the target cannot have, each with the reason.
        with_costly: Whether costly values meet every other value.
    """

    model: InputModel
    rows: tuple[tuple[Step, ...], ...]
    left_out: Mapping[Choice, str]
    with_costly: bool

    def exclusion(self, left: Choice, right: Choice) -> str:
        """Return why two values do not meet in any row; empty if they do."""
        for choice in (left, right):
            if choice in self.left_out:
                return self.left_out[choice]
        if reason := self.model.exclusion({left.dimension: left.value, right.dimension: right.value}):
            return reason
        return "" if self.with_costly else self._cost(left, right) or self._cost(right, left)

    def _cost(self, one: Choice, other: Choice) -> str:
        value = self.model.dimension(one.dimension).value(one.value)
        beside = value.companions.get(other.dimension, self.model.dimension(other.dimension).plain.name)
        return COSTLY if value.costly and other.value != beside else ""


def plan_rows(model: InputModel, left_out: Mapping[Choice, str], *, seed: int = 0, deep: bool = False) -> Plan:
    """Return the rows that cover every pair of values that can meet, the same for the same arguments.

    Args:
        model: Input model.
        left_out: Values that the target cannot have, each with the reason.
        seed: Seed of the order of values, from which other rows follow.
        deep: Whether costly values meet all others, and the groups of the model are covered by triples as well.
    """
    return _plan(model.name, tuple(sorted(left_out.items())), seed, deep)


@cache
def _plan(name: str, left_out: tuple[tuple[Choice, str], ...], seed: int, deep: bool) -> Plan:
    model = load_model(name)
    plan = Plan(model, (), dict(left_out), deep)
    generator = random.Random(seed)  # noqa: S311 - nothing secret
    values = {one.name: _values(plan, one, generator) for one in model.dimensions}
    plain = {one.name: one.plain.name for one in model.dimensions}
    rows: list[dict[str, str]] = [plain, *_covering(plan, values, 2)]
    for group in model.groups if deep else ():
        rows += [{**plain, **row} for row in _covering(plan, {one: values[one] for one in group}, 3)]
    for one in model.dimensions:
        rows += [
            {**plain, **value.companions, one.name: value.name} for value in one.values if value.costly and not deep
        ]
    usable = [row for row in rows if not any(Choice(*item) in plan.left_out for item in row.items())]
    unique = list({tuple(row.items()): row for row in usable}.values())
    return Plan(model, tuple(_with_numbers(model, unique)), plan.left_out, deep)


def _values(plan: Plan, dimension: Dimension, generator: random.Random) -> list[str]:
    others = [
        value.name
        for value in dimension.values[1:]
        if Choice(dimension.name, value.name) not in plan.left_out and (plan.with_costly or not value.costly)
    ]
    generator.shuffle(others)
    return [dimension.plain.name, *others]


def _covering(plan: Plan, values: Mapping[str, Sequence[str]], strength: int) -> list[dict[str, str]]:
    names = list(values)

    def can_meet(part: Sequence[str]) -> bool:
        return not plan.model.exclusion(dict(zip(names, part, strict=False)))

    found = AllPairs([list(values[name]) for name in names], filter_func=can_meet, n=strength)
    rows = [dict(zip(names, row, strict=True)) for row in found]
    plain = {name: values[name][0] for name in names}
    return [*rows, *({**plain, **row} for row in _left_over(plan, rows, values, strength))]


def _left_over(plan: Plan, rows: Sequence[Row], values: Mapping[str, Sequence[str]], strength: int) -> list[Row]:
    """Return further rows, with the dimensions that matter, for the combinations that the greedy search left over."""
    found: list[dict[str, str]] = []
    for names in combinations(values, strength):
        met = {tuple(row[name] for name in names) for row in rows}
        for chosen in product(*(values[name] for name in names)):
            wanted = dict(zip(names, chosen, strict=True))
            if chosen in met or plan.model.exclusion(wanted) or any(wanted.items() <= row.items() for row in found):
                continue
            fitting = (row for row in found if _can_join(plan, row, wanted))
            if (row := next(fitting, None)) is None:
                found.append(wanted)
            else:
                row.update(wanted)
    return list(found)


def _can_join(plan: Plan, row: Row, wanted: Row) -> bool:
    agrees = all(row.get(name, value) == value for name, value in wanted.items())
    return agrees and not plan.model.exclusion({**row, **wanted})


def _with_numbers(model: InputModel, rows: Sequence[Row]) -> list[tuple[Step, ...]]:
    """Return rows as steps, in which each row that has a class of numbers takes the next number of it."""
    used: Counter[Choice] = Counter()
    found = []
    for row in rows:
        steps = []
        for dimension in model.dimensions:
            value = dimension.value(row[dimension.name])
            if value is dimension.plain:
                continue
            choice = Choice(dimension.name, value.name)
            number = {NUMBER: value.numbers[used[choice] % len(value.numbers)]} if value.numbers else {}
            used[choice] += 1
            steps.append(Step(dimension.name, {VALUE: value.name, **number}))
        found.append(tuple(steps))
    return found
