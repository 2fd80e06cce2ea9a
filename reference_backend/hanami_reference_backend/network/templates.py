"""Parser of cluster templates."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

MAX_NAME = 254  # characters
Position = tuple[int, int, int]


class TemplateError(ValueError):
    """An invalid template.

    Args:
        line: Number of the line, from 1.
        reason: Mistake in the line.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")


@dataclass(frozen=True)
class Port:
    """An input or output brick: its name and its number of values."""

    name: str
    size: int


@dataclass(frozen=True)
class Template:
    """Shape of a cluster.

    Attributes:
        inputs: Input bricks in the order of their names.
        outputs: Output bricks in the order of their names.
        hidden: Sizes of the internal bricks in the order of their positions.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    hidden: tuple[int, ...]

    @property
    def layers(self) -> tuple[int, ...]:
        """Sizes of the fully connected layers: inputs, internal bricks, outputs."""
        return (sum(port.size for port in self.inputs), *self.hidden, sum(port.size for port in self.outputs))

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        sizes = self.layers
        return sum((before + 1) * after for before, after in pairwise(sizes))


@dataclass(frozen=True)
class Line:
    """A non-empty line: ``key: value``, or a bare position with an empty key."""

    number: int
    key: str
    value: str

    def error(self, reason: str) -> TemplateError:
        """Return an error in this line."""
        return TemplateError(self.number, reason)


@dataclass
class Entry:
    """A brick, a hexagon, or an entry of ``inputs:`` or ``outputs:``, with the fields after its first line."""

    line: Line
    fields: dict[str, Line] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        """Add a field that may appear once."""
        if line.key in self.fields:
            raise line.error(f"{line.key!r} appears twice")
        self.fields[line.key] = line

    def require(self, key: str) -> Line:
        """Return a required field."""
        if key not in self.fields:
            raise self.line.error(f"{key!r} is missing")
        return self.fields[key]


class TemplateReader:
    """Reads one form of template.

    Args:
        form: ``bricks`` or ``hexagons``.
        name_pattern: Regular expression that matches the whole name of a brick.
        max_bricks: Largest number of bricks or hexagons.
        hidden_size: Number of neurons of an internal hexagon.
    """

    def __init__(self, form: str, name_pattern: str, *, max_bricks: int, hidden_size: int) -> None:
        self._form = form
        self._name_pattern = re.compile(name_pattern)
        self._max_bricks = max_bricks
        self._hidden_size = hidden_size

    def read(self, text: str) -> Template:
        """Parse a template.

        Raises:
            TemplateError: If anything is missing, unknown, repeated, or out of range.
        """
        sections, last = self._sections(list(_lines(text)))
        ports, hidden = self._bricks(sections) if self._form == "bricks" else self._hexagons(sections)
        names = [line.value for line, _, _ in ports]
        for line, _, _ in ports:
            if names.count(line.value) > 1:
                raise line.error(f"the name {line.value!r} appears twice")
        inputs = sorted((Port(line.value, size) for line, role, size in ports if role == "input"), key=_by_name)
        outputs = sorted((Port(line.value, size) for line, role, size in ports if role == "output"), key=_by_name)
        for role, found in (("input", inputs), ("output", outputs)):
            if not found:
                raise TemplateError(last, f"there is no {role}")
        return Template(tuple(inputs), tuple(outputs), tuple(hidden))

    def _sections(self, lines: list[Line]) -> tuple[dict[str, list[Entry]], int]:
        if not lines or lines[0].key != "version":
            raise TemplateError(lines[0].number if lines else 1, "the template must start with 'version: 1'")
        if lines[0].value != "1":
            raise lines[0].error(f"version {lines[0].value!r} is unknown: only 1 is")
        known = {"settings", "bricks"} if self._form == "bricks" else {"settings", "hexagons", "inputs", "outputs"}
        sections: dict[str, list[Entry]] = {}
        current = ""
        for line in lines[1:]:
            if line.key in known and not line.value:
                if line.key in sections:
                    raise line.error(f"{line.key!r} appears twice")
                current = line.key
                sections[current] = [Entry(line)] if current == "settings" else []
            elif not current:
                raise line.error(f"{_quoted(line)} is outside of a section")
            else:
                self._add_line(sections[current], current, line)
        return sections, lines[-1].number

    def _add_line(self, entries: list[Entry], section: str, line: Line) -> None:
        is_name = section in NAMED and line.key not in KEYWORDS and not line.value
        if line.key not in FIELDS[section] and not is_name:
            raise line.error(f"{_quoted(line)} is unknown in {section!r}")
        if is_name or line.key == STARTS.get(section):
            if len(entries) >= self._max_bricks:
                raise line.error(f"more than {self._max_bricks} entries in {section!r}")
            entries.append(Entry(line))
            if is_name:
                return
        elif not entries:
            raise line.error(f"{line.key!r} needs an entry in {section!r} before it")
        FIELDS[section][line.key](line)
        if line.key:
            entries[-1].add(line)

    def _bricks(self, sections: dict[str, list[Entry]]) -> tuple[list[tuple[Line, str, int]], list[int]]:
        ports: list[tuple[Line, str, int]] = []
        hidden: dict[Position, int] = {}
        entries = _by_position(sections.get("bricks", []))
        for position, brick in entries.items():
            size = number(brick.require("number_of_neurons"))
            roles = [role for role in ("input", "output") if role in brick.fields]
            if len(roles) > 1:
                raise brick.line.error("a brick cannot be input and output")
            if roles:
                ports.append((self._named(brick.fields[roles[0]]), roles[0], size))
            else:
                hidden[position] = size
        return ports, [hidden[position] for position in sorted(hidden)]

    def _hexagons(self, sections: dict[str, list[Entry]]) -> tuple[list[tuple[Line, str, int]], list[int]]:
        ports: list[tuple[Line, str, int]] = []
        free = set(_by_position(sections.get("hexagons", [])))
        known = frozenset(free)
        for role in ("input", "output"):
            for entry in sections.get(f"{role}s", []):
                target = entry.require("target")
                if position(target) not in known:
                    raise target.error(f"there is no hexagon {target.value}")
                free.discard(position(target))
                size = number(entry.require(f"number_of_{role}s"))
                name = Line(entry.line.number, "name", entry.line.key)
                ports.append((self._named(name), role, size))
        return ports, [self._hidden_size] * len(free)

    def _named(self, line: Line) -> Line:
        if len(line.value) > MAX_NAME or not self._name_pattern.fullmatch(line.value):
            raise line.error(f"{line.value!r} is not a valid name")
        return line


def number(line: Line) -> int:
    """Parse a whole number from 1 to 999 999 999."""
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", line.value, re.ASCII) or len(line.value) > MAX_NAME:
        raise line.error(f"{line.value!r} is not a whole number from 1 to 999999999")
    return int(line.value)


def position(line: Line) -> Position:
    """Parse a position ``x,y,z`` of whole numbers."""
    match = re.fullmatch(r"([0-9]{1,9}), *([0-9]{1,9}), *([0-9]{1,9})", line.value)
    if match is None:
        raise line.error(f"{line.value!r} is not a position x,y,z")
    x, y, z = match.groups()
    return int(x), int(y), int(z)


def _positive(line: Line) -> float:
    try:
        value = float(line.value)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise line.error(f"{line.value!r} is not a positive number")
    return value


def _truth(line: Line) -> bool:
    if line.value not in {"true", "false"}:
        raise line.error(f"{line.value!r} is neither true nor false")
    return line.value == "true"


def _text(line: Line) -> str:
    return line.value


# The keys of each section and their parsers. The empty key is a bare position.
FIELDS: dict[str, dict[str, Callable[[Line], object]]] = {
    "settings": {
        "neuron_cooldown": _positive,
        "refractory_time": number,
        "max_connection_distance": number,
        "enable_reduction": _truth,
    },
    "bricks": {"": position, "input": _text, "output": _text, "number_of_neurons": number},
    "hexagons": {"": position},
    "inputs": {"target": position, "number_of_inputs": number},
    "outputs": {"target": position, "number_of_outputs": number},
}
# Sections whose entries start with a bare position, and those whose entries start with a name, ``NAME:``.
STARTS = {"bricks": "", "hexagons": ""}
NAMED = {"inputs", "outputs"}
KEYWORDS = {"version", *FIELDS, *(key for fields in FIELDS.values() for key in fields)}  # no names, "" included


def _lines(text: str) -> Iterator[Line]:
    for index, raw in enumerate(text.split("\n"), start=1):
        content = raw.strip()
        if content:
            key, colon, value = content.partition(":")
            yield Line(index, key.strip(), value.strip()) if colon else Line(index, "", content)


def _by_position(entries: list[Entry]) -> dict[Position, Entry]:
    result: dict[Position, Entry] = {}
    for entry in entries:
        at = position(entry.line)
        if at in result:
            raise entry.line.error(f"the position {entry.line.value} appears twice")
        result[at] = entry
    return result


def _by_name(port: Port) -> str:
    return port.name


def _quoted(line: Line) -> str:
    return repr(line.key or line.value)
