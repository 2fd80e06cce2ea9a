"""Text of others, fit for a page: printable, bounded, and marked where it was cut."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from markupsafe import Markup, escape

TEXT_LIMIT = 600  # characters of a text on one line
BLOCK_LIMIT = 4_000  # characters of a text of several lines
DIGITS = 16  # of a digest; enough to find the same bytes again


def printable(text: str, *, keep: str = "") -> str:
    """Return the text with everything unprintable as escapes: control characters, lone surrogates, marks of direction.

    Args:
        text: of anybody.
        keep: characters to leave as they are although they are unprintable.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode("ascii") for char in text
    )


def cut_note(text: str) -> str:
    """Return what is said of a text that was cut: how long it was, and its digest."""
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:DIGITS]
    return f"... (cut: {len(text):,} characters, sha256 {digest}...)"


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return a text on one line, cut after ``limit`` characters."""
    return printable(text) if len(text) <= limit else f"{printable(text[:limit])}{cut_note(text)}"


def block(text: str, limit: int = BLOCK_LIMIT) -> Markup:
    """Return a text of several lines, escaped, cut after ``limit`` characters."""
    shown = printable(text[:limit], keep="\n\t")
    return escape(shown if len(text) <= limit else f"{shown}\n{cut_note(text)}")


def finalize(value: object) -> object:
    """Make text printable and bounded: every expression of a template goes through this before it is escaped."""
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def seconds(value: float) -> str:
    """Return a duration for people."""
    if not 0 <= value < 1e7:
        return "? s"
    if value < 0.9995:
        return f"{value * 1000:.3g} ms" if value else "0 s"
    return f"{value:.1f} s" if value < 120 else f"{int(value) // 60} min {int(value) % 60} s"


def moment(value: str) -> str:
    """Return a time of ISO 8601 for people, to the minute in UTC; anything else as it is."""
    try:
        when = datetime.fromisoformat(value)
        return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if when.tzinfo else value
    except (OverflowError, ValueError):
        return value


def count(number: int, noun: str, many: str = "") -> str:
    """``1 case``, ``2 cases``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {many or noun + 's'}"
