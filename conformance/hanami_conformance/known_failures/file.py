"""The file of known failures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from hanami_proto.toml import TomlError, entry_lines, is_file_path, load_toml
from hanami_proto.validation import Check
from hanami_reports.model.conformance import UNCONFIRMED
from hanami_reports.model.known_failures import Entry, ListedFailure

KINDS = ("known", "flaky")
_CASE = re.compile(r"[^/:]+\.py(::.+)?")


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


def _check_texts(value: Any) -> tuple[str, ...]:
    """Return a text, or several ones, as a tuple."""
    texts = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("must be a text or a list of texts")
    return tuple(map(_check_text, texts))


def _check_cases(value: Any) -> tuple[str, ...]:
    cases = _check_texts(value)
    for case in cases:
        if not _CASE.fullmatch(case):
            raise ValueError(f"{case!r} is no id: give file::test[parameters] or file::test")
    return cases


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


Texts = Annotated[Any, Check(_check_texts)]
Cases = Annotated[Any, Check(_check_cases)]


@dataclass(frozen=True)
class _FailureTable:
    """A message, and the requirements or cases that fail with it."""

    message: Text = ""
    requirement: Texts = ()
    case: Cases = ()

    def failures(self) -> Iterator[ListedFailure]:
        """Yield each requirement or case with the message."""
        yield from (ListedFailure(requirement=name, message=self.message) for name in self.requirement)
        yield from (ListedFailure(case=name, message=self.message) for name in self.case)


def _check_failure(table: _FailureTable) -> _FailureTable:
    if bool(table.requirement) == bool(table.case):
        raise ValueError("an entry names either a requirement or a case")
    if not table.message:
        raise ValueError("message is missing")
    return table


@dataclass(frozen=True, kw_only=True)
class _EntryTable(_FailureTable):
    """An entry in the file: a defect with one message in short, or with several messages, each in a table."""

    reason: Text
    link: Text = ""
    owner: Text = ""
    expires: Annotated[Any, Check(_check_day)] = ""
    failure: tuple[Annotated[_FailureTable, Check(_check_failure)], ...] = ()

    def entry(self, line: int, *, flaky: bool) -> Entry:
        """Return the entry."""
        failures = [*self.failures(), *(one for table in self.failure for one in table.failures())]
        entry = Entry(
            reason=self.reason, link=self.link, owner=self.owner, expires=self.expires, flaky=flaky, line=line
        )
        return entry.with_failures(failures)


def _check_entry(table: _EntryTable) -> _EntryTable:
    if not table.failure or table.message or table.requirement or table.case:
        _check_failure(table)
    return table


_Entries = tuple[Annotated[_EntryTable, Check(_check_entry)], ...]


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
        table.entry(line, flaky=kind == "flaky")
        for kind, tables in (("known", data.known), ("flaky", data.flaky))
        for table, line in zip(tables, entry_lines(text, kind, len(tables)), strict=True)
    )
    counts = Counter((entry.flaky, failure) for entry in entries for failure in entry.failures)
    for entry in entries:
        place = f"{file}:{entry.line}" if entry.line else file
        for failure in entry.failures:
            if counts[entry.flaky, failure] > 1:
                raise ListError(f"{place}: {failure.subject} is listed twice with the same message")
            if failure.is_of_file and not (entry.flaky and UNCONFIRMED in failure.message):
                rule = f"a whole file may only be [[flaky]], with {UNCONFIRMED!r} in the message: give file::test"
                raise ListError(f"{place}: {failure.case}: {rule}")
    return KnownList(file, data.dialect, data.server, entries)
