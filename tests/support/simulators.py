"""A simulated released server in a process of its own, which may crash."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from hanami_reference_backend.faults.released.connections import CRASH_LINE
from support.backend_peer import DEADLINE, Peer, Server

HANAMI = "hanami-0.4.1"
OPENHANAMI = "openhanami-0.5.0"
# A test of both servers; the defects that they share have the same code.
EACH = pytest.mark.parametrize("server", [HANAMI, pytest.param(OPENHANAMI, marks=pytest.mark.slow)])
SOON = 0.3  # seconds in which a reply would have arrived
WORKERS = 4


class Simulator(Server):
    """A running simulator."""

    def crash(self) -> str:
        """Wait until the server ends by a signal, and return the defect that its log names."""
        assert self.process.wait(DEADLINE) < 0
        lines = [line for line in self.log().splitlines() if line.startswith(CRASH_LINE)]
        assert len(lines) == 1
        return lines[0].removeprefix(CRASH_LINE)

    def raw(self, *segments: bytes, wait: float = DEADLINE) -> bytes:
        """Send bytes on a connection of their own, and return all that is answered until it ends.

        Args:
            segments: Bytes, each of which arrives at a time of its own.
            wait: Seconds to wait for each part of the answer.
        """
        received = b""
        connection = socket.create_connection(("127.0.0.1", self.port), wait)
        with connection, contextlib.suppress(ConnectionError):
            for number, content in enumerate(segments):
                time.sleep(SOON if number else 0)
                connection.sendall(content)
            while data := connection.recv(65536):
                received += data
        return received

    def request(self, method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
        """Send a request as it is, and return the response as it is."""
        lines = (f"{method} {target} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers)
        return self.raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


@contextmanager
def simulator(folder: Path, server: str, *defects: str, speed: float = 0) -> Iterator[Simulator]:
    """Run a released server with some of its defects, all without names; it must not log a traceback.

    Args:
        folder: Folder for the log.
        server: Name of the released server.
        defects: Names of its defects.
        speed: Factor of all delays.
    """
    options = [word for name in defects for word in ("--defect", name)]
    command = [sys.executable, "-m", "hanami_reference_backend", "--port", "0", "--announce", "json"]
    command += ["--as", server, "--quirk-speed", f"{speed:g}", *options]
    with (folder / "log").open("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        with process.stdout:
            try:
                simulated = Simulator(process, errors, json.loads(process.stdout.readline()), deviates=True)
                yield simulated
            finally:
                process.kill()
                process.wait()
        assert "Traceback" not in simulated.log()


def send_first_message(connection: ClientConnection, fields: Any) -> dict[str, Any] | None:
    """Send a first message, and return the answer; None if the connection ends without an answer and a close frame."""
    connection.send(fields if isinstance(fields, str) else json.dumps(fields))
    close = None
    try:
        answer = connection.recv(DEADLINE)
    except ConnectionClosed as error:
        answer, close = b"null", error.rcvd
    assert close is None
    assert isinstance(answer, bytes)
    value: dict[str, Any] | None = json.loads(answer)
    return value


@contextmanager
def opened(peer: Peer) -> Iterator[ClientConnection]:
    """Open a websocket, and drop it at the end without a closing handshake, which a lost worker does not answer."""
    with peer.open() as connection:
        try:
            yield connection
        finally:
            drop(connection)


@contextmanager
def attached(peer: Peer, uuid: object, target: str = "file_upload") -> Iterator[ClientConnection]:
    """Attach to a file or a cluster."""
    with opened(peer) as connection:
        answer = send_first_message(connection, {"token": peer.token, "uuid": uuid, "target": target})
        assert answer == {"success": True}
        yield connection


def drop(connection: ClientConnection) -> None:
    """End a connection without a closing handshake."""
    with contextlib.suppress(OSError):
        connection.socket.shutdown(SHUT_RDWR)


def is_silent(connection: ClientConnection) -> bool:
    """Return whether nothing arrives for a short time."""
    try:
        connection.recv(SOON)
    except TimeoutError:
        return True
    return False


def lost_workers(peer: Peer) -> int:
    """Return how many of the workers do not answer the first message of a websocket."""
    silent = 0
    for _ in range(WORKERS):
        with opened(peer) as connection:
            connection.send("{}")
            silent += is_silent(connection)
    return silent
