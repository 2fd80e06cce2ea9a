"""Strict parser of JSON from a client: no NaN, no infinity, no duplicate key, no crash at any depth, no long work."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

MAX_ELEMENTS = 65_536  # of all arrays and objects together; more would block the event loop for too long


class JsonError(ValueError):
    """A text that is not a JSON object; the message says why."""


def parse_object(text: bytes | str) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        text: UTF-8 bytes, or decoded text.

    Raises:
        JsonError: If the text is not JSON (RFC 8259), not an object, has a key twice, or has too many elements.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError("not UTF-8") from error
    # Before it is parsed, and so with those in strings, of which no valid request has nearly as many.
    if sum(map(decoded.count, ",[{")) > MAX_ELEMENTS:
        raise JsonError(f"JSON with more than {MAX_ELEMENTS} elements")
    try:
        value = json.loads(decoded, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_unique)
    except RecursionError as error:
        raise JsonError("not JSON: nested too deeply") from error
    except JsonError:
        raise
    except ValueError as error:  # integers with thousands of digits included
        raise JsonError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise JsonError("not a JSON object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise JsonError(f"not JSON: {name} is not a number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise JsonError("not JSON: a number is too large")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonError(f"key {key!r} appears twice")
            seen.add(key)
    return result
