"""A TCP proxy in front of a server, whose network conditions may change at any time; TLS passes through unread."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hanami_loadtests.ports import LOOPBACK

READ = 1 << 16
MOST_HELD = 64  # pieces of at most READ bytes that are under way in one direction of a connection
BACKLOG = 1024  # connections that wait to be accepted
SEGMENT = 1448  # bytes that a TCP segment carries on an usual network
RETRANSMISSION_SECONDS = 0.2  # until Linux sends a lost segment again, at least
MOST_RETRANSMISSIONS = 8  # of one segment
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close sends a reset


@dataclass(frozen=True)
class NetworkConditions:
    """Network conditions between clients and a server.

    Attributes:
        latency: Delay of each byte in each direction, seconds; following bytes are sent meanwhile.
        bandwidth: Bytes per second in each direction, of all connections together; None for no limit.
        loss: Share of TCP segments that are lost and sent again, 0 to 1.
        is_partitioned: Whether nothing passes.
        resets: Whether every connection is reset.
    """

    latency: float = 0.0
    bandwidth: float | None = None
    loss: float = 0.0
    is_partitioned: bool = False
    resets: bool = False


PLAIN = NetworkConditions()
Piece = tuple[float, asyncio.Event, bytes]  # when it is due, what makes it due at once, and its bytes


@dataclass
class _Link:
    """One direction of the network, which all connections share: the time until which it is busy, of the loop."""

    busy_until: float = 0.0


class TcpProxy:
    """Relays every connection to a server.

    Args:
        host: Host of the server.
        port: Port of the server.
        conditions: Network conditions at the begin.
        listen: Port on which it listens; 0 for any.
        seed: Seed for the choice of lost segments.

    Attributes:
        port: Port on which it listens, once :attr:`up` is set.
        up: Set once it listens.
    """

    def __init__(
        self, host: str, port: int, conditions: NetworkConditions = PLAIN, *, listen: int = 0, seed: int = 0
    ) -> None:
        self._server = (host, port)
        self._listen = listen
        self._conditions = conditions
        self._up, self._down = _Link(), _Link()
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._passes = asyncio.Event()
        self._changed = asyncio.Event()  # set once the present conditions hold no more
        self.up = threading.Event()
        self.port = 0

    async def serve(self, tls: ssl.SSLContext | None = None) -> None:
        """Take connections until :meth:`stop`.

        Args:
            tls: Context with which it ends TLS itself; None to pass everything through.
        """
        self._loop = asyncio.get_running_loop()
        self._apply(self._conditions)
        server = await asyncio.start_server(self._handle, LOOPBACK, self._listen, ssl=tls, backlog=BACKLOG)
        self.port = server.sockets[0].getsockname()[1]
        self.up.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def stop(self) -> None:
        """Take no more connections, and end those that there are; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    def change(self, conditions: NetworkConditions) -> None:
        """Change the network conditions; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._apply, conditions)

    def _apply(self, conditions: NetworkConditions) -> None:
        self._conditions = conditions
        # What waits in the proxy by earlier conditions must not delay what comes after them.
        self._changed.set()
        self._changed = asyncio.Event()
        self._up.busy_until = self._down.busy_until = 0.0
        if conditions.is_partitioned:
            self._passes.clear()
        else:
            self._passes.set()
        if conditions.resets:
            for writer in list(self._writers):
                _reset(writer)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)  # nobody else holds it
        task.add_done_callback(self._tasks.discard)
        if self._conditions.resets:
            _reset(writer)
            return
        self._writers.add(writer)
        try:
            await self._connect(reader, writer)
        finally:
            self._writers.discard(writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passes.wait()
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._server)
        except OSError:
            _reset(writer)  # it was accepted already, so that it can be refused no more
            return
        self._writers.add(server_writer)
        try:
            if await self._begin(reader, writer, server_writer):
                await asyncio.gather(
                    self._relay(reader, server_writer, self._up), self._relay(server_reader, writer, self._down)
                )
        except OSError:
            return  # one of them has had enough
        finally:
            self._writers.discard(server_writer)
            server_writer.close()
            writer.close()

    async def _begin(
        self,
        reader: asyncio.StreamReader,  # noqa: ARG002 - for others
        writer: asyncio.StreamWriter,  # noqa: ARG002
        server: asyncio.StreamWriter,  # noqa: ARG002
    ) -> bool:
        """Begin a connection to the server; return whether it is relayed."""
        return True

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link) -> None:
        """Pass on what arrives, and the end, each as late as the network makes it."""
        under_way: asyncio.Queue[Piece] = asyncio.Queue(MOST_HELD)
        delivery = asyncio.create_task(self._deliver(under_way, writer))
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(READ):
                    await under_way.put((self._due(len(data), link), self._changed, data))
            await under_way.put((self._due(0, link), self._changed, b""))
            await delivery
        finally:
            delivery.cancel()

    async def _deliver(self, under_way: asyncio.Queue[Piece], writer: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        is_open = True
        while True:
            due, changed, data = await under_way.get()
            if (left := due - clock()) > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), left)
            await self._passes.wait()
            if not data:
                break
            if is_open:  # else what still arrives is read, so that its sender is not held up
                try:
                    writer.write(data)
                    await writer.drain()
                except OSError:
                    is_open = False
        with contextlib.suppress(OSError, RuntimeError):
            if writer.can_write_eof():
                writer.write_eof()
            else:
                writer.close()  # an encrypted connection can't be closed by half

    def _due(self, size: int, link: _Link) -> float:
        """Return the time at which so many bytes arrive that are sent now, by the clock of the loop."""
        assert self._loop is not None
        conditions, now = self._conditions, self._loop.time()
        taken = 0.0 if conditions.bandwidth is None else size / conditions.bandwidth
        link.busy_until = max(link.busy_until, now) + taken
        due = link.busy_until + conditions.latency
        if conditions.loss and size:
            is_whole = (1 - conditions.loss) ** -(-size // SEGMENT)  # probability that no segment of it is lost
            lost = 0
            while lost < MOST_RETRANSMISSIONS and self._random.random() > is_whole:
                lost += 1
                is_whole = 1 - conditions.loss  # of the one that is sent again
            due += RETRANSMISSION_SECONDS * (2**lost - 1)
        return due


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@contextmanager
def relaying(relay: TcpProxy, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Provide the port of a proxy that runs in a thread of its own.

    Raises:
        OSError: If it cannot listen.
    """
    loop = asyncio.new_event_loop()
    failed: list[OSError] = []

    def serve() -> None:
        try:
            loop.run_until_complete(relay.serve(tls))
        except OSError as error:
            failed.append(error)
        finally:
            relay.up.set()  # in any case, so that nobody waits for ever

    thread = threading.Thread(target=serve)
    thread.start()
    relay.up.wait()
    try:
        if failed:
            raise failed[0]
        yield relay.port
    finally:
        relay.stop()
        thread.join()
        loop.close()
