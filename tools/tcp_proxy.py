"""TCP proxies in front of a server for tests: TLS, a path of their own, limits, and an exact count of connections."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hanami_loadtests.faults import tcp_proxy
from hanami_loadtests.faults.tcp_proxy import READ, TcpProxy, relaying


@dataclass(frozen=True)
class NetworkConditions(tcp_proxy.NetworkConditions):
    """Network conditions between a client and a server.

    Attributes:
        lifetime: Time in seconds after which a connection is closed; None for never.
        most: Number of connections that are served at the same time, while others wait; None for any number.
    """

    lifetime: float | None = None
    most: int | None = None


PLAIN = NetworkConditions()
KEEP_ALIVE = re.compile(rb"\r\nconnection: *keep-alive\r\n", re.IGNORECASE)
COUNTS = sys.platform == "linux"  # whether connections can be counted, see Proxy.most
ESTABLISHED = 1  # first byte of the TCP_INFO of Linux: neither side has closed it


class Proxy(TcpProxy):
    """Relays every connection to a server; with a prefix, one carries one request, or a websocket.

    Args:
        port: Port of the server.
        prefix: Prefix that is removed from the path of a request; a request without it gets 404.
        line: Network conditions between the clients and the server.

    Attributes:
        most: Largest number of simultaneous client connections, open at both ends, where :data:`COUNTS`. They are
            counted by the state of the socket when one is accepted, since the close of an earlier one may not have
            been read yet.
    """

    def __init__(self, port: int, prefix: str, line: NetworkConditions = PLAIN) -> None:
        super().__init__("127.0.0.1", port, line)
        self._prefix = prefix.encode()
        self._lifetime = line.lifetime
        self._places = contextlib.nullcontext() if line.most is None else asyncio.Semaphore(line.most)
        self.most = 0
        self._clients: set[Any] = set()  # their sockets

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = writer.get_extra_info("socket")
        self._clients.add(client)
        if COUNTS:
            self.most = max(self.most, sum(is_established(one) for one in self._clients))
        try:
            async with self._places:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(super()._connect(reader, writer), self._lifetime)
        finally:
            self._clients.discard(client)

    async def _begin(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> bool:
        if not self._prefix:
            return True
        try:
            before, _, path = (await reader.readuntil(b"\r\n\r\n")).partition(b" ")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return False  # no request
        if not path.startswith(self._prefix + b"/"):
            await self._refuse(reader, writer)
            return False
        # Only the path of the first request is changed, so another one needs a connection of its own.
        server.write(before + b" " + only_request(path.removeprefix(self._prefix)))
        return True

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\nConnection: close\r\n\r\nno such")
        with contextlib.suppress(TimeoutError):  # what is not read would make the close a reset
            while await asyncio.wait_for(reader.read(READ), 0.1):
                pass


def only_request(head: bytes) -> bytes:
    """Return the head of a request in which another one on the same connection is not wanted."""
    return KEEP_ALIVE.sub(b"\r\nConnection: close\r\n", head)


def is_established(connection: Any) -> bool:
    """Whether neither side of a connection has closed it, or sent its end."""
    with contextlib.suppress(OSError):  # closed here
        info: bytes = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return info[0] == ESTABLISHED
    return False


@contextmanager
def proxy(
    url: str, tls: ssl.SSLContext | None = None, prefix: str = "", line: NetworkConditions = PLAIN
) -> Iterator[str]:
    """Provide a proxy in front of a server, and its address: ends TLS, and takes a prefix off the path of a request."""
    with relaying(Proxy(int(url.rpartition(":")[2]), prefix, line), tls) as port:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}{prefix}"


@contextmanager
def counting_proxy(url: str) -> Iterator[tuple[str, Callable[[], int]]]:
    """Provide a proxy in front of a server: its address, and a count of the most simultaneous connections."""
    relay = Proxy(int(url.rpartition(":")[2]), "")
    with relaying(relay) as port:
        yield f"http://127.0.0.1:{port}", lambda: relay.most
