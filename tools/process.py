"""Child processes of these programs: servers, runs and the results that they leave; stopped whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import IO, Any, AnyStr

from hanami_conformance.common import signals
from hanami_reports.model.conformance import RunResult
from hanami_reports.model.loading import load_result

START_SECONDS = 30.0
STOP_SECONDS = 5.0
LOG_TAIL = 500  # characters of a log that are quoted
POLL = 0.1
GRACE = 15.0  # seconds that a run of the suite gets to clean up when it is stopped


class StoppedError(Exception):
    """It was stopped before its end."""


@contextlib.contextmanager
def running_server(
    title: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Run a Python program that tells in one line of JSON on standard output where it listens.

    The program must stop when its standard input closes, which it does even where this process is killed. It does not
    get the Ctrl-C of the terminal.

    Args:
        title: what to call it in messages.
        arguments: of the Python interpreter.
        environment: variables on top of our own.

    Yields:
        What the program announced.

    Raises:
        BenchError: it did not start; the end of its log is in the message.
    """
    with tempfile.TemporaryFile(prefix="hanami-bench-") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            yield _announcement(process, title, log)
        finally:
            _stop(process)


@contextlib.contextmanager
def stopped(process: subprocess.Popen[AnyStr], grace: float = STOP_SECONDS) -> Iterator[subprocess.Popen[AnyStr]]:
    """Provide a process that does not outlive the block; it is asked to go, and then made to.

    Args:
        process: that runs.
        grace: seconds that it gets to clean up.
    """
    try:
        yield process
    finally:
        for urge in (process.terminate, process.kill):
            if process.poll() is None:
                urge()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(grace)


def finished(
    command: Sequence[str],
    output: IO[bytes] | int,
    environment: Mapping[str, str],
    folder: Path | None,
    deadline: float,
    stop: Event,
) -> int | None:
    """Run a program to its end, out of the reach of Ctrl-C.

    Args:
        command: its words.
        output: where what it prints goes.
        environment: the whole of it.
        folder: in which it runs, None for ours.
        deadline: seconds that it may take.
        stop: ends it when it is set.

    Returns:
        Its exit status, None where it did not end in time.

    Raises:
        StoppedError: it was stopped.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    signals.EXIT_ACTIONS.append(process.kill)
    try:
        with stopped(process, GRACE):
            until = time.monotonic() + deadline
            while process.poll() is None:
                if stop.wait(POLL):
                    raise StoppedError
                if time.monotonic() >= until:
                    return None
        return process.returncode
    finally:
        signals.EXIT_ACTIONS.remove(process.kill)


def read_line(
    process: subprocess.Popen[bytes],
    title: str,
    log: IO[bytes],
    seconds: float,
    slow: str = "was not ready",
    gone: str = "did not start",
) -> bytes:
    """Return the next line that a process writes to its standard output.

    Args:
        process: that runs; it writes no more than this line.
        title: what to call it in messages.
        log: of it.
        seconds: to wait.
        slow: what to say of it where no line came.
        gone: what to say of it where it ended.

    Raises:
        BenchError: no line came.
    """
    assert process.stdout is not None
    end = time.monotonic() + seconds
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, end - time.monotonic())):
                raise BenchError(f"{title} {slow} within {seconds:g} s{tail(log)}")
            data = os.read(process.stdout.fileno(), 4096)
            if not data:
                raise BenchError(f"{title} {gone}{tail(log)}")
            line += data
    return line


def _announcement(process: subprocess.Popen[bytes], title: str, log: IO[bytes]) -> dict[str, Any]:
    line = read_line(process, title, log, START_SECONDS)
    try:
        announced = json.loads(line)
    except ValueError as error:
        raise BenchError(f"{title} announced something that is no JSON") from error
    if not isinstance(announced, dict) or not isinstance(announced.get("url"), str):
        raise BenchError(f"{title} announced no url")
    return announced


def tail(log: IO[bytes]) -> str:
    """Return the end of the log of a process, to be put behind a message."""
    log.seek(0)
    text = log.read().decode("utf-8", "replace").strip()
    return f": {text[-LOG_TAIL:]}" if text else ""


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    for urge in (None, process.terminate, process.kill):
        if urge is not None:
            urge()
        try:
            process.wait(STOP_SECONDS)
            break
        except subprocess.TimeoutExpired:
            continue
    process.stdout.close()


class BenchError(Exception):
    """A server did not start, did not answer in time, or answered wrongly; the message is one line that says which."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.split()))


def result_in(folder: Path) -> RunResult | None:
    """Return the result that a run left, None where there is none."""
    try:
        return load_result((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def last_line(log: IO[bytes]) -> str:
    """Return the last line of a log."""
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
    return lines[-1][-LOG_TAIL:]
