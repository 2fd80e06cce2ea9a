"""Result files. A file that does not match its schema is rejected, since reports rely on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from hanami_proto.validation import DataError, validate
from hanami_reports.common.text import one_line

QUOTE_LIMIT = 100  # characters of a file that an error quotes
Result = TypeVar("Result")


def read_file(path: Path, name: str, parse: Callable[[str], Result]) -> Result:
    """Read a result from a file.

    Args:
        path: Path of the file or of its folder.
        name: Name of the file in a folder.
        parse: Function that reads the text; raises ValueError if it is no result.

    Raises:
        ValueError: If there is no valid result; one line that names the file.
    """
    file = path / name if path.is_dir() else path
    try:
        return parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def load_json(
    kind: type[Result],
    text: str,
    *,
    name: str,
    file_format: str,
    versions: Collection[int],
    derived: Collection[str] = (),
) -> Result:
    """Read a result from JSON.

    Args:
        kind: Dataclass of the result.
        text: Text of the file.
        name: Name of such a result, for errors.
        file_format: Value of ``format``.
        versions: Values of ``format_version`` that this release reads.
        derived: Further keys of the file that follow from the rest.

    Raises:
        ValueError: If the text is no such result, or of another version; one line.
    """
    try:
        data = json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a {name}: {error}") from error
    if not isinstance(data, dict) or data.get("format") != file_format:
        raise ValueError(f'not a {name}: "format" is not "{file_format}"')
    version = data.get("format_version")
    if type(version) is not int or version not in versions:
        *others, newest = map(str, versions)
        readable = f"{', '.join(others)} and {newest}" if others else newest
        raise ValueError(
            f"{name} of format version {one_line(str(version), QUOTE_LIMIT)}, this release reads {readable}"
        )
    fields = {key: value for key, value in data.items() if key not in ("format", "format_version", *derived)}
    try:
        return validate(kind, fields)
    except DataError as error:
        place = one_line(".".join(map(str, error.path)), QUOTE_LIMIT)
        raise ValueError(f"incomplete {name}: {place}: {error.message}") from error


def _reject_constant(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def plain(value: Any) -> Any:
    """Return dataclasses as dictionaries, deeply; numbered entries are sorted."""
    if is_dataclass(value):
        return {name: plain(one) for name, one in vars(value).items()}
    if isinstance(value, Mapping):
        items = value.items()
        numbered = all(type(key) is int for key in value)
        return {key: plain(one) for key, one in (sorted(items) if numbered else items)}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
