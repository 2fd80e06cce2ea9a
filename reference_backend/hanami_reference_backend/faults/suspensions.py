"""The end of a suspension of the server, for faults that appear after one."""

from __future__ import annotations

import signal
import time

SECONDS = 0.3  # in which the server reads what was sent while it was suspended

_ended = -SECONDS


def _note_end(_number: int, _frame: object) -> None:
    global _ended  # noqa: PLW0603 - a handler of signals has nothing else
    _ended = time.monotonic()


def watch_suspensions() -> None:
    """Let :func:`is_just_resumed` recognise the suspensions from now on."""
    signal.signal(signal.SIGCONT, _note_end)


def is_just_resumed() -> bool:
    """Return whether a suspension of the server has just ended."""
    return time.monotonic() - _ended < SECONDS
