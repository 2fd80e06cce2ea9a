"""A side of a benchmark: a plain TCP socket that sends frames made before, and reads as many bytes as must come.

No websocket is understood and no answer looked at but for its bytes: the most that any generator in Python can do.
"""

from __future__ import annotations

import itertools
import json
import socket
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from websockets.frames import Frame, Opcode

from hanami_loadtests.engine.frames import binary_frame
from tools.bench.generators import DEADLINE, Done, Work
from tools.bench.payloads import payloads_of

READ_SIZE = 1 << 16
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def plain_work(task: dict[str, Any]) -> Work:
    """Keep a number of frames in flight: send one more for each received answer."""
    connection = _attached(task["url"])
    frames = [(binary_frame(payload), counted) for payload, counted in payloads_of(task["what"], task["chunk"])]
    connection.sendall(frames[0][0])
    answer = _frame(connection)
    cycle, window = itertools.cycle(frames), int(task["window"])

    def work(seconds: float) -> Done:
        sent = size = received = 0
        end = perf_counter() + seconds
        while True:
            more = perf_counter() < end
            while more and sent - received // len(answer) < window:
                frame, counted = next(cycle)
                connection.sendall(frame)
                sent, size = sent + 1, size + counted
            if received >= sent * len(answer):
                return Done(sent, size)
            data = connection.recv(READ_SIZE)
            assert data, "the server ended the connection"
            received += len(data)

    return work


def _attached(url: str) -> socket.socket:
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(DEADLINE)
    connection.sendall(UPGRADE.format(path=address.path, host=address.netloc).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    first = json.dumps({"token": "none", "uuid": "none", "target": "none"}).encode()
    connection.sendall(Frame(Opcode.TEXT, first).serialize(mask=True))
    _frame(connection)
    return connection


def _frame(connection: socket.socket) -> bytes:
    """Return a short frame of the server, whole."""
    data = b""
    while len(data) < 2 or len(data) < 2 + (data[1] & 0x7F):
        data += connection.recv(READ_SIZE)
    return data
