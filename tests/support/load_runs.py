"""``hanami-load`` as a program of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hanami_reports.model.load import LoadResult, read_load_result
from tools.reference import ALICE, TIMEOUT, clean_environment

COMMAND = [
    sys.executable,
    "-P",
    "-m",
    "hanami_loadtests.cli",
    "run",
]  # without the current folder, as a console command
# Tests share their machine with other tests: how their generator fares is not what they are about.
EASY = '[generator]\ncpu = 1.0\ngenerator_delay_p99 = "60 s"\nevent_loop_delay_p99 = "60 s"\ncpu_wait = 1.0\n'
EASY += "uncertainty = 1.0\n"
EASY += '[[limit]]\nmetric = "unsent"\nstatistic = "share"\nat_most = 1\n'
LOGIN = {"HANAMI_USER": ALICE[1], "HANAMI_PASSWORD": ALICE[3]}
# By a plan: users that send as fast as they can take the machine from the tests beside them.
SHORT = ("--seconds", "2", "--warm-up", "0.2", "--users", "2", "--model", "open", "--rate", "200")


def run_load(*arguments: str, cwd: Path, login: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run it in a folder, with none of our own settings in its environment; no generator is too slow for it."""
    limits = () if "--limits" in arguments else easy_limits(cwd)
    return subprocess.run(
        [*COMMAND, *limits, *arguments],
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


def easy_limits(folder: Path) -> tuple[str, str]:
    """Options for limits that ask nothing of the generator."""
    path = folder / "easy.toml"
    path.write_text(EASY, encoding="utf-8")
    return "--limits", str(path)
