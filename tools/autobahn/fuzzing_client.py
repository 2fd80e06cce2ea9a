"""Where the fuzzing client of the Autobahn test suite comes from: its package for Python 2.7, or its container."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "autobahntestsuite==25.10.1"  # pins its own requirements
IMAGE = "crossbario/autobahn-testsuite:25.10.1@sha256:519915fb568b04c9383f70a1c405ae3ff44ab9e35835b085239c258b6fac3074"
PYTHON_VARIABLE = "AUTOBAHN_PYTHON"
PROBE_SECONDS = 30.0
INSTALL_SECONDS = 300.0
IS_PYTHON_2 = "import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))"
# Not by PYTHONPATH, which ignores the .pth files of namespace packages.
RUN = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"


class MissingClientError(Exception):
    """There is no fuzzing client on this machine; the message says why, in one line."""


@dataclass(frozen=True)
class FuzzingClient:
    """A fuzzing client.

    Attributes:
        name: Description for the report.
        command: Returns the words of the command that runs it with a specification, which is a file.
    """

    name: str
    command: Callable[[Path], list[str]]


def find_client(folder: Path, output: Callable[[str], None]) -> FuzzingClient:
    """Return a fuzzing client, and install it if it is not installed yet.

    Args:
        folder: Folder of the installed package.
        output: Called with a line for each step that takes long.

    Raises:
        MissingClientError: If there is neither Python 2.7 with the package nor a container engine.
    """
    reasons = []
    ways: tuple[Callable[[], FuzzingClient], ...] = (lambda: _package(folder, output), _container)
    for find in ways:
        try:
            return find()
        except MissingClientError as error:
            reasons.append(str(error))
    raise MissingClientError("; ".join(reasons))


def _package(folder: Path, output: Callable[[str], None]) -> FuzzingClient:
    python = next((path for path in _python_paths() if _succeeds([path, "-c", IS_PYTHON_2], PROBE_SECONDS)), None)
    if python is None:
        raise MissingClientError(f"no Python 2.7 with pip (name one in {PYTHON_VARIABLE})")
    done = folder / ".installed"
    if not (done.exists() and done.read_text(encoding="utf-8") == PACKAGE):
        output(f"installing {PACKAGE} for {python} in {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if not _succeeds([*pip, "--target", str(folder), PACKAGE], INSTALL_SECONDS):
            raise MissingClientError(f"{PACKAGE} cannot be installed for {python}")
        done.write_text(PACKAGE, encoding="utf-8")
    return FuzzingClient(
        f"{PACKAGE} on {python}",
        lambda specification: [python, "-c", RUN, str(folder), "-m", "fuzzingclient", "-s", str(specification)],
    )


def _python_paths() -> Iterator[str]:
    if named := os.environ.get(PYTHON_VARIABLE):
        yield named
        return
    yield from filter(None, map(shutil.which, ("python2.7", "python2", "pypy")))
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(root.glob("versions/2.7*/bin/python")))


def _container() -> FuzzingClient:
    engine = next((name for name in ("docker", "podman") if _succeeds([name, "info"], PROBE_SECONDS)), None)
    if engine is None:
        raise MissingClientError("neither docker nor podman works")

    def command(specification: Path) -> list[str]:
        folder = specification.parent
        run = [engine, "run", "--rm", "--init", "--network=host", "--env=PYTHONUNBUFFERED=1"]
        return [*run, f"--volume={folder}:{folder}", IMAGE, "wstest", "-m", "fuzzingclient", "-s", str(specification)]

    return FuzzingClient(f"{IMAGE} in {engine}", command)


def _succeeds(command: list[str], seconds: float) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=seconds, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
