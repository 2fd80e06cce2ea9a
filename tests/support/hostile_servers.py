"""Targets that fail after a while: a relay in front of a good server that turns after some connections."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from support.suite_runs import double
from tools.tcp_proxy import only_request

READ = 65_536
SLOWLY = 64  # bytes at the beginning of an answer that come one by one
LATENCY = 0.01  # seconds in each direction
CUT = 10  # bytes after which an answer breaks off


@dataclass
class Relay:
    """Relay connections to a server, the first ones unchanged.

    Attributes:
        port: Port of the server on 127.0.0.1.
        turn: Handler of the later connections; None relays all of them.
        turns_after: Number of connections that are relayed before the first is handled by ``turn``.
        pump: Function that passes the bytes of the server on to the client.
    """

    port: int
    turn: Callable[[Relay, socket.socket, threading.Event], None] | None = None
    turns_after: int = 0
    pump: Callable[[socket.socket, bytes], None] = socket.socket.sendall
    latency: float = 0.0
    last_answer: bytes = b""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __call__(self, connection: socket.socket, done: threading.Event) -> None:
        """Serve one connection."""
        number = next(self._numbers)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.turn is not None and number >= self.turns_after:
            self.turn(self, connection, done)
        else:
            self.relay(connection)

    def relay(self, connection: socket.socket, begun: bytes = b"") -> bytes:
        """Relay a connection, of which the beginning may have been read, until either side ends it.

        What is to be done with a connection is decided by its first request, so that it has no other one.

        Returns:
            What the server said.
        """
        said = bytearray()
        with socket.create_connection(("127.0.0.1", self.port)) as server:
            server.sendall(only_request(begun or self.received(connection)))
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            requests = threading.Thread(target=self._requests, args=(connection, server))
            requests.start()
            with contextlib.suppress(OSError):
                while data := server.recv(READ):
                    time.sleep(self.latency)
                    self.pump(connection, data)
                    said += data
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            requests.join()
        self.last_answer = bytes(said)
        return self.last_answer

    def received(self, connection: socket.socket) -> bytes:
        """What a client sends next; nothing where it has ended its side."""
        with contextlib.suppress(OSError):
            data = connection.recv(READ)
            time.sleep(self.latency)
            return data
        return b""

    def _requests(self, connection: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := self.received(connection):
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)


def byte_by_byte(connection: socket.socket, data: bytes) -> None:
    """The beginning of each answer one byte at a time."""
    for place in range(min(SLOWLY, len(data))):
        connection.sendall(data[place : place + 1])
    connection.sendall(data[SLOWLY:])


def goes_silent(relay: Relay, connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Take connections and never answer again."""
    done.wait()


def silent_on_websockets(relay: Relay, connection: socket.socket, done: threading.Event) -> None:
    """Answer REST calls, and no websocket."""
    begun = connection.recv(READ)
    if b"upgrade: websocket" in begun.lower():
        done.wait()
    else:
        relay.relay(connection, begun)


def closes(relay: Relay, connection: socket.socket, done: threading.Event) -> None:
    """Take connections and close them at once."""


def talks_nonsense(relay: Relay, connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Answer with bytes that are no HTTP."""
    connection.recv(READ)
    connection.sendall(b"\x00\xff\x13\x37" * 100 + b"\r\n\r\n")


def dies_in_answers(relay: Relay, connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Break off in the middle of each answer."""
    connection.recv(READ)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"[:CUT])


def answers_of_others(relay: Relay, connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Answer each connection with what the one before should have heard."""
    before = relay.last_answer
    quiet, other = socket.socketpair()
    with quiet, other:
        # The request reaches the server, but its answer waits for the next one.
        listener = threading.Thread(target=relay.relay, args=(other,))
        listener.start()
        connection.settimeout(2.0)
        with contextlib.suppress(OSError):
            quiet.sendall(connection.recv(READ))
            connection.sendall(before)
        quiet.settimeout(1.0)
        with contextlib.suppress(OSError):
            while quiet.recv(READ):
                pass
        quiet.close()
        listener.join()


@contextlib.contextmanager
def relayed(url: str, relay: Callable[[int], Relay]) -> Iterator[str]:
    """A relay in front of a server, and its address."""
    with double(relay(int(url.rpartition(":")[2]))) as address:
        yield address
