"""Dialects: the differences between Hanami servers as data, one TOML file each.

The dialects in the folder ``dialects`` are loaded by name, all others by the path of their files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from hanami_proto.codec import Codec
from hanami_proto.toml import did_you_mean, parse, wrong

DEFAULT_DIALECT = "documented"


@dataclass(frozen=True)
class Route:
    """Method and path of a REST operation."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class NoRouteError(LookupError):
    """An operation that a dialect does not have."""


@dataclass(frozen=True)
class Dialect:
    """The properties of a server that are known in advance.

    Attributes:
        name: Name on the command line.
        title: Title for reports.
        prefix: Path before every REST operation, with both slashes.
        schema: Protobuf schema of the websocket, ``brick`` or ``buffer``.
        default_port: Default port of the server.
        routes: Routes by the names of operations, such as ``csv.init``. A missing operation is not served.
        name_pattern: Regular expression that matches the whole name of a resource.
        name_length: Minimum and maximum number of characters of a name.
        file_size: Minimum and maximum announced size of a file in bytes.
        rows_keys: Keys of a finalized dataset that hold its number of rows.
        columns_keys: Groups of keys; the sum over a group is the number of columns.
        content_rows: Maximum number of rows of a content request, 0 without such requests.
        template: Form of a cluster template, ``bricks`` or ``hexagons``.
        modes: Values of ``new_state`` for the task mode and the direct mode.
        connections: Maximum number of concurrent connections.
        workers: Number of workers, each of which an open websocket occupies; 0 if sockets are not limited so.
        finalize_seconds_per_mib: Seconds that a finalize may take for each MiB.
        user_body: Body of ``user.create`` with the placeholders ``{id}``, ``{name}``, ``{project}``, ``{password}``
            and ``{password_base64}``; empty without that operation.
        user_key: Query parameter of ``user.delete`` for the id.
    """

    name: str
    title: str
    prefix: str
    schema: str
    default_port: int
    routes: Mapping[str, Route]
    name_pattern: str
    name_length: tuple[int, int]
    file_size: tuple[int, int]
    rows_keys: tuple[str, ...]
    columns_keys: tuple[tuple[str, ...], ...]
    content_rows: int
    template: str
    modes: tuple[str, str]
    connections: int
    workers: int
    finalize_seconds_per_mib: float
    user_body: Mapping[str, Any]
    user_key: str

    @property
    def codec(self) -> Codec:
        """Encoder and decoder of the websocket messages."""
        return Codec.for_schema(self.schema)

    @property
    def has_content(self) -> bool:
        """Whether the content of a finalized dataset can be read."""
        return "dataset.content" in self.routes

    def route(self, operation: str) -> Route:
        """Return the route of an operation.

        Raises:
            NoRouteError: If this dialect has no such operation.
        """
        if operation not in self.routes:
            raise NoRouteError(f"the dialect {self.name} has no operation {operation}")
        return self.routes[operation]

    def is_name(self, name: str) -> bool:
        """Return whether a dataset or a cluster may have this name."""
        low, high = self.name_length
        return low <= len(name) <= high and re.fullmatch(self.name_pattern, name) is not None

    def is_file_size(self, size: object) -> bool:
        """Return whether a file may have this announced size, a JSON integer in bytes."""
        low, high = self.file_size
        return isinstance(size, int) and not isinstance(size, bool) and low <= size <= high


def dialect_names() -> tuple[str, ...]:
    """Return the names of all bundled dialects, the default first."""
    folder = resources.files("hanami_proto") / "dialects"
    names = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return (DEFAULT_DIALECT, *(name for name in names if name != DEFAULT_DIALECT))


def is_dialect_file(name: str) -> bool:
    """Return whether the name of a dialect is the path of a file."""
    return name.endswith(".toml") or "/" in name or os.sep in name


@cache
def load_dialect(name: str = DEFAULT_DIALECT) -> Dialect:
    """Load a bundled dialect by its name, or another one by the path of its file.

    Raises:
        ValueError: If there is no such dialect, or the file is invalid; one line with the fix.
    """
    if is_dialect_file(name):
        try:
            return _dialect(read_dialect(Path(name).read_text(encoding="utf-8"), name))
        except OSError as error:
            raise ValueError(f"cannot read the dialect {name}: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}: not UTF-8 text") from error
    if name not in dialect_names():
        raise ValueError(
            f"unknown dialect {name!r}: choose one of {', '.join(dialect_names())}, or give the path of a .toml file"
        )
    file = resources.files("hanami_proto") / "dialects" / f"{name}.toml"
    return _dialect(read_dialect(file.read_text(encoding="utf-8"), f"{name}.toml"))


def _dialect(data: Mapping[str, Any]) -> Dialect:
    prefix: str = data["prefix"]
    routes: dict[str, Route] = {}
    for operation, line in data["routes"].items():
        method, path = line.split(" ", 1)
        routes[operation] = Route(method, prefix + path)
    least_name, most_name = data["fields"]["name_length"]
    least_size, most_size = data["fields"]["file_size"]
    task, direct = data["cluster"]["modes"]
    return Dialect(
        name=data["name"],
        title=data["title"],
        prefix=prefix,
        schema=data["schema"],
        default_port=data["default_port"],
        routes=routes,
        name_pattern=data["fields"]["name_pattern"],
        name_length=(least_name, most_name),
        file_size=(least_size, most_size),
        rows_keys=tuple(data["dataset"]["rows"]),
        columns_keys=tuple(tuple(group) for group in data["dataset"]["columns"]),
        content_rows=data["dataset"].get("content_rows", 0),
        template=data["cluster"]["template"],
        modes=(task, direct),
        connections=data["target"]["connections"],
        workers=data["target"].get("workers", 0),
        finalize_seconds_per_mib=float(data["target"]["finalize_seconds_per_mib"]),
        user_body=data.get("user", {}).get("body", {}),
        user_key=data.get("user", {}).get("delete_key", ""),
    )


SCHEMAS = ("brick", "buffer")
TEMPLATES = ("bricks", "hexagons")
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
    },
    "cluster": {
        "template": _one_of(TEMPLATES),
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
    "user": {
        "body": (lambda value: isinstance(value, dict) and value != {}, "a table: the body of user.create"),
        "delete_key": _TEXT,
    },
}
_OPTIONAL = {("", "default_port"), ("dataset", "content_rows"), ("target", "workers")}
_DEFAULTS: Mapping[str, Any] = {"default_port": 11418}


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
        if name in data or name != "user":
            _check_section(text, file, name, data.get(name, {}))
    _check_together(text, file, data)
    return {**_DEFAULTS, **data}


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
