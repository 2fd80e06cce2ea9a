"""The suite as a program of its own, and targets for it that are not what they should be."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.paths import ROOT
from tools.reference import TIMEOUT, USERS, backend, clean_environment

COMMAND = [sys.executable, "-m", "hanami_conformance.cli.main", "run"]
BOLD = "--allow-destructive"


def run_suite(
    *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``hanami-conformance run`` in a folder, with none of our own settings in its environment."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def with_tools(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which ``python -m tools.NAME`` is found from any folder."""
    return clean_environment({"PYTHONPATH": str(ROOT), **(more or {})})


def in_pytest(*options: str) -> tuple[str, ...]:
    """Options of the console command as pytest has them: ``--hanami-target`` for ``--target``."""
    return tuple(f"--hanami-{word[2:]}" if word.startswith("--") else word for word in options)


def begin_suite(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Begin ``hanami-conformance run`` in a folder; its lines come as it says them."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=clean_environment({"PYTHONUNBUFFERED": "1"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_cases(process: subprocess.Popen[str]) -> None:
    """Wait until a run has reported cases that passed."""
    assert process.stdout is not None
    assert any("passed" in line for line in process.stdout), "it ended before that"


def left_in(folder: Path) -> list[Path]:
    """What is left in a folder, but for the file with which Python tries a folder, where it was ended while it did."""
    return [path for path in folder.iterdir() if not path.is_file() or path.read_bytes() not in (b"", b"blat")]


def result_of(folder: Path) -> dict[str, Any]:
    """The result that a run in this folder left."""
    parsed: dict[str, Any] = json.loads((folder / "reports" / "latest" / "result.json").read_text(encoding="utf-8"))
    return parsed


@contextmanager
def faulty_backend(fault: str = "") -> Iterator[str]:
    """Provide the address of a reference backend with one fault, or with none."""
    with backend(*USERS, *(("--fault", fault) if fault else ())) as url:
        yield url


@contextmanager
def double(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A TCP server that does with each connection what ``serve`` does, and its address."""
    done = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    threads: list[threading.Thread] = []

    def accept() -> None:
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=handle, args=(connection,)))
            threads[-1].start()

    def handle(connection: socket.socket) -> None:
        with connection:
            try:
                serve(connection, done)
            except OSError:
                return  # the suite has had enough

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        acceptor.join()
        for thread in threads:
            thread.join()
        listener.close()


def silent(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Take the connection and say nothing."""
    done.wait()


def closing(connection: socket.socket, done: threading.Event) -> None:
    """Close at once."""


def answer_and_end(connection: socket.socket, answer: bytes) -> None:
    """Answer the first bytes, and end the connection without a reset, which unread bytes would cause."""
    connection.settimeout(TIMEOUT)
    connection.recv(4096)
    connection.sendall(answer)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass


def garbage(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Answer with something that is no HTTP."""
    answer_and_end(connection, b"\x00\x01\x02 this is no HTTP \xff\xfe\r\n\r\n")


def endless(connection: socket.socket, done: threading.Event) -> None:
    """Answer one byte at a time, for ever."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not done.wait(0.05):
        connection.sendall(b"X")


def failing(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Answer everything with 500."""
    answer_and_end(connection, b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nConnection: close\r\n\r\nOops")


def refusing(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Answer everything with 401."""
    answer_and_end(connection, b"HTTP/1.1 401 No\r\nContent-Length: 8\r\nConnection: close\r\n\r\nwho, you")
