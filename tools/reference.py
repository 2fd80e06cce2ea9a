"""A reference backend with users, for programs of developers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hanami_conformance.common.child_process import announced_server
from hanami_conformance.server.reference import LARGEST_FILE

TIMEOUT = 240.0  # seconds; only reached when something is broken
USERS = ("--user", "alice:very-secret-1:alpha", "--user", "bob:very-secret-2:beta")
ALICE = ("--user", "alice", "--password", "very-secret-1")
SECOND = ("--second-user", "bob", "--second-password", "very-secret-2")
BACKEND = ("-m", "hanami_reference_backend", "--port", "0", "--announce", "json", "--stop-with-stdin")
LARGE_FILES = ("--max-file-size", LARGEST_FILE, "--max-storage", LARGEST_FILE)
RUN_SUITE = ("-m", "hanami_conformance.cli.main", "run")


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without variables that would configure the suite."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HANAMI_", "PYTEST_", "COV_"))}
    return {**kept, **(more or {})}


@contextmanager
def backend(*options: str) -> Iterator[str]:
    """Provide the address of a reference backend with these options."""
    command = [sys.executable, *BACKEND, *options]
    with announced_server("the reference backend", command, clean_environment()) as announced:
        yield announced["url"]
