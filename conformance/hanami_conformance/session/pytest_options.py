"""Options of a run as pytest has them: from its command line, and from its settings file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from hanami_conformance.options.definitions import OPTIONS
from hanami_conformance.options.run import RunOptions, resolve
from hanami_conformance.options.sources import path_beside
from hanami_proto.options import Option

_NAMES = "|".join(re.escape(option.name) for option in OPTIONS)
_FLAG = re.compile(rf"(?<![\w-])--({_NAMES})(?![\w-])")


def resolve_pytest_options(config: pytest.Config, replaced: Mapping[str, Any] | None = None) -> RunOptions:
    """Check the options of a pytest session.

    Args:
        config: Configuration of the session.
        replaced: Option ``dest`` to a value that holds in place of the one on the command line.

    Raises:
        ValueError: If an option is wrong or missing; the message names options as pytest has them.
    """
    given = {option.dest: config.getoption(option.pytest_key) for option in OPTIONS}
    try:
        return resolve(given | dict(replaced or {}), ini=_ini_values(config))
    except ValueError as error:
        raise ValueError(spelled(config, str(error))) from error


def spelled(config: pytest.Config, text: str) -> str:
    """Return a message with its options as the reader writes them: in pytest, or with the console command."""
    return text if config.getoption("hanami_console") else pytest_spelling(text)


def pytest_spelling(text: str) -> str:
    """Return a message with its options as pytest has them: ``--hanami-target`` for ``--target``."""
    return _FLAG.sub(r"--hanami-\1", text)


def _ini_values(config: pytest.Config) -> dict[str, str | list[str]]:
    values: dict[str, str | list[str]] = {}
    for option in OPTIONS:
        if not option.secret and (value := config.getini(option.pytest_key)):
            values[option.dest] = value if option.many else _text(config, option, str(value))
    return values


def _text(config: pytest.Config, option: Option, value: str) -> str:
    return value if config.inipath is None else path_beside(config.inipath, option, value)
