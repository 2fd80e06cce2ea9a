"""The server under test, where the suite starts it: its process, how that ended, and what it logged."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from hanami_conformance.cases.failures import TargetRejectedConfiguration
from hanami_conformance.common import signals
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import printable_line

SERVER_LOG = "server.log"
STOP_SECONDS = 5.0  # between SIGTERM and SIGKILL
STOP_POLL = 0.05
TAIL_BYTES = 1 << 16
TAIL_LINES = 20
TAIL_LINE = 300  # characters


class ServerProcess:
    """A server as a child process, in a session of its own: Ctrl-C is for the suite, which still needs it.

    Args:
        command: its words; no shell is asked.
        log: file that its output goes to.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self._path = log
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._logged = 0  # bytes of the log when it was started last
        self.starts = 0

    def start(self) -> None:
        """Start it.

        Raises:
            TargetRejectedConfiguration: there is no such command, or the log cannot be written.
        """
        if self._kill not in signals.EXIT_ACTIONS:  # it may be a restart
            signals.EXIT_ACTIONS.append(self._kill)
        try:
            if self._log is None:
                self._log = self._path.open("wb")
            self._logged = self._log.tell()
            with signals.uninterrupted():  # what is started is known to be stopped
                self._process = subprocess.Popen(  # noqa: S603 - the command that the user gave, no shell
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self.starts += 1
        except OSError as error:
            signals.EXIT_ACTIONS.remove(self._kill)
            what = error.filename or self._command[0]
            raise TargetRejectedConfiguration(
                f"the server cannot be started: {error.strerror or error}: {what}"
            ) from error

    def ended(self) -> str:
        """How its process ended, empty while it runs."""
        status = None if self._process is None else self._process.poll()
        if status is None:
            return ""
        if status >= 0:
            return f"its process ended with exit status {status}"
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = "unknown"
        return f"its process was ended by signal {-status} ({name})"

    def tail(self) -> str:
        """Return the last lines that it logged since it was started, fit for a report."""
        if self._log is None:
            return ""
        with contextlib.suppress(OSError), self._path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            begin = max(self._logged, size - TAIL_BYTES)
            log.seek(begin)
            lines = SECRETS.text(log.read().decode("utf-8", "replace")).splitlines()
            if begin > self._logged:
                lines = lines[1:]  # it was cut, perhaps in the middle of a secret
            return "\n".join(printable_line(line, TAIL_LINE) for line in lines[-TAIL_LINES:] if line.strip())
        return ""

    def stop(self) -> None:
        """Stop it and whatever it started: SIGTERM first, SIGKILL to what is left after a grace."""
        process = self._process
        if process is None:
            return
        until = time.monotonic() + STOP_SECONDS
        self._signal(process, signal.SIGTERM)
        while time.monotonic() < until and (process.poll() is None or self._signal(process, 0)):
            time.sleep(STOP_POLL)
        self._signal(process, signal.SIGKILL)
        process.wait()
        self._process = None
        with contextlib.suppress(ValueError):
            signals.EXIT_ACTIONS.remove(self._kill)

    def _signal(self, process: subprocess.Popen[bytes], number: int) -> bool:
        """Send a signal to the group of the process; whether there is anybody in it."""
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _kill(self) -> None:
        if self._process is not None:
            self._signal(self._process, signal.SIGKILL)

    def close(self) -> None:
        """Stop it, and hide the secrets in its log."""
        self.stop()
        if self._log is not None:
            self._log.close()
            self._log = None
            with contextlib.suppress(OSError):
                redact_file(self._path)


def redact_file(path: Path) -> None:
    """Replace what is secret in a file.

    Raises:
        OSError: it cannot be read or replaced.
    """
    with path.open("rb") as source, tempfile.NamedTemporaryFile(dir=path.parent, prefix=".log.", delete=False) as made:
        for line in source:
            made.write(SECRETS.data(line))
    Path(made.name).chmod(0o644)
    Path(made.name).replace(path)
