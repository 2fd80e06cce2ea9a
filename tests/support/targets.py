"""Targets for tests of the set-up: a real backend, and a REST server that a test speaks for."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tools.reference import TIMEOUT, clean_environment
from tools.reference import backend as plain_backend

USERS = ("--user", "alice:very-secret-1:alpha:admin", "--user", "bob:very-secret-2:beta")
Said = tuple[int, Any]  # status, and a text or what becomes JSON
Handler = Callable[[str, str, dict[str, Any]], Said]  # method, path with query, body


def command(*arguments: str) -> list[str]:
    """The command line of ``hanami-conformance``."""
    return [sys.executable, "-m", "hanami_conformance.cli.main", *arguments]


def hanami(*arguments: str, cwd: Any, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command of ``hanami-conformance`` in a folder, with none of our own settings in its environment."""
    return program(command(*arguments), cwd, environment)


def program(
    words: list[str], cwd: Any, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with none of our own settings in its environment."""
    return subprocess.run(
        words,
        cwd=cwd,
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def backend(*options: str) -> Iterator[str]:
    """The reference backend with alice, an admin, and bob; its address."""
    with plain_backend(*USERS, *options) as url:
        yield url


@contextmanager
def rest(handler: Handler) -> Iterator[tuple[str, list[str]]]:
    """Provide a REST server with scripted answers: its address and the received requests. It closes each connection."""
    seen: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            text = self.rfile.read(length)
            seen.append(f"{self.command} {self.path}")
            status, said = handler(self.command, self.path, json.loads(text) if text else {})
            body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names that the library asks for

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
