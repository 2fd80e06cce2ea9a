"""TCP proxies in front of a server: latency, limits, TLS, and an exact count of connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class NetworkConditions:
    """Network conditions between a client and a server.

    Attributes:
        latency: Delay of each byte in each direction in seconds; following bytes are sent meanwhile.
        lifetime: Time in seconds after which a connection is closed; None for never.
        most: Number of connections that are served at the same time, while others wait; None for any number.
    """

    latency: float = 0.0
    lifetime: float | None = None
    most: int | None = None


PLAIN = NetworkConditions()
READ = 1 << 16
COUNTS = sys.platform == "linux"  # whether connections can be counted, see Proxy.most
ESTABLISHED = 1  # first byte of the TCP_INFO of Linux: neither side has closed it


class Proxy:
    """Relays every connection to a server; one carries one request, or a websocket.

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
        self._port = port
        self._prefix = prefix.encode()
        self._line = line
        self._places = contextlib.nullcontext() if line.most is None else asyncio.Semaphore(line.most)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stop = asyncio.Event()
        self.up = threading.Event()
        self.port = 0
        self.most = 0
        self._clients: set[Any] = set()  # their sockets

    async def serve(self, tls: ssl.SSLContext | None) -> None:
        """Take connections until :meth:`stop`."""
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        self.up.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def stop(self) -> None:
        """Take no more connections, and break off those that there are; called in the loop."""
        self._stop.set()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)  # nobody else holds it
        task.add_done_callback(self._tasks.discard)
        client = writer.get_extra_info("socket")
        self._clients.add(client)
        if COUNTS:
            self.most = max(self.most, sum(is_established(one) for one in self._clients))
        try:
            async with self._places:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._connect(reader, writer), self._line.lifetime)
        finally:
            self._clients.discard(client)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            line = await reader.readline() if self._prefix else b""
            before, _, path = line.partition(b" ")
            if self._prefix and not path.startswith(self._prefix + b"/"):
                await self._refuse(reader, writer)
                return
            server_writer.write(before + b" " + path.removeprefix(self._prefix) if line else b"")
            await asyncio.gather(self._relay(reader, server_writer), self._relay(server_reader, writer))
        except OSError:
            return  # one of them has had enough
        finally:
            server_writer.close()
            writer.close()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\nConnection: close\r\n\r\nno such")
        with contextlib.suppress(TimeoutError):  # what is not read would make the close a reset
            while await asyncio.wait_for(reader.read(READ), 0.1):
                pass

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            async for data in self._late(reader) if self._line.latency else arriving(reader):
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            if writer.can_write_eof():
                writer.write_eof()
            else:
                writer.close()  # an encrypted connection can't be closed by half

    async def _late(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        """Yield what arrives, and the end, each as late as the line makes it."""
        clock = asyncio.get_running_loop().time
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def listen() -> None:
            with contextlib.suppress(OSError):
                async for data in arriving(reader):
                    under_way.put_nowait((clock() + self._line.latency, data))
            under_way.put_nowait((clock() + self._line.latency, b""))

        listener = asyncio.create_task(listen())
        try:
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(due - clock())
                if not data:
                    return
                yield data
        finally:
            listener.cancel()


def is_established(connection: Any) -> bool:
    """Whether neither side of a connection has closed it, or sent its end."""
    with contextlib.suppress(OSError):  # closed here
        info: bytes = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return info[0] == ESTABLISHED
    return False


async def arriving(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield what arrives, until the end."""
    while data := await reader.read(READ):
        yield data


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
    with relaying(relay, None) as port:
        yield f"http://127.0.0.1:{port}", lambda: relay.most


@contextmanager
def relaying(relay: Proxy, tls: ssl.SSLContext | None) -> Iterator[int]:
    """Provide the port of a proxy that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(relay.serve(tls)))
    thread.start()
    relay.up.wait()
    try:
        yield relay.port
    finally:
        loop.call_soon_threadsafe(relay.stop)
        thread.join()
        loop.close()
