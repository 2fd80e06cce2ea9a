"""JSON of a target, which may be malformed, or nested too deeply to be parsed."""

from __future__ import annotations

import json
from typing import Any

LONGEST_UUID = 100  # characters; a much longer one fits into no address


def json_object(data: bytes | str) -> dict[str, Any] | None:
    """Parse a JSON object; None if the text is anything else."""
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def is_uuid_text(value: object) -> bool:
    """Whether a value can be sent back as a uuid: a short text without control characters and surrogates."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_UUID and value.isprintable()


def is_token_text(value: object) -> bool:
    """Whether a value can be sent back as a token: a text that a header can carry."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()
