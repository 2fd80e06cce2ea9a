"""Samples of a process tree against what its processes are known to hold."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hanami_conformance.common.child_process import ChildProcess
from hanami_loadtests.server_usage.process_tree import ProcessTree, require_process
from hanami_loadtests.server_usage.recording import UsageRecording

MEGABYTES = 60
# Announces that it is ready; then holds memory, files, sockets, a thread and a child, or uses one core, by its input.
PROGRAM = f"""
import socket, subprocess, sys, threading, time
print("ready", flush=True)
for line in sys.stdin:
    if line == "hold\\n":
        memory = bytearray({MEGABYTES}_000_000)
        memory[::4096] = b"x" * len(memory[::4096])
        files = [open("/dev/null") for _ in range(7)]
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        child = subprocess.Popen([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"],
                                 stdout=subprocess.PIPE)
        child.stdout.readline()
    elif line == "release\\n":
        del memory
        [one.close() for one in files + sockets]
        child.kill(); child.communicate()
    elif line == "work\\n":
        until = time.process_time() + 0.5
        while time.process_time() < until: pass
    print("done", flush=True)
"""


@contextmanager
def program() -> Iterator[ChildProcess]:
    command = [sys.executable, "-c", PROGRAM]
    with ChildProcess(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.read_line(30.0) == b"ready\n"
        yield child


def ask(child: ChildProcess, word: str) -> None:
    assert child.popen.stdin is not None
    child.popen.stdin.write(f"{word}\n".encode())
    child.popen.stdin.flush()
    assert child.read_line(30.0) == b"done\n"


def test_a_sample_counts_what_a_process_and_its_child_hold() -> None:
    with program() as child:
        tree = ProcessTree(child.popen.pid)
        before = tree.sample()
        ask(child, "hold")
        held = tree.sample()
        ask(child, "release")
        after = tree.sample()
    assert before.descriptors is not None
    assert held.descriptors is not None
    assert before.sockets == after.sockets == 0
    assert held.sockets == 5
    # Seven files, five sockets, our end of the child's pipe; and its own three descriptors.
    assert held.descriptors - before.descriptors == 7 + 5 + 1 + 3
    assert (held.processes, after.processes) == (2, 1)
    assert held.threads - before.threads == 2
    assert held.memory - before.memory > MEGABYTES * 1_000_000
    assert after.memory < held.memory - MEGABYTES * 1_000_000
    assert after.descriptors == before.descriptors


def test_cpu_time_is_counted_once_and_in_cores() -> None:
    with program() as child:
        tree = ProcessTree(child.popen.pid)
        earliest = time.monotonic()
        tree.sample()
        latest = time.monotonic()
        ask(child, "work")
        shortest = time.monotonic() - latest
        used = tree.sample().cpu
        longest = time.monotonic() - earliest
        time.sleep(0.3)
        idle = tree.sample().cpu
    # However long everything took, the work was half a second; the system counts in ticks of 10 ms.
    assert used * shortest < 0.6
    assert used * longest > 0.45
    assert idle * 0.3 < 0.1


def test_a_record_has_its_begin_its_seconds_and_its_end() -> None:
    with program() as child:
        recording = UsageRecording(child.popen.pid)
        recording.record(0)
        ask(child, "hold")
        recording.record(1)
        ask(child, "release")
        usage = recording.finish()
    memory, sockets = usage.quantity("memory"), usage.quantity("sockets")
    assert memory is not None
    assert sockets is not None
    assert memory.most - memory.before > MEGABYTES * 1_000_000
    assert memory.growth is not None
    assert memory.growth < MEGABYTES * 1_000_000 / 2
    assert (sockets.before, sockets.mean, sockets.most, sockets.after, sockets.growth) == (0, 2.5, 5, 0, 0)
    assert (usage.pid, list(usage.samples), usage.ended) == (child.popen.pid, [0, 1], False)


def test_a_server_that_ends_and_is_started_again_is_recorded_on() -> None:
    with program() as first:
        recording = UsageRecording(first.popen.pid)
        recording.record(0)
    recording.record(1)
    with program() as second:
        recording.pid = second.popen.pid
        recording.record(2)
        usage = recording.finish()
    assert (list(usage.samples), usage.ended) == ([0, 2], False)
    assert usage.pid == first.popen.pid


def test_a_server_that_has_ended_has_no_value_after_the_drain() -> None:
    with program() as child:
        recording = UsageRecording(child.popen.pid)
        recording.record(0)
    usage = recording.finish()
    assert (usage.after, usage.ended) == (None, True)


def test_a_process_that_does_not_exist_is_one_line() -> None:
    with program() as child:
        pid = child.popen.pid
    for check in (require_process, UsageRecording):
        with pytest.raises(ValueError, match=f"--server-pid {pid}: there is no such process"):
            check(pid)
