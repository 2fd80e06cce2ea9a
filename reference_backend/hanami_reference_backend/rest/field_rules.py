"""Rules of the fields of requests, each as a check and as the schema that the API page has of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from hanami_proto.dialect import Dialect, base64_text
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.network.example_template import example_template

Schema = Mapping[str, Any]  # JSON Schema, draft 2020-12, as OpenAPI 3.1 has it

UUID_PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
BASE64_PATTERN = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
MOST_DIGITS = 19  # of a number in a query; 2**63 - 1 has as many


@dataclass(frozen=True)
class Rule:
    """A rule of a field, which stands in the annotation of its type.

    Attributes:
        check: Raises a ValueError with the reason if a value violates the rule in a dialect.
        schema: Returns the keywords of JSON Schema that say the same.
    """

    check: Callable[[Any, Dialect], None]
    schema: Callable[[Dialect, Settings], Schema]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the check as pydantic runs it, behind that of the type."""

        def validate(value: Any, info: ValidationInfo) -> Any:
            dialect = info.context
            if not isinstance(dialect, Dialect):
                raise TypeError("fields are checked by the rules of a dialect")
            self.check(value, dialect)
            return value

        return core_schema.with_info_after_validator_function(validate, handler(source))


def whole(pattern: str) -> str:
    """Return a pattern as a schema needs it, which otherwise matches any part of a text."""
    return f"^(?:{pattern})$"


def _uuid(text: str, _dialect: Dialect) -> None:
    if UUID_PATTERN.fullmatch(text) is None:
        raise ValueError("must be a lower-case v4 uuid")


def _name(text: str, dialect: Dialect) -> None:
    if not dialect.is_name(text):
        low, high = dialect.name_length
        raise ValueError(f"must match {dialect.name_pattern} and have {low} to {high} characters")


def _name_schema(dialect: Dialect, _settings: Settings) -> Schema:
    low, high = dialect.name_length
    return {"pattern": whole(dialect.name_pattern), "minLength": low, "maxLength": high}


def _size(number: int, dialect: Dialect) -> None:
    if not dialect.is_file_size(number):
        low, high = dialect.file_size
        raise ValueError(f"must be a number of bytes from {low} to {high}")


def _size_schema(dialect: Dialect, settings: Settings) -> Schema:
    low, high = dialect.file_size
    return {"minimum": low, "maximum": min(high, settings.max_file_size)}


def _mode(text: str, dialect: Dialect) -> None:
    if text not in dialect.modes:
        raise ValueError(f"must be {' or '.join(dialect.modes)}")


def _base64(text: str, _dialect: Dialect) -> None:
    if BASE64_PATTERN.fullmatch(text) is None:
        raise ValueError("must be base64")


def _base64_schema(_dialect: Dialect, _settings: Settings) -> Schema:
    return {"pattern": whole(BASE64_PATTERN.pattern), "contentEncoding": "base64"}


def _range(low: int, high: Callable[[Dialect], int]) -> Rule:
    def check(number: int, dialect: Dialect) -> None:
        if not low <= number <= high(dialect):
            raise ValueError(f"must be from {low} to {high(dialect)}")

    return Rule(check, lambda dialect, _: {"minimum": low, "maximum": high(dialect)})


def _whole_number(number: object) -> object:
    # JSON has numbers and no integers: 5.0 is 5, by JSON Schema too.
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _digits(text: object) -> object:
    # A query has only text, so digits are converted for the strict integer.
    return int(text) if isinstance(text, str) and re.fullmatch(rf"[0-9]{{1,{MOST_DIGITS}}}", text) else text


def _template_schema(dialect: Dialect, settings: Settings) -> Schema:
    example = base64_text(example_template(dialect.template, dialect.template_settings))
    return {**_base64_schema(dialect, settings), "examples": [example]}


Uuid = Annotated[str, Rule(_uuid, lambda *_: {"pattern": whole(UUID_PATTERN.pattern)})]
Name = Annotated[str, Rule(_name, _name_schema)]
Size = Annotated[int, BeforeValidator(_whole_number), Rule(_size, _size_schema)]
Mode = Annotated[str, Rule(_mode, lambda dialect, _: {"enum": list(dialect.modes)})]
Base64 = Annotated[str, Rule(_base64, _base64_schema)]
Template = Annotated[str, Rule(_base64, _template_schema)]
RowOffset = Annotated[int, BeforeValidator(_digits), _range(0, lambda dialect: dialect.content_offset)]
RowCount = Annotated[int, BeforeValidator(_digits), _range(1, lambda dialect: dialect.content_rows)]
