"""TOML files with errors of one line: file, line, and fix."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from typing import Any

_AT = re.compile(r" \(at line (\d+), column \d+\)$| \(at end of document\)$")


class TomlError(ValueError):
    """An invalid file; one line with file, line and fix."""


def parse(text: str, file: str) -> dict[str, Any]:
    """Parse the text of a file.

    Args:
        text: Text of the file.
        file: Name of the file for messages.

    Raises:
        TomlError: If the text is not TOML.
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
        file: Name of the file for messages.
        path: Sections and name of the key.
        message: Mistake and fix.
    """
    return TomlError(f"{file}:{line_of(text, tuple(path))}: {message}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a suggestion for a word, or the list of known words."""
    words = list(known)
    similar = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {similar[0]!r}?" if similar else f"known are {', '.join(words)}"


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the line of a key from 1, or that of its section, or 1.

    ``tomllib`` reports no lines, so this searches the text for the common notations.
    """
    sections, key = path[:-1], path[-1]
    parent = ".".join(sections)
    section, section_line = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\[?\s*([^\]#]+?)\s*\]\]?\s*(#.*)?$", line)
        if header:
            section = header.group(1).replace('"', "").replace("'", "")
            if section == parent:
                section_line = number
            if section == ".".join(path):
                return number
        elif _sets(line, key) if section == parent else not section and _sets(line, ".".join(path)):
            return number
    return section_line


def _sets(line: str, key: str) -> bool:
    return re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line) is not None
