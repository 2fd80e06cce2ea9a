"""The head of an HTTP message: its first line and its headers."""

from __future__ import annotations

from collections.abc import Iterable


def http_head(first_line: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the head of an HTTP message as it is sent, up to the empty line and including it.

    Args:
        first_line: Request line or status line.
        headers: Names and values.
    """
    lines = [first_line, *(f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""])
