"""A small program that ends a process group once the process that started it is gone, even where that was killed.

It is run by its path, with the id of the group, and loads nothing of the suite. Its standard input is a pipe that only
that process can write to, and never does: it ends when the process ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

GRACE_SECONDS = 5.0  # between SIGTERM and SIGKILL
POLL = 0.05


def main() -> None:
    """Wait for the end of standard input, then end the group."""
    group = int(sys.argv[1])
    leader = _start_of(group)
    while os.read(0, 1):
        pass
    if _start_of(group) in ("", leader):  # else the id belongs to a process that has nothing to do with it
        _end(group)


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        until = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < until:
            time.sleep(POLL)
            os.killpg(group, 0)
        os.killpg(group, signal.SIGKILL)


def _start_of(process: int) -> str:
    """Return when a process started, in ticks since the start of the system; empty if there is none, or no /proc."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


if __name__ == "__main__":
    main()
