"""The server under test where the suite starts it: its process, how that ended, and its log."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from hanami_conformance.cases.failures import TargetRejectedConfiguration
from hanami_conformance.common.child_process import ChildProcess
from hanami_conformance.common.redact import SECRETS, redact_file
from hanami_conformance.common.text import printable_line
from hanami_proto.files import DiskError

SERVER_LOG = "server.log"
TAIL_BYTES = 1 << 16
TAIL_LINES = 20
TAIL_LINE = 300  # characters
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # colours and the like


class ServerProcess:
    """The server under test, which may be started several times.

    Args:
        command: Words of the command.
        log: File for its output.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self._path = log
        self._log: IO[bytes] | None = None
        self._child: ChildProcess | None = None
        self._logged = 0  # bytes of the log when it was started last, or when the case began
        self.starts = 0

    def start(self) -> None:
        """Start the server, after stopping what is left of an earlier start.

        Raises:
            TargetRejectedConfiguration: If there is no such command, or the log cannot be written.
        """
        self.stop()
        try:
            if self._log is None:
                self._log = self._path.open("wb")
            self._logged = self._log.tell()
            self._child = ChildProcess(self._command, stdout=self._log, stderr=subprocess.STDOUT, guarded=True)
            self.starts += 1
        except OSError as error:
            what = error.filename or self._command[0]
            raise TargetRejectedConfiguration(
                f"the server cannot be started: {error.strerror or error}: {what}"
            ) from error

    @property
    def pid(self) -> int:
        """Id of the process, that of its last start."""
        assert self._child is not None
        return self._child.popen.pid

    def begin_case(self) -> None:
        """Quote only lines that are logged from now on: the start of a server says nothing about its crash."""
        if self._log is not None:
            with contextlib.suppress(OSError):
                self._logged = self._path.stat().st_size

    def ended(self) -> str:
        """Return how the process ended, empty while it runs."""
        return "" if self._child is None else self._child.ended()

    def tail(self) -> str:
        """Return the last lines that the server logged since its start or since the case began, fit for a report."""
        if self._log is None:
            return ""
        with contextlib.suppress(OSError), self._path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            begin = max(self._logged, size - TAIL_BYTES)
            log.seek(begin)
            lines = SECRETS.text(ESCAPES.sub("", log.read().decode("utf-8", "replace"))).splitlines()
            if begin > self._logged:
                lines = lines[1:]  # it was cut, perhaps in the middle of a secret
            return "\n".join(printable_line(line, TAIL_LINE) for line in lines[-TAIL_LINES:] if line.strip())
        return ""

    def suspended(self) -> contextlib.AbstractContextManager[None]:
        """Suspend the server during the block."""
        return contextlib.nullcontext() if self._child is None else self._child.suspended()

    def kill(self) -> None:
        """End the server at once, without a chance to store anything."""
        if self._child is not None:
            self._child.kill()

    def stop(self) -> None:
        """Stop the server and whatever it started."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def close(self) -> None:
        """Stop the server, and redact its log."""
        self.stop()
        if self._log is not None:
            self._log.close()
            self._log = None
            with contextlib.suppress(DiskError, OSError):
                redact_file(self._path)
