"""Locust as a child process: started, followed, and stopped whatever happens."""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from hanami_conformance.common.child_process import ChildProcess
from hanami_conformance.common.redact import SECRETS, redact_file
from hanami_conformance.common.signals import acknowledge_interrupt
from hanami_loadtests.ports import LOOPBACK, free_port
from hanami_proto.files import DiskError
from hanami_reports.model.load import LoadExit

PROGRESS = "HANAMI_LOAD_PROGRESS"  # variable with the number of the pipe for progress
PARENT = "HANAMI_LOAD_PARENT"  # variable with the id of the process without which Locust ends
FOREIGN_VARIABLES = "LOCUST_"  # beginning of the variables that would change the run unseen
LOG = "locust.log"
GRACE = 30.0  # seconds that Locust may take on top of everything, to begin and to end
PREPARING = 300.0  # seconds that it may take before the run begins, to make large files
LINE_EVERY = 10.0  # seconds between two lines of progress where there is no terminal
KNOWN = set(LoadExit)


@dataclass(frozen=True)
class Launch:
    """Settings for the start of Locust.

    Attributes:
        url: Address of the target.
        options: Options of ours on the command line of Locust.
        environment: Additional variables, secrets among them; an empty one unsets its variable.
        processes: Number of processes that generate load; 0 for one, -1 for one a core.
        folder: Folder of the reports.
        weights: Scenario to weight; empty for all scenarios.
        users: Number of users.
        stages: Number of stages, which give the number of users; 0 for a constant load.
        seconds: Duration of the run.
        most_seconds: Seconds after which a run that has not ended is stopped.
        web: Host and port of the web UI; None for a run without.
        descriptors: File descriptors that it inherits.
    """

    url: str
    options: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    processes: int
    folder: Path
    weights: Mapping[str, int] = field(default_factory=dict)
    users: int = 1
    stages: int = 0
    seconds: float = 0.0
    most_seconds: float = 0.0
    web: tuple[str, int] | None = None
    descriptors: tuple[int, ...] = ()

    def command(self) -> list[str]:
        """Return the command line of Locust."""
        words = [
            sys.executable,
            "-P",
            "-m",
            "hanami_loadtests.locust_integration",
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
        words += self.weights
        classes = [json.dumps({"user_class_name": name, "weight": weight}) for name, weight in self.weights.items()]
        return [*words, "--config-users", *classes] if classes else words

    def variables(self) -> dict[str, str]:
        """Return the environment of Locust, without settings for other load tests."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_VARIABLES)}
        given = kept | dict(self.environment) | {PARENT: str(os.getpid())}
        return {name: value for name, value in given.items() if value}


def run_locust(launch: Launch, console: Console) -> int:
    """Run Locust to its end.

    Args:
        launch: How Locust is started.
        console: Where progress is printed, and the reason why a run cannot begin.

    Returns:
        The exit status.

    Raises:
        KeyboardInterrupt: If there was a second interrupt during the clean-up.
    """
    if launch.web is not None:
        return _run_web(launch)
    reading, writing = os.pipe()
    with (
        (launch.folder / LOG).open("wb", buffering=0) as log,
        tempfile.TemporaryFile() as errors,
        os.fdopen(reading, "rb", buffering=0) as progress,
    ):
        try:
            environment = {**launch.variables(), PROGRESS: str(writing)}
            child = ChildProcess(
                launch.command(),
                stdout=log,
                stderr=errors,
                environment=environment,
                pass_fds=(writing, *launch.descriptors),
                grace=0.0,
            )
        except KeyboardInterrupt:  # while it was started; it is stopped again
            return LoadExit.INTERRUPTED
        finally:
            os.close(writing)
        with child:  # workers that outlive their master end with it, too
            try:
                status = _follow(child, progress, console, launch.most_seconds + GRACE)
            except KeyboardInterrupt:
                status = _end(child, launch.most_seconds - launch.seconds + GRACE)
        errors.seek(0)
        messages = errors.read().decode("utf-8", "replace")
        with contextlib.suppress(OSError):  # on a full disk
            log.write(messages.encode())
    with contextlib.suppress(DiskError, OSError):
        redact_file(launch.folder / LOG)
    for line in messages.splitlines():
        if line.startswith(("ERROR: ", "TARGET NOT REACHABLE: ", "INVALID: ", "WARNING: ")):
            sys.stderr.write(SECRETS.text(line) + "\n")
        elif line.startswith("locust: error: "):
            sys.stderr.write(SECRETS.text(line.replace("locust: error", "ERROR", 1)) + "\n")
            status = LoadExit.USAGE
    if status == -signal.SIGKILL:
        sys.stderr.write("INVALID: Locust was killed (SIGKILL), as by a system that lacks memory\n")
        return LoadExit.INVALID
    if status not in KNOWN:
        sys.stderr.write(f"ERROR: Locust ended with {status}; see {launch.folder / LOG}\n")
        return LoadExit.INTERNAL_ERROR
    return status


def _run_web(launch: Launch) -> int:
    with ChildProcess(
        launch.command(),
        stdin=None,
        stdout=None,
        stderr=None,
        environment=launch.variables(),
        pass_fds=launch.descriptors,
        grace=0.0,
    ) as child:
        try:
            return child.wait() or LoadExit.PASS
        except KeyboardInterrupt:
            _end(child, GRACE)
            return LoadExit.PASS


def _follow(child: ChildProcess, progress: IO[bytes], console: Console, seconds: float) -> int:
    """Print progress until the child has ended.

    Args:
        child: Process of Locust.
        progress: Its pipe.
        console: Where progress is printed.
        seconds: Seconds after which it is stopped, from the beginning of the run.
    """
    until = time.monotonic() + seconds + PREPARING
    printed = -math.inf  # the first line at once: from then on the run has begun
    rest, begun = b"", False
    with console.status("starting") as status, selectors.DefaultSelector() as selector:
        selector.register(progress, selectors.EVENT_READ)
        while child.status is None and time.monotonic() < until:
            if not selector.select(timeout=0.2):
                continue
            data = progress.read(4096)
            if not data:
                child.wait(max(0.1, until - time.monotonic()))
                break
            *lines, rest = (rest + data).split(b"\n")
            if lines and not begun:
                begun, until = True, min(until, time.monotonic() + seconds)
            for line in lines:
                text = progress_line(json.loads(line))
                status.update(text)
                if not console.is_terminal and time.monotonic() - printed >= LINE_EVERY:
                    printed = time.monotonic()
                    console.print(text, markup=False, highlight=False)
    if child.status is None:
        sys.stderr.write("ERROR: Locust did not end in time and is stopped\n")
        return LoadExit.INTERNAL_ERROR
    return int(child.status)


def progress_line(now: Mapping[str, Any]) -> str:
    """Return a line about a run that goes on, without rates before a second was measured."""
    line = f"{now['second']:4d} s  {now['users']} users  {now['valid']} valid  {now['errors']} errors"
    if "megabytes" in now:
        line += f"  {now['megabytes']:.1f} MB/s  {now['per_second']:.0f} messages/s"
    return line


def _end(child: ChildProcess, seconds: float) -> int:
    """End a run early: its users clean up, and the measurements so far are reported."""
    acknowledge_interrupt()
    child.popen.terminate()  # the master alone, which ends its workers
    status = child.wait(seconds)
    # It may not even have begun to listen for signals.
    return LoadExit.INTERRUPTED if status in (None, -signal.SIGTERM) else int(status)
