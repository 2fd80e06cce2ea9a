"""What a server says, without what differs from run to run though nothing changed."""

from __future__ import annotations

import re

# Uuids, names that the suite gives, long hexadecimal numbers, addresses with a port, and times.
_PASSING = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|hc_\w+|\b[0-9a-fA-F]{12,}\b|\d+\.\d+\.\d+\.\d+:\d+|localhost:\d+|\d+\.\d+ m?s\b"
)


def steady_parts(text: str) -> list[str]:
    """Return the parts of a text between what passes."""
    return _PASSING.split(text)


def alike(one: str, other: str) -> bool:
    """Whether two texts differ in nothing but what passes."""
    return steady_parts(one) == steady_parts(other)
