"""Child processes: each in a process group of its own, and stopped whatever happens."""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from hanami_conformance.common import signals
from hanami_conformance.common.machine_watch import MACHINE
from hanami_conformance.common.shortage import MachineShortage

ORPHAN_GUARD = Path(__file__).with_name("orphan_guard.py")
START_SECONDS = 30.0
STOP_SECONDS = 5.0  # between the end of its input and SIGTERM, and between SIGTERM and SIGKILL
POLL = 0.05
LOG_TAIL = 2000  # characters of a log that are quoted
Stream = IO[bytes] | IO[str] | int


class ProcessError(Exception):
    """A process did not start, did not answer in time, or answered wrongly; the message is one line that says which."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.split()))


class ChildProcess:
    """A program that was started in a session of its own: Ctrl-C is for this process, which still needs the program.

    Args:
        command: Words of the command; no shell is involved.
        stdin: Where its input comes from. A pipe is closed before the program is asked to end.
        stdout: Where its output goes.
        stderr: Where its messages go.
        folder: Folder to start in, None for the current one.
        environment: All variables of the program, None for those of this process.
        pass_fds: File descriptors that it inherits.
        grace: Seconds that it gets to end by itself when it is stopped, :data:`STOP_SECONDS` by default.
        guarded: Whether it is ended where this process is killed, for programs that do not notice that by themselves.

    Raises:
        OSError: If there is no such program.
        MachineShortage: If this machine lacks what a process needs.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: Stream | None = subprocess.DEVNULL,
        stdout: Stream | None = subprocess.DEVNULL,
        stderr: Stream | None = subprocess.DEVNULL,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        grace: float | None = None,
        guarded: bool = False,
    ) -> None:
        self._grace = grace
        self._guard: subprocess.Popen[bytes] | None = None
        try:
            with signals.uninterrupted():  # between the start and the note that it has to be stopped
                self.popen = subprocess.Popen(  # noqa: S603 - the caller's command, no shell
                    command,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    cwd=folder,
                    env=environment,
                    pass_fds=pass_fds,
                    start_new_session=True,
                )
                signals.EXIT_ACTIONS.append(self.kill)
                if guarded:
                    self._start_guard()
        except BlockingIOError as error:
            raise MachineShortage("no process can be started: end other programs, or raise ulimit -u") from error
        except KeyboardInterrupt:
            self.stop()
            raise

    def _start_guard(self) -> None:
        """Start the program that ends this one once our process is gone."""
        command = [sys.executable, "-I", "-S", str(ORPHAN_GUARD), str(self.popen.pid)]
        null = subprocess.DEVNULL
        try:
            self._guard = subprocess.Popen(  # noqa: S603 - a program of ours
                command, stdin=subprocess.PIPE, stdout=null, stderr=null, start_new_session=True
            )
        except OSError:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def status(self) -> int | None:
        """Exit status, negative for the signal that ended it; None while it runs."""
        return self.popen.poll()

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for the end of the program; return its exit status, None where it did not end in time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.popen.wait(seconds)
        return None

    def read_line(self, seconds: float) -> bytes:
        """Return the next line of its output; the program writes no more than this line.

        Raises:
            TimeoutError: If there was no line in time.
            EOFError: If the program ended its output.
        """
        assert self.popen.stdout is not None
        until = time.monotonic() + seconds
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.popen.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimeoutError
                data = os.read(self.popen.stdout.fileno(), 4096)
                if not data:
                    raise EOFError
                line += data
        return line

    def stop(self) -> None:
        """Stop the program and whatever it started: by its input, by SIGTERM, and what is left then by SIGKILL."""
        grace = STOP_SECONDS if self._grace is None else self._grace
        if self.popen.stdin is not None:
            with contextlib.suppress(OSError):
                self.popen.stdin.close()
            self.wait(grace)
        until = time.monotonic() + grace
        if self._signal_group(signal.SIGTERM):
            while time.monotonic() < until and (self.status is None or self._signal_group(0)):
                time.sleep(POLL)
        self.kill()
        self.popen.wait()
        if self._guard is not None:
            self._guard.kill()  # before its pipe is closed: nothing is left for it to end
            self._guard.communicate()
        if self.popen.stdout is not None:
            self.popen.stdout.close()
        with contextlib.suppress(ValueError):
            signals.EXIT_ACTIONS.remove(self.kill)

    def ended(self) -> str:
        """Return how the program ended, empty while it runs."""
        status = self.status
        if status is None:
            return ""
        if status >= 0:
            return f"its process ended with exit status {status}"
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = "unknown"
        return f"its process was ended by signal {-status} ({name})"

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Suspend the program and whatever it started during the block."""
        try:
            self._signal_group(signal.SIGSTOP)
            yield
        finally:
            self._signal_group(signal.SIGCONT)

    def kill(self) -> None:
        """End the program and whatever it started at once."""
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: int) -> bool:
        """Send a signal to the process group; return whether a process is in it."""
        try:
            os.killpg(self.popen.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


@contextlib.contextmanager
def announced_server(
    title: str, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Run a server that announces itself; see :func:`announced_process`."""
    with announced_process(title, command, environment) as (announced, _):
        yield announced


@contextlib.contextmanager
def announced_process(
    title: str, command: Sequence[str], environment: Mapping[str, str] | None = None, *, guarded: bool = False
) -> Iterator[tuple[dict[str, Any], ChildProcess]]:
    """Run a server that prints one line of JSON with its ``url``, and stops when its standard input closes.

    So it ends even where this process is killed.

    Args:
        title: Name of the server in messages.
        command: Words of the command.
        environment: All variables of the server, None for those of this process.
        guarded: Whether it may be suspended, so that it would not notice the end of its input.

    Yields:
        The announcement, and the process.

    Raises:
        ProcessError: If the server does not start; the end of its log is in the message.
        MachineShortage: If this machine may be the reason.
    """
    with tempfile.TemporaryFile(prefix="hanami-server-") as log:
        pipe = subprocess.PIPE
        with ChildProcess(
            command, stdin=pipe, stdout=pipe, stderr=log, environment=environment, guarded=guarded
        ) as process:
            try:
                MACHINE.note_wait()
                line = process.read_line(START_SECONDS)
            except TimeoutError as error:
                MACHINE.check_wait(START_SECONDS, enough=math.inf)
                raise ProcessError(f"{title} was not ready within {START_SECONDS:g} s{log_tail(log)}") from error
            except EOFError as error:
                raise ProcessError(f"{title} did not start{log_tail(log)}") from error
            try:
                announced = json.loads(line)
            except ValueError as error:
                raise ProcessError(f"{title} announced something that is no JSON") from error
            if not isinstance(announced, dict) or not isinstance(announced.get("url"), str):
                raise ProcessError(f"{title} announced no url")
            yield announced, process


def log_tail(log: IO[bytes]) -> str:
    """Return the end of a log, to be put after a message; empty for an empty log."""
    log.seek(0)
    text = log.read().decode("utf-8", "replace").strip()
    return f": {text[-LOG_TAIL:]}" if text else ""
