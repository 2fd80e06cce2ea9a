"""``hanami-load`` as a program of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "conformance"))
from suite_support import ALICE, TIMEOUT, clean_environment

from reports.load.model import LoadResult, read_load_result

COMMAND = [sys.executable, "-m", "loadtests.cli", "run"]
LOGIN = {"HANAMI_USER": ALICE[1], "HANAMI_PASSWORD": ALICE[3]}


def run_load(*arguments: str, cwd: Path, login: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run it in a folder, with none of our own settings in its environment."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=clean_environment(LOGIN if login is None else login),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def load_result_of(folder: Path) -> LoadResult:
    """The result that a run in this folder left."""
    return read_load_result(folder / "reports" / "latest-load")
