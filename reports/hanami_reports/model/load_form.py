"""What a result of a load run must be to be drawn. What is not so is refused with a line, before anything relies on it.

The shapes are those of ``load.schema.json``. The bounds are wider than any run, and keep a damaged file from asking for
a chart of a thousand years.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError

from hanami_reports.model.histogram import COARSE, HIGHEST, bucket_of

LONGEST = 100_000_000  # seconds, about three years
_DOUBLINGS = 62  # of the index of a chunk
_WORDS = {"missing": "is lacking", "unexpected_keyword_argument": "is no field of it"}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("Input should be a valid string")  # noqa: TRY004 - the only error that becomes a line
    return value


Count = Annotated[int, Field(strict=True, ge=0, lt=1 << 63)]
Bucket = Annotated[int, Field(strict=True, ge=0, le=bucket_of(HIGHEST))]
CoarseBucket = Annotated[int, Field(strict=True, ge=0, le=bucket_of(HIGHEST) // COARSE)]
Second = Annotated[int, Field(strict=True, ge=0, le=LONGEST)]
Span = Annotated[float, Field(strict=True, ge=0, le=LONGEST, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1e6, allow_inf_nan=False)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# Not as pydantic checks it, which refuses lone surrogates: a server may have sent them, and they are shown as escapes.
Text = Annotated[str, PlainValidator(_text)]
Flag = Annotated[bool, Field(strict=True)]


@dataclass(frozen=True)
class _Manifest:
    """What the reports ask a manifest for; it may hold anything else besides."""

    __pydantic_config__ = ConfigDict(extra="ignore")

    duration: Span = 0.0
    target: str | dict[str, Any] = ""


@dataclass(frozen=True)
class _Histogram:
    bucket: list[Bucket]
    count: list[Count]
    total: Count
    least: Count
    most: Count


@dataclass(frozen=True)
class _Chunks(_Histogram):
    index: Annotated[int, Field(strict=True, ge=0, le=_DOUBLINGS)]


@dataclass(frozen=True)
class _Slice:
    second: Second
    succeeded: Count
    failed: Count
    bytes_up: Count
    bytes_down: Count
    bucket: list[CoarseBucket]
    count: list[Count]
    scheduled: Count = 0
    sent: Count = 0


@dataclass(frozen=True)
class _Series:
    sent: Count
    succeeded: Count
    failed: Count
    incorrect: Count
    unanswered: Count
    unsent: Count
    cancelled: Count
    bytes_up: Count
    bytes_down: Count
    response: _Histogram
    service: _Histogram
    scheduling_delay: _Histogram
    failures: _Histogram
    slices: list[_Slice]
    by_index: list[_Chunks]
    late: Count = 0
    late_up: Count = 0
    late_down: Count = 0
    early: Count = 0
    early_up: Count = 0
    early_down: Count = 0


@dataclass(frozen=True)
class _Limit:
    metric: Text
    selector: Text
    statistic: Text
    bound: Text
    value: Number | None
    value_text: Text
    samples: Count
    least_samples: Count
    state: Text
    explanation: Text = ""


@dataclass(frozen=True)
class _Error:
    series: Text
    kind: Text
    message: Text
    count: Count
    first_seen: Span
    exchange: Text = ""


@dataclass(frozen=True)
class _Generator:
    name: Text
    cpu: Share
    cpu_most: Share
    event_loop_delay: _Histogram
    generator_delay: _Histogram
    gc_pauses: Count
    gc_longest: Span
    memory: Count
    complete: Flag = True


@dataclass(frozen=True)
class _Result:
    format: Text
    format_version: Count
    state: Text
    exit_status: Literal[0, 1, 2, 3, 5, 6]
    manifest: _Manifest
    reasons: list[Text]
    configuration: dict[Text, Any]
    limits: list[_Limit]
    series: dict[Text, _Series]
    errors: list[_Error]
    generators: list[_Generator]
    in_flight: list[tuple[Second, Count]]
    users: list[tuple[Second, Count]]
    leftovers: list[Text] = field(default_factory=list)


def check_form(data: Mapping[str, Any]) -> None:
    """Refuse what is not as the schema says.

    Args:
        data: of the file, from JSON.

    Raises:
        ValueError: a field is lacking, or is not what it should be; one line that names it.
    """
    try:
        _adapter().validate_python([data])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        said = _WORDS.get(first["type"], first["msg"].splitlines()[0])
        raise ValueError(f"{place}: {said}") from error


@cache
def _adapter() -> TypeAdapter[list[_Result]]:
    # A list, since a dataclass by itself takes no configuration from outside.
    return TypeAdapter(list[_Result], config=ConfigDict(extra="forbid"))
