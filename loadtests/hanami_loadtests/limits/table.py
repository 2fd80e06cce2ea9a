"""The tables of a TOML file of limits, stages or faults, checked before their values are read."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class TableError(ValueError):
    """A file holds no tables, or a table has what nothing reads; the message is one line with the place."""


def read_tables(path: Path, content: str) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: Path of the file.
        content: Word for what it holds, for errors.

    Raises:
        TableError: If it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TableError(f"cannot read the {content} {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not TOML: {error}") from error


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def checked_name(where: str, entry: Mapping[str, Any], default: str) -> str:
    """Return the name that a table gives to what it describes.

    Args:
        where: Place in the file, for errors.
        entry: The table.
        default: Name where it gives none.

    Raises:
        TableError: If it is no short text.
    """
    name = entry.get("name", default)
    if not isinstance(name, str) or not name.strip() or len(name) > 60 or not name.isprintable():
        raise TableError(f"{where}: name {name!r}: give a text of at most 60 characters")
    return name


def checked_table(where: str, entry: Any, keys: Sequence[str], there_are: str = "there are") -> dict[str, Any]:
    """Return a table that has no other than the given keys.

    Args:
        where: Place in the file, for errors.
        entry: Value that should be a table.
        keys: Possible keys, in the order in which an error names them.
        there_are: Words before them in an error.

    Raises:
        TableError: If it is none, or has another key.
    """
    if not isinstance(entry, dict):
        raise TableError(f"{where} is no table")
    if unknown := set(entry) - set(keys):
        raise TableError(f"{where}: unknown key {', '.join(sorted(unknown))}; {there_are} {', '.join(keys)}")
    return entry
