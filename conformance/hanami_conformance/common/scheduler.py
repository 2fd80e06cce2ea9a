"""CPU time that processes were kept from: they were ready to run, and the scheduler did not run them.

Linux counts it for each thread in ``/proc/PID/task/TID/schedstat`` (nanoseconds run, nanoseconds waited, slices), and
for a control group with a quota in its ``cpu.stat``. On other systems nothing is known, and nothing counts as waited.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from hanami_conformance.common.control_groups import control_groups

PROC = Path("/proc")
NANOSECONDS = 1e9
MICROSECONDS = 1e6


@dataclass(frozen=True)
class CpuWait:
    """How long processes waited for a CPU in a period.

    Attributes:
        seconds: Length of the period.
        waited: Seconds for which the thread that waited longest was ready to run and did not run.
        throttled: Seconds for which the quota of the control group was used up, summed over CPUs, and the length of the
            period at most.
    """

    seconds: float
    waited: float
    throttled: float

    @property
    def share(self) -> float:
        """Part of the period that was waited, from 0 to 1."""
        return min(1.0, self.waited / self.seconds) if self.seconds > 0 else 0.0

    @property
    def quota_reached(self) -> bool:
        """Whether a quota of the control group was the main reason."""
        return self.throttled > self.waited / 2

    def __str__(self) -> str:
        text = f"waited {self.waited:.1f} of {self.seconds:.1f} s for a CPU"
        return f"{text} (the CPU quota of its control group was used up)" if self.quota_reached else text


@dataclass(frozen=True)
class SchedulerReading:
    """The counters at one moment.

    Attributes:
        at: Moment, seconds of the monotonic clock.
        waited: Seconds that each thread waited since its start, by its process and its id; empty where there are no
            such counters.
        throttled: Seconds for which a quota stopped the control group of this process, or one above it.
    """

    at: float
    waited: Mapping[tuple[int, int], float]
    throttled: float

    @classmethod
    def now(cls, processes: Iterable[int]) -> SchedulerReading:
        """Read the counters of the threads of some processes."""
        return cls(time.monotonic(), _waited_seconds(processes), _throttled_seconds())

    def since(self, before: SchedulerReading) -> CpuWait:
        """Return the waiting in the period from an earlier reading.

        Threads that ended in it are not known, and of a process that the earlier reading does not know nobody knows
        when its threads waited.
        """
        seconds = self.at - before.at
        known = {process for process, _ in before.waited}
        waits = (total - before.waited.get(one, 0.0) for one, total in self.waited.items() if one[0] in known)
        waited = max(waits, default=0.0)
        throttled = min(seconds, max(0.0, self.throttled - before.throttled))
        # Without counters of threads, as in some containers, those of the group are all that is known.
        return CpuWait(seconds, waited if self.waited else throttled, throttled)


class SchedulerMeter:
    """Measures how long processes wait for a CPU, from its creation or the last restart on.

    Args:
        processes: Function that returns the ids of the processes, by default of this one.
    """

    def __init__(self, processes: Callable[[], Iterable[int]] = lambda: (os.getpid(),)) -> None:
        self._processes = processes
        self.restart()

    def restart(self) -> None:
        """Begin a new period."""
        self._began = SchedulerReading.now(self._processes())

    def read(self) -> CpuWait:
        """Return the waiting of the period so far."""
        return SchedulerReading.now(self._processes()).since(self._began)


def process_family() -> list[int]:
    """Return the ids of this process and of all that it started, directly or not."""
    own = psutil.Process()
    with contextlib.suppress(psutil.Error):
        return [own.pid, *(child.pid for child in own.children(recursive=True))]
    return [own.pid]


def _waited_seconds(processes: Iterable[int]) -> Mapping[tuple[int, int], float]:
    waited = {}
    for process in processes:
        with contextlib.suppress(OSError, ValueError, IndexError):
            for thread in os.listdir(PROC / str(process) / "task"):  # noqa: PTH208 - this runs often, and Path is slow
                with contextlib.suppress(OSError):  # it has ended
                    counters = Path(f"{PROC}/{process}/task/{thread}/schedstat").read_bytes().split()
                    waited[process, int(thread)] = int(counters[1]) / NANOSECONDS
    return waited


def _throttled_seconds() -> float:
    return max((seconds for group in control_groups("cpu") for seconds in _throttled(group)), default=0.0)


def _throttled(group: Path) -> Iterator[float]:
    with contextlib.suppress(OSError, ValueError):
        for line in (group / "cpu.stat").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == "throttled_usec":  # of version 2 of control groups
                yield int(value) / MICROSECONDS
            elif name == "throttled_time":  # of version 1
                yield int(value) / NANOSECONDS
