"""The two protocols of the server, with an application of the test behind them, in the loop of the test."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from hanami_reference_backend.serving import rest_protocol, socket_protocol
from hanami_reference_backend.serving.rest_protocol import MAX_HEAD, MAX_HEADERS, RestProtocol
from hanami_reference_backend.serving.socket_protocol import MANY_FRAGMENTS, MAX_FIRST_MESSAGE, SocketProtocol
from hanami_reference_backend.sockets.channel import ALLOW_LARGE_MESSAGES

DEADLINE = 20.0  # seconds; reached only by a defect
SHORT = 0.2  # seconds, in place of a timeout of the server
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
MAX_MESSAGE = 2_000_000

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Running:
    """A server in this loop, and the protocols of its connections."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.protocols: list[weakref.ref[Any]] = []

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=10 * 2**20)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


@asynccontextmanager
async def running(application: Application) -> AsyncIterator[Running]:
    config = uvicorn.Config(
        application,
        interface="asgi3",
        http=RestProtocol,
        ws=SocketProtocol,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        log_config=None,
        access_log=False,
    )
    config.load()
    state = ServerState()

    def protocol() -> RestProtocol:
        made = RestProtocol(config, state, {})
        result.protocols.append(weakref.ref(made))
        return made

    result = Running(0)
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    result.port = server.sockets[0].getsockname()[1]
    try:
        yield result
    finally:
        server.close()


