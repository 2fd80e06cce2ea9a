"""A load run leaves a worker of the server free, and names users that had none."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanami_loadtests.options import LOAD_OPTIONS, socket_limit
from hanami_loadtests.result import starved_users
from hanami_loadtests.session import AttachedUsers
from hanami_proto.options import OptionError
from hanami_reports.model.load import RunState
from hanami_reports.model.series import Series
from support.load_runs import load_result_of, run_load
from tools.reference import USERS, backend

DIRECT = ("--scenario", "direct-request", "--users", "8", "--seconds", "4", "--warm-up", "0")
COUNTED = (
    "sockets: 3 at the same time; workers of the server: 4: with as many websockets open, the next was not answered"
)


def test_a_worker_is_left_to_rest_calls(tmp_path: Path) -> None:
    with backend(*USERS, "--quirks", "hanami-0.4") as url:
        run = run_load("--target", url, *DIRECT, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert COUNTED in run.stdout
    result = load_result_of(tmp_path)
    assert result.configuration["sockets"] == 3
    assert result.manifest["server_workers"].startswith("4: ")
    assert not result.leftovers


def test_users_without_a_worker_are_named(tmp_path: Path) -> None:
    with backend(*USERS, "--quirks", "hanami-0.4") as url:
        run = run_load("--target", url, *DIRECT, "--sockets", "0", "--deadline", "3", "--drain", "2", cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.state is RunState.FAIL
    assert result.reasons[0].startswith("4 of 8 users served; attach waited ")
    assert "open websockets may occupy all workers of the server (--sockets)" in run.stdout
    assert "server_workers" not in result.manifest


def test_a_server_without_a_limit_gets_none(tmp_path: Path) -> None:
    with backend(*USERS) as url:
        run = run_load("--target", url, *DIRECT, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "sockets: no limit; workers of the server: 16 or more" in run.stdout
    assert load_result_of(tmp_path).configuration["sockets"] == 0


@pytest.mark.slow
def test_processes_share_the_derived_limit(tmp_path: Path) -> None:
    with backend(*USERS, "--quirks", "hanami-0.4") as url:
        run = run_load("--target", url, *DIRECT, "--processes", "2", cwd=tmp_path)
        too_many = run_load("--target", url, *DIRECT, "--processes", "4", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert COUNTED in run.stdout
    assert too_many.returncode == 4, too_many.stdout + too_many.stderr
    needs = "--sockets 3: direct-request needs 1 at the same time in each of 4 processes"
    assert f"{needs} (the server has 4 workers, and REST calls need one)" in too_many.stderr


def series(seconds: float, *, failed: bool = False) -> Series:
    found = Series()
    (found.failures if failed else found.response).record(int(seconds * 1e6))
    return found


@pytest.mark.parametrize(
    ("served", "found", "line"),
    [
        (4, {"attach cluster": series(8.5)}, "4 of 10 users served; attach waited 8.5 s"),
        (4, {"attach file": series(8.5, failed=True)}, "4 of 10 users served; attach waited 8.5 s"),
        (4, {"attach file": series(0.1), "rest csv.init": series(5.0)}, "4 of 10 users served; REST waited 5 s"),
        (4, {"attach file": series(0.1), "rest csv.init": series(0.2)}, ""),  # not for lack of a worker
        (10, {"attach file": series(8.5)}, ""),
        (0, {"attach file": series(8.5)}, ""),
    ],
)
def test_a_long_wait_of_some_users_is_named(served: int, found: dict[str, Series], line: str) -> None:
    users = AttachedUsers(asked=set(range(10)), served=set(range(served)))
    assert starved_users(users, found).split(": ")[0] == line


@pytest.mark.parametrize(("text", "limit"), [("auto", None), ("0", 0), ("3", 3)])
def test_a_limit_of_sockets(text: str, limit: int | None) -> None:
    assert socket_limit(text) == limit
    assert next(option for option in LOAD_OPTIONS if option.name == "sockets").value(None) is None


@pytest.mark.parametrize("text", ["-1", "some"])
def test_an_invalid_limit_of_sockets(text: str) -> None:
    with pytest.raises(OptionError):
        socket_limit(text)
