"""The reference backend in a process that also measures its event loop and its memory.

Run as ``python -m tools.bench.watched_server OPTION...`` with the options of ``hanami-reference-backend``. A GET of
:data:`PATH` returns what was measured since the one before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hanami_reference_backend import cli, run

PATH = "/watched"
TICK = 0.005  # seconds between two looks at the clock
SCHEDULER = Path("/proc/thread-self/schedstat")
MEMORY = Path("/proc/self/status")
FORGET_PEAK = Path("/proc/self/clear_refs")


class LoopWatch:
    """Measures how long the event loop is blocked.

    A task wakes up every :data:`TICK` seconds. What it is late is the time in which the loop served nobody, apart from
    the time in which the system let other processes run.
    """

    def __init__(self) -> None:
        self._longest = 0.0

    async def run(self) -> None:
        """Watch until the server ends."""
        while True:
            start, waited = time.monotonic(), waiting_time()
            await asyncio.sleep(TICK)
            late = time.monotonic() - start - TICK - (waiting_time() - waited)
            self._longest = max(self._longest, late)

    def take_longest(self) -> float:
        """Return the longest block since the last call, in seconds."""
        longest, self._longest = self._longest, 0.0
        return longest


class WatchedApplication:
    """The application of the server, with a path for what was measured."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application
        self._watch = LoopWatch()
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket (ASGI)."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch.run())
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._application(scope, receive, send)
            return
        await asyncio.sleep(2 * TICK)  # until a block that has just ended is noted
        answer = {"block": self._watch.take_longest(), "memory": take_peak(), "held": memory("VmRSS")}
        await JSONResponse(answer)(scope, receive, send)


def waiting_time() -> float:
    """Return the seconds in which this thread could run but others did; 0 where the system does not say."""
    try:
        return int(SCHEDULER.read_text(encoding="ascii").split()[1]) / 1e9
    except OSError:
        return 0.0


def take_peak() -> int:
    """Return the largest resident memory since the last call, in bytes."""
    peak = memory("VmHWM")
    with contextlib.suppress(OSError):  # then it is the largest since the start
        FORGET_PEAK.write_text("5", encoding="ascii")
    return peak


def memory(name: str) -> int:
    """Return a size of this process, in bytes; 0 where the system does not say."""
    try:
        lines = MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":")), 0)


def main(argv: Sequence[str]) -> int:
    """Run the server until it is stopped; the exit status."""
    assemble = run.assemble
    run.assemble = lambda options: WatchedApplication(assemble(options))
    return cli.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
