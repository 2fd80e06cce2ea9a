"""The file of a dialect: its keys, their rules, and their defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hanami_proto.toml import did_you_mean, parse, wrong

DEFAULT_PORT = 11418
SCHEMAS = ("brick", "buffer")
# Forms of cluster templates: bricks with sizes; hexagons, inputs and outputs with sizes; hexagons, connections between
# them, inputs and outputs without sizes.
TEMPLATES = ("bricks", "hexagons", "axons")
SETTINGS = ("neuron_cooldown", "refractory_time", "max_connection_distance", "enable_reduction")
METHODS = ("GET", "POST", "PUT", "DELETE")
# Without these the suite can neither log in nor check that the server is available.
REQUIRED_ROUTES = ("token.create", "dataset.list")
ROUTES = (
    *REQUIRED_ROUTES,
    *("mnist.init", "mnist.finalize", "csv.init", "csv.finalize"),
    *("dataset.progress", "dataset.get", "dataset.content", "dataset.delete"),
    *("cluster.create", "cluster.get", "cluster.list", "cluster.delete", "cluster.set_mode"),
    *("user.create", "user.delete"),
)

# The words of the body of token.create, each of which may stand for the value of a field.
USER_ID, PASSWORD, PASSWORD_BASE64 = "{id}", "{password}", "{password_base64}"
CREDENTIALS = (USER_ID, PASSWORD, PASSWORD_BASE64)
# Operations whose answers have keys of their own in each dialect.
ANSWERS = (
    *("dataset.init", "dataset.get", "dataset.list"),
    *("cluster.create", "cluster.get", "cluster.list", "cluster.set_mode"),
)
_RESOURCE = ("uuid", "name", "owner_id", "project_id", "visibility")
DEFAULT_ANSWERS: Mapping[str, tuple[str, ...]] = {
    "dataset.init": ("uuid", "name"),
    "dataset.get": _RESOURCE,
    "dataset.list": _RESOURCE,
    "cluster.create": _RESOURCE,
    "cluster.get": (*_RESOURCE, "state", "mode"),
    "cluster.list": _RESOURCE,
    "cluster.set_mode": ("uuid", "name", "new_state"),
}

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


def _is_login(value: Any) -> bool:
    words = list(value.values()) if isinstance(value, dict) else []
    known = all(isinstance(word, str) and word in CREDENTIALS for word in words)
    return known and USER_ID in words and any(word in words for word in (PASSWORD, PASSWORD_BASE64))


def _is_subset(words: tuple[str, ...]) -> Rule:
    return (
        lambda value: _is_texts(value) and set(value) <= set(words),
        f"a list of texts, each one of {', '.join(words)}",
    )


def _one_of(words: tuple[str, ...]) -> Rule:
    return (lambda value: value in words, f"one of {', '.join(words)}")


_TEXT: Rule = (_is_text, "a text")
_NUMBER: Rule = (_is_number, "a whole number from 1")
_RANGE: Rule = (_is_range, "two whole numbers, the least and the greatest")
_TEXTS: Rule = (_is_texts, "a list of texts")

# The rules of the keys of each section, "" for the keys above all sections: a check, and its description for messages.
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
        "content_offset": _NUMBER,
        "column_range": (
            lambda value: _is_texts(value) and len(value) == 2,
            "two texts: key of the first column, key of the end",
        ),
    },
    "cluster": {
        "template": _one_of(TEMPLATES),
        "settings": _is_subset(SETTINGS),
        "input_types": _TEXTS,
        "output_types": _TEXTS,
        "modes": (lambda value: _is_texts(value) and len(value) == 2, "two texts: task mode, direct mode"),
    },
    "target": {
        "connections": _NUMBER,
        "workers": _NUMBER,
        "finalize_seconds_per_mib": (
            lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value >= 0,
            "a number of seconds",
        ),
    },
    "token": {
        "body": (
            _is_login,
            f"a table: the body of token.create, of {', '.join(CREDENTIALS)}, with an id and a password",
        ),
    },
    "answers": dict.fromkeys(ANSWERS, _TEXTS),
    "user": {
        "body": (lambda value: isinstance(value, dict) and value != {}, "a table: the body of user.create"),
        "delete_key": _TEXT,
    },
}
_OPTIONAL_SECTIONS = ("token", "answers", "user")
_OPTIONAL = {
    ("", "default_port"),
    *(("dataset", key) for key in ("content_rows", "content_offset", "column_range")),
    *(("cluster", key) for key in ("settings", "input_types", "output_types")),
    ("target", "workers"),
    *(("answers", operation) for operation in ANSWERS),
}


def read_dialect(text: str, file: str) -> dict[str, Any]:
    """Parse and validate the file of a dialect, and fill in the defaults.

    Args:
        text: Text of the file.
        file: Name of the file for messages.

    Raises:
        TomlError: If the dialect is invalid; one line with file, line and fix.
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
        if name in data or name not in _OPTIONAL_SECTIONS:
            _check_section(text, file, name, data.get(name, {}))
    _check_together(text, file, data)
    return {"default_port": DEFAULT_PORT, **data}


def _check_section(text: str, file: str, section: str, data: Mapping[str, Any]) -> None:
    path = (section,) if section else ()
    location = f" in [{section}]" if section else ""
    rules = _RULES[section]
    for key, value in data.items():
        if key not in rules:
            raise wrong(text, file, (*path, key), f"unknown key {key!r}{location}, {did_you_mean(key, rules)}")
        holds, form = rules[key]
        if not holds(value):
            raise wrong(text, file, (*path, key), f"{key}{location} must be {form}")
    for key in REQUIRED_ROUTES if section == "routes" else rules:
        if key not in data and (section, key) not in _OPTIONAL:
            raise wrong(text, file, path or ("",), f"no {key}{location}: {rules[key][1]}")


def _check_together(text: str, file: str, data: Mapping[str, Any]) -> None:
    routes = data["routes"]
    if ("dataset.content" in routes) != ("content_rows" in data["dataset"]):
        raise wrong(text, file, ("dataset",), "dataset.content in [routes] and content_rows in [dataset] go together")
    users = {name for name in ("user.create", "user.delete") if name in routes}
    if users and (len(users) == 1 or "user" not in data):
        # A user that cannot be deleted would stay on the target.
        raise wrong(text, file, ("routes", min(users)), "user.create, user.delete and a section [user] go together")
