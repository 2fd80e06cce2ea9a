"""The machine of a server that the suite starts: a full disk or too little memory is no failure of the server."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from hanami_conformance.common.control_groups import PROC, control_groups
from hanami_conformance.common.shortage import MachineShortage

MIB = 1 << 20
LEAST_DISK = MIB  # bytes; with less, a server can hardly store a dataset of the suite
LEAST_MEMORY = 512 * MIB  # bytes at the start; a server that uses up more than that is responsible itself
DESCRIPTORS = 64  # of a process, besides those of connections
DESCRIPTORS_OF_A_CONNECTION = 2  # in a server that keeps a file open as well


class ServerMachine:
    """What this machine had at the start of the server, and what it lacks later.

    Args:
        folders: Folders in which the server may store files, besides those that every program uses.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = [*folders, Path(os.environ.get("TMPDIR") or tempfile.gettempdir()), Path.cwd()]
        self._memory = available_memory()
        self._kills = _kills_for_memory()

    def shortage(self) -> str:
        """Return what the server may have lacked by now, on one line with the cure; empty for nothing."""
        for folder in self._folders:
            with contextlib.suppress(OSError):
                if shutil.disk_usage(folder).free < LEAST_DISK:
                    return f"no space is left on the disk of {folder}: delete files there"
        if self._kills < _kills_for_memory() and self._memory < LEAST_MEMORY:
            return (
                f"the kernel ended a process because no memory was left, of {self._memory // MIB} MiB at the start: "
                "end other programs, or raise the limit of the container"
            )
        return ""


def require_descriptors(connections: int) -> None:
    """Let this process, and the servers that it starts, have enough file descriptors.

    Args:
        connections: Number of connections that are open at the same time.

    Raises:
        MachineShortage: If the system does not allow it.
    """
    needed = DESCRIPTORS + DESCRIPTORS_OF_A_CONNECTION * connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise MachineShortage(f"a process may have {hard} file descriptors: raise the limit to {needed} (ulimit -n)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def available_memory() -> int:
    """Return the bytes of memory that processes may still take, within the limits of their control groups."""
    return min((psutil.virtual_memory().available, *_left_in_groups()))


def _left_in_groups() -> Iterator[int]:
    for group in control_groups("memory"):
        for most, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            with contextlib.suppress(OSError, ValueError):  # no such limit, or none at all, which is the word "max"
                limit, usage = (int((group / name).read_text(encoding="ascii")) for name in (most, used))
                yield max(0, limit - usage + _file_cache(group))


def _file_cache(group: Path) -> int:
    """Return the bytes that a control group uses for the contents of files, and gives up when it needs them."""
    with contextlib.suppress(OSError, ValueError):
        for line in (group / "memory.stat").read_text(encoding="ascii").splitlines():
            if line.startswith("inactive_file "):
                return int(line.split()[1])
    return 0


def _kills_for_memory() -> int:
    """Return how many processes the kernel has ended because no memory was left."""
    with contextlib.suppress(OSError, ValueError):
        for line in (PROC / "vmstat").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
