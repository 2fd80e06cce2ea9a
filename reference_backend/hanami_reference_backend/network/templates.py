"""Cluster templates in the forms of all dialects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from hanami_reference_backend.network.template_lines import (
    MAX_NAME,
    Entry,
    Line,
    Parser,
    Position,
    TemplateError,
    any_text,
    connection,
    number,
    position,
    positive,
    read_lines,
    truth,
    typed_position,
)


@dataclass(frozen=True)
class Port:
    """An input or output brick.

    Attributes:
        name: Name of the brick.
        size: Number of values; where templates give no sizes, 0 until messages set it.
        kind: Type of the values, empty for plain numbers.
    """

    name: str
    size: int
    kind: str = ""


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

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """Sizes of the fully connected layers: inputs, internal bricks, outputs."""
        return (sum(port.size for port in self.inputs), *self.hidden, sum(port.size for port in self.outputs))

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        sizes = self.layers
        return sum((before + 1) * after for before, after in pairwise(sizes))

    def with_sizes(self, sizes: Mapping[str, int]) -> Template:
        """Return this template with the sizes of some inputs and outputs set."""

        def sized(ports: Iterable[Port]) -> tuple[Port, ...]:
            return tuple(replace(port, size=sizes.get(port.name, port.size)) for port in ports)

        return Template(sized(self.inputs), sized(self.outputs), self.hidden)


NamedPort = tuple[Line, str, Port]  # line for errors, role, port


class TemplateReader:
    """Reads one form of template.

    Args:
        form: ``bricks``, ``hexagons``, or ``axons``, in which inputs and outputs have no sizes.
        name_pattern: Regular expression that matches the whole name of a brick.
        max_bricks: Largest number of bricks or hexagons.
        hidden_size: Number of neurons of an internal hexagon.
        settings: Settings that a template may have, None for all.
        types: Types of the entries of ``inputs`` and ``outputs`` in the form ``axons``.
    """

    def __init__(
        self,
        form: str,
        name_pattern: str,
        *,
        max_bricks: int,
        hidden_size: int,
        settings: Iterable[str] | None = None,
        types: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self._form = form
        self._name_pattern = re.compile(name_pattern)
        self._max_bricks = max_bricks
        self._hidden_size = hidden_size
        self._types = {section: frozenset(words) for section, words in (types or {}).items()}
        self._fields = dict(FORMS[form])
        if settings is not None:
            self._fields["settings"] = {key: SETTINGS[key] for key in settings}
        # Words of the grammar are no names, and neither is the section of the other form.
        words = {key for fields in self._fields.values() for key in fields}
        types_of_all = {word for types_of_one in self._types.values() for word in types_of_one}
        self._keywords = {"version", "bricks", *self._fields, *words, *types_of_all}

    def read(self, text: str) -> Template:
        """Parse a template.

        Raises:
            TemplateError: If anything is missing, unknown, repeated, or out of range.
        """
        sections, last = self._sections(list(read_lines(text)))
        if self._form == "bricks":
            ports, hidden = self._bricks(sections)
        else:
            self._check_sections(sections, last)
            ports, hidden = self._hexagons(sections)
        names = [port.name for _, _, port in ports]
        for line, _, port in ports:
            if names.count(port.name) > 1:
                raise line.error(f"the name {port.name!r} appears twice")
        inputs, outputs = (sorted((port for _, of, port in ports if of == role), key=_by_name) for role in ROLES)
        for role, found in zip(ROLES, (inputs, outputs), strict=True):
            if not found:
                raise TemplateError(last, f"there is no {role}")
        return Template(tuple(inputs), tuple(outputs), tuple(hidden))

    def _sections(self, lines: list[Line]) -> tuple[dict[str, list[Entry]], int]:
        if not lines or lines[0].key != "version":
            raise TemplateError(lines[0].number if lines else 1, "the template must start with 'version: 1'")
        if lines[0].value != "1":
            raise lines[0].error(f"version {lines[0].value!r} is unknown: only 1 is")
        sections: dict[str, list[Entry]] = {}
        current = ""
        for line in lines[1:]:
            if line.key in self._fields and not line.value:
                if line.key in sections:
                    raise line.error(f"{line.key!r} appears twice")
                current = line.key
                sections[current] = [Entry(line)] if current == "settings" else []
            elif not current:
                raise line.error(f"{line} is outside of a section")
            else:
                self._add_line(sections[current], current, line)
        return sections, lines[-1].number

    def _add_line(self, entries: list[Entry], section: str, line: Line) -> None:
        fields = self._fields[section]
        # An input or output begins with its own name; the form with sizes has its fields on further lines.
        begins = section in PORTS and line.key not in self._keywords and bool(line.value) == (self._form == "axons")
        if not begins and line.key not in fields:
            raise line.error(f"{line} is unknown in {section!r}")
        if begins or not line.key:
            if len(entries) >= self._max_bricks:
                raise line.error(f"more than {self._max_bricks} entries in {section!r}")
            entries.append(Entry(line))
        elif not entries:
            raise line.error(f"{line.key!r} needs an entry in {section!r} before it")
        if not begins:
            fields[line.key](line)
            if line.key:
                entries[-1].add(line)

    def _check_sections(self, sections: Mapping[str, Sequence[Entry]], last: int) -> None:
        """Check that all sections of hexagons are there, each with an entry, in the order of the grammar."""
        for section in self._fields:
            if section not in sections and section not in OPTIONAL:
                raise TemplateError(last, f"there is no {section!r}")
            entries = sections.get(section, ())
            if section in sections and not (entries[0].fields if section == "settings" else entries):
                raise TemplateError(last, f"there is nothing in {section!r}")
        order = [section for section in self._fields if section in sections]
        for section, expected in zip(sections, order, strict=True):
            if section != expected:
                raise TemplateError(last, f"{expected!r} must stand before {section!r}")

    def _bricks(self, sections: Mapping[str, list[Entry]]) -> tuple[list[NamedPort], list[int]]:
        ports: list[NamedPort] = []
        hidden: dict[Position, int] = {}
        entries = _by_position(sections.get("bricks", []))
        for place, brick in entries.items():
            size = number(brick.require("number_of_neurons"))
            roles = [role for role in ROLES if role in brick.fields]
            if len(roles) > 1:
                raise brick.line.error("a brick cannot be input and output")
            if roles:
                line = brick.fields[roles[0]]
                ports.append((line, roles[0], Port(self._name(line, line.value), size)))
            else:
                hidden[place] = size
        return ports, [hidden[place] for place in sorted(hidden)]

    def _hexagons(self, sections: Mapping[str, list[Entry]]) -> tuple[list[NamedPort], list[int]]:
        ports: list[NamedPort] = []
        known = frozenset(_by_position(sections["hexagons"]))
        for entry in sections.get("axons", []):
            _check_known(entry.line, connection(entry.line), known)
        taken: set[Position] = set()
        for role in ROLES:
            for entry in sections[f"{role}s"]:
                place, port = self._port(entry, role)
                _check_known(entry.line if self._form == "axons" else entry.fields["target"], (place,), known)
                taken.add(place)
                ports.append((entry.line, role, port))
        return ports, [self._hidden_size] * len(known - taken)

    def _port(self, entry: Entry, role: str) -> tuple[Position, Port]:
        """Return the position of an input or output among the hexagons, and its port."""
        name = self._name(entry.line, entry.line.key)
        if self._form == "hexagons":
            place = position(entry.require("target"))
            return place, Port(name, number(entry.require(f"number_of_{role}s")))
        place, kind = typed_position(entry.line)
        types = self._types.get(f"{role}s", frozenset())
        if kind and kind not in types:
            known = f"; there are {', '.join(sorted(types))}" if types else ""
            raise entry.line.error(f"{kind!r} is no type of an {role}{known}")
        return place, Port(name, 0, kind)

    def _name(self, line: Line, name: str) -> str:
        if len(name) > MAX_NAME or not self._name_pattern.fullmatch(name):
            raise line.error(f"{name!r} is not a valid name")
        return name


ROLES = ("input", "output")
PORTS = frozenset(("inputs", "outputs"))
OPTIONAL = frozenset(("axons",))
SETTINGS: Mapping[str, Parser] = {
    "neuron_cooldown": positive,
    "refractory_time": number,
    "max_connection_distance": number,
    "enable_reduction": truth,
}
# The sections of each form in their order: the keys of each, with their parsers. The empty key is a line without one,
# which begins an entry.
FORMS: Mapping[str, Mapping[str, Mapping[str, Parser]]] = {
    "bricks": {
        "settings": SETTINGS,
        "bricks": {"": position, "input": any_text, "output": any_text, "number_of_neurons": number},
    },
    "hexagons": {
        "settings": SETTINGS,
        "hexagons": {"": position},
        "inputs": {"target": position, "number_of_inputs": number},
        "outputs": {"target": position, "number_of_outputs": number},
    },
    "axons": {
        "settings": SETTINGS,
        "hexagons": {"": position},
        "axons": {"": connection},
        "inputs": {},
        "outputs": {},
    },
}


def _check_known(line: Line, places: Iterable[Position], known: frozenset[Position]) -> None:
    for place in places:
        if place not in known:
            raise line.error(f"there is no hexagon {','.join(map(str, place))}")


def _by_position(entries: Iterable[Entry]) -> dict[Position, Entry]:
    result: dict[Position, Entry] = {}
    for entry in entries:
        at = position(entry.line)
        if at in result:
            raise entry.line.error(f"the position {entry.line.value} appears twice")
        result[at] = entry
    return result


def _by_name(port: Port) -> str:
    return port.name