def run(test: Awaitable[None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(DEADLINE):
            await test

    with asyncio.Runner(loop_factory=uvicorn.Config(echo).get_loop_factory()) as runner:  # the loop of the server
        runner.run(limited())


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path and the body."""
    content = scope["path"].encode() + b" "
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(content))]})
    await send({"type": "http.response.body", "body": content})


async def refuse_at_once(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


async def response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head)
    assert found is not None
    return int(head.split()[1]), await reader.readexactly(int(found[1]))


# Requests


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n", id="many headers"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 10 * MAX_HEAD, id="an endless header"),
        pytest.param(b"GET /" + b"y" * 10 * MAX_HEAD, id="an endless target"),
        pytest.param(
            b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + b"X: y\r\n" * MAX_HEADERS + b"\r\n",
            id="a handshake with many headers",
        ),
        pytest.param(GET + b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2 * MAX_HEADERS, id="the second request"),
    ],
)
def test_a_long_head_gets_431(head: bytes) -> None:
    async def test() -> None:
        async with running(echo) as server, server.connection() as (reader, writer):
            if head.startswith(GET):
                writer.write(GET)
                assert await response(reader) == (200, b"/ ")
            writer.write(head.removeprefix(GET))
            assert (await response(reader))[0] == 431
            assert await reader.read() == b""
            protocol = server.protocols[0]()
            assert protocol is None or len(protocol.headers) <= MAX_HEADERS

    run(test())


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(b"0\r\n" + b"X: y\r\n" * 10_000, id="many trailers"),
        pytest.param(b"0\r\nX: " + b"y" * 10 * MAX_HEAD, id="an endless trailer"),
        pytest.param(b"1;" + b"y" * 10 * MAX_HEAD, id="an endless extension"),
    ],
)
def test_a_long_end_of_a_body_ends_the_connection(more: bytes) -> None:
    async def test() -> None:
        async with running(echo) as server, server.connection() as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n" + more)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""

    run(test())


def test_the_limit_of_a_head_is_none_for_bodies_and_for_later_requests() -> None:
    head = b"X: " + b"y" * (MAX_HEAD // 2) + b"\r\n"
    body = bytes(range(256)) * 2000
    chunks = b"".join(b"40\r\n" + body[start : start + 64] + b"\r\n" for start in range(0, len(body), 64))
    requests = [
        b"POST /plain HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body),
        b"POST /chunks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n",
    ]

    async def test() -> None:
        async with running(echo) as server, server.connection() as (reader, writer):
            for _ in range(3):
                for path, request in zip((b"/plain ", b"/chunks "), requests, strict=True):
                    writer.write(request)
                    assert await response(reader) == (200, path + body)

    run(test())


def test_requests_at_once_are_answered_in_order_and_wait_outside_of_the_parser() -> None:
    count, waiting = 20_000, 0
    bodies = [b"%d" % number * (number % 50) for number in range(count)]
    requests = [
        b"POST /%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (number, len(body), body)
        for number, body in enumerate(bodies)
    ]

    async def test() -> None:
        nonlocal waiting
        async with running(echo) as server, server.connection() as (reader, writer):
            writer.write(b"".join(requests))
            for number, body in enumerate(bodies):
                assert await response(reader) == (200, b"/%d " % number + body)
                protocol = server.protocols[0]()
                assert protocol is not None
                waiting = max(waiting, len(protocol.pipeline))

    run(test())
    assert waiting <= rest_protocol.PIECE / min(map(len, requests))


@pytest.mark.parametrize(
    "slowly", [b"G", b"\r\n", b"GET / HTTP/1.1\r\nX: "], ids=["a method", "empty lines", "a header"]
)
@pytest.mark.parametrize("earlier", [0, 1, 2])
def test_a_head_that_arrives_slowly_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch, slowly: bytes, earlier: int
) -> None:
    monkeypatch.setattr(rest_protocol, "HEAD_TIMEOUT", SHORT)

    async def test() -> None:
        async with running(echo) as server, server.connection() as (reader, writer):
            for _ in range(earlier):
                writer.write(GET)
                assert await response(reader) == (200, b"/ ")
            writer.write(slowly)
            end = asyncio.create_task(reader.read())
            while not end.done():  # a byte now and then, as long as the server takes it
                writer.write(b"\r\n" if slowly == b"\r\n" else b"E")
                await asyncio.sleep(SHORT / 10)
            with contextlib.suppress(ConnectionError):
                assert (await end).partition(b"\r\n")[0] in (b"", b"HTTP/1.1 400 Bad Request")

    run(test())


def test_a_body_that_nobody_reads_and_that_arrives_slowly_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_protocol, "BODY_TIMEOUT", SHORT)

    async def test() -> None:
        async with running(refuse_at_once) as server, server.connection() as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
            assert await response(reader) == (401, b"no")
            end = asyncio.create_task(reader.read())
            while not end.done():
                writer.write(b"x")
                await asyncio.sleep(SHORT / 10)
            with contextlib.suppress(ConnectionError):
                assert await end == b""

    run(test())


def test_a_long_answer_is_no_slow_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_protocol, "HEAD_TIMEOUT", SHORT / 10)
    monkeypatch.setattr(rest_protocol, "BODY_TIMEOUT", SHORT / 10)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(SHORT)
        await echo(scope, receive, send)

    async def test() -> None:
        async with running(slow) as server, server.connection() as (reader, writer):
            writer.write(GET + b"GET /sec")
            assert await response(reader) == (200, b"/ ")

    run(test())


def test_a_client_that_reads_nothing_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_protocol, "UNREAD_TIMEOUT", SHORT)
    ended = asyncio.Event()

    async def endless(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(10_000):
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
        ended.set()

    async def test() -> None:
        async with running(endless) as server, server.connection() as (reader, writer):
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # of the client
            writer.write(GET)
            await ended.wait()  # what is sent behind the end is discarded
            del reader

    run(test())


# Websockets


def socket_application(take: Callable[[Any], Awaitable[None]], *, authorise: bool = True) -> Application:
    """Accept every websocket, and hand each ASGI message to a function until it raises or the websocket ends."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        if authorise:
            scope["extensions"][ALLOW_LARGE_MESSAGES]["call"]()
        while (message := await receive())["type"] == "websocket.receive":
            await take(message)
            content = message["bytes"] if "bytes" in message else message["text"]
            await send({"type": "websocket.send", "text": str(len(content))})

    return application


async def ignore(_message: Any) -> None:
    """Take a message."""


def client(server: Running) -> connect:
    return connect(server.url, compression=None, proxy=None, ping_interval=None, max_size=None)


def test_a_closed_websocket_leaves_nothing_behind() -> None:
    async def test() -> None:
        async with running(socket_application(ignore)) as server:
            async with client(server) as socket:
                await socket.send(b"x")
                assert await socket.recv() == "1"
            protocol = server.protocols[0]
            while protocol() is not None:  # until the server has seen the end; within the deadline of the test
                await asyncio.sleep(0.01)
                gc.collect()

    run(test())


@pytest.mark.parametrize("authorise", [True, False])
def test_only_an_authorised_websocket_takes_large_messages(authorise: bool) -> None:
    async def test() -> None:
        async with running(socket_application(ignore, authorise=authorise)) as server, client(server) as socket:
            for size in (1, MAX_FIRST_MESSAGE):
                await socket.send(bytes(size))
                assert await socket.recv() == str(size)
            limit = MAX_MESSAGE if authorise else MAX_FIRST_MESSAGE
            if authorise:
                await socket.send(bytes(limit))
                assert await socket.recv() == str(limit)
            with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012 - sending may fail already
                await socket.send(bytes(limit + 1))
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009

    run(test())


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("count", [2, MANY_FRAGMENTS, MANY_FRAGMENTS + 1, 20_000])
def test_any_number_of_fragments_is_one_message(monkeypatch: pytest.MonkeyPatch, text: bool, count: int) -> None:
    received: list[Any] = []
    most = 0
    handle_cont = SocketProtocol.handle_cont

    def counted(protocol: SocketProtocol, event: Any) -> None:
        nonlocal most
        handle_cont(protocol, event)
        most = max(most, len(protocol.frames))

    monkeypatch.setattr(SocketProtocol, "handle_cont", counted)

    async def take(message: Any) -> None:
        received.append(message["text"] if text else message["bytes"])

    fragments = [f"{number % 10}" for number in range(count)]

    async def test() -> None:
        async with running(socket_application(take)) as server, client(server) as socket:
            await socket.send(fragments if text else [fragment.encode() for fragment in fragments])
            assert await socket.recv() == str(count)

    run(test())
    assert received == ["".join(fragments) if text else "".join(fragments).encode()]
    assert most <= MANY_FRAGMENTS


def test_messages_wait_outside_of_the_queue_until_the_application_reads() -> None:
    count, received = 20_000, []
    longest = 0

    async def test() -> None:
        nonlocal longest
        queues: list[asyncio.Queue[Any]] = []

        async def take(message: Any) -> None:
            nonlocal longest
            longest = max(longest, *(queue.qsize() for queue in queues))
            received.append(int(message["text"]))

        application = socket_application(take)

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            queues.append(receive.__self__.queue)  # type: ignore[attr-defined]
            await application(scope, receive, send)

        async with running(watched) as server, client(server) as socket:

            async def send_all() -> None:
                for number in range(count):
                    await socket.send(str(number))

            sending = asyncio.create_task(send_all())
            for _ in range(count):
                await socket.recv()
            await sending

    run(test())
    assert received == list(range(count))
    assert longest <= socket_protocol.PIECE / 7  # bytes of the shortest frame


@pytest.mark.parametrize("size", [0, 100, 8192, 100_000, 1_000_000])
def test_few_frames_are_parsed_at_once_also_behind_a_large_one(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    count, most = 20_000, 0
    handle_events = SocketProtocol.handle_events

    def counted(protocol: SocketProtocol) -> None:
        nonlocal most
        most = max(most, len(protocol.conn.events))
        handle_events(protocol)

    monkeypatch.setattr(SocketProtocol, "handle_events", counted)
    large = Frame(Opcode.BINARY, bytes(size)).serialize(mask=True)
    ping = Frame(Opcode.PING, b"").serialize(mask=True)

    async def test() -> None:
        async with running(socket_application(ignore)) as server, client(server) as socket:
            await socket.send(b"first")
            assert await socket.recv() == "5"
            for _ in range(3):
                socket.transport.write(large + ping * count)
                assert await socket.recv() == str(size)

    run(test())
    assert most <= socket_protocol.PIECE / len(ping) + 2


def test_all_pings_of_a_flood_are_answered_and_messages_keep_their_place() -> None:
    count = 20_000

    async def test() -> None:
        async with running(socket_application(ignore)) as server, client(server) as socket:
            pongs = [await socket.ping(b"%d" % number) for number in range(count)]
            await socket.send(b"last")
            assert await socket.recv() == "4"
            await asyncio.gather(*pongs)

    run(test())


def test_a_websocket_that_reads_nothing_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_protocol, "UNREAD_TIMEOUT", SHORT)
    ended = asyncio.Event()

    async def endless(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            for _ in range(10_000):
                await send({"type": "websocket.send", "bytes": bytes(100_000)})
        finally:
            ended.set()

    async def test() -> None:
        async with running(endless) as server, server.connection() as (_reader, writer):
            writer.write(
                b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # of the client
            await ended.wait()

    run(test())
