"""The file of known failures."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from hanami_proto.toml import TomlError, entry_lines, is_file_path, load_toml
from hanami_proto.validation import Check
from hanami_reports.model.known_failures import Entry

KINDS = ("known", "flaky")
_CASE = re.compile(r"[^/:]+\.py::.+")


class ListError(ValueError):
    """The file is not a valid list of known failures; one line with the place and the reason."""


@dataclass(frozen=True)
class KnownList:
    """A list of known failures.

    Attributes:
        file: Name of the file, as given.
        dialect: Name of the dialect that it is for, bundled or not; empty for any.
        server: Server that it is for, for people; may be empty.
        entries: Entries for permanent failures, then those for flaky ones.
    """

    file: str
    dialect: str = ""
    server: str = ""
    entries: tuple[Entry, ...] = ()

    def check_dialect(self, dialect: str) -> None:
        """Check that the list is for a dialect.

        Raises:
            ListError: If it is for another one.
        """
        if self.dialect and self.dialect != dialect:
            raise ListError(f"{self.file}: this list is for the dialect {self.dialect}, and not for {dialect}")


def _check_text(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _check_case(case: str) -> str:
    if not _CASE.fullmatch(case):
        raise ValueError(f"{case!r} is no id: give file::test[parameters] or file::test")
    return case


def _check_day(value: Any) -> str:
    """Return a date of TOML, or a text that is a date, as ISO 8601."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        day = None
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ValueError("must be a date such as 2027-03-31")  # noqa: TRY004 - becomes a line of the user
    return day.isoformat()


Text = Annotated[str, Check(_check_text)]


@dataclass(frozen=True)
class _EntryTable:
    """An entry in the file."""

    message: Text
    reason: Text
    requirement: Text = ""
    case: Annotated[Text, Check(_check_case)] = ""
    link: Text = ""
    owner: Text = ""
    expires: Annotated[Any, Check(_check_day)] = ""


def _check_subject(table: _EntryTable) -> _EntryTable:
    if bool(table.requirement) == bool(table.case):
        raise ValueError("an entry names either a requirement or a case")
    return table


_Entries = tuple[Annotated[_EntryTable, Check(_check_subject)], ...]


@dataclass(frozen=True)
class _ListTable:
    """The whole file."""

    dialect: str = ""
    server: str = ""
    known: _Entries = ()
    flaky: _Entries = ()


def bundled_lists() -> dict[str, Path]:
    """Return the lists that ship with the package: the name of a released server to the path of its list."""
    folder = Path(str(resources.files("hanami_conformance.known_failures") / "released"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read_list(path: Path) -> KnownList:
    """Read a list.

    Args:
        path: Path of the file, or the name of a bundled list.

    Raises:
        ListError: If there is no such list, or the file cannot be read, or is no valid list.
    """
    if not is_file_path(str(path)):
        if str(path) not in bundled_lists():
            names = ", ".join(bundled_lists())
            raise ListError(f"unknown list {str(path)!r}: choose one of {names}, or give the path of a .toml file")
        path = bundled_lists()[str(path)]
    return parse_list(read_text(path), str(path))


def read_text(path: Path) -> str:
    """Return the text of a list, line ends unchanged.

    Raises:
        ListError: If the file cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ListError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ListError(f"{path}: not UTF-8, byte {error.start}") from error


def parse_list(text: str, file: str) -> KnownList:
    """Parse the text of a list.

    Args:
        text: Text of the file.
        file: Name of the file, for messages.

    Raises:
        ListError: If the text is no valid list.
    """
    try:
        data = load_toml(_ListTable, text, file)
    except TomlError as error:
        raise ListError(str(error)) from error
    entries = tuple(
        Entry(**vars(table), flaky=kind == "flaky", line=line)
        for kind, tables in (("known", data.known), ("flaky", data.flaky))
        for table, line in zip(tables, entry_lines(text, kind, len(tables)), strict=True)
    )
    keys = Counter((entry.flaky, entry.subject, entry.message) for entry in entries)
    for entry in entries:
        if keys[entry.flaky, entry.subject, entry.message] > 1:
            place = f"{file}:{entry.line}" if entry.line else file
            raise ListError(f"{place}: {entry.subject} is listed twice with the same message")
    return KnownList(file, data.dialect, data.server, entries)
