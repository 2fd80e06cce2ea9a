"""TOML that people write: every mistake in it is one line that names the file and the line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from typing import Any

_AT = re.compile(r" \(at line (\d+), column \d+\)$| \(at end of document\)$")


class TomlError(ValueError):
    """A file is not what it should be; one line: file, line, what would be right."""


def parse(text: str, file: str) -> dict[str, Any]:
    """Return the tables of a text.

    Args:
        text: of the file.
        file: what it is called in a message.

    Raises:
        TomlError: it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _AT.search(message)
        line = place.group(1) if place is not None else None
        raise TomlError(f"{file}:{line or text.count(chr(10)) + 1}: no TOML: {_AT.sub('', message)}") from error


def wrong(text: str, file: str, path: Iterable[str], message: str) -> TomlError:
    """Return the error about a key.

    Args:
        text: of the file.
        file: what it is called.
        path: of the key, sections first.
        message: what is wrong with it.
    """
    return TomlError(f"{file}:{line_of(text, tuple(path))}: {message}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean X?``, or the words that there are."""
    words = list(known)
    like = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {like[0]!r}?" if like else f"known are {', '.join(words)}"


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the line of a key, from 1; where it can't be found, that of its section, or the first.

    The parser of Python tells no lines, so the text is looked through for what most people write.
    """
    sections, key = path[:-1], path[-1]
    wanted = ".".join(sections)
    section, section_line = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\[?\s*([^\]#]+?)\s*\]\]?\s*(#.*)?$", line)
        if header:
            section = header.group(1).replace('"', "").replace("'", "")
            if section == wanted:
                section_line = number
            if section == ".".join(path):
                return number
        elif _sets(line, key) if section == wanted else not section and _sets(line, ".".join(path)):
            return number
    return section_line


def _sets(line: str, key: str) -> bool:
    return re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line) is not None
