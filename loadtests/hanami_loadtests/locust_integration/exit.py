"""Exit of a Locust process before any run, together with the workers that it forked."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import NoReturn

import psutil

from hanami_conformance.common.redact import SECRETS

STOP_SECONDS = 2.0
POLL = 0.05


def exit_with(status: int, line: str) -> NoReturn:
    """Exit this process.

    Args:
        status: Exit status.
        line: Reason, one line.

    Raises:
        SystemExit: Always raised.
    """
    _end_forked_workers()
    sys.stderr.write(SECRETS.text(line) + "\n")
    sys.stderr.flush()
    sys.exit(status)


def _end_forked_workers() -> None:
    """End the workers that ``--processes`` forked, which would search for their master for a minute.

    They are not reaped here: Locust does that, and reports an error if somebody else did.
    """
    forked = psutil.Process().children()
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for child in forked:
            with contextlib.suppress(psutil.NoSuchProcess):
                end(child)
        until = time.monotonic() + STOP_SECONDS
        while any(map(_runs, forked)) and time.monotonic() < until:
            time.sleep(POLL)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
