"""The open connections of the server by the address of their client, and the ways in which they end."""

from __future__ import annotations

import os
import signal
import sys
import time
from asyncio import Transport
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NoReturn

from starlette.types import Scope

from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.serving.rest_protocol import RestProtocol
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.channel import Channel

CRASH_LINE = "crash: "  # before the name of the defect, in the log
SEGMENTATION_FAULT = signal.SIGSEGV
ABORT = signal.SIGABRT  # an exception that nobody catches


@dataclass(eq=False)
class Connection:
    """A TCP connection.

    Attributes:
        protocol: HTTP protocol of the connection, also after it has become a websocket.
        reset: Whether the client has reset the connection.
        silent: Whether nobody reads from the connection any more.
        held: Bytes that have arrived before a worker serves the connection.
    """

    protocol: Any
    transport: Transport
    reset: bool = False
    silent: bool = False
    held: list[bytes] = field(default_factory=list)

    def drop(self) -> None:
        """End the connection without a response or a close frame."""
        self.transport.abort()


def crash(defect: str, number: signal.Signals = SEGMENTATION_FAULT) -> NoReturn:
    """Log the name of a defect, and end the process by a signal, without a core dump."""
    sys.stderr.write(f"{CRASH_LINE}{defect}\n")
    sys.stderr.flush()
    try:
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass
    os.kill(os.getpid(), number)
    time.sleep(1.0)  # another thread may get the signal, a moment later
    os._exit(128 + number)


@cache
def open_connections() -> dict[str, Connection]:
    """Record the open connections by the address of the client, as :attr:`Channel.peer` has it."""
    found: dict[str, Connection] = {}

    @replace_method(RestProtocol, "connection_made")
    def made(original: Any, protocol: Any, transport: Transport) -> None:
        original(protocol, transport)
        found[_address(protocol)] = Connection(protocol, transport)

    for kind in (RestProtocol, SocketProtocol):
        _forget_lost(kind, found)
    return found


def _forget_lost(kind: Any, found: dict[str, Connection]) -> None:
    @replace_method(kind, "connection_lost")
    def lost(original: Any, protocol: Any, error: Exception | None) -> None:
        connection = found.pop(_address(protocol), None)
        if connection is not None:
            connection.reset = isinstance(error, ConnectionResetError)
        original(protocol, error)


def connection_of(scope: Scope) -> Connection | None:
    """Return the connection of a request, or None if it has ended."""
    client = scope.get("client")
    return open_connections().get(f"{client[0]}:{client[1]}") if client else None


def connection_of_channel(channel: Channel) -> Connection | None:
    """Return the connection of a websocket, or None if it has ended."""
    return open_connections().get(channel.peer)


def _address(protocol: Any) -> str:
    client = protocol.client
    return f"{client[0]}:{client[1]}" if client else ""
