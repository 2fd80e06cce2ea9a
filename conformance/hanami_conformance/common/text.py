"""Text for people: bounded, printable, on one line, without secrets."""

from __future__ import annotations

from hanami_conformance.common.redact import SECRETS
from hanami_reports.common.text import printable

MAX_LINE = 500


def printable_line(text: str, limit: int = 200) -> str:
    """Return a text on one line: secrets replaced, control characters escaped, cut after ``limit`` characters."""
    text = SECRETS.text(text)
    line = printable(text[:limit])
    return line if len(text) <= limit else f"{line}... ({len(text)} characters)"


def hex_preview(data: bytes, limit: int = 8) -> str:
    """Return the first bytes in hexadecimal."""
    preview = data[:limit].hex(" ")
    return preview if len(data) <= limit else f"{preview} ..."
