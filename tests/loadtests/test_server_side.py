"""The server's side of a load run: found by its process, started by its command, or not seen."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from hanami_loadtests.ports import free_port
from hanami_reports.model.load import RunState
from support.load_runs import EASY, load_result_of, run_load
from tools.reference import USERS, backend

SHORT = (
    "--seconds",
    "3",
    "--warm-up",
    "0.2",
    "--users",
    "2",
    "--model",
    "open",
    "--rate",
    "60",
    "--file-size",
    "64KiB",
)
HOLDS = '[[limit]]\nmetric = "server.sockets"\nstatistic = "growth"\nat_most = 0\n'
BROKEN = '[[limit]]\nmetric = "server.memory"\nat_most = "1 MB"\n'


def limits(folder: Path, text: str) -> tuple[str, str]:
    (folder / "limits.toml").write_text(EASY + text, encoding="utf-8")
    return "--limits", "limits.toml"


def test_a_server_is_started_observed_and_stopped(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "hanami_reference_backend", "--port", url.rpartition(":")[2], *USERS]
    options = ("--target", url, "--server-command", shlex.join(command), "--scenario", "csv-upload", *SHORT)
    run = run_load(*options, *limits(tmp_path, HOLDS), cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.server is not None
    assert not result.server.ended
    assert set(result.server.samples) <= set(range(int(result.duration) + 1))
    cpu, memory, sockets = (result.server.quantity(name) for name in ("cpu", "memory", "sockets"))
    assert cpu is not None
    assert memory is not None
    assert sockets is not None
    assert cpu.mean > 0.0
    assert 20e6 < memory.most < 1e9
    assert (sockets.before, sockets.growth) == (1, 0)  # the one on which it listens
    assert sockets.most > 1
    assert re.search(rf"^server: \S+ \({result.server.pid}\): CPU \d\.\d\d cores", run.stdout, re.MULTILINE)
    assert not Path(f"/proc/{result.server.pid}").exists()
    assert (tmp_path / "reports" / "latest-load" / "server.log").exists()
    page = (tmp_path / "reports" / "latest-load" / "load.html").read_text(encoding="utf-8")
    assert "Resident memory of the server, MB" in page


def test_a_limit_of_the_server_fails_a_run_of_the_bundled_backend(tmp_path: Path) -> None:
    run = run_load("--target", "reference", *SHORT, *limits(tmp_path, BROKEN), cwd=tmp_path, login={})
    assert run.returncode == 1, run.stdout + run.stderr
    (broken,) = [one for one in load_result_of(tmp_path).limits if one.state is not RunState.PASS]
    assert (broken.metric, broken.selector, broken.statistic, broken.bound) == (
        "server.memory",
        "server",
        "max",
        "<= 1 MB",
    )


def test_a_server_elsewhere_is_not_seen_and_its_limits_are_invalid(tmp_path: Path) -> None:
    with backend(*USERS) as url:
        options = ("--target", url, *SHORT)
        run = run_load(*options, *limits(tmp_path, HOLDS), cwd=tmp_path)
        assert run.returncode == 5, run.stdout + run.stderr
        assert "server: its side was not seen (for one on this machine: --server-pid" in run.stdout
        assert load_result_of(tmp_path).server is None
        wrong = run_load(*options, "--server-pid", "4194304", cwd=tmp_path)
        assert wrong.returncode == 4
        assert wrong.stderr.startswith("ERROR: --server-pid 4194304: there is no such process on this machine; give ")
        both = run_load(*options, "--server-pid", "1", "--server-command", "true", cwd=tmp_path)
        assert both.returncode == 4
        assert both.stderr.startswith("ERROR: --server-command starts the server, so that its process is known")


def test_a_server_that_does_not_start_is_said_with_its_log(tmp_path: Path) -> None:
    command = shlex.join([sys.executable, "-c", "print('no such database'); raise SystemExit(3)"])
    url = f"http://127.0.0.1:{free_port()}"
    run = run_load("--target", url, "--server-command", command, *SHORT, cwd=tmp_path)
    assert run.returncode == 6
    assert "its process ended with exit status 3" in run.stderr
    assert "no such database" in run.stderr


# Keeps half a megabyte of every dataset, and a descriptor, for ever.
LEAKING = """
import os, sys
from hanami_reference_backend.cli import main
from hanami_reference_backend.rest.uploads import UploadOperations

kept = []
finalize = UploadOperations.finalize_csv

async def finalize_and_keep(self, user, fields):
    kept.append((os.urandom(500_000), os.open(os.devnull, os.O_RDONLY)))
    return await finalize(self, user, fields)

UploadOperations.finalize_csv = finalize_and_keep
sys.exit(main())
"""
LEAKS = (
    '[[limit]]\nmetric = "server.memory"\nstatistic = "growth per upload"\nat_most = "400 kB"\n'
    '[[limit]]\nmetric = "server.descriptors"\nstatistic = "growth"\nat_most = 0\n'
)


@pytest.mark.parametrize("leaks", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_server_that_keeps_what_was_deleted_breaks_limits_of_growth(tmp_path: Path, leaks: bool) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    program = ["-c", LEAKING] if leaks else ["-m", "hanami_reference_backend"]
    command = shlex.join([sys.executable, *program, "--port", url.rpartition(":")[2], *USERS])
    load = ("--scenario", "csv-upload", "--users", "2", "--seconds", "6", "--warm-up", "0.2", "--file-size", "64KiB")
    run = run_load("--target", url, "--server-command", command, *load, *limits(tmp_path, LEAKS), cwd=tmp_path)
    result = load_result_of(tmp_path)
    uploads = result.series["upload file"].succeeded
    assert uploads >= 10, run.stdout
    broken = {one.metric: one for one in result.limits if one.state is RunState.FAIL}
    assert run.returncode == (1 if leaks else 0), run.stdout + run.stderr
    assert set(broken) == ({"server.memory", "server.descriptors"} if leaks else set())
    if leaks:
        assert broken["server.memory"].value == pytest.approx(500_000, rel=0.5)  # and what the first requests take
        # Those of the warm-up, a thirtieth of the time, too.
        assert broken["server.descriptors"].value == pytest.approx(uploads, rel=0.1, abs=5)
