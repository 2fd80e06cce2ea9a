"""Time that processes wait for a CPU: from the counters of the kernel, of threads and of a group with a quota."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hanami_conformance.common import control_groups, scheduler
from hanami_conformance.common.scheduler import CpuWait, SchedulerMeter, process_family

LONGEST = 60.0  # seconds until a test gives up
LINUX = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel has no counters of threads")
# A process that needs all of one CPU, the first that this process may use.
BUSY = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nwhile True: pass"

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"])
print(child.pid, flush=True)
child.wait()
"""


def busy_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", BUSY])


@LINUX
def test_processes_that_share_a_cpu_wait_and_a_stopped_one_does_not() -> None:
    both = [busy_process(), busy_process()]
    try:
        shared = SchedulerMeter(lambda: [process.pid for process in both])
        until = time.monotonic() + LONGEST
        while shared.read().waited < 0.2:  # one of them waits while the other one runs
            assert time.monotonic() < until, f"nobody waited: {shared.read()}"
            time.sleep(0.02)
        both[0].send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, both[0].pid, os.WSTOPPED | os.WNOWAIT)
        stopped = SchedulerMeter(lambda: [both[0].pid])
        time.sleep(0.2)
        assert stopped.read().waited == 0  # it is not ready to run
    finally:
        for process in both:
            process.kill()
            process.wait()


def write_threads(proc: Path, waits: dict[int, float], process: int = 7) -> None:
    """Write the counters of the threads of a process: seconds waited by thread."""
    for thread, waited in waits.items():
        folder = proc / str(process) / "task" / str(thread)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "schedstat").write_text(f"5000000000 {round(waited * 1e9)} 12\n")


def test_the_thread_that_waited_longest_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scheduler, "PROC", tmp_path)
    write_threads(tmp_path, {7: 100.0, 8: 3.0})
    meter = SchedulerMeter(lambda: [7])
    write_threads(tmp_path, {7: 100.5, 8: 5.0, 9: 0.25})  # the last one is new
    assert meter.read().waited == pytest.approx(2.0)
    meter.restart()
    assert meter.read().waited == 0


def test_a_process_that_was_not_known_before_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scheduler, "PROC", tmp_path)
    write_threads(tmp_path, {7: 100.0})
    processes = [7]
    meter = SchedulerMeter(lambda: processes)
    processes.append(11)
    write_threads(tmp_path, {11: 3.0, 12: 2.0}, process=11)  # which may be long ago
    assert meter.read().waited == 0
    meter.restart()
    write_threads(tmp_path, {11: 3.5}, process=11)
    assert meter.read().waited == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("groups", "folder", "line"),
    [
        ("0::/a/b\n", "a", "usage_usec 5\nnr_throttled 3\nthrottled_usec {microseconds}\n"),  # a group above
        ("0::/a/b\n", "", "throttled_usec {microseconds}\n"),  # in a container, which does not see the path
        ("3:memory:/m\n2:cpu,cpuacct:/c\n", "cpu,cpuacct/c", "nr_throttled 3\nthrottled_time {nanoseconds}\n"),
        ("2:cpu,cpuacct:/c\n", "cpu", "throttled_time {nanoseconds}\n"),
    ],
)
def test_a_quota_counts_where_threads_have_no_counters(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, groups: str, folder: str, line: str
) -> None:
    monkeypatch.setattr(scheduler, "PROC", tmp_path / "proc")
    monkeypatch.setattr(control_groups, "PROC", tmp_path / "proc")
    monkeypatch.setattr(control_groups, "CGROUP", tmp_path / "cgroup")
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text(groups)
    file = tmp_path / "cgroup" / folder / "cpu.stat"
    file.parent.mkdir(parents=True)
    file.write_text(line.format(microseconds=4_000_000, nanoseconds=4_000_000_000))
    meter = SchedulerMeter(lambda: [7])
    file.write_text(line.format(microseconds=4_000_500, nanoseconds=4_000_500_000))
    while meter.read().seconds < 0.0005:  # nobody waits longer than the period
        pass
    result = meter.read()
    assert result.waited == result.throttled == pytest.approx(0.0005)


def test_nothing_counts_as_waited_where_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scheduler, "PROC", tmp_path)
    monkeypatch.setattr(control_groups, "PROC", tmp_path)
    result = SchedulerMeter().read()
    assert (result.waited, result.throttled, result.share) == (0, 0, 0)


def test_the_text_of_a_wait_names_the_quota() -> None:
    assert str(CpuWait(10.0, 6.04, 0.0)) == "waited 6.0 of 10.0 s for a CPU"
    quota = "waited 6.0 of 10.0 s for a CPU (the CPU quota of its control group was used up)"
    assert str(CpuWait(10.0, 6.0, 5.0)) == quota
    assert CpuWait(10.0, 6.0, 5.0).share == pytest.approx(0.6)


def test_the_family_of_a_process_has_what_it_started() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        grandchild = int(parent.stdout.readline())
        family = process_family()
        assert {os.getpid(), parent.pid, grandchild} <= set(family)
        parent.communicate(b"\n", timeout=LONGEST)
