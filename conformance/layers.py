"""Where the value of an option comes from: the command line, then the environment, then the settings file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from conformance.config_file import Config, read_config
from conformance.option_table import CONFIG, DEFAULT_CONFIG, OPTIONS, Option

Value = str | list[str]
# What belongs together of an account: user and password, or a token in their place.
ACCOUNTS = (("user", "password", "token"), ("second_user", "second_password", "second_token"))
NOTHING: tuple[object, ...] = (None, "", [])


def config_of(given: Mapping[str, Any], environment: Mapping[str, str]) -> Config | None:
    """The settings file that is named, or the one in the current folder, or none.

    Raises:
        ValueError: it is wrong; see :func:`read_config`.
    """
    named = given.get(CONFIG.dest) or environment.get(CONFIG.environment)
    if named:
        return read_config(Path(str(named)))
    usual = Path(DEFAULT_CONFIG)
    return read_config(usual) if usual.is_file() else None


def layered(given: Mapping[str, Any], environment: Mapping[str, str], config: Config | None) -> dict[str, Value]:
    """Option ``dest`` to its value, empty where nobody gives one.

    An account is taken as a whole: a user or a password on the command line is not undone by a token that the file
    holds, and a token not mixed with the user of somebody else.

    Args:
        given: on the command line; None or an empty list where an option was not given.
        environment: variables.
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
    """What lower layers no longer decide, once these were given."""
    more: set[str] = set()
    for user, password, token in ACCOUNTS:
        if token in names:
            more |= {user, password}
        elif user in names or password in names:
            more |= {token}
    return more
