"""The address for the client under test: passes everything on to the server, records it, and interferes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Self, TypeVar

import httpx

from hanami_conformance.client_mode.exchange import Exchange
from hanami_conformance.client_mode.interference import Rule
from hanami_conformance.client_mode.record import Record
from hanami_conformance.client_mode.rest_relay import RestRelay
from hanami_conformance.client_mode.socket_relay import SocketRelay
from hanami_proto.dialect import Dialect

START_SECONDS = 10.0  # for the thread of the gateway
END_SECONDS = 2.0  # that connections get to end once the client has
RESTART_SECONDS = 60.0  # for a restart of the server
UPSTREAM_SECONDS = 30.0  # for an answer of the server
Result = TypeVar("Result")


class Gateway:
    """Serves the client under test on a free port of the loopback, in a thread of its own.

    What is recorded is what was on the wire, so the server behind it needs no part in that, and may be any server.

    Args:
        upstream: Address of the server, ``http://HOST:PORT``.
        dialect: Dialect of the server.

    Attributes:
        url: Address for the client.
    """

    def __init__(self, upstream: str, dialect: Dialect) -> None:
        self._upstream = upstream
        self._dialect = dialect
        self._routes = {(route.method, route.path): name for name, route in dialect.routes.items()}
        self._exchange: Exchange | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="gateway", daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise RuntimeError("the gateway did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(END_SECONDS + START_SECONDS)

    @contextlib.contextmanager
    def exchange(self, record: Record, rules: Sequence[Rule], restart: Callable[[], None]) -> Iterator[Exchange]:
        """Serve one scenario during the block; at its end every connection is closed."""
        exchange = Exchange(record, rules, restart)
        self._call(self._begin(exchange))
        try:
            yield exchange
        finally:
            self._call(self._end())
        if exchange.failure is not None:
            raise RuntimeError("the gateway failed") from exchange.failure

    def _call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the thread of the gateway."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(END_SECONDS + RESTART_SECONDS)

    async def _begin(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def _end(self) -> None:
        if self._connections:
            await asyncio.wait(self._connections, timeout=END_SECONDS)
        if self._exchange is not None:
            await self._exchange.restarted()
        self._exchange = None
        left = set(self._connections)
        for connection in left:
            connection.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        limits = httpx.Limits(max_keepalive_connections=0)  # the server may be restarted
        async with httpx.AsyncClient(timeout=UPSTREAM_SECONDS, limits=limits, trust_env=False) as self._http:
            self._ready.set()
            await self._stop.wait()
            server.close()
            await self._end()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        exchange = self._exchange
        if exchange is None or exchange.is_restarting:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        exchange.transports.add(writer.transport)
        record = exchange.record
        record.open_connections += 1
        record.most_open = max(record.most_open, record.open_connections)
        try:
            await self._serve(exchange, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone, or the scenario reset the connection
        except asyncio.CancelledError:
            writer.transport.abort()
        except Exception as error:  # noqa: BLE001 - a mistake of ours, which must not pass for one of the client
            exchange.failure = exchange.failure or error
        finally:
            record.open_connections -= 1
            exchange.transports.discard(writer.transport)
            self._connections.discard(task)
            writer.close()

    async def _serve(self, exchange: Exchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve requests until the connection ends, or becomes a websocket."""
        relay = RestRelay(exchange, self._http, self._upstream, self._routes, reader, writer)
        handshake = await relay.serve()
        if handshake:
            await SocketRelay(exchange, self._upstream, self._dialect, reader, writer).run(handshake)
