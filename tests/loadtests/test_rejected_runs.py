"""Load runs that cannot begin, or whose reports cannot be stored: one line says why."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support.full_disk import files_of_at_most
from support.load_runs import LOGIN, SHORT, run_load
from support.suite_runs import double, faulty_backend
from tools.reference import TIMEOUT, clean_environment


def test_an_absent_server_is_reported_before_any_user_is_spawned(tmp_path: Path) -> None:
    run = run_load("--target", "http://127.0.0.1:1", *SHORT, cwd=tmp_path)
    assert run.returncode == 6, run.stdout + run.stderr
    assert run.stderr.startswith("TARGET NOT REACHABLE: no connection to http://127.0.0.1:1")
    assert len(run.stderr.splitlines()) == 1
    assert not (tmp_path / "reports" / "latest-load" / "load.json").exists()


def test_a_server_that_accepts_connections_and_is_silent_is_reported_too(tmp_path: Path) -> None:
    def serve(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001 - as a double has it
        done.wait()

    with double(serve) as url:
        run = run_load("--target", url, *SHORT, "--deadline", "0.5", "--dialect", "documented", cwd=tmp_path)
    assert run.returncode == 6, run.stdout + run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_wrong_password_is_one_line(tmp_path: Path) -> None:
    with faulty_backend() as url:
        login = {**LOGIN, "HANAMI_PASSWORD": "not-the-password"}
        run = run_load("--target", url, *SHORT, cwd=tmp_path, login=login)
    assert run.returncode == 4, run.stdout + run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert "not-the-password" not in run.stdout + run.stderr
    log = (tmp_path / "reports" / "latest-load" / "locust.log").read_text()
    assert "not-the-password" not in log


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "no target: give --target"),
        (("--target", "ftp://x"), "target 'ftp://x' is no address"),
        (("--target", "http://127.0.0.1:1", "--window", "0"), "--window '0': give a whole number of at least 1"),
        (("--target", "http://127.0.0.1:1", "--rate", "fast"), "--rate 'fast': give a number"),
        (("--target", "http://127.0.0.1:1", "--chunk-size", "128 apples"), "give a size such as 128KiB"),
        (("--target", "http://127.0.0.1:1", "--outputs", "10,10"), "bricks of different sizes"),
        (("--target", "http://127.0.0.1:1", "--inputs", "0"), "give the values of each brick"),
        (("--target", "http://127.0.0.1:1", "--dialect", "klingon"), "unknown dialect 'klingon'"),
        (("--target", "http://127.0.0.1:1", "--scenario", "siege"), "--scenario 'siege': choose one of csv-upload"),
        (("--target", "http://127.0.0.1:1", "--scenario", "rest=0"), "give a weight from 1"),
        (("--target", "http://127.0.0.1:1", "--users", "0"), "--users 0"),
        (("--target", "http://127.0.0.1:1", "--seconds", "0.1"), "--seconds 0.1"),
        (("--target", "http://127.0.0.1:1", "--processes", "-2"), "--processes -2"),
        (("--target", "http://127.0.0.1:1", "--seconds", "1"), "the warm-up alone takes 1"),
        (("--target", "http://127.0.0.1:1", "--sockets", "1"), "--sockets 1: mnist-upload needs 2"),
        (("--target", "http://127.0.0.1:1", "--token", "x"), "--token and --user exclude each other"),
        (("--target", "reference", "--ca-file", "ca.pem"), "--ca-file is not for --target reference"),
        (("--target", "http://127.0.0.1:1", "--rate", "9"), "--rate 9: has no effect in the closed model"),
    ],
)
def test_a_wrong_option_is_one_line(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    run = run_load(*options, cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_without_a_password_it_says_where_to_give_it(tmp_path: Path) -> None:
    run = run_load("--target", "http://127.0.0.1:1", "--user", "alice", cwd=tmp_path, login={})
    assert run.returncode == 4
    assert "HANAMI_PASSWORD" in run.stderr


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = run_load("--target", "http://127.0.0.1:1", "--report-dir", "file/reports", cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert "cannot write reports" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_workers_share_the_budget_of_sockets(tmp_path: Path) -> None:
    options = ("--target", "http://127.0.0.1:1", "--processes", "2", "--scenario", "csv-upload")
    run = run_load(*options, "--sockets", "1", cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert "--sockets 1: csv-upload needs 1 at the same time in each of 2 processes" in run.stderr


@pytest.mark.parametrize("address", [("--web-port", "PORT"), ("--web-port", "80000"), ("--web-host", "203.0.113.5")])
def test_a_web_ui_that_cannot_listen_is_one_line(tmp_path: Path, address: tuple[str, str]) -> None:
    with faulty_backend() as url, socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-P", "-m", "hanami_loadtests.cli", "web", "--target", url]
        run = subprocess.run(
            [*command, address[0], address[1].replace("PORT", port)],
            cwd=tmp_path,
            env=clean_environment(LOGIN),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    lines = {
        "PORT": f"ERROR: --web-port {port}: another program listens there; choose another port",
        "80000": "ERROR: --web-port 80000: give a port from 1 to 65535",
        "203.0.113.5": "ERROR: the web UI cannot listen at 203.0.113.5:8089 (--web-host, --web-port): cannot assign "
        "requested address",
    }
    assert (run.returncode, run.stdout, run.stderr) == (4, "", f"{lines[address[1]]}\n")


def test_reports_that_cannot_be_stored_are_an_error_and_not_announced(tmp_path: Path) -> None:
    with faulty_backend() as url, files_of_at_most(60_000):  # the result has room, and the page has not
        run = run_load("--target", url, *SHORT, "--scenario", "rest", cwd=tmp_path)
    assert run.returncode == 3, run.stdout + run.stderr
    assert "load.html: File too large" in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert "reports in" not in run.stdout
    files = {path.name for path in (tmp_path / "reports" / "latest-load").iterdir()}
    assert files <= {"load.json", "locust.log"}
