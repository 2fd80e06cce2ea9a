"""Programs whose memory is measured while they run."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.reference import TIMEOUT, clean_environment

POLL = 0.05
MIB = 1 << 20


@dataclass(frozen=True)
class Measured:
    """A program that has ended.

    Attributes:
        returncode: Exit status of the program.
        output: Standard output and error.
        peak: Largest resident memory of a process of it at any moment, bytes.
        seconds: Duration of the program.
    """

    returncode: int
    output: str
    peak: int
    seconds: float


def run_measured(words: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Run a program in a folder, with none of our own settings in its environment."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env=clean_environment(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        peak = 0
        try:
            while process.poll() is None and time.monotonic() - began < TIMEOUT:
                peak = max(peak, _memory(process.pid))
                time.sleep(POLL)
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return Measured(process.returncode, text, peak, time.monotonic() - began)


def _memory(pid: int) -> int:
    """Return the largest peak among a process and its children."""
    found = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error, OSError, StopIteration):
                status = Path(f"/proc/{one.pid}/status")
                if status.exists():  # the peak; elsewhere, what is resident at the moment
                    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
                    found = max(found, int(line.split()[1]) << 10)
                else:
                    found = max(found, one.memory_info().rss)
    return found


def folder_size(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
