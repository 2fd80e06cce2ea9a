"""The sources of options: command line, environment, settings files, and which of them takes precedence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanami_conformance.options.definitions import CONFIG, DEFAULT_CONFIG, NO_DATABASE, SECTIONS
from hanami_proto.options import Option
from hanami_proto.toml import TomlError, did_you_mean, is_file_path, parse, wrong

Value = str | list[str]
# Options that belong together: user and password, or a token in their place.
ACCOUNTS = (("user", "password", "token"), ("second_user", "second_password", "second_token"))
NAMED_FILES = ("dialect", "known")  # files of the package by their names, others by their paths
VARIABLE_SUFFIX = "-env"  # of keys that name a variable


@dataclass(frozen=True)
class Variable:
    """A variable of the environment that holds a value, and the error to raise where it is needed and not set."""

    name: str
    missing: TomlError


@dataclass(frozen=True)
class Config:
    """A settings file.

    Attributes:
        path: Path of the file.
        values: Option ``dest`` to its value, as on the command line, or to the variable that holds it.
    """

    path: Path
    values: dict[str, Value | Variable] = field(default_factory=dict, repr=False)


def read_config(path: Path) -> Config:
    """Read a settings file.

    Raises:
        ValueError: If the file is missing or wrong; one line with file, line, and what would be right.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8") from error
    config = Config(path)
    for section, keys in parse(text, str(path)).items():
        if section not in SECTIONS:
            raise wrong(text, str(path), (section,), _unknown_section(section))
        if not isinstance(keys, dict):
            raise wrong(text, str(path), (section,), f"{section} must be a section: [{section}]")
        for key, value in keys.items():
            try:
                option, is_variable = _option_for(section, key)
                checked = _checked_name(option, key, value) if is_variable else _checked(option, key, value)
            except ValueError as error:
                raise wrong(text, str(path), (section, key), str(error)) from None
            if option.dest in config.values:
                raise wrong(text, str(path), (section, key), f"{option.name} is there twice")
            if is_variable:
                missing = wrong(text, str(path), (section, key), f"{key}: the environment has no {checked}")
                config.values[option.dest] = Variable(str(checked), missing)
            else:
                config.values[option.dest] = checked if option.many else path_beside(path, option, str(checked))
    return config


def _option_for(section: str, key: str) -> tuple[Option, bool]:
    """Return the option that a key sets, and whether the key names a variable with its value."""
    options = {option.name: option for option in SECTIONS[section]}
    name = key.replace("_", "-")
    if name in options:
        return options[name], False
    owner = options.get(name.removesuffix(VARIABLE_SUFFIX))
    if name.endswith(VARIABLE_SUFFIX) and owner is not None and owner.secret:
        return owner, True
    for other, others in SECTIONS.items():
        if name in {option.name for option in others}:
            raise ValueError(f"{key!r} belongs in [{other}]")
    known = [*options, *(f"{option.name}_env" for option in options.values() if option.secret)]
    raise ValueError(f"unknown key {key!r} in [{section}], {did_you_mean(name, known)}")


def _checked_name(option: Option, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} must be a text: the name of the variable that holds the {option.name}")
    return value


def _checked(option: Option, key: str, value: Any) -> Value:
    # No message quotes a value: it may be a secret.
    if option.many:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValueError(f'{key} must be a list of texts: ["{option.metavar}"]')
        return value
    if option.kind == "switch":
        if not isinstance(value, bool):
            raise ValueError(f"{key} must be true or false")
        return str(value).lower()
    if option.kind == "number":
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"{key} must be a number")
        return str(value)
    if isinstance(value, str):
        return value
    raise ValueError(f"{key} must be a text")


def path_beside(file: Path, option: Option, value: str) -> str:
    """Return a path in a settings file relative to the folder of that file, and any other value unchanged."""
    is_word = value in ("", NO_DATABASE) or (option.name in NAMED_FILES and not is_file_path(value))
    return value if is_word or not option.path else str(file.parent / Path(value).expanduser())


def _unknown_section(section: str) -> str:
    for name, options in SECTIONS.items():
        if section.replace("_", "-") in {option.name for option in options}:
            return f"{section!r} stands in no section: it belongs in [{name}]"
    return f"unknown section {section!r}, {did_you_mean(section, SECTIONS)}"


def find_config(given: Mapping[str, Any], environment: Mapping[str, str], ini: Mapping[str, Value]) -> Config | None:
    """Read the settings file that is named, or the one in the current folder, or none.

    Raises:
        ValueError: If the file is wrong; see :func:`read_config`.
    """
    named = given.get(CONFIG.dest) or environment.get(CONFIG.environment) or ini.get(CONFIG.dest)
    if named:
        return read_config(Path(str(named)))
    usual = Path(DEFAULT_CONFIG)
    return read_config(usual) if usual.is_file() else None


def merge_sources(
    options: Iterable[Option],
    given: Mapping[str, Any],
    environment: Mapping[str, str],
    ini: Mapping[str, Value] | None = None,
    config: Config | None = None,
    accounts: Iterable[tuple[str, str, str]] = ACCOUNTS,
) -> dict[str, Value]:
    """Return option ``dest`` to its value, without those that no source gives.

    An account is taken as a whole: a user or a password on the command line is not undone by a token in the file, and a
    token is not mixed with the user of another source. A password of the environment without a user is left out.

    Args:
        options: Rows of the table.
        given: Values on the command line; None or an empty list where an option was not given.
        environment: Environment variables by name.
        ini: Option ``dest`` to its value in the settings file of pytest.
        config: Settings file.
        accounts: User, password and token of each account that is taken as a whole.

    Raises:
        ValueError: If the file names a variable that is needed and not set; one line.
    """
    options = tuple(options)
    command_line = {one.dest: given[one.dest] for one in options if given.get(one.dest) not in (None, "", [])}
    texts = {option: environment[option.environment] for option in options if environment.get(option.environment)}
    variables = {option.dest: _split(option, text) for option, text in texts.items()}
    sources: list[Mapping[str, Any]] = [command_line, variables, ini or {}, {} if config is None else config.values]
    values: dict[str, Value] = {}
    settled: set[str] = set()  # options that the sources which follow no longer decide
    for source in sources:
        for dest in source.keys() - settled:
            value = source[dest]
            if isinstance(value, Variable):
                if not environment.get(value.name):
                    raise value.missing
                value = environment[value.name]
            values[dest] = value if isinstance(value, list) else str(value)
        settled |= source.keys()
        for user, password, token in accounts:
            if token in source:
                settled |= {user, password}
            elif user in source or password in source:
                settled.add(token)
    for user, password, _ in accounts:
        # A password that is exported for every run names no user, unlike one that was given for this one.
        if password in variables and password not in command_line and user not in values:
            values.pop(password, None)
    return values


def _split(option: Option, text: str) -> Value:
    return [one for one in re.split(r"[,\s]+", text) if one] if option.many else text
