"""The file of a dialect: which keys it has, and of which form they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hanami_proto.toml_text import did_you_mean, parse, wrong

SCHEMAS = ("brick", "buffer")
TEMPLATES = ("bricks", "hexagons")
METHODS = ("GET", "POST", "PUT", "DELETE")
# Without these nobody can log in, or ask whether the server is still there.
NEEDED_ROUTES = ("token.create", "dataset.list")
ROUTES = (
    *NEEDED_ROUTES,
    *("mnist.init", "mnist.finalize", "csv.init", "csv.finalize"),
    *("dataset.progress", "dataset.get", "dataset.content", "dataset.delete"),
    *("cluster.create", "cluster.get", "cluster.list", "cluster.delete", "cluster.set_mode"),
    *("user.create", "user.delete"),
)

Rule = tuple[Callable[[Any], bool], str]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_text, value))


def _is_pattern(value: Any) -> bool:
    try:
        return _is_text(value) and re.compile(value) is not None
    except re.error:
        return False


def _is_prefix(value: Any) -> bool:
    return _is_text(value) and value.startswith("/") and value.endswith("/")


def _is_route(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(rf"({'|'.join(METHODS)}) [^/\s]\S*", value) is not None


def _one_of(words: tuple[str, ...]) -> Rule:
    return (lambda value: value in words, f"one of {', '.join(words)}")


_TEXT: Rule = (_is_text, "a text")
_NUMBER: Rule = (_is_number, "a whole number from 1")
_RANGE: Rule = (_is_range, "two whole numbers, the least and the greatest")
_TEXTS: Rule = (_is_texts, "a list of texts")

# Sections of a file and their keys; "" holds what stands above all sections. The form of each, and that in words.
_RULES: Mapping[str, Mapping[str, Rule]] = {
    "": {
        "name": (lambda value: _is_text(value) and re.fullmatch(r"[\w.-]+", value) is not None, "a word"),
        "title": _TEXT,
        "prefix": (_is_prefix, "a path that begins and ends with /"),
        "schema": _one_of(SCHEMAS),
        "default_port": (lambda value: _is_number(value) and value < 65536, "a port"),
    },
    "routes": dict.fromkeys(ROUTES, (_is_route, f"METHOD path: one of {', '.join(METHODS)}, a path below the prefix")),
    "fields": {
        "name_pattern": (_is_pattern, "a regular expression"),
        "name_length": _RANGE,
        "file_size": _RANGE,
    },
    "dataset": {
        "rows": _TEXTS,
        "columns": (
            lambda value: isinstance(value, list) and value != [] and all(map(_is_texts, value)),
            "a list of lists of texts",
        ),
        "content_rows": _NUMBER,
    },
    "cluster": {
        "template": _one_of(TEMPLATES),
        "modes": (lambda value: _is_texts(value) and len(value) == 2, "two texts: task mode, direct mode"),
    },
    "target": {
        "connections": _NUMBER,
        "finalize_seconds_per_mib": (
            lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value >= 0,
            "a number of seconds",
        ),
    },
    "user": {
        "body": (lambda value: isinstance(value, dict) and value != {}, "a table: the body of user.create"),
        "delete_key": _TEXT,
    },
}
_OPTIONAL = {("", "default_port"), ("dataset", "content_rows")}
_DEFAULTS: Mapping[str, Any] = {"default_port": 11418}


def read_dialect(text: str, file: str) -> dict[str, Any]:
    """The data of a dialect, with every key that it needs.

    Args:
        text: of the file.
        file: what it is called in a message.

    Raises:
        TomlError: it is no dialect; one line: file, line, what would be right.
    """
    data = parse(text, file)
    sections = [name for name in _RULES if name]
    for name, value in data.items():
        if name in sections and not isinstance(value, dict):
            raise wrong(text, file, (name,), f"{name} must be a section: [{name}]")
        if name not in sections and name not in _RULES[""]:
            raise wrong(text, file, (name,), f"unknown key {name!r}, {did_you_mean(name, [*_RULES[''], *sections])}")
    _check_section(text, file, "", {name: value for name, value in data.items() if name not in sections})
    for name in sections:
        if name in data or name != "user":
            _check_section(text, file, name, data.get(name, {}))
    _check_together(text, file, data)
    return {**_DEFAULTS, **data}


def _check_section(text: str, file: str, section: str, data: Mapping[str, Any]) -> None:
    path = (section,) if section else ()
    where = f" in [{section}]" if section else ""
    rules = _RULES[section]
    for key, value in data.items():
        if key not in rules:
            raise wrong(text, file, (*path, key), f"unknown key {key!r}{where}, {did_you_mean(key, rules)}")
        holds, form = rules[key]
        if not holds(value):
            raise wrong(text, file, (*path, key), f"{key}{where} must be {form}")
    for key in NEEDED_ROUTES if section == "routes" else rules:
        if key not in data and (section, key) not in _OPTIONAL:
            raise wrong(text, file, path or ("",), f"no {key}{where}: {rules[key][1]}")


def _check_together(text: str, file: str, data: Mapping[str, Any]) -> None:
    routes = data["routes"]
    if ("dataset.content" in routes) != ("content_rows" in data["dataset"]):
        raise wrong(text, file, ("dataset",), "dataset.content in [routes] and content_rows in [dataset] go together")
    users = {name for name in ("user.create", "user.delete") if name in routes}
    if users and (len(users) == 1 or "user" not in data):
        # A user that can't be deleted again would stay on the target.
        raise wrong(text, file, ("routes", min(users)), "user.create, user.delete and a section [user] go together")
