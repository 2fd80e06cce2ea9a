"""Safe text: printable, bounded, on one line. Everything that a server sent passes through here before it is shown."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

UNCHECKED_CERTIFICATE = "certificate not checked (--insecure)"  # in the header and in every report of a run
TEXT_LIMIT = 600  # characters of a text on one line
_DIGEST_LENGTH = 16  # hexadecimal digits; enough to recognise the same bytes


def printable(text: str, *, keep: str = "") -> str:
    """Return the text with unprintable characters escaped: control characters, lone surrogates, direction marks.

    Args:
        text: Text from an untrusted source.
        keep: Unprintable characters to leave as they are, such as line breaks.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode("ascii") for char in text
    )


def cut_note(text: str) -> str:
    """Return the note behind a shortened text: its full length and its digest."""
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:_DIGEST_LENGTH]
    return f"... (cut: {len(text):,} characters, sha256 {digest}...)"


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return a printable text on one line, cut after ``limit`` characters."""
    return printable(text) if len(text) <= limit else f"{printable(text[:limit])}{cut_note(text)}"


def pluralise(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 case`` or ``2,000 cases``; ``plural`` for nouns that do not take an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def format_moment(text: str) -> str:
    """Return an ISO 8601 time to the minute in UTC; any other text unchanged."""
    try:
        moment = datetime.fromisoformat(text)
        return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment.tzinfo else text
    except (OverflowError, ValueError):
        return text
