"""Dialects: the differences between Hanami servers as data, one TOML file each.

The dialects in the folder ``dialects`` are loaded by name, all others by the path of their files.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from hanami_proto.codec import Codec
from hanami_proto.dialect_file import DEFAULT_ANSWERS, PASSWORD, PASSWORD_BASE64, SETTINGS, USER_ID, read_dialect
from hanami_proto.toml import is_file_path

DEFAULT_DIALECT = "documented"
DEFAULT_LOGIN: Mapping[str, str] = {"id": USER_ID, "password": PASSWORD}
MOST_ROWS = 2**63 - 1


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
        content_offset: Maximum number of the first row of a content request.
        column_range: Keys in the description of a dataset: first column of a group, and the one after its last.
        template: Form of a cluster template: ``bricks``, ``hexagons``, or ``axons``, which gives no sizes.
        template_settings: Settings that a template may have.
        input_types: Types that an input of the form ``axons`` may have.
        output_types: Types that an output of the form ``axons`` may have.
        modes: Values of ``new_state`` for the task mode and the direct mode.
        connections: Maximum number of concurrent connections.
        workers: Number of workers, each of which an open websocket occupies; 0 if sockets are not limited so.
        finalize_seconds_per_mib: Seconds that a finalize may take for each MiB.
        token_body: Body of ``token.create``, with one of the words of :data:`.dialect_file.CREDENTIALS` for each field.
        answers: Keys of the answers of some operations, in the order of the server; of a list, its columns.
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
    content_offset: int
    column_range: tuple[str, str]
    template: str
    template_settings: tuple[str, ...]
    input_types: tuple[str, ...]
    output_types: tuple[str, ...]
    modes: tuple[str, str]
    connections: int
    workers: int
    finalize_seconds_per_mib: float
    token_body: Mapping[str, str]
    answers: Mapping[str, tuple[str, ...]]
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

    @property
    def has_sizes(self) -> bool:
        """Whether templates give the sizes of inputs and outputs; otherwise the first messages do."""
        return self.template != "axons"

    def login(self, user_id: str, password: str) -> dict[str, str]:
        """Return the body that logs a user in."""
        words = {USER_ID: user_id, PASSWORD: password, PASSWORD_BASE64: base64_text(password)}
        return {field: words[word] for field, word in self.token_body.items()}

    def credentials(self, body: Mapping[str, str]) -> tuple[str, str]:
        """Return the user id and the password in the body of a login, whose base64 must be valid."""
        words = {self.token_body[field]: text for field, text in body.items()}
        coded = words.get(PASSWORD_BASE64, "")
        password = base64.b64decode(coded).decode("utf-8", "surrogateescape")
        return words[USER_ID], words.get(PASSWORD, password)

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


def base64_text(text: str) -> str:
    """Return the UTF-8 bytes of a text as base64."""
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def dialect_names() -> tuple[str, ...]:
    """Return the names of all bundled dialects, the default first."""
    folder = resources.files("hanami_proto") / "dialects"
    names = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return (DEFAULT_DIALECT, *(name for name in names if name != DEFAULT_DIALECT))


@cache
def load_dialect(name: str = DEFAULT_DIALECT) -> Dialect:
    """Load a bundled dialect by its name, or another one by the path of its file.

    Raises:
        ValueError: If there is no such dialect, or the file is invalid; one line with the fix.
    """
    if is_file_path(name):
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
    first_column, end_column = data["dataset"].get("column_range", ("start_column", "end_column"))
    answers = {operation: tuple(keys) for operation, keys in data.get("answers", {}).items()}
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
        content_offset=data["dataset"].get("content_offset", MOST_ROWS),
        column_range=(first_column, end_column),
        template=data["cluster"]["template"],
        template_settings=tuple(data["cluster"].get("settings", SETTINGS)),
        input_types=tuple(data["cluster"].get("input_types", ())),
        output_types=tuple(data["cluster"].get("output_types", ())),
        modes=(task, direct),
        connections=data["target"]["connections"],
        workers=data["target"].get("workers", 0),
        finalize_seconds_per_mib=float(data["target"]["finalize_seconds_per_mib"]),
        token_body=data.get("token", {}).get("body", DEFAULT_LOGIN),
        answers={**DEFAULT_ANSWERS, **answers},
        user_body=data.get("user", {}).get("body", {}),
        user_key=data.get("user", {}).get("delete_key", ""),
    )
