"""Input models, as data: the dimensions of a workflow, the values of each, and what cannot meet."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import combinations
from typing import Any

from hanami_conformance.cases.step import SequenceError, Step

ANY_OTHER = "*"  # stands for every value of a dimension but the plain one
VALUE, NUMBER = "value", "number"  # arguments of a step


@dataclass(frozen=True)
class Value:
    """A value of a dimension.

    Attributes:
        name: Name of the value, or of a class of numbers.
        numbers: Numbers of the class, of which each row that has the value takes the next one; empty for no class.
        needs: Condition without which the value is left out; empty for none.
        costly: Whether the value meets others than the plain ones only where the profile has time for it.
        requirement: Id of the requirement that a failure because of it violates, where it is not that of the dimension.
        companions: Values of other dimensions that a costly value needs to have an effect, by dimension.
    """

    name: str
    numbers: tuple[int, ...] = ()
    needs: str = ""
    costly: bool = False
    requirement: str = ""
    companions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dimension:
    """Something that can vary in a workflow without a change of its outcome.

    Attributes:
        name: Name in reports, and the action of its steps.
        meaning: What varies.
        requirement: Id of the requirement that a failure because of it violates; empty where it takes part in several
            steps of the workflow, so that the failed check names the requirement.
        values: Values, the plain one first.
    """

    name: str
    meaning: str
    requirement: str
    values: tuple[Value, ...]

    @property
    def plain(self) -> Value:
        """The default value."""
        return self.values[0]

    def value(self, name: str) -> Value:
        """Return a value by its name.

        Raises:
            SequenceError: If there is none.
        """
        for value in self.values:
            if value.name == name:
                return value
        known = ", ".join(value.name for value in self.values)
        raise SequenceError(f"step {self.name!r}: no value {name!r}, choose one of {known}")


@dataclass(frozen=True, order=True)
class Choice:
    """One value of one dimension."""

    dimension: str
    value: str

    def __str__(self) -> str:
        return f"{self.dimension} = {self.value}"


Row = Mapping[str, str]  # name of each dimension to the name of its value
Pair = tuple[Choice, Choice]


@dataclass(frozen=True)
class Exclusion:
    """Values of two dimensions that cannot meet, and why."""

    left: tuple[str, frozenset[str]]
    right: tuple[str, frozenset[str]]
    reason: str

    def forbids(self, row: Row) -> bool:
        """Return whether a row, or a part of one, has both."""
        return all(row.get(name) in values for name, values in (self.left, self.right))


@dataclass(frozen=True)
class InputModel:
    """The dimensions of a workflow.

    Attributes:
        name: Name of the model, and the kind of its sequences.
        title: Description of the workflow.
        dimensions: Dimensions, in the order in which a failure of several is attributed.
        exclusions: Values that cannot meet.
        groups: Names of dimensions of which the profile ``deep`` covers every triple.
    """

    name: str
    title: str
    dimensions: tuple[Dimension, ...]
    exclusions: tuple[Exclusion, ...]
    groups: tuple[tuple[str, ...], ...]

    def dimension(self, name: str) -> Dimension:
        """Return a dimension by its name.

        Raises:
            SequenceError: If there is none.
        """
        for dimension in self.dimensions:
            if dimension.name == name:
                return dimension
        known = ", ".join(dimension.name for dimension in self.dimensions)
        raise SequenceError(f"step {name!r}: no such dimension, choose one of {known}")

    def requirement(self, step: Step) -> str:
        """Return the requirement that a failure because of a value violates; empty where the failed check names it."""
        dimension = self.dimension(step.action)
        return dimension.value(step.text_argument(VALUE)).requirement or dimension.requirement

    def row(self, steps: Sequence[Step]) -> dict[str, str]:
        """Return the row that steps stand for: a dimension without a step has its plain value.

        Raises:
            SequenceError: If there is no such dimension or value.
        """
        row = {dimension.name: dimension.plain.name for dimension in self.dimensions}
        for step in steps:
            row[step.action] = self.dimension(step.action).value(step.text_argument(VALUE)).name
        return row

    def pairs(self) -> list[Pair]:
        """Return every pair of values of different dimensions."""
        return [
            (Choice(left.name, one.name), Choice(right.name, other.name))
            for left, right in combinations(self.dimensions, 2)
            for one in left.values
            for other in right.values
        ]

    def exclusion(self, row: Row) -> str:
        """Return why values cannot meet; empty if they can."""
        return next((one.reason for one in self.exclusions if one.forbids(row)), "")


def pairs_of(row: Row) -> set[Pair]:
    """Return the pairs of values that meet in a row."""
    return set(combinations([Choice(name, value) for name, value in row.items()], 2))


def describe(steps: Sequence[Step]) -> str:
    """Return the values of a row that are not plain, as text."""
    parts = []
    for step in steps:
        number = f" ({step.arguments[NUMBER]})" if NUMBER in step.arguments else ""
        parts.append(f"{step.action} = {step.arguments.get(VALUE)}{number}")
    return f"{' and '.join(parts)}, all else plain" if parts else "everything plain"


MODELS = ("table", "images", "cluster", "listing")


@cache
def load_model(name: str) -> InputModel:
    """Return an input model.

    Raises:
        ValueError: If its file is wrong.
    """
    data = _read(name)
    dimensions: dict[str, Dimension] = {}
    for included in data.get("include", []):
        dimensions |= _dimensions(_read(included))
    dimensions |= _dimensions(data)
    ordered = tuple(dimensions[one] for one in data["order"]) if "order" in data else tuple(dimensions.values())
    exclusions = tuple(_exclusion(entry, dimensions) for entry in data.get("never", []))
    groups = tuple(tuple(group) for group in data.get("triples", []))
    for missing in {one for group in groups for one in group} - dimensions.keys():
        raise ValueError(f"{name}.toml: triples: no dimension {missing!r}")
    return InputModel(name, data["title"], ordered, exclusions, groups)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))


def _dimensions(data: Mapping[str, Any]) -> dict[str, Dimension]:
    return {
        name: Dimension(name, entry["meaning"], entry.get("requirement", ""), tuple(map(_value, entry["values"])))
        for name, entry in data.get("dimension", {}).items()
    }


def _value(entry: str | Mapping[str, Any]) -> Value:
    if isinstance(entry, str):
        return Value(entry)
    return Value(
        entry["name"],
        tuple(entry.get("of", ())),
        entry.get("needs", ""),
        costly=entry.get("costly", False),
        requirement=entry.get("requirement", ""),
        companions=entry.get("with", {}),
    )


def _exclusion(entry: Mapping[str, Any], dimensions: Mapping[str, Dimension]) -> Exclusion:
    sides = []
    for name in entry:
        if name == "reason":
            continue
        values = {one.name for one in dimensions[name].values}
        chosen = values - {dimensions[name].plain.name} if entry[name] == ANY_OTHER else set(entry[name])
        if chosen - values:
            raise ValueError(f"never: {name} has no value {', '.join(sorted(chosen - values))}")
        sides.append((name, frozenset(chosen)))
    left, right = sides
    return Exclusion(left, right, entry["reason"])
