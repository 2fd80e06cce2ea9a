"""Servers that send far too much: attacks on REST calls and on websockets, alone or behind a good server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.server import ServerProtocol

from support.hostile_servers import READ, Relay, relayed

BLOCK = bytes(1 << 16)
DEEP = 1_000_000  # levels of JSON
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
GIGABYTES = 3 << 30
STALLED = 10.0  # seconds after which a client that reads nothing has had enough

# Sends what belongs to an attack, until the client has had enough.
Attack = Callable[[socket.socket, threading.Event], None]


def repeat(connection: socket.socket, done: threading.Event, data: bytes) -> None:
    """Send the same bytes for ever."""
    many = data * max(1, len(BLOCK) // len(data))
    connection.settimeout(STALLED)
    while not done.is_set():
        connection.sendall(many)


def endless_body(connection: socket.socket, done: threading.Event) -> None:
    """Answer with a body that never ends."""
    connection.sendall(HEAD + b'\r\n{"a": "')
    repeat(connection, done, b"x")


def endless_chunks(connection: socket.socket, done: threading.Event) -> None:
    """Answer with chunks that never end."""
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    repeat(connection, done, b"10\r\n0123456789abcdef\r\n")


def terabyte(connection: socket.socket, done: threading.Event) -> None:
    """Announce a body of a terabyte, and begin to send it."""
    connection.sendall(HEAD + b"Content-Length: 1099511627776\r\n\r\n")
    repeat(connection, done, b" ")


def million_headers(connection: socket.socket, done: threading.Event) -> None:
    """Answer with headers that never end."""
    connection.sendall(HEAD)
    repeat(connection, done, b"X-Header: value\r\n")


def endless_header(connection: socket.socket, done: threading.Event) -> None:
    """Answer with one header that never ends."""
    connection.sendall(HEAD + b"X-Header: ")
    repeat(connection, done, b"v")


def continue_flood(connection: socket.socket, done: threading.Event) -> None:
    """Answer with 100 Continue, for ever."""
    repeat(connection, done, b"HTTP/1.1 100 Continue\r\n\r\n")


def deep_json(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Answer with JSON nested a million deep."""
    body = b'{"uuid":' + b"[" * DEEP + b"]" * DEEP + b"}"
    connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def wide_json(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Answer with JSON of two million lists, which take twenty times as much memory as text."""
    body = b'{"uuid":[' + b"[]," * 2 * DEEP + b"[]]}"
    connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def megabyte(connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG001
    """Answer with a megabyte of text, and no JSON."""
    body = b"no JSON " * (1 << 17)
    connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


REST = [
    *(endless_body, endless_chunks, terabyte, million_headers, endless_header, continue_flood),
    *(deep_json, wide_json, megabyte),
]


def gigabytes_announced(connection: socket.socket, done: threading.Event) -> None:
    """Announce a message of three gigabytes, and send it."""
    connection.sendall(b"\x82\x7f" + GIGABYTES.to_bytes(8, "big"))
    repeat(connection, done, b"\x00")


def endless_fragments(connection: socket.socket, done: threading.Event) -> None:
    """Send fragments of a message that never ends."""
    connection.sendall(Frame(Opcode.BINARY, BLOCK, fin=False).serialize(mask=False))
    repeat(connection, done, Frame(Opcode.CONT, BLOCK[:1000], fin=False).serialize(mask=False))


def ping_flood(connection: socket.socket, done: threading.Event) -> None:
    """Send pings for ever, and read no pong."""
    repeat(connection, done, Frame(Opcode.PING, b"ping").serialize(mask=False))


def message_flood(connection: socket.socket, done: threading.Event) -> None:
    """Send messages that nothing asked for, for ever."""
    repeat(connection, done, Frame(Opcode.BINARY, bytes(100)).serialize(mask=False))


def empty_message_flood(connection: socket.socket, done: threading.Event) -> None:
    """Send empty messages, for ever."""
    repeat(connection, done, Frame(Opcode.BINARY, b"").serialize(mask=False))


def deep_message(connection: socket.socket, done: threading.Event) -> None:
    """Answer with JSON nested a million deep."""
    connection.sendall(Frame(Opcode.TEXT, b"[" * DEEP).serialize(mask=False))
    done.wait()


MESSAGES = [
    *(gigabytes_announced, endless_fragments, ping_flood, message_flood, empty_message_flood),
    deep_message,
]
HANDSHAKES = [endless_body, million_headers, endless_header, continue_flood]  # in place of the answer to a handshake


@dataclass(frozen=True)
class Flood:
    """Answer REST calls other than the login, or websockets, with an attack.

    Attributes:
        attack: The attack.
        kind: ``rest``, ``handshake``, or ``message`` for an attack on an open websocket.
    """

    attack: Attack
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}-{self.attack.__name__}"

    def __call__(self, relay: Relay, connection: socket.socket, done: threading.Event) -> None:
        """Serve one connection, see :class:`support.hostile_servers.Relay`."""
        begun = connection.recv(READ)
        is_socket = b"upgrade: websocket" in begun.lower()
        is_login = b"/token" in begun.split(b"\r\n", 1)[0]
        if is_socket != (self.kind != "rest") or is_login:
            relay.relay(connection, begun)
            return
        self.strike(connection, begun, done)

    def strike(self, connection: socket.socket, begun: bytes, done: threading.Event) -> None:
        """Attack a connection of which the beginning was read."""
        if self.kind == "message":
            connection.sendall(accepted(begun))
        reader = threading.Thread(target=discard, args=(connection,), daemon=True)
        reader.start()
        self.attack(connection, done)


def discard(connection: socket.socket) -> None:
    """Read and forget, so that the client can go on sending."""
    with contextlib.suppress(OSError):
        while connection.recv(READ):
            pass


def accepted(request: bytes) -> bytes:
    """Return the answer that accepts the handshake of a websocket."""
    protocol = ServerProtocol()
    protocol.receive_data(request)
    (event,) = protocol.events_received()
    answer: Response = protocol.accept(event)  # type: ignore[arg-type]
    return answer.serialize()


FLOODS = [
    *(Flood(attack, "rest") for attack in REST),
    *(Flood(attack, "handshake") for attack in HANDSHAKES),
    *(Flood(attack, "message") for attack in MESSAGES),
]


@contextlib.contextmanager
def flooding(url: str, flood: Flood) -> Iterator[str]:
    """A server whose logins work, and that floods everything else of its kind; its address."""
    with relayed(url, lambda port: Relay(port, flood)) as address:
        yield address


def flood_alone(flood: Flood) -> Attack:
    """Return a server that floods the first request, whatever it is."""

    def serve(connection: socket.socket, done: threading.Event) -> None:
        flood.strike(connection, connection.recv(READ), done)

    return serve
