"""Servers that a run starts by a command, and what is left of them."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

from hanami_loadtests.ports import free_port
from tools.reference import ALICE

USER = "alice:very-secret-1:alpha"


def server_of(fault: str = "", *more: str, code: str = "") -> tuple[str, ...]:
    """The options of a run that starts a reference backend, which first prints its process id and a secret.

    Args:
        fault: Fault of the server.
        more: Other options of the server.
        code: Program that starts it, in place of its own.
    """
    port = free_port()
    program = ["-c", code] if code else ["-m", "hanami_reference_backend"]
    faulty = ("--fault", fault) if fault else ()
    words = [sys.executable, *program, "--port", str(port), "--user", USER, *faulty, *more]
    shell = f"echo pid $$ very-secret-1; exec {shlex.join(words)}"
    command = shlex.join(["/bin/sh", "-c", shell])
    return ("--target", f"http://127.0.0.1:{port}", *ALICE, "--server-command", command, "--database", "none")


def pids(folder: Path) -> list[int]:
    """The processes of the server, one for each time that it was started."""
    text = (folder / "reports" / "latest" / "server.log").read_text()
    return [int(pid) for pid in re.findall(r"^pid (\d+)", text, re.MULTILINE)]


def expect_gone(folder: Path, starts: int | None = None) -> None:
    """No process of the server is left, and each start is in the log."""
    found = pids(folder)
    assert found
    assert starts is None or len(found) == starts
    assert [pid for pid in found if Path(f"/proc/{pid}").exists()] == []


def outcomes(result: dict[str, Any]) -> list[str]:
    return [case["outcome"] for case in result["cases"]]
