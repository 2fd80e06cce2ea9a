"""Options of the commands: one row of a table for each, and the conversion of given texts into values.

Every session of pytest in an environment with the suite loads this module, so it imports nothing else of the project.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "number", "switch"]
PYTEST_PREFIX = "hanami-"  # of every option in pytest, where other projects have a --target and a --seed, too
ON = "1"  # value of a switch that is given
YES, NO = (ON, "true", "yes", "on"), ("0", "false", "no", "off")
MOST_DIGITS = 19
UNITS = {"": 1, "b": 1, "k": 1 << 10, "kib": 1 << 10, "kb": 1000, "m": 1 << 20, "mib": 1 << 20, "mb": 10**6}
UNITS |= {"gib": 1 << 30}


class OptionError(argparse.ArgumentTypeError, ValueError):
    """The value of an option is wrong; one line that says what would be right."""


def boolean(text: str) -> bool:
    """Return whether a text means yes."""
    if text.lower() not in (*YES, *NO):
        raise OptionError(f"{text!r}: give 1 or 0")
    return text.lower() in YES


def whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return a converter to a whole number, whose ends are included."""

    def convert(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
        if not is_number or int(text) < low or (high is not None and int(text) > high):
            limits = f"of at least {low}" if high is None else f"from {low} to {high}"
            raise OptionError(f"{text!r}: give a whole number {limits}")
        return int(text)

    return convert


def number(low: float, high: float = math.inf, *, above: bool = False) -> Callable[[str], float]:
    """Return a converter to a finite number.

    Args:
        low: Smallest number.
        high: Largest number.
        above: Whether the smallest number itself is wrong.
    """

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high or math.isinf(value) or (above and value == low):
            limits = f"above {low:g}" if above else f"of at least {low:g}"
            if not math.isinf(high):
                limits += f" and at most {high:g}"
            raise OptionError(f"{text!r}: give a number {limits}")
        return value

    return convert


def size(low: int, high: int) -> Callable[[str], int]:
    """Return a converter to a number of bytes, given as such or with a unit."""

    def convert(text: str) -> int:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
        unit = UNITS.get(match[2].lower()) if match else None
        if match is None or unit is None:
            raise OptionError(f"{text!r}: give a size such as 128KiB, 1MiB, or a number of bytes")
        value = int(float(match[1]) * unit)
        if not low <= value <= high:
            raise OptionError(f"{text!r}: give a size from {low} to {high} bytes")
        return value

    return convert


def choice(words: Iterable[str]) -> Callable[[str], str]:
    """Return a converter that takes one of these words, in capitals or not."""
    known = tuple(words)

    def convert(text: str) -> str:
        if text.lower() not in known:
            choices = " or ".join(known) if len(known) == 2 else f"one of {', '.join(known)}"
            raise OptionError(f"{text!r}: choose {choices}")
        return text.lower()

    return convert


@dataclass(frozen=True)
class Option:
    """One option of a command.

    Attributes:
        name: Name without the dashes.
        help: One sentence for the help.
        metavar: Name of the value in the help.
        environment: Variable that is read where the option is not given, empty for none.
        default: Text of the default value, empty for none.
        default_note: Words for the help where the default is not one value.
        kind: Type of the value in a settings file; the command line and the environment hold texts.
        convert: Function that makes a value of a text; it raises :class:`OptionError`.
        many: Whether the option may be given several times.
        secret: Whether the value must never be printed. In a settings file ``NAME_env`` names a variable that holds it.
        path: Whether the value is a file or a folder; in a settings file it is relative to the folder of that file.
        choices: Possible values, empty for anything.
        in_form: Whether the option stands in the form of Locust's web UI.
    """

    name: str
    help: str
    metavar: str = "VALUE"
    environment: str = ""
    default: str = ""
    default_note: str = ""
    kind: Kind = "text"
    convert: Callable[[str], Any] = str
    many: bool = False
    secret: bool = False
    path: bool = False
    choices: tuple[str, ...] = ()
    in_form: bool = True

    @property
    def flag(self) -> str:
        """The option on a command line of ours."""
        return f"--{self.name}"

    @property
    def dest(self) -> str:
        """The name of the attribute that argparse sets."""
        return self.name.replace("-", "_")

    @property
    def pytest_flag(self) -> str:
        """The option on the command line of pytest."""
        return f"--{PYTEST_PREFIX}{self.name}"

    @property
    def pytest_key(self) -> str:
        """The name in ``config.option`` of pytest, and in its settings file."""
        return f"{PYTEST_PREFIX}{self.name}".replace("-", "_")

    @property
    def full_help(self) -> str:
        """The help with default and variable."""
        default = self.default or self.default_note
        notes = [f"default: {default}"] if default else []
        notes += [self.environment] if self.environment else []
        return f"{self.help} [{'; '.join(notes)}]" if notes else self.help

    def argparse_kwargs(self, dest: str = "") -> dict[str, Any]:
        """Return the arguments for ``add_argument`` of argparse and ``addoption`` of pytest; values stay texts.

        Args:
            dest: Name of the attribute that holds the value, :attr:`dest` by default.
        """
        common = {"help": self.full_help, "dest": dest or self.dest}
        if self.kind == "switch":
            return {**common, "action": "store_const", "const": ON, "default": None}
        if self.many:
            return {**common, "metavar": self.metavar, "action": "append", "default": []}
        return {**common, "metavar": self.metavar, "action": "store", "default": None}

    def locust_kwargs(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """Return the arguments for ``add_argument`` of Locust.

        Raises:
            OptionError: If the variable of a switch holds no boolean.
        """
        common: dict[str, Any] = {"help": self.help, "include_in_web_ui": self.in_form}
        if self.kind == "switch":
            # Not by env_var: the parser of Locust knows fewer words for yes and no.
            return {**common, "action": "store_true", "default": bool(self.value(environment.get(self.environment)))}
        if self.environment:
            common["env_var"] = self.environment
        if self.choices:
            common["choices"] = list(self.choices)
        return {**common, "default": self.default, "is_secret": self.secret}

    def to_argv(self, value: Any) -> list[str]:
        """Return the words that give a value on the command line of pytest, none for no value."""
        if self.many:
            return [f"{self.pytest_flag}={one}" for one in value]
        if value is None:
            return []
        return [self.pytest_flag] if self.kind == "switch" else [f"{self.pytest_flag}={value}"]

    def value(self, given: Any) -> Any:
        """Convert a text, or what a parser made of it; nothing given means the default, or None where there is none.

        Raises:
            OptionError: If the text is wrong; the message names the option.
        """
        if self.many:
            return list(given or ())
        if given is True or given is False:
            return given
        text = self.default if given is None or given == "" else str(given)
        if not text:
            return "" if self.convert is str else None
        try:
            return self.convert(text)
        except OptionError as error:
            raise OptionError(f"{self.flag} {error}") from None


def convert_values(options: Iterable[Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert all options.

    Args:
        options: Rows of the table.
        given: Option ``dest`` to the given text.

    Raises:
        OptionError: If one of them is wrong.
    """
    return {option.dest: option.value(given.get(option.dest)) for option in options}
