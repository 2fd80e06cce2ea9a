"""Data from files, checked against dataclasses; the first mistake is one line that names its place.

pydantic does the work. It is imported on first use: it takes longer than everything else that most commands import, and
most commands read no such file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

Checked = TypeVar("Checked")

UNKNOWN = "unknown key"
NO_LIST = "must be a list"
# pydantic's kinds of mistakes in the words of somebody who edits a file.
_MESSAGES = {
    "missing": "is missing",
    "unexpected_keyword_argument": UNKNOWN,
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "bool_type": "must be true or false",
    "dataclass_type": "must be a table",
    "list_type": NO_LIST,
    "tuple_type": NO_LIST,
    "dict_type": "must be a table",
}


class DataError(ValueError):
    """Data does not fit.

    Attributes:
        path: Keys and indexes that lead to the mistake.
        message: The mistake, one line, without its place.
    """

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(": ".join(filter(None, (".".join(map(str, path)), message))))
        self.path = path
        self.message = message


@dataclass(frozen=True)
class Within:
    """Annotates a number with inclusive bounds.

    Attributes:
        least: Lower bound.
        most: Upper bound.
        strict: Whether a text or a truth value is rejected; keys of JSON are texts.
    """

    least: float
    most: float
    strict: bool = True

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema  # noqa: PLC0415 - see the top of this module

        if source is float:
            return core_schema.float_schema(ge=self.least, le=self.most, strict=self.strict, allow_inf_nan=False)
        return core_schema.int_schema(ge=int(self.least), le=int(self.most), strict=self.strict)


@dataclass(frozen=True)
class Check:
    """Annotates a value that has the right type with a function that converts it, or raises ValueError."""

    function: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.no_info_after_validator_function(self.function, handler(source))


def checked_as(kind: type) -> Check:
    """Return the annotation of data that is checked against a dataclass, but kept with whatever else it holds."""

    def check(value: Any) -> Any:
        validate(kind, value, unknown="ignore")
        return value

    return Check(check)


def validate(kind: type[Checked], data: object, *, unknown: Literal["ignore", "forbid"] = "forbid") -> Checked:
    """Return data as an instance of a dataclass.

    Args:
        kind: Dataclass that describes the data, nested dataclasses included.
        data: Data from JSON or TOML.
        unknown: Whether keys without a field are ignored.

    Raises:
        DataError: If the data does not fit.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    model: Any = kind
    try:
        checked: Checked = _adapter(model, unknown).validate_python([data])[0]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = tuple(first["loc"][1:])
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, DataError):
            raise DataError((*path, *cause.path), cause.message) from error
        message = _MESSAGES.get(first["type"], first["msg"].splitlines()[0])
        raise DataError(path, str(cause) if isinstance(cause, ValueError) else message) from error
    return checked


@cache
def _adapter(kind: Any, unknown: Literal["ignore", "forbid"]) -> Any:
    from pydantic import ConfigDict, TypeAdapter  # noqa: PLC0415

    # A list, since a dataclass by itself takes no configuration from outside.
    return TypeAdapter(list[kind], config=ConfigDict(extra=unknown, allow_inf_nan=False))
