"""Runs that kill and suspend the server that they started, and judge what is declared to be kept."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from hanami_conformance.common.child_process import ChildProcess
from hanami_loadtests.ports import free_port
from support.suite_runs import faulty_backend, result_of, run_suite
from tools.reference import ALICE, TIMEOUT, USERS

SUSPENDED = "test_restart.py::test_a_suspended_server_goes_on_where_it_was"
KILLED = "test_restart.py::test_a_killed_server_keeps_what_is_declared"

# A server that keeps everything over its end: it passes all bytes on to another one, which does not end.
DURABLE = """\
import asyncio, sys
async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def serve(reader, writer):
    there, back = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(copy(reader, back), copy(there, writer))
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()
asyncio.run(main())
"""


def started(fault: str = "") -> tuple[str, ...]:
    port = free_port()
    words = [sys.executable, "-m", "hanami_reference_backend", "--port", str(port), *USERS]
    words += ["--fault", fault] if fault else []
    command = shlex.join(words)
    return ("--target", f"http://127.0.0.1:{port}", *ALICE, "--server-command", command, "--database", "none")


def test_a_server_that_declares_nothing_is_observed(tmp_path: Path) -> None:
    run = run_suite(*started(), "-k", "restart", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = result_of(tmp_path)
    (killed,) = (case for case in result["cases"] if case["id"] == KILLED)
    assert killed["observations"]["description of a dataset before a restart"].startswith("404")
    assert killed["observations"]["a socket for a cluster before a restart"] != "accepted"
    assert result["manifest"]["options"]["durable"] == "none"


def test_what_is_declared_and_kept_passes(tmp_path: Path) -> None:
    port = free_port()
    with faulty_backend() as url:
        command = shlex.join([sys.executable, "-c", DURABLE, str(port), str(urlsplit(url).port)])
        options = ("--target", f"http://127.0.0.1:{port}", *ALICE, "--server-command", command, "--database", "none")
        run = run_suite(*options, "--case", KILLED, cwd=tmp_path, environment={"HANAMI_DURABLE": "all"})
    assert run.returncode == 0, run.stdout + run.stderr
    (case,) = result_of(tmp_path)["cases"]
    assert case["outcome"] == "passed", case["reason"]
    assert case["observations"] == {}, "everything was judged"


@pytest.mark.parametrize("durable", ["datasets", "all"])
def test_what_is_declared_and_not_kept_fails(durable: str, tmp_path: Path) -> None:
    run = run_suite(*started(), "--durable", durable, "--case", KILLED, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    (case,) = result_of(tmp_path)["cases"]
    assert (case["outcome"], case["violated"]) == ("failed", ["FIN-1"])
    assert "404" in case["actual"]


@pytest.mark.parametrize(
    ("fault", "case", "violated"),
    [
        ("chunks-for-a-suspended-server-answered-twice", SUSPENDED, "DATA-1"),
        ("requests-to-a-suspended-server-answered-twice", SUSPENDED, "DIO-3"),
        ("datasets-from-before-a-restart-get-500", KILLED, "GEN-1"),
        ("switch-after-a-restart-gets-500", KILLED, "GEN-1"),
    ],
)
def test_what_a_server_does_after_it_is_detected(fault: str, case: str, violated: str, tmp_path: Path) -> None:
    run = run_suite(*started(fault), "--case", case, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    (result,) = result_of(tmp_path)["cases"]
    assert (result["outcome"], result["violated"]) == ("failed", [violated]), result["reason"]


def test_durable_is_none_datasets_or_all(tmp_path: Path) -> None:
    run = run_suite(*started(), "--durable", "some", cwd=tmp_path)
    assert run.returncode == 4
    assert "none, datasets" in run.stderr


def test_a_suspended_process_goes_on_also_after_an_interrupt() -> None:
    counting = (
        "import itertools, time\nfor number in itertools.count():\n    print(number, flush=True)\n    time.sleep(0.01)"
    )
    with ChildProcess([sys.executable, "-c", counting], stdout=subprocess.PIPE) as child:
        child.read_line(TIMEOUT)

        def interrupted() -> None:
            with child.suspended():
                deadline = time.monotonic() + TIMEOUT
                while psutil.Process(child.popen.pid).status() != psutil.STATUS_STOPPED:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert psutil.Process(child.popen.pid).status() != psutil.STATUS_STOPPED
