"""A reference backend with users, for programs of developers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

TIMEOUT = 240.0  # seconds; only reached when something is broken
USERS = ("--user", "alice:very-secret-1:alpha", "--user", "bob:very-secret-2:beta")
ALICE = ("--user", "alice", "--password", "very-secret-1")
SECOND = ("--second-user", "bob", "--second-password", "very-secret-2")


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without what would configure the suite."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HANAMI_", "PYTEST_", "COV_"))}
    return {**kept, **(more or {})}


@contextmanager
def backend(*options: str) -> Iterator[str]:
    """Provide a reference backend with these options, and its address."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "hanami_reference_backend",
            "--port",
            "0",
            "--announce",
            "json",
            "--stop-with-stdin",
            *options,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.stdin.close()
        process.wait(TIMEOUT)
        process.stdout.close()
