"""Locust as a child process: started, followed, and stopped whatever happens."""

from __future__ import annotations

import json
import math
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.signals import EXIT_ACTIONS, acknowledge_interrupt
from hanami_loadtests.ports import LOOPBACK, free_port
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_reports.model.load import LoadExit

PROGRESS = "HANAMI_LOAD_PROGRESS"  # variable with the number of the pipe that tells how a run goes
LOG = "locust.log"
GRACE = 30.0  # seconds that Locust may take on top of everything, to begin and to end
PREPARING = 300.0  # seconds that it may take before the run begins, to make large files
LINE_EVERY = 10.0  # seconds between two lines of progress where there is no terminal
KNOWN = {0, 1, 2, 3, 4, 5, 6}


@dataclass(frozen=True)
class Launch:
    """How Locust is started.

    Attributes:
        url: of the target.
        options: of ours, as Locust takes them.
        environment: variables for it, secrets among them.
        processes: that make load; 0 for one, -1 for one a core.
        folder: of the reports.
        weights: scenario to weight; empty for all scenarios.
        users: how many.
        seconds: of the run.
        most_seconds: after which what is not over is stopped.
        web: address of the web UI; None for a run without.
    """

    url: str
    options: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    processes: int
    folder: Path
    weights: Mapping[str, int] = field(default_factory=dict)
    users: int = 1
    seconds: float = 0.0
    most_seconds: float = 0.0
    web: tuple[str, int] | None = None

    def command(self) -> list[str]:
        """Return the command line of Locust."""
        words = [
            sys.executable,
            "-P",
            "-m",
            "locust",
            "-f",
            str(resources.files("hanami_loadtests") / "locustfile.py"),
        ]
        words += ["--host", self.url, *self.options]
        if self.processes:
            port = str(free_port())
            words += [f"--processes={self.processes}", "--master-bind-host", LOOPBACK, "--master-bind-port", port]
            words += ["--master-host", LOOPBACK, "--master-port", port]
        if self.web is not None:
            host, web_port = self.web
            return [*words, "--class-picker", "--web-host", host, "--web-port", str(web_port)]
        words += ["--headless", "--only-summary", "--loglevel", "WARNING"]
        words += ["-u", str(self.users), "-r", str(self.users), "-t", f"{math.ceil(self.seconds)}s"]
        words += [SCENARIOS[name].__name__ for name in self.weights]
        weights = {SCENARIOS[name].__name__: weight for name, weight in self.weights.items()}
        told = [json.dumps({"user_class_name": name, "weight": weight}) for name, weight in weights.items()]
        return [*words, "--config-users", *told] if told else words


def run_locust(launch: Launch, console: Console) -> int:
    """Run Locust to its end.

    Args:
        launch: how.
        console: where progress is shown, and what keeps a run from beginning.

    Returns:
        Its exit status.

    Raises:
        KeyboardInterrupt: we were interrupted a second time while it cleaned up.
    """
    if launch.web is not None:
        return _run_web(launch)
    reading, writing = os.pipe()
    with (
        (launch.folder / LOG).open("wb") as log,
        tempfile.TemporaryFile() as errors,
        os.fdopen(reading, "rb", buffering=0) as progress,
    ):
        try:
            child = _start(launch, log, errors, writing)
        finally:
            os.close(writing)
        EXIT_ACTIONS.append(lambda: _kill(child))
        try:
            status = _follow(child, progress, console, launch.most_seconds + GRACE)
        except KeyboardInterrupt:
            status = _end(child, launch.most_seconds - launch.seconds + GRACE)
        finally:
            _kill(child)
            EXIT_ACTIONS.pop()
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
        log.write(said.encode())
    for line in said.splitlines():
        if line.startswith(("ERROR: ", "TARGET NOT REACHABLE: ")):
            sys.stderr.write(SECRETS.text(line) + "\n")
        elif line.startswith("locust: error: "):
            sys.stderr.write(SECRETS.text(line.replace("locust: error", "ERROR", 1)) + "\n")
            status = LoadExit.USAGE
    if status not in KNOWN:
        sys.stderr.write(f"ERROR: Locust ended with {status}; see {launch.folder / LOG}\n")
        return LoadExit.INTERNAL_ERROR
    return status


def _run_web(launch: Launch) -> int:
    child = subprocess.Popen(  # noqa: S603 - our own program, no shell
        launch.command(), env={**os.environ, **launch.environment}, start_new_session=True
    )
    try:
        return child.wait()
    except KeyboardInterrupt:
        _end(child, GRACE)
        return LoadExit.PASS
    finally:
        _kill(child)


def _start(launch: Launch, log: IO[bytes], errors: IO[bytes], pipe: int) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C comes to us alone, and everything that it starts can be ended with it.
    return subprocess.Popen(  # noqa: S603 - our own program, no shell
        launch.command(),
        env={**os.environ, **launch.environment, PROGRESS: str(pipe)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=errors,
        pass_fds=(pipe,),
        start_new_session=True,
    )


def _follow(child: subprocess.Popen[bytes], progress: IO[bytes], console: Console, seconds: float) -> int:
    """Show progress until the child has ended.

    Args:
        child: that runs.
        progress: its pipe.
        console: where to show it.
        seconds: after which it is stopped.
    """
    until = time.monotonic() + seconds + PREPARING
    shown = time.monotonic()
    rest, begun = b"", False
    with console.status("starting") as status, selectors.DefaultSelector() as selector:
        selector.register(progress, selectors.EVENT_READ)
        while child.poll() is None and time.monotonic() < until:
            if not selector.select(timeout=0.2):
                continue
            data = progress.read(4096)
            if not data:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(max(0.1, until - time.monotonic()))
                break
            *lines, rest = (rest + data).split(b"\n")
            if lines and not begun:
                begun, until = True, min(until, time.monotonic() + seconds)
            for line in lines:
                text = _line(json.loads(line))
                status.update(text)
                if not console.is_terminal and time.monotonic() - shown >= LINE_EVERY:
                    shown = time.monotonic()
                    console.print(text, markup=False, highlight=False)
    if child.poll() is None:
        sys.stderr.write("ERROR: Locust did not end in time and is stopped\n")
        return LoadExit.INTERNAL_ERROR
    return int(child.returncode)


def _line(news: Mapping[str, Any]) -> str:
    return (
        f"{news['second']:4d} s  {news['users']} users  {news['verified']} verified  {news['bad']} bad  "
        f"{news['megabytes']:.1f} MB/s  {news['per_second']:.0f} messages/s"
    )


def _end(child: subprocess.Popen[bytes], seconds: float) -> int:
    """End a run early: its users clean up, and what was measured is reported."""
    acknowledge_interrupt()
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return LoadExit.INTERRUPTED
    # It may not even have begun to listen for signals.
    return LoadExit.INTERRUPTED if child.returncode == -signal.SIGTERM else int(child.returncode)


def _kill(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # workers that outlived it, too
    child.wait()
