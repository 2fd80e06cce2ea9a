"""Lines of a cluster template, and the values in them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

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
class Line:
    """A non-empty line: ``key: value``, or a line without a colon as the value of an empty key."""

    number: int
    key: str
    value: str

    def error(self, reason: str) -> TemplateError:
        """Return an error in this line."""
        return TemplateError(self.number, reason)

    def __str__(self) -> str:
        return repr(self.key or self.value)


@dataclass
class Entry:
    """A brick, a hexagon, a connection, or an entry of ``inputs:`` or ``outputs:``, with the fields after its line."""

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


def read_lines(text: str) -> Iterator[Line]:
    """Yield the lines of a template that are not empty; they end in LF, CRLF or CR."""
    for index, raw in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        content = raw.strip()
        if content:
            key, colon, value = content.partition(":")
            yield Line(index, key.strip(), value.strip()) if colon else Line(index, "", content)


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


def connection(line: Line) -> tuple[Position, Position]:
    """Parse a connection ``x,y,z -> x,y,z`` of two positions."""
    source, arrow, target = line.value.partition("->")
    if not arrow:
        raise line.error(f"{line.value!r} is not a connection x,y,z -> x,y,z")
    return position(Line(line.number, "", source.strip())), position(Line(line.number, "", target.strip()))


def typed_position(line: Line) -> tuple[Position, str]:
    """Parse a position that a type in parentheses may follow; the type is empty without one."""
    match = re.fullmatch(r"([^()]*?) *(?:\(([^()]*)\))?", line.value)
    if match is None:
        raise line.error(f"{line.value!r} is not a position x,y,z, or x,y,z (type)")
    place, kind = match.groups()
    return position(Line(line.number, "", place)), (kind or "").strip()


def positive(line: Line) -> float:
    """Parse a positive number."""
    try:
        value = float(line.value)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise line.error(f"{line.value!r} is not a positive number")
    return value


def truth(line: Line) -> bool:
    """Parse ``true`` or ``false``."""
    if line.value not in {"true", "false"}:
        raise line.error(f"{line.value!r} is neither true nor false")
    return line.value == "true"


def any_text(line: Line) -> str:
    """Return the value as it is."""
    return line.value


Parser = Callable[[Line], object]
