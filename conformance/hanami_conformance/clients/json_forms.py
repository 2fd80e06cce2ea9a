"""Forms of JSON: other texts with the same meaning (RFC 8259)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

SECRET = ("token", "password", "passphrase")  # names of fields


def with_escapes(fields: Mapping[str, Any]) -> str:
    """Return JSON with every character of a text escaped, except in a secret, which would not be redacted then."""
    parts = (
        f"{json.dumps(name)}: {escaped(value) if isinstance(value, str) and name not in SECRET else json.dumps(value)}"
        for name, value in fields.items()
    )
    return "{" + ", ".join(parts) + "}"


def escaped(text: str) -> str:
    """Return a JSON string with every character escaped."""
    return '"' + "".join(f"\\u{ord(character):04x}" for character in text) + '"'


JSON_FORMS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "usual": json.dumps,
    "indented": lambda fields: json.dumps(fields, indent=4),
    "compact": lambda fields: json.dumps(fields, separators=(",", ":")),
    "reversed": lambda fields: json.dumps(dict(reversed(list(fields.items())))),
    "escaped": with_escapes,
}
