"""Limits of what is read from a target: a hostile one must not fill the memory of this machine."""

from __future__ import annotations

MIB = 1 << 20
# The largest answers of right servers are pages of 200,000 numbers, and the outputs of large clusters.
MOST_RESPONSE = 8 * MIB  # bytes of an HTTP response
MOST_MESSAGE = 8 * MIB  # bytes of a message of a websocket
MOST_UNREAD = 16 * MIB  # bytes of messages that arrived on a websocket, and that nobody has read yet
MOST_UNREAD_MESSAGES = 20_000
MOST_CONTAINERS = 400_000  # objects and lists of a JSON text, each of which takes a hundred bytes or more once parsed


def format_mib(size: int) -> str:
    """Return a number of bytes in MiB: ``8 MiB``."""
    return f"{size / MIB:g} MiB"
