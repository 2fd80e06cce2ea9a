"""The bundled reference backend, started for a run and stopped after it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import subprocess
import sys
import tempfile
from dataclasses import replace
from typing import IO, Any

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.options.definitions import AUTO
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_proto.dialect import DEFAULT_DIALECT

LARGEST_FILE = "10000000000"  # bytes, what the protocol allows: announced, and hardly touched
START_SECONDS = 30.0
STOP_SECONDS = 5.0
LOG_TAIL = 2000  # characters of the log that are quoted


class ReferenceProcess:
    """The reference backend as a child process.

    It gets users and passwords of its own for each run, a free port, and its standard input from us: it stops when that
    closes, so it does not outlive the suite even where the suite is killed.

    Args:
        dialect: that it serves; where it is to be found by asking, the default.
    """

    def __init__(self, dialect: str) -> None:
        self._dialect = DEFAULT_DIALECT if dialect == AUTO else dialect
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self, options: TargetOptions) -> TargetOptions:
        """Start it and wait until it takes connections.

        Returns:
            The options, with its address and credentials.

        Raises:
            TargetDown: it did not start; the end of its log is in the message.
        """
        passwords = {user: secrets.token_urlsafe(12) for user in ("alice", "bob")}
        projects = {"alice": "alpha", "bob": "beta"}
        users = " ".join(f"{user}:{password}:{projects[user]}" for user, password in passwords.items())
        self._log = tempfile.TemporaryFile(prefix="hanami-reference-")  # noqa: SIM115 - closed in stop()
        command = [sys.executable, "-m", "hanami_reference_backend", "--port", "0", "--dialect", self._dialect]
        command += ["--max-file-size", LARGEST_FILE, "--max-storage", LARGEST_FILE]
        self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            [*command, "--announce", "json", "--stop-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "HANAMI_REFERENCE_USERS": users},
            start_new_session=True,  # Ctrl-C is for the suite, which still needs the backend to clean up
        )
        announced = self._announcement(Deadline.after(START_SECONDS))
        return replace(
            options,
            url=announced["url"],
            account=Credentials("alice", passwords["alice"]),
            other_account=Credentials("bob", passwords["bob"]),
            expired_token=announced["expired_tokens"]["alice"],
        )

    def _announcement(self, deadline: Deadline) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(deadline.remaining()):
                    raise TargetDown(f"the reference backend was not ready within {START_SECONDS:g} s{self._tail()}")
                data = os.read(self._process.stdout.fileno(), 4096)
                if not data:
                    raise TargetDown(f"the reference backend did not start{self._tail()}")
                line += data
        announced: dict[str, Any] = json.loads(line)
        return announced

    def _tail(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(0)
        text = self._log.read().decode("utf-8", "replace").strip()
        return f": {text[-LOG_TAIL:]}" if text else ""

    def stop(self) -> None:
        """Stop it, by force if it does not go by itself."""
        process = self._process
        if process is not None:
            self._process = None
            with contextlib.suppress(OSError):
                assert process.stdin is not None
                process.stdin.close()
            for urge in (None, process.terminate, process.kill):
                if urge is not None:
                    urge()
                try:
                    process.wait(STOP_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
            if process.stdout is not None:
                process.stdout.close()
        if self._log is not None:
            self._log.close()
            self._log = None
