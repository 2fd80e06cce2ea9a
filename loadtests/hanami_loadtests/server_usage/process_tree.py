"""A process and all processes that it started, as one: CPU time, memory, threads, descriptors, sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import psutil

from hanami_reports.model.server_usage import ServerSample

# The process itself, or what the system does not show of it, may be gone at any moment.
UNSEEN = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


class ProcessTree:
    """A process and its descendants.

    Args:
        pid: Id of the process.

    Raises:
        ProcessLookupError: If there is no such process.
    """

    def __init__(self, pid: int) -> None:
        try:
            self._root = psutil.Process(pid)
            self.name = self._root.name()
        except psutil.Error as error:
            raise ProcessLookupError(f"there is no process {pid}") from error
        self._cpu: dict[psutil.Process, float] = {}  # CPU seconds at the last sample
        self._sampled = time.monotonic()
        self._cpu_since_last_sample(self._members())

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        try:
            return self._root.is_running() and self._root.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def sample(self) -> ServerSample:
        """Return a sample; its CPU time is that since the last one.

        Raises:
            ProcessLookupError: If the process has ended.
        """
        if not self.is_alive:
            raise ProcessLookupError(f"the process {self._root.pid} has ended")
        members = self._members()
        now = time.monotonic()
        seconds, self._sampled = max(now - self._sampled, 1e-3), now
        cpu = self._cpu_since_last_sample(members) / seconds
        return ServerSample(
            cpu=round(cpu, 4),
            memory=_total(members, lambda one: one.memory_info().rss) or 0,
            threads=_total(members, lambda one: one.num_threads()) or 0,
            processes=len(members),
            descriptors=_total(members, lambda one: one.num_fds()),
            sockets=_total(members, lambda one: len(one.net_connections("inet"))),
        )

    def _members(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except UNSEEN:
            return [self._root]

    def _cpu_since_last_sample(self, members: Iterable[psutil.Process]) -> float:
        """Return the CPU seconds of all members; what one used just before its end is not seen."""
        used = {}
        for one in members:
            try:
                times = one.cpu_times()
            except UNSEEN:
                continue
            used[one] = times.user + times.system
        total = sum(seconds - self._cpu.get(one, 0.0) for one, seconds in used.items())
        self._cpu = used
        return max(0.0, total)


def _total(members: Iterable[psutil.Process], read: Callable[[psutil.Process], int]) -> int | None:
    """Return the sum over all members that still run; None where the system hides one from this user."""
    found, is_denied = [], False
    for one in members:
        try:
            found.append(read(one))
        except psutil.AccessDenied:
            is_denied = True
        except psutil.NoSuchProcess:
            continue
    return None if is_denied else sum(found)


def require_process(pid: int) -> None:
    """Check that there is such a process.

    Raises:
        ValueError: If there is none; one line.
    """
    if not psutil.pid_exists(pid):
        raise ValueError(no_process(pid))


def no_process(pid: int) -> str:
    """Return the line for a process that does not exist."""
    return f"--server-pid {pid}: there is no such process on this machine; give the id of the server's process"
