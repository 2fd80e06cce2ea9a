"""The bundled reference backend, started for a run and stopped after it."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.common.child_process import ProcessError, announced_server
from hanami_conformance.options.definitions import AUTO
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_proto.dialect import DEFAULT_DIALECT

LARGEST_FILE = "10000000000"  # bytes, what the protocol allows: announced, and hardly touched


@contextlib.contextmanager
def reference_backend(options: TargetOptions) -> Iterator[TargetOptions]:
    """Run the reference backend on a free port, with passwords of its own for each run.

    Yields:
        The options, with its address and credentials.

    Raises:
        TargetDown: If it does not start; the end of its log is in the message.
    """
    dialect = DEFAULT_DIALECT if options.dialect == AUTO else options.dialect
    alice, bob = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
    command = [sys.executable, "-m", "hanami_reference_backend", "--port", "0", "--dialect", dialect]
    command += ["--max-file-size", LARGEST_FILE, "--max-storage", LARGEST_FILE]
    command += ["--announce", "json", "--stop-with-stdin"]
    environment = {**os.environ, "HANAMI_REFERENCE_USERS": f"alice:{alice}:alpha bob:{bob}:beta"}
    with contextlib.ExitStack() as stack:
        try:
            announced = stack.enter_context(announced_server("the reference backend", command, environment))
        except ProcessError as error:
            raise TargetDown(str(error)) from error
        yield replace(
            options,
            url=announced["url"],
            account=Credentials("alice", alice),
            other_account=Credentials("bob", bob),
            expired_token=announced["expired_tokens"]["alice"],
        )
