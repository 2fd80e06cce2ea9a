"""The file of known failures, read and checked."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from hanami_conformance.known_failures.toml_edit import header_lines
from hanami_reports.model.known_failures import Entry

KINDS = ("known", "flaky")
_TEXTS = ("requirement", "case", "message", "reason", "link", "owner")
_CASE = re.compile(r"[^/:]+\.py::.+")


class ListError(ValueError):
    """The file is no list of known failures; one line that says where and why."""


@dataclass(frozen=True)
class KnownList:
    """A list of known failures.

    Attributes:
        file: its name, as it was given.
        dialect: name of the one that it is for, also of one that did not come with the suite; empty for any.
        server: that it is for, for people; may be empty.
        entries: first those of failures that are always there, then the flaky ones.
    """

    file: str
    dialect: str = ""
    server: str = ""
    entries: tuple[Entry, ...] = ()

    def check_dialect(self, dialect: str) -> None:
        """See whether it is for a dialect.

        Raises:
            ListError: it is for another one.
        """
        if self.dialect and self.dialect != dialect:
            raise ListError(f"{self.file}: this list is for the dialect {self.dialect}, and not for {dialect}")


def read_list(path: Path) -> KnownList:
    """Read a list.

    Raises:
        ListError: it cannot be read, or is none.
    """
    return parse_list(read_text(path), str(path))


def read_text(path: Path) -> str:
    """Return the text of a list, line ends as they are.

    Raises:
        ListError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ListError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ListError(f"{path}: not UTF-8, byte {error.start}") from error


def parse_list(text: str, file: str) -> KnownList:
    """Check the text of a list.

    Args:
        text: of the file.
        file: its name, for messages.

    Raises:
        ListError: it is none.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ListError(f"{file}: not TOML: {error}") from error
    unknown = [key for key in data if key not in (*KINDS, "dialect", "server")]
    if unknown:
        raise ListError(f"{file}: unknown key {unknown[0]!r}: a list has dialect, server, [[known]] and [[flaky]]")
    for key in ("dialect", "server"):
        if not isinstance(data.get(key, ""), str):
            raise ListError(f"{file}: {key} must be text")
    entries = [entry for kind in KINDS for entry in _entries(data, text, file, kind)]
    keys = Counter((entry.flaky, entry.subject, entry.message) for entry in entries)
    for entry in entries:
        if keys[entry.flaky, entry.subject, entry.message] > 1:
            raise ListError(f"{_place(file, entry.line)}: {entry.subject} is listed twice with the same message")
    return KnownList(file, data.get("dialect", ""), data.get("server", ""), tuple(entries))


def _entries(data: Mapping[str, Any], text: str, file: str, kind: str) -> list[Entry]:
    tables = data.get(kind, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ListError(f"{file}: write each entry as a table of its own, under [[{kind}]]")
    lines = header_lines(text, kind)
    if len(lines) != len(tables):
        lines = [0] * len(tables)  # written as an array in one line
    return [_entry(table, _place(file, line), line, kind) for table, line in zip(tables, lines, strict=True)]


def _entry(table: Mapping[str, Any], place: str, line: int, kind: str) -> Entry:
    for key, value in table.items():
        if key not in (*_TEXTS, "expires"):
            raise ListError(f"{place}: unknown key {key!r}: an entry has {', '.join(_TEXTS)} and expires")
        if key in _TEXTS and not (isinstance(value, str) and value.strip()):
            raise ListError(f"{place}: {key} must be text, and not empty")
    if ("requirement" in table) == ("case" in table):
        raise ListError(f"{place}: an entry names a requirement or a case, one of both")
    for key in ("message", "reason"):
        if key not in table:
            raise ListError(f"{place}: {key} is missing")
    case = table.get("case", "")
    if case and not _CASE.fullmatch(case):
        raise ListError(f"{place}: case {case!r} is no id: give file::test[parameters] or file::test")
    texts = {key: table.get(key, "") for key in _TEXTS}
    return Entry(**texts, expires=_expires(table, place), flaky=kind == "flaky", line=line)


def _expires(table: Mapping[str, Any], place: str) -> str:
    value = table.get("expires")
    if value is None:
        return ""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            value = None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ListError(f"{place}: expires must be a date such as 2027-03-31")
    return value.isoformat()


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file
