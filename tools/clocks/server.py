"""A small server whose response times follow a rule, and which logs the true times of every exchange.

Run as ``python -m tools.clocks.server PATHOLOGY``. It listens on a free port of 127.0.0.1, announces its address in a
line of JSON, and stops when standard input closes. ``GET /log`` returns the log. It answers as much of the documented
dialect as the scenarios ``rest`` and ``direct-request`` need; the rule holds for progress queries and for messages to a
cluster.

The system itself notes when bytes arrive, so that a server that is kept from running reads the right times later.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import struct
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from hanami_proto.dialect import load_dialect
from hanami_proto.websocket import WebSocketServer
from tools.clocks.log import ATTACH, REST, SOCKET, Exchange
from tools.clocks.pathologies import BASE, PATHOLOGIES, Message, Rule

READ = 1 << 16
SO_TIMESTAMPING, SOFTWARE = 37, (1 << 3) | (1 << 4)  # of Linux: note the arrival, and pass it on
STAMP = struct.Struct("qq")  # seconds, nanoseconds
OUTPUTS = 10
CODEC = load_dialect().codec
HEAD_END = b"\r\n\r\n"


class Book:
    """The rule, the users, and the log."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._users: dict[str, tuple[str, int]] = {}  # uuid to kind and number
        self._indices: dict[str, itertools.count[int]] = {}
        self.exchanges: list[Exchange] = []
        self._began: float | None = None

    def new_user(self, series: str) -> str:
        """Return the uuid of a new upload or cluster, which stands for a user."""
        if self._began is None:
            self._began = time.time()
        made = str(uuid.uuid4())
        self._users[made] = (series, sum(kind == series for kind, _ in self._users.values()))
        self._indices[made] = itertools.count()
        return made

    def plan(self, owner: str, arrival: float, after: float) -> tuple[Exchange, float | None]:
        """Return a new exchange, and the system's time at which its answer leaves.

        Args:
            owner: Uuid of the upload or cluster.
            arrival: Time of the arrival, by the clock of the system.
            after: Time before which no answer may leave, by the same clock.
        """
        assert self._began is not None
        series, user = self._users[owner]
        message = Message(user, next(self._indices[owner]), arrival - self._began)
        leaves = self._rule(message)
        if leaves is not None:
            leaves = max(leaves, after - self._began)
        exchange = Exchange(series, user, message.index, message.arrival, leaves, None)
        return exchange, None if leaves is None else leaves + self._began

    def attach(self, owner: str, arrival: float) -> None:
        """Log that a user has a socket from now on."""
        assert self._began is not None
        now = time.time() - self._began
        self.exchanges.append(Exchange(ATTACH, self._users[owner][1], 0, arrival - self._began, now, now))

    def close(self, exchange: Exchange) -> None:
        """Log an exchange; its answer leaves now, unless it is lost."""
        assert self._began is not None
        departure = None if exchange.planned is None else time.time() - self._began
        self.exchanges.append(Exchange(**{**asdict(exchange), "departure": departure}))

    def data(self) -> list[dict[str, Any]]:
        """Return the log as JSON data."""
        return [asdict(exchange) for exchange in self.exchanges]


