"""Text for people: bounded, printable, on one line."""

from __future__ import annotations

from hanami_conformance.common.redact import SECRETS

MAX_LINE = 500


def printable_line(text: str, limit: int = 200) -> str:
    """``text`` on one line: secrets replaced, control characters shown as escapes, cut after ``limit`` characters."""
    text = SECRETS.text(text)
    cut = text[:limit]
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in cut)
    return shown if len(text) <= limit else f"{shown}... ({len(text)} characters)"


def pluralise(count: int, noun: str, many: str = "") -> str:
    """``1 byte``, ``2 bytes``; ``many`` where an s behind the noun would be wrong."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {many or noun + 's'}"


def hex_preview(data: bytes, limit: int = 8) -> str:
    """Return the first bytes in hexadecimal."""
    shown = data[:limit].hex(" ")
    return shown if len(data) <= limit else f"{shown} ..."
