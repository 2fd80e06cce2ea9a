"""Waits that this machine prolonged, and connections that wait for a local port."""

from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import Callable

import pytest

from hanami_conformance.common.machine_watch import MachineWatch
from hanami_conformance.common.scheduler import SchedulerReading
from hanami_conformance.common.shortage import MachineShortage

ADDRESS = ("127.0.0.1", 9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Replace the clock of the watch; the function that is returned sets it forward."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def forward(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("time.sleep", forward)
    return forward


class Counters:
    """The counters of two threads of a process, in place of those of the kernel."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, forward: Callable[[float], None]) -> None:
        self.waited = {(7, 1): 50.0, (7, 2): 0.0}
        self._forward = forward
        monkeypatch.setattr(SchedulerReading, "now", classmethod(lambda cls, _processes: self._reading(cls)))

    def _reading(self, cls: type[SchedulerReading]) -> SchedulerReading:
        return cls(time.monotonic(), dict(self.waited), 0.0)

    def run(self, seconds: float, waited: float) -> None:
        """Let time pass, of which the second thread waits a part for a CPU."""
        self.waited[7, 2] += waited
        self._forward(seconds)


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch, clock: Callable[[float], None]) -> Counters:
    return Counters(monkeypatch, clock)


def test_a_wait_without_a_cpu_is_nobody_elses_fault(counters: Counters) -> None:
    watch = MachineWatch()
    watch.note_wait()
    counters.run(10.0, 9.7)
    with pytest.raises(MachineShortage, match=r"too little CPU time.*waited 9\.7 of 10\.0 s for a CPU: end other"):
        watch.check_wait(10.0)


def test_a_wait_of_an_idle_machine_is_the_fault_of_the_target(counters: Counters) -> None:
    watch = MachineWatch()
    watch.check_wait(10.0)  # nothing is known yet
    watch.note_wait()
    counters.run(10.0, 2.0)
    watch.check_wait(10.0)


def test_a_target_that_uses_a_cpu_and_does_not_answer_hangs(counters: Counters) -> None:
    watch = MachineWatch()
    watch.note_wait()
    counters.run(5.1, 4.1)  # beside four busy processes, as a thread in an endless loop does
    watch.check_wait(5.1)
    with pytest.raises(MachineShortage):  # a start may take any time of a CPU
        watch.check_wait(5.1, enough=math.inf)


def test_what_was_waited_before_the_wait_does_not_count(counters: Counters) -> None:
    watch = MachineWatch()
    watch.note_wait()
    counters.run(5.0, 5.0)
    watch.note_wait()
    counters.run(1.0, 0.1)
    watch.check_wait(1.0)


def test_waits_within_a_wait_do_not_shorten_it(counters: Counters) -> None:
    watch = MachineWatch()
    watch.note_wait()
    for _ in range(10):
        counters.run(1.0, 0.99)
        watch.note_wait()
    counters.run(1.0, 0.7)
    with pytest.raises(MachineShortage, match=r"waited 10\.6 of 11\.0 s"):
        watch.check_wait(11.0)


def no_port() -> OSError:
    return OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))


def failing(failures: list[OSError]) -> Callable[[], str]:
    """Return a function that fails with each of these errors, and opens a connection then."""

    def connect() -> str:
        if failures:
            raise failures.pop(0)
        return "connection"

    return connect


def test_a_connection_waits_for_a_port(clock: Callable[[float], None]) -> None:
    assert clock is not None
    connection, waited = MachineWatch().connect(failing([no_port()] * 4), ADDRESS)
    assert connection == "connection"
    assert waited == pytest.approx(0.2)


def test_a_port_that_never_comes_is_a_shortage(clock: Callable[[float], None]) -> None:
    assert clock is not None
    watch = MachineWatch()
    with pytest.raises(MachineShortage, match="this machine lacks what the run needs: no local port is left"):
        watch.connect(failing([no_port()] * 10_000), ADDRESS)


def test_all_waits_for_a_port_together_are_bounded(clock: Callable[[float], None]) -> None:
    assert clock is not None
    watch = MachineWatch()
    # A port comes back after a minute each time.
    assert [watch.connect(failing([no_port()] * 1200), ADDRESS)[1] for _ in range(4)] == pytest.approx([60.0] * 4)
    with pytest.raises(MachineShortage, match="no local port"):
        watch.connect(failing([no_port()] * 1500), ADDRESS)


def test_an_answer_that_is_late_for_want_of_a_port_is_nobody_elses_fault(counters: Counters) -> None:
    watch = MachineWatch()
    watch.note_wait()
    watch.connect(failing([no_port()]), ADDRESS)
    counters.run(5.0, 0.0)
    with pytest.raises(MachineShortage, match="no local port"):
        watch.check_wait(5.0)
    watch.note_wait()
    counters.run(5.0, 0.0)
    watch.check_wait(5.0)


def test_other_errors_pass_at_once(clock: Callable[[float], None]) -> None:
    assert clock is not None
    watch = MachineWatch()
    with pytest.raises(ConnectionRefusedError):
        watch.connect(failing([ConnectionRefusedError(errno.ECONNREFUSED, "")]), ADDRESS)
    with pytest.raises(MachineShortage, match="no file descriptor"):
        watch.connect(failing([OSError(errno.EMFILE, "")]), ADDRESS)
