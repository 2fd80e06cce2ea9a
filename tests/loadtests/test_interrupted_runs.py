"""Load runs that are interrupted, lose their server, or meet one that stalls."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from hanami_reports.model.load import RunState
from support.load_runs import COMMAND, LOGIN, easy_limits, load_result_of
from support.suite_runs import faulty_backend
from tools.reference import ALICE, TIMEOUT, USERS, backend, clean_environment


def left_over(url: str) -> list[str]:
    """Names of what is left on a reference backend."""
    found = subprocess.run(
        [sys.executable, "-c", _LIST, url, *ALICE[1::2]], capture_output=True, text=True, check=True, timeout=TIMEOUT
    )
    names: list[str] = json.loads(found.stdout)
    return names


PROGRESS_LINE = re.compile(r" *\d+ s  \d+ users  ")  # of a run without a terminal
_LIST = """
import httpx, json, sys
url, user, password = sys.argv[1:]
token = httpx.post(url + "/v1/token", json={"id": user, "password": password}).json()["token"]
names = []
for kind in ("dataset", "cluster"):
    table = httpx.get(url + f"/v1/{kind}/all", headers={"X-Auth-Token": token}).json()
    names += [row[table["header"].index("name")] for row in table["body"]]
print(json.dumps(names))
"""


def listener_on(port: int) -> psutil.Process:
    """The process of ours that listens on a port."""
    for child in psutil.Process().children(recursive=True):
        if any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in child.net_connections("tcp")):
            return child
    raise AssertionError("nobody listens there")


@contextmanager
def started(cwd: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A load run that goes on; it is ended with this, whatever happens."""
    process = subprocess.Popen(
        [*COMMAND, *options],
        cwd=cwd,
        env=clean_environment(LOGIN),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


def wait_for_clients(server: psutil.Process, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until a run has begun, as its first line of progress says, and has so many connections to a server.

    The connections alone do not say it: there are some before, to log in and to count the workers of the server.
    """
    assert process.stdout is not None
    assert any(map(PROGRESS_LINE.match, process.stdout)), "the run ended before its first line of progress"
    until = time.monotonic() + TIMEOUT
    while sum(one.status == psutil.CONN_ESTABLISHED for one in server.net_connections("tcp")) < count:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_cleans_up_reports_and_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    with faulty_backend() as url:
        options = ("--seconds", "100", "--users", "4", "--warm-up", "0", "--processes", "2")
        with started(tmp_path, "--target", url, *options) as process:
            wait_for_clients(listener_on(int(url.rpartition(":")[2])), 4, process)
            children = psutil.Process(process.pid).children(recursive=True)
            assert children
            process.send_signal(number)
            output, _ = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 2, output
        assert "INTERRUPTED" in output
        assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        result = load_result_of(tmp_path)
        assert result.state is RunState.INTERRUPTED
        assert not result.leftovers
        assert left_over(url) == []


def test_an_interrupt_before_the_run_begins_is_reported(tmp_path: Path) -> None:
    options = ("--seconds", "100", "--file-size", "200MiB", "--scenario", "csv-upload")
    with faulty_backend() as url, started(tmp_path, "--target", url, *options) as process:
        until = time.monotonic() + TIMEOUT
        while not (children := psutil.Process(process.pid).children(recursive=True)):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2, output
    assert output.splitlines()[-1] == "INTERRUPTED  before the run began"
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
def test_a_server_that_ends_in_the_middle_is_lost(tmp_path: Path) -> None:
    with backend(*USERS) as url:
        port = int(url.rpartition(":")[2])
        options = ("--seconds", "8", "--warm-up", "0", "--deadline", "1", "--drain", "1")
        with started(tmp_path, "--target", url, *options) as process:
            server = listener_on(port)
            wait_for_clients(server, 5, process)
            server.kill()
            output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 6, output
    assert "LOST" in output
    assert "the target is down" in output


@pytest.mark.slow
def test_a_stall_of_the_server_shows_in_the_response_of_an_open_run(tmp_path: Path) -> None:
    rate, frozen = 100, 2.0
    easy = easy_limits(tmp_path)
    with backend(*USERS) as url:
        server = listener_on(int(url.rpartition(":")[2]))
        options = ("--users", "1", "--scenario", "direct-request", "--model", "open", "--rate", str(rate))
        times = ("--seconds", "8", "--warm-up", "0", "--window", "4")
        with started(tmp_path, "--target", url, *times, *options, *easy) as process:
            wait_for_clients(server, 1, process)
            time.sleep(2)  # in the middle of the run: what was sent before is no part of the stall
            began = time.monotonic()
            os.kill(server.pid, signal.SIGSTOP)
            time.sleep(frozen)
            os.kill(server.pid, signal.SIGCONT)
            frozen = time.monotonic() - began
            output, _ = process.communicate(timeout=TIMEOUT)
    series = load_result_of(tmp_path).series["direct request"]
    assert process.returncode == 0, output
    late = sum(one.succeeded for one in series.slices.values()) * series.response.share_above(frozen / 2)
    # Everything that was due in the first half of the stall waited for more than half of it.
    assert late >= rate * frozen / 2 * 0.8, output
    assert series.response.percentile(99) >= frozen * 0.8
    # Of these only the window was sent, so what is measured from the sending shows next to nothing of it.
    assert series.service.share_above(frozen / 2) * series.service.count <= 4
    assert series.scheduling_delay.most >= frozen * 0.8 * 1e6
