"""The settings file: the options of a target and of a run, kept in TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.option_table import NO_DATABASE, SECTIONS, Option
from proto.dialects import is_dialect_file
from proto.toml_text import did_you_mean, parse, wrong

ENV = "-env"  # ending of the keys that name a variable


@dataclass(frozen=True)
class Config:
    """A settings file that was read.

    Attributes:
        path: of it.
        values: option ``dest`` to what it says, as on the command line.
        variables: option ``dest`` to the variable that holds its value, and what to say where there is none.
    """

    path: Path
    values: Mapping[str, str | list[str]] = field(repr=False)
    variables: Mapping[str, tuple[str, str]]

    def value(self, dest: str, environment: Mapping[str, str]) -> str | list[str] | None:
        """What the file says of an option, None where it is silent.

        Raises:
            ValueError: the variable that it names is not set; one line.
        """
        if dest not in self.variables:
            return self.values.get(dest)
        variable, message = self.variables[dest]
        if not environment.get(variable):
            raise ValueError(message)
        return environment[variable]

    def has(self, dest: str) -> bool:
        """Whether the file says something of an option."""
        return dest in self.values or dest in self.variables


def read_config(path: Path) -> Config:
    """Read a settings file.

    Raises:
        ValueError: it can't be read, or something in it is wrong; one line: file, line, what would be right.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8") from error
    return _Reader(path, text).read()


class _Reader:
    """Reads one file.

    Args:
        path: of it.
        text: in it.
    """

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._values: dict[str, str | list[str]] = {}
        self._variables: dict[str, tuple[str, str]] = {}

    def read(self) -> Config:
        for section, keys in parse(self._text, str(self._path)).items():
            if section not in SECTIONS:
                raise self._wrong((section,), _unknown_section(section))
            if not isinstance(keys, dict):
                raise self._wrong((section,), f"{section} must be a section: [{section}]")
            for key, value in keys.items():
                self._take(section, key, value)
        return Config(self._path, self._values, self._variables)

    def _wrong(self, path: tuple[str, ...], message: str) -> ValueError:
        return wrong(self._text, str(self._path), path, message)

    def _take(self, section: str, key: str, value: Any) -> None:
        name = key.replace("_", "-")
        options = {option.name: option for option in SECTIONS[section]}
        option = options.get(name)
        owner = options.get(name.removesuffix(ENV))
        at = (section, key)
        if option is None and name.endswith(ENV) and owner is not None and owner.secret:
            self._once(at, owner)
            if not isinstance(value, str) or not value:
                raise self._wrong(at, f"{key} must be a text: the name of the variable that holds the {owner.name}")
            lacking = str(self._wrong(at, f"{key}: the environment has no {value}"))
            self._variables[owner.dest] = (value, lacking)
            return
        if option is None:
            raise self._wrong(at, _unknown_key(section, name, key))
        self._once(at, option)
        self._values[option.dest] = self._checked(at, option, value)

    def _once(self, at: tuple[str, str], option: Option) -> None:
        if option.dest in self._values or option.dest in self._variables:
            raise self._wrong(at, f"{option.name} is there twice")

    def _checked(self, at: tuple[str, str], option: Option, value: Any) -> str | list[str]:
        # No message shows a value: it may be a secret.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if option.many:
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise self._wrong(at, f'{at[1]} must be a list of texts: ["{option.metavar}"]')
            return [str(one) for one in value]
        if option.kind == "switch":
            if not isinstance(value, bool):
                raise self._wrong(at, f"{at[1]} must be true or false")
            return str(value).lower()
        if option.kind == "number":
            if not is_number:
                raise self._wrong(at, f"{at[1]} must be a number")
            return str(value)
        if not isinstance(value, str):
            raise self._wrong(at, f"{at[1]} must be a text")
        return self._beside(option, value)

    def _beside(self, option: Option, value: str) -> str:
        """A path as it is seen from the file; anything else as it is."""
        is_word = value in ("", NO_DATABASE) or (option.name == "dialect" and not is_dialect_file(value))
        return value if is_word or not option.path else str(self._path.parent / Path(value).expanduser())


def _unknown_section(section: str) -> str:
    for name, options in SECTIONS.items():
        if section.replace("_", "-") in {option.name for option in options}:
            return f"{section!r} stands in no section: it belongs in [{name}]"
    return f"unknown section {section!r}, {did_you_mean(section, SECTIONS)}"


def _unknown_key(section: str, name: str, key: str) -> str:
    for other, options in SECTIONS.items():
        if other != section and name in {option.name for option in options}:
            return f"{key!r} belongs in [{other}]"
    names = [option.name for option in SECTIONS[section]]
    names += [f"{option.name}_env" for option in SECTIONS[section] if option.secret]
    return f"unknown key {key!r} in [{section}], {did_you_mean(name, names)}"
