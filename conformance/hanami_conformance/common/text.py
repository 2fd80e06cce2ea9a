"""Text for people: bounded, printable, on one line, without secrets."""

from __future__ import annotations

import shutil

from hanami_conformance.common.redact import SECRETS
from hanami_reports.common.text import printable

MAX_LINE = 500
SHORTEST_LINE = 40  # characters of a line on a narrow terminal


def printable_line(text: str, limit: int = 200) -> str:
    """Return a text on one line: secrets replaced, control characters escaped, cut after ``limit`` characters."""
    line, is_whole = SECRETS.text_beginning(text, limit)
    return printable(line) if is_whole else f"{printable(line)}... ({len(text)} characters)"


def hex_preview(data: bytes, limit: int = 8) -> str:
    """Return the first bytes in hexadecimal."""
    beginning, is_whole = SECRETS.data_beginning(data, limit)
    return beginning.hex(" ") if is_whole else f"{beginning.hex(' ')} ..."


def line_width(longest: int) -> int:
    """Return the width of lines for people: that of the terminal, within limits; the longest without a terminal.

    Args:
        longest: Width beyond which lines are hard to read, characters.
    """
    return max(SHORTEST_LINE, min(shutil.get_terminal_size((longest, 0)).columns, longest))
