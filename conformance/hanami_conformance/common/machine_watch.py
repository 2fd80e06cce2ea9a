"""Waits for an answer that this machine prolonged: the processes lacked a CPU, or a connection lacked a local port."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from hanami_conformance.common.scheduler import SchedulerReading, process_family
from hanami_conformance.common.shortage import (
    Address,
    CpuShortage,
    MachineShortage,
    is_port_shortage,
    no_port_left,
    shortage_in,
)

NOTE_SECONDS = 0.05  # between two readings at least; each costs 0.1 ms
MOST_READINGS = 2000
FAMILY_SECONDS = 2.0  # after which the processes are looked for again, which costs some milliseconds
# A wait that was starved for this share of it says nothing of the target, unless what is left of it is enough for any
# answer: a target that uses a CPU for half a second without an answer hangs, on a busy machine as well.
STARVED_SHARE = 0.75
ENOUGH_SECONDS = 0.5
PORT_SECONDS = 65.0  # to wait for a port: Linux keeps it for 60 s after its connection, where it may not use it earlier
MOST_PORT_SECONDS = 300.0  # of such waits in a run
PORT_POLL = 0.05
T = TypeVar("T")


class MachineWatch:
    """Watches this process and all that it started, among them the server where the suite starts it."""

    def __init__(self) -> None:
        self._readings: deque[tuple[SchedulerReading, float]] = deque(maxlen=MOST_READINGS)
        self._family: list[int] = []
        self._family_read = float("-inf")
        self._port_seconds = 0.0
        self._lock = threading.Lock()

    def note_wait(self) -> None:
        """Note that a wait begins."""
        with self._lock:
            if not self._readings or time.monotonic() - self._readings[-1][0].at >= NOTE_SECONDS:
                self._readings.append((self._read(), self._port_seconds))

    def check_wait(self, seconds: float, *, enough: float = ENOUGH_SECONDS) -> None:
        """Check that this machine is not the reason for a wait that has just ended without an answer.

        Args:
            seconds: Length of the wait.
            enough: Seconds with a CPU within which what is awaited surely comes, infinite if nobody knows.

        Raises:
            MachineShortage: If it may be.
        """
        with self._lock:
            if not self._readings:
                return
            now = self._read()
            earlier = (one for one in reversed(self._readings) if one[0].at <= now.at - seconds)
            before, port_seconds = next(earlier, self._readings[0])
        wait = now.since(before)
        if wait.share >= STARVED_SHARE and wait.seconds - wait.waited < enough:
            raise CpuShortage(
                f"too little CPU time is left to judge a target: without an answer, a process of the run {wait}: "
                "end other programs, or raise the quota"
            )
        if self._port_seconds > port_seconds:
            raise MachineShortage(no_port_left())

    def connect(self, connect: Callable[[], T], address: Address) -> tuple[T, float]:
        """Open a connection, as soon as a local port is free.

        Args:
            connect: Function that opens the connection, or raises an error that an OSError caused.
            address: Host and port of the other side.

        Returns:
            The connection, and the seconds waited for a port.

        Raises:
            MachineShortage: If this machine lacks a port, or something else for a connection.
        """
        waited = 0.0
        most = min(PORT_SECONDS, MOST_PORT_SECONDS - self._port_seconds)
        while True:
            try:
                return connect(), waited
            except Exception as error:
                if waited >= most or not is_port_shortage(error, address):
                    if lacking := shortage_in(error, address):
                        raise MachineShortage(lacking) from error
                    raise
            time.sleep(PORT_POLL)
            waited += PORT_POLL
            self._port_seconds += PORT_POLL

    def _read(self) -> SchedulerReading:
        if time.monotonic() - self._family_read >= FAMILY_SECONDS:
            self._family, self._family_read = process_family(), time.monotonic()
        return SchedulerReading.now(self._family)


MACHINE = MachineWatch()
