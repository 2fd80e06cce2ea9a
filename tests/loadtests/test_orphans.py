"""Whatever ends the command, Locust and its workers end with it: users clean up, and the reports are written."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from hanami_loadtests.locust_integration.parent_watch import parent_of
from hanami_reports.model.load import RunState
from loadtests.test_interrupted_runs import left_over, listener_on, started, wait_for_clients
from support.load_runs import COMMAND, LOGIN, load_result_of
from support.suite_runs import faulty_backend
from tools.reference import TIMEOUT, clean_environment
from tools.web_ui import Swarm, free_ports

RUN = ("--seconds", "100", "--users", "4", "--warm-up", "0")


def wait_until(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + TIMEOUT
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def wait_for_end(processes: list[psutil.Process]) -> None:
    """Wait until processes have ended that nobody waits for; they are killed where they do not."""
    try:
        wait_until(lambda: not any(map(is_alive, processes)))
    finally:
        for process in filter(is_alive, processes):
            process.kill()


def wait_for_text(terminal: int, text: bytes) -> None:
    until, seen = time.monotonic() + TIMEOUT, b""
    while text not in seen:
        assert select.select([terminal], [], [], max(0.0, until - time.monotonic()))[0], seen
        seen += os.read(terminal, 4096)


@pytest.mark.parametrize("processes", ["0", pytest.param("2", marks=pytest.mark.slow)])
def test_a_killed_run_leaves_reports_and_no_process(tmp_path: Path, processes: str) -> None:
    with faulty_backend() as url:
        with started(tmp_path, "--target", url, *RUN, "--processes", processes) as command:
            wait_for_clients(listener_on(int(url.rpartition(":")[2])), 4, command)
            children = psutil.Process(command.pid).children(recursive=True)
            assert len(children) == 1 + int(processes)
            command.kill()
            wait_for_end(children)
        result = load_result_of(tmp_path)
        assert result.state is RunState.INTERRUPTED
        assert result.reasons[0] == "the process that started this run has ended"
        assert all(one.complete for one in result.generators)
        assert not result.leftovers
        assert left_over(url) == []


def test_the_page_of_a_killed_command_ends_in_the_middle_of_a_run(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with faulty_backend() as url:
        words = [*COMMAND[:-1], "web", "--target", url, "--web-port", str(port), "--warm-up", "0"]
        with subprocess.Popen(
            words, cwd=tmp_path, env=clean_environment(LOGIN), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as command:
            page = Swarm(f"http://127.0.0.1:{port}", tmp_path, [], ExitStack())
            page.wait_for_workers(0)
            assert page.post("/swarm", data={"user_count": "2", "spawn_rate": "10"}).json()["success"]
            wait_until(lambda: page.get("/stats/requests")["user_count"] == 2)
            children = psutil.Process(command.pid).children(recursive=True)
            assert children
            command.kill()
            wait_for_end(children)
        assert load_result_of(tmp_path).state is RunState.INTERRUPTED
        assert left_over(url) == []


def test_a_closed_terminal_ends_the_run_with_its_reports(tmp_path: Path) -> None:
    with faulty_backend() as url:
        pid, terminal = pty.fork()
        if not pid:
            os.chdir(tmp_path)
            os.execve(COMMAND[0], [*COMMAND, "--target", url, *RUN], clean_environment(LOGIN))
        wait_for_text(terminal, b" 4 users  ")  # of the progress
        children = psutil.Process(pid).children(recursive=True)
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 2
        wait_for_end(children)
        assert load_result_of(tmp_path).state is RunState.INTERRUPTED
        assert left_over(url) == []


def test_the_parent_is_the_command_or_the_master_that_forked_a_worker() -> None:
    own = os.getpid()
    assert parent_of({}, own) is None  # Locust itself may outlive its shell
    assert parent_of({"HANAMI_LOAD_PARENT": "17"}, own) == 17
    assert parent_of({}, own + 1) == own + 1
    assert parent_of({"HANAMI_LOAD_PARENT": "17"}, own + 1) == own + 1
