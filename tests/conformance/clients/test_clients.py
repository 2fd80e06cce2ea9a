"""The clients end every wait, say how a connection ended, and record everything."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosed as PeerGone
from websockets.frames import Close
from websockets.sync.server import ServerConnection, serve

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown, Unsupported
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import FAST_MINIMUM, FASTEST_MINIMUM, AdaptiveTimeout
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from support.suite_runs import closing, double, endless, failing, garbage, silent

Handler = Callable[[ServerConnection], None]


@pytest.fixture(autouse=True)
def case() -> Iterator[None]:
    begin_case("test")
    yield
    end_case()


@contextlib.contextmanager
def peer(handler: Handler) -> Iterator[str]:
    """A websocket server and its address."""

    def handle(connection: ServerConnection) -> None:
        with contextlib.suppress(PeerGone):
            handler(connection)

    with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def websocket(url: str, seconds: float = 10.0) -> Iterator[WebSocket]:
    opened = WebSocket(Endpoint(url), AdaptiveTimeout(seconds), ConnectionLimit(1))
    opened.open()
    try:
        yield opened
    finally:
        opened.close()


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def test_messages_come_back_as_they_were_sent() -> None:
    with peer(echo) as url, websocket(url) as client:
        for payload in (b"", b"a", bytes(300), bytes(200_000)):
            client.send(payload)
            assert client.receive("an echo") == Message(False, payload)
        client.send_text("h\u00e9llo")
        assert client.receive("an echo") == Message(True, "h\u00e9llo".encode())


@pytest.mark.parametrize("between", ["", "ping", "pong"])
def test_fragments_are_one_message_for_the_peer(between: str) -> None:
    with peer(echo) as url, websocket(url) as client:
        client.send_fragments([b"ab", b"", b"cd", b"e"], summary="pieces", between=between)
        assert client.receive("an echo") == Message(False, b"abcde")


def test_fragments_of_the_peer_are_one_message() -> None:
    def handler(connection: ServerConnection) -> None:
        connection.send([b"ab", b"", b"cd"])
        connection.recv()

    with peer(handler) as url, websocket(url) as client:
        assert client.receive("pieces") == Message(False, b"abcd")


def test_silence_ends_with_the_deadline() -> None:
    silence = pytest.raises(ResponseTimeout, match=r"a reply within 0\.2 s; actual nothing")
    with peer(echo) as url, websocket(url, 0.2) as client, silence:
        client.receive("a reply")


def test_a_flood_of_something_else_does_not_hold_the_deadline_off() -> None:
    def handler(connection: ServerConnection) -> None:
        for _ in range(100_000):
            connection.pong(b"flood")

    with peer(handler) as url, websocket(url, 0.2) as client, pytest.raises(ResponseTimeout):
        client.receive("a reply")


def test_a_close_of_the_peer_is_answered() -> None:
    answers: list[bool] = []

    def handler(connection: ServerConnection) -> None:
        connection.close(1001, "bye")
        answers.append(connection.protocol.close_rcvd is not None)

    with peer(handler) as url, websocket(url) as client:
        assert client.receive_or_close("a close") == CloseInfo(1001, "bye")
    assert answers == [True]


def test_a_close_is_not_waited_for_longer_than_was_said() -> None:
    deaf, done = threading.Event(), threading.Event()

    def ignore(data: bytes | bytearray) -> None:
        """Answer no close frame."""

    def handler(connection: ServerConnection) -> None:
        connection.protocol.receive_data = ignore  # type: ignore[method-assign]
        connection.close_timeout = 0
        deaf.set()
        done.wait(10.0)

    with peer(handler) as url, websocket(url) as client:
        assert deaf.wait(10.0)
        client.close(within=0.1)
        assert current_case().exchange()[-1].summary == "the close to be answered: not within 0.1 s"
        done.set()


def test_a_close_has_its_code_and_reason() -> None:
    with peer(lambda connection: connection.close(1008, "no entry")) as url, websocket(url) as client:
        assert client.receive_or_close("a close") == CloseInfo(1008, "no entry")
        with pytest.raises(ConnectionClosed, match="close 1008 'no entry'"):
            client.receive("anything")
        with pytest.raises(ConnectionClosed):
            client.send(b"too late")


def test_a_close_of_the_peer_between_fragments_is_answered_alike() -> None:
    answers: list[Close | None] = []

    def handler(connection: ServerConnection) -> None:
        connection.protocol.send_text(b"begun", fin=False)
        connection.socket.sendall(b"".join(connection.protocol.data_to_send()))
        connection.close(1001, "bye")
        answers.append(connection.protocol.close_rcvd)

    with peer(handler) as url, websocket(url) as client:
        assert client.receive_or_close("a close") == CloseInfo(1001, "bye")
    assert answers == [Close(1001, "bye")]


def test_a_broken_connection_is_no_close() -> None:
    def handler(connection: ServerConnection) -> None:
        connection.socket.shutdown(socket.SHUT_RDWR)

    with peer(handler) as url, websocket(url) as client:
        ending = client.receive_or_close("a close")
    assert isinstance(ending, CloseInfo)
    assert ending.code is None
    assert str(ending) == "connection closed abnormally (unexpected end of stream)"


def test_messages_that_nobody_asked_for_are_handed_out_at_the_end() -> None:
    sent = threading.Event()

    def handler(connection: ServerConnection) -> None:
        for _ in range(3):
            connection.send(b"unsolicited")
        sent.set()
        connection.recv()

    with peer(handler) as url:
        client = WebSocket(Endpoint(url), AdaptiveTimeout(10), ConnectionLimit(1))
        client.open()
        client.receive("one")
        assert sent.wait(10)  # the peer sends nothing more once it has read the close
        assert client.close() == [Message(False, b"unsolicited")] * 2
        assert client.close() == []


def test_dropping_resets_the_connection() -> None:
    seen: list[int | None] = []
    gone = threading.Event()

    def handler(connection: ServerConnection) -> None:
        try:
            connection.recv()
        except PeerGone as error:
            seen.append(error.rcvd.code if error.rcvd else None)
        gone.set()

    with peer(handler) as url:
        client = WebSocket(Endpoint(url), AdaptiveTimeout(10), ConnectionLimit(1))
        client.open()
        client.reset()
        client.reset()
        assert gone.wait(10)
    assert seen == [None]


@pytest.mark.parametrize(
    ("double_of", "kind"), [(silent, ResponseTimeout), (closing, ConnectionClosed), (garbage, ConnectionClosed)]
)
def test_a_handshake_that_fails(double_of: object, kind: type[Exception]) -> None:
    budget = ConnectionLimit(1)
    with double(double_of) as url, pytest.raises(kind):  # type: ignore[arg-type]
        WebSocket(Endpoint(url), AdaptiveTimeout(0.3), budget).open()
    budget.acquire()  # the failed one was given back


def test_nobody_there() -> None:
    with pytest.raises(TargetDown):
        WebSocket(Endpoint("ws://127.0.0.1:1/"), AdaptiveTimeout(1), ConnectionLimit(1)).open()
    with pytest.raises(TargetDown):
        RestClient(Endpoint("http://127.0.0.1:1"), AdaptiveTimeout(1)).request("GET", "/")


@pytest.mark.parametrize(
    ("double_of", "kind"),
    [(silent, ResponseTimeout), (endless, ResponseTimeout), (closing, ConnectionClosed), (garbage, ConnectionClosed)],
)
def test_a_rest_call_that_fails(double_of: object, kind: type[Exception]) -> None:
    with double(double_of) as url:  # type: ignore[arg-type]
        client = RestClient(Endpoint(url), AdaptiveTimeout(0.3))
        with pytest.raises(kind):
            client.request("GET", "/v1/token")


def test_the_exchange_is_recorded() -> None:
    with peer(echo) as url, websocket(url) as client:
        client.send(b"\x01\x02", "two bytes")
        client.receive("an echo")
    case = current_case()
    events = case.exchange()
    shown = [(event.direction, event.kind, event.summary) for event in events]
    assert shown[0] == ("sent", "open", f"websocket handshake with {url}")
    assert shown[2:] == [
        ("sent", "binary", "two bytes"),
        ("received", "binary", "binary 2 bytes 01 02"),
        ("sent", "close", "close 1000"),
        ("received", "close", "close 1000 ''"),
    ]
    assert [event.payload for event in events[2:4]] == ["AQI=", "AQI="]
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert case.sent == 3


def test_the_budget_is_never_exceeded() -> None:
    budget = ConnectionLimit(2)
    budget.require(2)
    with pytest.raises(Unsupported, match="--max-connections"):
        budget.require(3)
    budget.acquire()
    budget.acquire()
    with pytest.raises(RuntimeError, match="more than 2 connections"):
        budget.acquire()
    budget.release()
    budget.acquire()


def test_patience_wears_out_after_several_silences() -> None:
    timeouts = AdaptiveTimeout(10)
    timeouts.record_reply("chunk", 0.2)
    for _ in range(2):
        timeouts.record_timeout("chunk", 1.0)
    assert timeouts.seconds("chunk") == 10
    timeouts.record_timeout("chunk", 1.0)
    assert timeouts.seconds("chunk") == pytest.approx(4.0)
    assert timeouts.seconds("other") == 10
    assert timeouts.deadline("chunk", extra=5).seconds == pytest.approx(9.0)


def test_rarely_answered_calls_are_awaited_briefly() -> None:
    timeouts = AdaptiveTimeout(10)
    for _ in range(9):
        timeouts.record_timeout("chunk", 1.0)
    assert timeouts.seconds("chunk") == FAST_MINIMUM
    timeouts.record_timeout("chunk", 1.0)
    assert timeouts.seconds("chunk") == FASTEST_MINIMUM
    timeouts.record_reply("chunk", 0.1)
    assert timeouts.seconds("chunk") == pytest.approx(2.0)
    short = AdaptiveTimeout(0.1)
    for _ in range(10):
        short.record_timeout("chunk", 1.0)
    assert short.seconds("chunk") == 0.1


def test_the_answer_of_a_double_is_not_lost_with_what_it_leaves_unread() -> None:
    with double(failing) as url:
        place = ("127.0.0.1", int(url.rpartition(":")[2]))
        with socket.create_connection(place, timeout=30.0) as connection:
            connection.sendall(b"POST /v1/token HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n")
            answer = connection.recv(8)
            connection.sendall(bytes(200_000))
            while part := connection.recv(4096):  # a reset would raise an error here
                answer += part
    assert answer.startswith(b"HTTP/1.1 500 ")
