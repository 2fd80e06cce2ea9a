"""A result read from its file form. What is not as ``result.schema.json`` says is refused: the reports rely on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from hanami_reports.common.file_names import RESULT
from hanami_reports.common.text import one_line
from hanami_reports.model.conformance import FORMAT, HEADLINES, READABLE, RunResult

SAID = 100  # characters of a file that are quoted in an error


@dataclass(frozen=True)
class _Target:
    url: str = ""
    reference: bool = False
    user: str | None = None
    second_user: str | None = None


@dataclass(frozen=True)
class _Manifest:
    """What the reports ask a manifest for; it may hold anything else besides."""

    duration: float = 0.0
    started: str = ""
    suite: str = ""
    run_id: str = ""
    dialect: str = ""
    target: _Target = field(default_factory=_Target)
    options: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)


def load_result(text: str) -> RunResult:
    """Read a result from its file form.

    Raises:
        ValueError: the text is no result, or of a version that this release does not know; one line.
    """
    try:
        data = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a result of a run: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f'not a result of a run: "format" is not "{FORMAT}"')
    version = data.get("format_version")
    if type(version) is not int or version not in READABLE:
        readable = " and ".join(map(str, READABLE))
        raise ValueError(f"result of format version {one_line(str(version), SAID)}, this release reads {readable}")
    believed = {name: data[name] for name in RunResult.__dataclass_fields__ if name in data}
    if isinstance(data.get("manifest"), dict):
        _check(_Manifest, data["manifest"], "manifest", unknown=True)
    result: RunResult = _check(RunResult, believed, "", unknown=False)
    if result.exit_status not in HEADLINES:
        raise ValueError("incomplete result of a run: exit_status is none of a run")
    return result


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _check(kind: type, data: Mapping[str, Any], where: str, *, unknown: bool) -> Any:
    """Return the data as an instance of a dataclass.

    Args:
        kind: of dataclass.
        data: from JSON.
        where: path of the data in the file, empty for its top.
        unknown: whether fields that the class does not have are passed over.

    Raises:
        ValueError: the data does not fit; one line.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - takes time, and most runs read no result

    try:
        return _adapter(kind, unknown=unknown).validate_python([data])[0]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = one_line(".".join(map(str, ([where] if where else []) + list(first["loc"][1:]))), SAID)
        words = {"missing": "is lacking", "unexpected_keyword_argument": "is no field of it"}
        said = words.get(first["type"], first["msg"].splitlines()[0])
        raise ValueError(f"incomplete result of a run: {place}: {said}") from error


@cache
def _adapter(kind: type, *, unknown: bool) -> Any:
    from pydantic import ConfigDict, TypeAdapter  # noqa: PLC0415

    extra: Literal["ignore", "forbid"] = "ignore" if unknown else "forbid"
    # A list, since a dataclass by itself takes no configuration from outside.
    return TypeAdapter(list[kind], config=ConfigDict(extra=extra, allow_inf_nan=False))  # type: ignore[valid-type]


Result = TypeVar("Result")


def read_from(path: Path, name: str, load: Callable[[str], Result]) -> Result:
    """Read a result.

    Args:
        path: of the file, or of the folder that it is in.
        name: of the file in a folder.
        load: reads the text; raises ValueError where it is none.

    Raises:
        ValueError: it cannot be read, or is none; one line that names the file and says why.
    """
    file = path / name if path.is_dir() else path
    try:
        return load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def read_result(path: Path) -> RunResult:
    """Read the result of a run.

    Args:
        path: of the file, or of the folder that it is in.

    Raises:
        ValueError: it cannot be read, or is none; one line that says why.
    """
    return read_from(path, RESULT, load_result)
