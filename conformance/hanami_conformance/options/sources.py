"""The sources of options: command line, environment, settings files, and which of them wins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanami_conformance.options.definitions import CONFIG, DEFAULT_CONFIG, NO_DATABASE, OPTIONS, SECTIONS, Option
from hanami_proto.dialect import is_dialect_file
from hanami_proto.toml import did_you_mean, parse, wrong

Value = str | list[str]
# What belongs together of an account: user and password, or a token in their place.
ACCOUNTS = (("user", "password", "token"), ("second_user", "second_password", "second_token"))
NOTHING: tuple[object, ...] = (None, "", [])
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
        """Return what the file says of an option, None where it is silent.

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
        return path_beside(self._path, option, value)


def path_beside(file: Path, option: Option, value: str) -> str:
    """Return a path in a settings file as it is seen from the folder of that file, and any other value as it is."""
    is_word = value in ("", NO_DATABASE) or (option.name == "dialect" and not is_dialect_file(value))
    return value if is_word or not option.path else str(file.parent / Path(value).expanduser())


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


def config_of(given: Mapping[str, Any], environment: Mapping[str, str], ini: Mapping[str, Value]) -> Config | None:
    """Return the settings file that is named, or the one in the current folder, or none.

    Raises:
        ValueError: it is wrong; see :func:`read_config`.
    """
    named = given.get(CONFIG.dest) or environment.get(CONFIG.environment) or ini.get(CONFIG.dest)
    if named:
        return read_config(Path(str(named)))
    usual = Path(DEFAULT_CONFIG)
    return read_config(usual) if usual.is_file() else None


def merge_sources(
    given: Mapping[str, Any], environment: Mapping[str, str], ini: Mapping[str, Value], config: Config | None
) -> dict[str, Value]:
    """Option ``dest`` to its value, empty where nobody gives one.

    An account is taken as a whole: a user or a password on the command line is not undone by a token that the file
    holds, and a token not mixed with the user of somebody else.

    Args:
        given: on the command line; None or an empty list where an option was not given.
        environment: variables.
        ini: Option ``dest`` to its value in the settings file of pytest.
        config: settings file.

    Raises:
        ValueError: the file names a variable that is not set, and is needed; one line.
    """
    layers: list[tuple[Callable[[Option], bool], Callable[[Option], Any]]] = [
        (lambda option: given.get(option.dest) not in NOTHING, lambda option: given[option.dest]),
        (
            lambda option: bool(option.environment and environment.get(option.environment)),
            lambda option: _split(option, environment[option.environment]),
        ),
        (lambda option: option.dest in ini, lambda option: ini[option.dest]),
    ]
    if config is not None:
        layers.append((lambda option: config.has(option.dest), lambda option: config.value(option.dest, environment)))
    values: dict[str, Value] = {option.dest: [] if option.many else "" for option in OPTIONS}
    settled: set[str] = set()
    for has, value in layers:
        here = [option for option in OPTIONS if has(option)]
        for option in here:
            if option.dest not in settled:
                values[option.dest] = value(option) if option.many else str(value(option))
        settled |= {option.dest for option in here} | _settled_with({option.dest for option in here})
    return values


def _split(option: Option, text: str) -> Value:
    return [one for one in re.split(r"[,\s]+", text) if one] if option.many else text


def _settled_with(names: set[str]) -> set[str]:
    """Return what lower layers no longer decide, once these were given."""
    more: set[str] = set()
    for user, password, token in ACCOUNTS:
        if token in names:
            more |= {user, password}
        elif user in names or password in names:
            more |= {token}
    return more
