"""JSON of a target, which may be malformed, or nested too deeply to be parsed."""

from __future__ import annotations

import json
from typing import Any

from hanami_conformance.clients.limits import MOST_CONTAINERS

LONGEST_UUID = 100  # characters; a much longer one fits into no address
LONGEST_TOKEN = 1 << 16  # characters; servers take no longer header


def json_object(data: bytes) -> dict[str, Any] | None:
    """Parse a JSON object; None if the text is anything else, or has more objects and lists than the suite reads."""
    if data.count(b"{") + data.count(b"[") > MOST_CONTAINERS:
        return None
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
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isascii() and value.isprintable()
