"""TOML files that people write: the first mistake is one line that names the file, the line and the key."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
import typing
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from hanami_proto.validation import NO_LIST, UNKNOWN, DataError, validate

_AT = re.compile(r" \(at line (\d+), column \d+\)$| \(at end of document\)$")
_HEADER = re.compile(r"\s*\[\[?\s*([^\]#]+?)\s*\]\]?\s*(#.*)?")
Model = TypeVar("Model")


class TomlError(ValueError):
    """A file has a mistake; one line: file, line, key, and what would be right."""


def is_file_path(value: str) -> bool:
    """Return whether a value is the path of a TOML file, and not the name of one that ships with a package."""
    return value.endswith(".toml") or "/" in value or os.sep in value


def load_toml(model: type[Model], text: str, file: str) -> Model:
    """Return a TOML text as an instance of a dataclass.

    Args:
        model: Dataclass that describes the file, nested dataclasses for its sections.
        text: Text of the file.
        file: Name of the file, for messages.

    Raises:
        TomlError: If the text is no TOML, or does not fit.
    """
    data = parse(text, file)
    try:
        return validate(model, data)
    except DataError as error:
        path, message, line = error.path, error.message, line_of(text, error.path)
        if message == UNKNOWN:
            path, key = path[:-1], str(path[-1])
            message = f"{UNKNOWN} {key!r}, {did_you_mean(key, _field_names(model, path))}"
        place = ".".join(part for part in path if isinstance(part, str))
        if message == NO_LIST and len(path) == 1:
            message = f"{NO_LIST}: write each entry as a table under [[{place}]]"
        raise TomlError(f"{file}:{line}: {f'{place}: ' if place else ''}{message}") from error


def parse(text: str, file: str) -> dict[str, Any]:
    """Return the tables of a text.

    Args:
        text: Text of the file.
        file: Name of the file, for messages.

    Raises:
        TomlError: If the text is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _AT.search(message)
        line = place.group(1) if place is not None else None
        raise TomlError(f"{file}:{line or text.count(chr(10)) + 1}: not TOML: {_AT.sub('', message)}") from error


def wrong(text: str, file: str, path: Iterable[str], message: str) -> TomlError:
    """Return the error about a key.

    Args:
        text: Text of the file.
        file: Name of the file.
        path: Sections and name of the key.
        message: Description of the mistake.
    """
    return TomlError(f"{file}:{line_of(text, tuple(path))}: {message}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean X?``, or the known words."""
    words = list(known)
    like = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {like[0]!r}?" if like else f"known are {', '.join(words)}"


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the line of a key, from 1; if it is not found, that of its section, or the first.

    Python's parser gives no lines, so this searches the text for the usual ways to write a key.

    Args:
        text: Text of the file.
        path: Sections and name of the key; an index behind the name of a section counts its tables.
    """
    indexes = [place for place, part in enumerate(path) if isinstance(part, int)]
    if len(indexes) > 1:  # a table in a table: its index counts from the header of the outer one
        outer = line_of(text, path[: indexes[0] + 1])
        inner = [*path[: indexes[0]], *path[indexes[0] + 1 :]]
        return outer + line_of("\n".join(_lines(text)[outer:]), inner)
    names = [part for part in path if isinstance(part, str)]
    index = next((part for part in path if isinstance(part, int)), 0)
    key, parent = (names[-1], ".".join(names[:-1])) if names else ("", "")
    whole = ".".join(names)
    section, section_line = "", 1
    seen = dict.fromkeys((parent, whole), -1)
    for number, line in enumerate(_lines(text), start=1):
        header = _HEADER.fullmatch(line)
        if header:
            section = header.group(1).replace('"', "").replace("'", "")
            if section in seen:
                seen[section] += 1
            if section == whole and seen[whole] == index:
                return number
            if section == parent and seen[parent] <= index:
                section_line = number
        elif (section == parent and seen[parent] in (-1, index) and _sets(line, key)) or (
            not section and _sets(line, whole)
        ):
            return number
    return section_line


def entry_lines(text: str, section: str, count: int) -> list[int]:
    """Return the lines at which the tables of an array begin; zeros if they are not written one by one.

    Args:
        text: Text of the file.
        section: Name of the array.
        count: Number of its tables.
    """
    headers = re.compile(rf"\s*\[\[\s*[\"']?{re.escape(section)}[\"']?\s*\]\]\s*(#.*)?")
    lines = [number for number, line in enumerate(_lines(text), start=1) if headers.fullmatch(line)]
    return lines if len(lines) == count else [0] * count


def _lines(text: str) -> list[str]:
    # Not splitlines: in TOML, other separators are letters of a comment or a text.
    return re.split(r"\r?\n", text)


def _sets(line: str, key: str) -> bool:
    return re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line) is not None


def _field_names(model: Any, path: Sequence[str | int]) -> list[str]:
    """Return the names of the fields of the dataclass that a path leads to."""
    for part in path:
        if isinstance(part, str):
            model = typing.get_type_hints(model)[part]
        while not dataclasses.is_dataclass(model) and typing.get_args(model):
            model = typing.get_args(model)[0]
    return [field.name for field in dataclasses.fields(model)]
