"""Markdown of untrusted text: inert, and short enough for a comment.

Untrusted text stands in ``<code>``, where hosting services make no links, mentions or emoji of it. Every character that
means something to Markdown or HTML is a character reference.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence

from hanami_reports.common.text import one_line

LIMIT = 60_000  # characters of a page; a comment on a pull request may have 65,536
TEXT_LIMIT = 300  # characters of one text
COMMAND_LIMIT = 1_000  # characters of a command to copy
_HARMLESS = " ,;'\"%/=?+-"
_REFERENCES = {ord(char): f"&#{ord(char)};" for char in string.punctuation if char not in _HARMLESS}
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]+")
_RESERVE = 200  # characters kept free for the note at the end of a shortened table


def escape(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return a text on one line that Markdown and HTML show literally, cut after ``limit`` characters."""
    return one_line(text, limit).translate(_REFERENCES)


def code(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return an untrusted text as code; an empty one stays empty."""
    return f"<code>{escape(text, limit)}</code>" if text else ""


def link(name: str, address: str) -> str:
    """Return a link, or the address as text if it is no web address."""
    if len(address) > COMMAND_LIMIT or not _ADDRESS.fullmatch(address):
        return f"{escape(name)}: {code(address)}"
    return f"[{escape(name)}](<{address}>)"


class Page:
    """Collects paragraphs and tables as long as there is room for them."""

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        self._room = limit

    def lines(self, lines: Iterable[str]) -> None:
        """Add lines, each as a paragraph."""
        for line in lines:
            self._add(f"{line}\n\n")

    def section(
        self, title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, fold: str = "", of: int | None = None
    ) -> None:
        """Add a table, or as many of its rows as there is room for.

        Args:
            title: Line above the table, also printed without rows; may be empty.
            head: Names of the columns.
            rows: Escaped cells.
            fold: Plural noun for the rows, which folds the table; empty to leave it open.
            of: Total number of rows if these are only the first.
        """
        total = len(rows) if of is None else of
        if title:
            self._add(f"{title}\n\n")
        begin = f"<details><summary>{total} {fold}</summary>\n\n" if fold else ""
        begin += _row(head) + _row(["---"] * len(head))
        if not rows or self._room < len(begin) + _RESERVE:
            return
        self._room -= _RESERVE
        self._add(begin)
        added = 0
        for row in rows:
            if not self._add(_row(row)):
                break
            added += 1
        self._room += _RESERVE
        self._add("\n" if added == total else f"\n... and {total - added} more, all in the result\n\n")
        if fold:
            self._add("</details>\n\n")

    def _add(self, part: str) -> bool:
        if len(part) > self._room:
            return False
        self._parts.append(part)
        self._room -= len(part)
        return True

    def text(self) -> str:
        """Return the whole page."""
        return "".join(self._parts).rstrip("\n") + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
