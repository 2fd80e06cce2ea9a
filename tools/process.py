"""Child processes of these programs: servers, runs of the suite, and the results that they leave."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event
from typing import IO, Any, TypeVar

from hanami_conformance.common.child_process import LOG_TAIL, ChildProcess, announced_server
from hanami_conformance.common.signals import acknowledge_interrupt, handle_signals
from hanami_reports.model.conformance import RunResult, parse_result

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
POLL = 0.1
INTERRUPTED = 130  # as shells have it
# Keeps a core busy as long as the process lives whose id it is given.
BURN = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(100_000))"
GRACE = 15.0  # seconds that a run of the suite gets to clean up when it is stopped


class StoppedError(Exception):
    """A program was stopped before its end."""


def run_command(run: Callable[[], int]) -> int:
    """Run a command of a program and return its exit status, that of an interrupt after Ctrl-C or SIGTERM."""
    try:
        with handle_signals():
            return run()
    except KeyboardInterrupt:
        print("interrupted")
        return INTERRUPTED


def act_on_each(items: Sequence[Item], act: Callable[[Item], Outcome], jobs: int, stop: Event) -> list[Outcome]:
    """Act on every item, some at the same time, and return what that gives, in the order of the items.

    Args:
        items: The items.
        act: Function of an item, which ends soon once ``stop`` is set.
        jobs: Number of items at the same time.
        stop: Event that is set on an error and on Ctrl-C, which end all.
    """
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(act, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                acknowledge_interrupt()
            stop.set()
            for future in futures:
                future.cancel()
            raise


def running_server(
    title: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> AbstractContextManager[dict[str, Any]]:
    """Run a Python program that announces in one line of JSON where it listens; see :func:`announced_server`.

    Args:
        title: Name of the program in messages.
        arguments: Arguments of the Python interpreter.
        environment: Variables in addition to those of this process.
    """
    return announced_server(title, [sys.executable, *arguments], {**os.environ, **(environment or {})})


def run_to_end(
    command: Sequence[str],
    output: IO[bytes] | int,
    environment: Mapping[str, str],
    folder: Path | None,
    deadline: float,
    stop: Event,
) -> int | None:
    """Run a program to its end, out of the reach of Ctrl-C.

    Args:
        command: Words of the command.
        output: Where its output goes.
        environment: All variables of the program.
        folder: Folder in which it runs, None for the current one.
        deadline: Seconds that it may take.
        stop: Event that ends the program when it is set.

    Returns:
        The exit status, None where the program did not end in time.

    Raises:
        StoppedError: If it was stopped.
    """
    until = time.monotonic() + deadline
    with ChildProcess(
        command, stdout=output, stderr=output, folder=folder, environment=environment, grace=GRACE
    ) as process:
        while process.status is None:
            if stop.wait(POLL):
                raise StoppedError
            if time.monotonic() >= until:
                return None
        return process.status


def result_in(folder: Path) -> RunResult | None:
    """Return the result that a run left, None where there is none."""
    try:
        return parse_result((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def last_line(log: IO[bytes]) -> str:
    """Return the last line of a log."""
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines() or ["no output"]
    return lines[-1][-LOG_TAIL:]
