"""Texts of a server, without the parts that differ from run to run."""

from __future__ import annotations

import re

# Uuids, resource names of the suite, long hexadecimal numbers, addresses with a port, times, numbers of sockets, and
# the notes behind texts that were cut.
_VOLATILE = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|hc_\w+|\b[0-9a-fA-F]{12,}\b|\d+\.\d+\.\d+\.\d+:\d+|localhost:\d+|\d+\.\d+ m?s\b"
    r"| \(socket \d+\)|\.\.\. \((?:cut: )?[\d,]+ characters(?:, sha256 [0-9a-f]+\.\.\.)?\)"
)


def stable_parts(text: str) -> list[str]:
    """Return the parts of a text between its volatile parts."""
    return _VOLATILE.split(text)


def equal_ignoring_volatile(one: str, other: str) -> bool:
    """Whether two texts differ only in their volatile parts."""
    return stable_parts(one) == stable_parts(other)
