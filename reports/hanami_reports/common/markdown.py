"""Markdown of what somebody else wrote: inert, and short.

A text of somebody else stands in ``<code>``, where hosting services make no links, mentions or emoji of it, and every
character that could mean something to Markdown or HTML is a character reference.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence

LIMIT = 60_000  # characters of all; a comment on a pull request may have 65,536
TEXT_LIMIT = 300  # of one text
COMMAND_LIMIT = 1_000  # of a line that is to be copied
_HARMLESS = " ,;'\"%/=?+-"
_REFERENCES = {ord(char): f"&#{ord(char)};" for char in string.punctuation if char not in _HARMLESS}
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]+")
_RESERVE = 200  # room for what is said at the end of a table that was cut


def escape(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return a text on one line that Markdown and HTML show as it is, cut after ``limit`` characters."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:limit])
    return shown.translate(_REFERENCES) + (f" ... ({len(text)} characters)" if len(text) > limit else "")


def code(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return a text that somebody else wrote, see the top of this module; nothing for an empty one."""
    return f"<code>{escape(text, limit)}</code>" if text else ""


def link(name: str, address: str) -> str:
    """Return a link, or its address as a text where that is none of the web."""
    if len(address) > COMMAND_LIMIT or not _ADDRESS.fullmatch(address):
        return f"{escape(name)}: {code(address)}"
    return f"[{escape(name)}](<{address}>)"


class Page:
    """Collects lines while there is room for them."""

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        self._room = limit

    def lines(self, lines: Iterable[str]) -> None:
        """Add lines, each a paragraph."""
        for line in lines:
            self._add(f"{line}\n\n")

    def section(
        self, title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, fold: str = "", of: int | None = None
    ) -> None:
        """Add a table, or as many rows of it as there is room for.

        Args:
            title: a line above it, may be empty. It stands there even if there are no rows.
            head: names of the columns.
            rows: cells, escaped.
            fold: what the rows are, where they are to be folded away; empty where not.
            of: how many rows there would be, where these are not all.
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
        shown = 0
        for row in rows:
            if not self._add(_row(row)):
                break
            shown += 1
        self._room += _RESERVE
        self._add("\n" if shown == total else f"\n... and {total - shown} more, all in the result\n\n")
        if fold:
            self._add("</details>\n\n")

    def _add(self, part: str) -> bool:
        if len(part) > self._room:
            return False
        self._parts.append(part)
        self._room -= len(part)
        return True

    def text(self) -> str:
        """All of it."""
        return "".join(self._parts).rstrip("\n") + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
