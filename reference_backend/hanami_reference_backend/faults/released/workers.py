"""Four workers, each of which serves one connection at a time; some are lost for ever."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import Any

from hanami_reference_backend.faults.internals import hang
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.connections import Connection, open_connections
from hanami_reference_backend.serving.app import Application
from hanami_reference_backend.serving.rest_protocol import RestProtocol
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.attach import SocketServer
from hanami_reference_backend.sockets.channel import Channel

WORKERS = 4


@dataclass(eq=False)
class Worker:
    """A worker; a poisoned one completes the handshake of the next websocket and never answers."""

    poisoned: bool = False


class WorkerPool:
    """Workers, the connections that they serve, and those that wait for one.

    The worker that has been free for the longest time takes the next connection. So as many connections as there are
    workers, one after the other, meet every worker.

    Attributes:
        serve_idle: Whether a connection takes a worker before it has sent anything.
    """

    def __init__(self) -> None:
        self.serve_idle = False
        self._free = deque(Worker() for _ in range(WORKERS))
        self._serving: dict[Connection, Worker] = {}
        self._waiting: deque[Connection] = deque()

    def enter(self, connection: Connection) -> None:
        """Give a worker to a connection, or let it wait."""
        if self._free:
            self._serving[connection] = self._free.popleft()
        else:
            self._waiting.append(connection)

    def leave(self, connection: Connection) -> None:
        """Free the worker of a connection that has ended, unless the worker does not detect the end."""
        if connection in self._waiting:
            self._waiting.remove(connection)
        worker = self._serving.pop(connection, None)
        if worker is not None and not connection.silent:
            self._release(worker)

    def is_served(self, connection: Connection) -> bool:
        """Return whether a worker serves a connection."""
        return connection in self._serving

    def worker_of(self, channel: Channel) -> Worker:
        """Return the worker of a websocket; one that serves nothing, if the websocket has ended."""
        connection = open_connections().get(channel.peer)
        worker = self._serving.get(connection) if connection else None
        return worker or Worker()

    def _release(self, worker: Worker) -> None:
        if not self._waiting:
            self._free.append(worker)
            return
        connection = self._waiting.popleft()
        self._serving[connection] = worker
        held, connection.held = connection.held, []
        for data in held:
            if not connection.transport.is_closing():
                connection.protocol.data_received(data)


@cache
def pool() -> WorkerPool:
    """Return the workers of this process."""
    return WorkerPool()


@cache
def stopped_server() -> asyncio.Event:
    """Return an event after which nothing is answered any more, although connections are accepted."""
    stopped = asyncio.Event()

    @replace_method(Application, "__call__")
    async def call(original: Any, application: Application, *arguments: Any) -> None:
        if stopped.is_set():
            await hang()
        await original(application, *arguments)

    return stopped


async def fall_silent(channel: Channel) -> None:
    """Never read from a websocket again, nor detect its end: its worker is lost."""
    connection = open_connections().get(channel.peer)
    if connection is not None:
        connection.silent = True
    while True:
        await hang()


def install() -> None:
    """Let the workers serve all connections."""
    workers, found = pool(), open_connections()

    @replace_method(RestProtocol, "connection_made")
    def made(original: Any, protocol: Any, transport: Any) -> None:
        original(protocol, transport)
        if workers.serve_idle:
            workers.enter(_of(protocol, found))

    @replace_method(RestProtocol, "start_arrival")
    def start_arrival(*_arguments: Any) -> None:
        """Start no timeout: these servers wait for ever."""

    for kind in (RestProtocol, SocketProtocol):
        _hold_data(kind, workers, found)
        _free_workers(kind, workers, found)

    @replace_method(SocketServer, "attach")
    async def attach(original: Any, sockets: SocketServer, channel: Channel) -> Any:
        if workers.worker_of(channel).poisoned:
            await fall_silent(channel)
        return await original(sockets, channel)


def _hold_data(kind: Any, workers: WorkerPool, found: dict[str, Connection]) -> None:
    @replace_method(kind, "data_received")
    def data_received(original: Any, protocol: Any, data: bytes) -> None:
        connection = _of(protocol, found)
        if not (workers.is_served(connection) or connection.held or connection in workers._waiting):
            workers.enter(connection)
        if connection.silent:
            return
        if workers.is_served(connection):
            original(protocol, data)
        else:
            connection.held.append(data)


def _free_workers(kind: Any, workers: WorkerPool, found: dict[str, Connection]) -> None:
    @replace_method(kind, "connection_lost")
    def lost(original: Any, protocol: Any, error: Exception | None) -> None:
        connection = _of(protocol, found)
        original(protocol, error)
        workers.leave(connection)


def _of(protocol: Any, found: dict[str, Connection]) -> Connection:
    client = protocol.client
    return found[f"{client[0]}:{client[1]}"]
