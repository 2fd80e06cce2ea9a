"""The bundled reference backend, started for a run and stopped after it."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from dataclasses import replace
from typing import Self
from urllib.parse import urlsplit

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.common.child_process import ChildProcess, ProcessError, announced_process
from hanami_conformance.options.definitions import AUTO
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_proto.dialect import DEFAULT_DIALECT

LARGEST_FILE = "10000000000"  # bytes, what the protocol allows: announced, and hardly touched


class ReferenceBackend:
    """The reference backend on a free port, with passwords of its own for each run.

    Args:
        options: Options of the target; the address and the credentials are replaced.

    Attributes:
        options: Options that reach the server, once it was started.
    """

    def __init__(self, options: TargetOptions) -> None:
        self.options = options
        self._alice, self._bob = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        self._process = contextlib.ExitStack()
        self._child: ChildProcess

    def __enter__(self) -> Self:
        self._start(0)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    @property
    def pid(self) -> int:
        """Id of the process, that of its last start."""
        return self._child.popen.pid

    def suspended(self) -> contextlib.AbstractContextManager[None]:
        """Suspend the server during the block."""
        return self._child.suspended()

    def ended(self) -> str:
        """Return how the process ended, empty while it runs."""
        return self._child.ended()

    def kill(self) -> None:
        """End the server at once."""
        self._child.kill()

    def stop(self) -> None:
        """Stop the server."""
        self._process.close()

    def restart(self) -> None:
        """Stop the server, and start it at the same address with the same users; nothing else of it is kept.

        Raises:
            TargetDown: If it does not start.
        """
        self.stop()
        self._start(urlsplit(self.options.url).port or 0)

    def _start(self, port: int) -> None:
        """Start the server.

        Raises:
            TargetDown: If it does not start; the end of its log is in the message.
        """
        dialect = DEFAULT_DIALECT if self.options.dialect == AUTO else self.options.dialect
        command = [sys.executable, "-m", "hanami_reference_backend", "--port", str(port), "--dialect", dialect]
        command += ["--max-file-size", LARGEST_FILE, "--max-storage", LARGEST_FILE]
        command += ["--announce", "json", "--stop-with-stdin"]
        users = f"alice:{self._alice}:alpha bob:{self._bob}:beta"
        environment = {**os.environ, "HANAMI_REFERENCE_USERS": users}
        try:
            announced, self._child = self._process.enter_context(
                announced_process("the reference backend", command, environment, guarded=True)
            )
        except ProcessError as error:
            raise TargetDown(str(error)) from error
        self.options = replace(
            self.options,
            url=announced["url"],
            account=Credentials("alice", self._alice),
            other_account=Credentials("bob", self._bob),
            expired_token=announced["expired_tokens"]["alice"],
        )
