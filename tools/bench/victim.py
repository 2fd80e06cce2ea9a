"""The server of the measurement of hostile clients, and what they need to send to it."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.sync.client import ClientConnection, connect

from hanami_conformance.common.child_process import ProcessError
from hanami_proto.dialect import Dialect

DEADLINE = 120.0  # seconds for one answer
SILENCE = 1.0  # seconds after which a server has no more to say
MIB = 1024 * 1024
NO_MASK = b"\0\0\0\0"  # a key that leaves the bytes as they are


@dataclass(frozen=True)
class Victim:
    """The server, as one logged-in user.

    Attributes:
        url: Address of the server.
        dialect: Dialect of the server.
        token: Token of the user.
        scale: Size of all inputs, 1 for the full one.
    """

    url: str
    dialect: Dialect
    token: str
    scale: float = 1.0

    def many(self, count: int) -> int:
        """Return a number of things, scaled."""
        return max(1, int(count * self.scale))

    def call(self, operation: str, **fields: Any) -> httpx.Response:
        """Send a request with the token."""
        route = self.dialect.route(operation)
        in_query = route.method in ("GET", "DELETE")
        with self.client() as client:
            return client.request(
                route.method,
                route.path,
                params=fields if in_query else None,
                json=None if in_query else fields,
                headers={"X-Auth-Token": self.token},
            )

    def ask(self, operation: str, **fields: Any) -> dict[str, Any]:
        """Send a request that must succeed.

        Raises:
            ProcessError: If it does not.
        """
        answer = self.call(operation, **fields)
        if answer.status_code != HTTPStatus.OK:
            raise ProcessError(f"the server answered {operation} with {answer.status_code}: {answer.text[:200]}")
        result = answer.json()
        return result if isinstance(result, dict) else {}

    def client(self) -> httpx.Client:
        """Return a client for a few requests."""
        return httpx.Client(base_url=self.url, timeout=DEADLINE, trust_env=False)

    @contextlib.contextmanager
    def raw(self) -> Iterator[socket.socket]:
        """Provide a TCP connection."""
        address = urlsplit(self.url)
        with socket.create_connection((address.hostname, address.port), DEADLINE) as connection:
            yield connection

    def open(self) -> ClientConnection:
        """Return a websocket without a first message."""
        url = "ws" + self.url.removeprefix("http")
        return connect(url, compression=None, proxy=None, max_size=None, ping_interval=None, open_timeout=DEADLINE)

    @contextlib.contextmanager
    def attached(self, target: str, uuid: str) -> Iterator[ClientConnection]:
        """Provide an attached websocket."""
        with self.open() as websocket:
            websocket.send(json.dumps({"token": self.token, "uuid": uuid, "target": target}))
            if not json.loads(websocket.recv(DEADLINE))["success"]:
                raise ProcessError("the server did not accept the websocket")
            yield websocket

    def upload(self, kind: str, *files: bytes) -> dict[str, str]:
        """Upload files completely; return the fields of the finalize."""
        names = ("input", "label")[: len(files)]
        sizes = {f"{name}_data_size": len(file) for name, file in zip(names, files, strict=True)}
        begun = self.ask(f"{kind}.init", name="abuse", **sizes)
        for name, file in zip(names, files, strict=True):
            with self.attached("file_upload", begun[f"uuid_{name}_file"]) as websocket:
                for start in range(0, len(file), MIB):
                    websocket.send(self.dialect.codec.encode_chunk(start, file[start : start + MIB]))
                    websocket.recv(DEADLINE)
        return {key: begun[key] for key in ("uuid", *(f"uuid_{name}_file" for name in names))}


def frame(first_byte: int, payload: bytes) -> bytes:
    """Return a frame of a client (RFC 6455, 5.2)."""
    length = len(payload)
    if length < 126:
        return bytes((first_byte, 0x80 | length)) + NO_MASK + payload
    if length < 65536:
        return struct.pack(">BBH", first_byte, 0x80 | 126, length) + NO_MASK + payload
    return struct.pack(">BBQ", first_byte, 0x80 | 127, length) + NO_MASK + payload


def send_all(connection: socket.socket, data: bytes) -> None:
    """Send bytes, as many as the server takes."""
    with contextlib.suppress(OSError):
        connection.sendall(data)


def drain(connection: socket.socket) -> bytes:
    """Return the end of what the server sends until it closes the connection or is silent."""
    connection.settimeout(SILENCE)
    received = b""
    with contextlib.suppress(OSError):
        while data := connection.recv(MIB):
            received = (received + data)[-1000:]
    return received


def shake_hands(connection: socket.socket) -> None:
    """Open a websocket on a connection.

    Raises:
        ProcessError: If the server rejects it.
    """
    connection.sendall(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(4096)
        if not data:
            raise ProcessError("the server did not complete the handshake of a websocket")
        received += data