class Connection:
    """One connection: REST, or a websocket.

    Args:
        opened: Open TCP socket of the client.
        book: Rule and log of the server.
    """

    def __init__(self, opened: socket.socket, book: Book) -> None:
        self._socket = opened
        self._book = book
        self._loop = asyncio.get_running_loop()
        self._data = b""
        self._websocket: WebSocketServer | None = None
        self._owner = ""  # uuid of the cluster
        self._answers: deque[tuple[Exchange | None, bytes]] = deque()
        self._last = 0.0  # time at which the latest answer leaves
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # elsewhere than on Linux
            opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, SOFTWARE)
        self._loop.add_reader(opened, self._read)

    def _read(self) -> None:
        try:
            data, notes, _, _ = self._socket.recvmsg(READ, 128)
        except BlockingIOError:
            return
        except OSError:
            data, notes = b"", []
        if not data:
            self._close()
            return
        stamps = [STAMP.unpack_from(note) for _, kind, note in notes if kind == SO_TIMESTAMPING]
        arrival = stamps[0][0] + stamps[0][1] / 1e9 if stamps else time.time()
        if self._websocket is not None:
            self._feed(data, arrival)
            return
        self._data += data
        while HEAD_END in self._data and self._websocket is None:
            head, _, rest = self._data.partition(HEAD_END)
            if b"upgrade: websocket" in head.lower():
                self._websocket = WebSocketServer()
                self._feed(self._data, arrival)
                return
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
            )
            if len(rest) < length:
                return
            self._data = rest[length:]
            self._answer(head.split(b" ", 2), arrival)

    def _answer(self, words: list[bytes], arrival: float) -> None:
        method, target = words[0].decode(), urlsplit(words[1].decode())
        if target.path.endswith("/dataset/progress"):
            owner = parse_qs(target.query)["uuid"][0]
            found = {"uuid": owner, "complete": False, "input": 0.0}
            self._later(owner, _response(found), arrival)
        elif target.path.endswith("/all"):
            # The rule does not hold for lists, which users send in between.
            self._answers.append((None, _response({"header": ["uuid", "name"], "body": []})))
            self._loop.call_later(BASE, self._send)
        elif target.path == "/log":
            self._write(_response({"log": self._book.data()}))
        elif method == "POST":
            series = SOCKET if target.path.endswith("/cluster") else REST
            made = self._book.new_user(series)
            self._write(_response({"uuid": made, "uuid_input_file": made, "name": "x"}))
        else:
            self._write(_response({}))

    def _feed(self, data: bytes, arrival: float) -> None:
        assert self._websocket is not None
        self._websocket.receive_data(data)
        for event in self._websocket.events_received():
            if isinstance(event, Request):
                self._websocket.send_response(self._websocket.accept(event))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._owner = json.loads(bytes(event.data))["uuid"]
                self._book.attach(self._owner, arrival)
                self._websocket.send_binary(b'{"success": 1}')
            elif isinstance(event, Frame) and event.opcode is Opcode.BINARY:
                answer = Frame(Opcode.BINARY, _output(bytes(event.data))).serialize(mask=False)
                self._later(self._owner, answer, arrival)
        for piece in self._websocket.data_to_send():
            if piece:
                self._write(piece)
            else:
                self._close()
                return

    def _later(self, owner: str, answer: bytes, arrival: float) -> None:
        exchange, leaves = self._book.plan(owner, arrival, self._last)
        if leaves is None:
            self._book.close(exchange)
            return
        self._last = leaves
        self._answers.append((exchange, answer))
        self._loop.call_later(max(0.0, leaves - time.time()), self._send)

    def _send(self) -> None:
        exchange, answer = self._answers.popleft()
        if exchange is not None and self._socket.fileno() >= 0:
            self._book.close(exchange)
        self._write(answer)

    def _write(self, data: bytes) -> None:
        if self._socket.fileno() >= 0:
            with contextlib.suppress(OSError):  # the client has gone
                self._socket.send(data)

    def _close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()


def _response(found: dict[str, Any]) -> bytes:
    body = json.dumps(found).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@cache
def _output(payload: bytes) -> bytes:
    """Return the answer to a message: some of its values, so that an answer to another message is detected."""
    values = CODEC.decode_io(payload).values[:OUTPUTS]
    return CODEC.encode_io("output_0", list(values), is_last=True)


async def serve(rule: Rule, announce: Callable[[str], None]) -> None:
    """Serve until standard input closes.

    Args:
        rule: Rule of the response times.
        announce: Called with the address.
    """
    loop, book, ended = asyncio.get_running_loop(), Book(rule), asyncio.Event()
    connections = []
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        listener.setblocking(False)

        def accept() -> None:
            with contextlib.suppress(BlockingIOError):
                connections.append(Connection(listener.accept()[0], book))

        def read_input() -> None:
            if not os.read(0, 4096):
                ended.set()

        loop.add_reader(listener, accept)
        loop.add_reader(0, read_input)
        announce(f"http://127.0.0.1:{listener.getsockname()[1]}")
        await ended.wait()


def main() -> int:
    """Serve; the exit status."""

    def announce(url: str) -> None:
        print(json.dumps({"url": url}), flush=True)

    asyncio.run(serve(PATHOLOGIES[sys.argv[1]](), announce))
    return 0


if __name__ == "__main__":
    sys.exit(main())
