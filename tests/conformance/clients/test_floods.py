"""Whatever a target sends, a read has a limit of size and of time, and a reason says which was exceeded."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TooLarge, Violation
from hanami_conformance.cases.recording import begin_case, end_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import AdaptiveTimeout, Deadline
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.limits import MIB
from hanami_conformance.clients.raw_request import send_raw
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.clients.tcp import RawConnection
from hanami_conformance.clients.websocket import WebSocket
from support import floods
from support.floods import Flood, flood_alone
from support.suite_runs import double

SECONDS = 1.0
MOST_MEMORY = 150 << 20  # bytes at the peak, beside what the process had before
ENDLESS = [floods.endless_body, floods.endless_chunks, floods.terabyte]


@pytest.fixture(autouse=True)
def case() -> Iterator[None]:
    begin_case("test")
    yield
    end_case()


@contextmanager
def bounded_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("attack", floods.REST, ids=lambda attack: attack.__name__)
def test_a_rest_call_ends_with_a_reason(attack: floods.Attack) -> None:
    with double(flood_alone(Flood(attack, "rest"))) as url, bounded_memory():
        client = RestClient(Endpoint(url), AdaptiveTimeout(SECONDS))
        # Under tracemalloc the limit of size takes longer to reach than the deadline allows.
        with pytest.raises(Violation) as failed:
            client.request("GET", "/v1/dataset/all").object()
    text = str(failed.value)
    if attack in ENDLESS:
        assert isinstance(failed.value, TooLarge | ResponseTimeout)
        assert "'HTTP/1.1 200 OK'" in text
    elif attack in (floods.continue_flood, floods.million_headers, floods.endless_header):
        assert isinstance(failed.value, TooLarge)
        assert "with a head of at most 100 KiB; actual more, beginning with 'HTTP/1.1 " in text
    else:
        assert text.startswith("expected a JSON object as answer to GET /v1/dataset/all; actual 200 ")
    assert len(text) < 600


def test_a_response_that_is_too_large_says_so() -> None:
    with double(flood_alone(Flood(floods.terabyte, "rest"))) as url:
        client = RestClient(Endpoint(url), AdaptiveTimeout(60.0))
        with pytest.raises(TooLarge) as failed:
            client.request("GET", "/v1/dataset/all")
        assert failed.value.expected == "an answer to GET /v1/dataset/all of at most 8 MiB"
        assert failed.value.actual == "more, beginning with 'HTTP/1.1 200 OK'"
        with RawConnection(Endpoint(url), 60.0, ConnectionLimit(1)) as connection, pytest.raises(TooLarge) as failed:
            send_raw(connection, b"GET /x HTTP/1.1\r\n\r\n", "a request", AdaptiveTimeout(60.0))
        assert failed.value.actual == "more, beginning with 'HTTP/1.1 200 OK'"


@pytest.mark.parametrize("attack", floods.REST[:6], ids=lambda attack: attack.__name__)
def test_a_raw_request_ends_with_a_reason(attack: floods.Attack) -> None:
    with (
        double(flood_alone(Flood(attack, "rest"))) as url,
        bounded_memory(),
        RawConnection(Endpoint(url), SECONDS, ConnectionLimit(1)) as connection,
        pytest.raises((TooLarge, ResponseTimeout, ConnectionClosed)) as failed,
    ):
        send_raw(connection, b"GET /x HTTP/1.1\r\n\r\n", "a request", AdaptiveTimeout(SECONDS))
    assert "'HTTP/1.1 " in str(failed.value)


@pytest.mark.parametrize("attack", floods.HANDSHAKES, ids=lambda attack: attack.__name__)
def test_a_handshake_ends_with_a_reason(attack: floods.Attack) -> None:
    with double(flood_alone(Flood(attack, "handshake"))) as url, bounded_memory():
        websocket = WebSocket(Endpoint(url), AdaptiveTimeout(SECONDS), ConnectionLimit(1))
        with pytest.raises((ConnectionClosed, ResponseTimeout)) as failed:
            websocket.open()
    assert len(str(failed.value)) < 600


@contextmanager
def flooded(attack: floods.Attack, seconds: float = SECONDS) -> Iterator[WebSocket]:
    """Provide an open websocket of a server that attacks it."""
    with double(flood_alone(Flood(attack, "message"))) as url, bounded_memory():
        websocket = WebSocket(Endpoint(url), AdaptiveTimeout(seconds), ConnectionLimit(1))
        websocket.open()
        try:
            yield websocket
        finally:
            websocket.reset()


@pytest.mark.parametrize(
    ("attack", "actual"),
    [
        (
            floods.gigabytes_announced,
            "connection ended by the suite (a message of 3,221,225,472 bytes or more, the limit is 8 MiB)",
        ),
        (floods.ping_flood, "nothing but pings and pongs"),
    ],
)
def test_a_wait_for_a_message_ends_with_a_reason(attack: floods.Attack, actual: str) -> None:
    with flooded(attack) as websocket:
        with pytest.raises((ConnectionClosed, ResponseTimeout)) as failed:
            websocket.receive("an answer")
        assert failed.value.actual == actual


def test_a_message_of_endless_fragments_is_too_large() -> None:
    with flooded(floods.endless_fragments, 60.0) as websocket:
        with pytest.raises(ConnectionClosed) as failed:
            websocket.receive("an answer")
        assert "bytes or more, the limit is 8 MiB" in failed.value.actual
        assert failed.value.actual.startswith("connection ended by the suite (a message of 8,")


def test_a_closed_websocket_keeps_nothing_of_a_message_without_end() -> None:
    with flooded(floods.endless_fragments, 60.0) as websocket:
        with pytest.raises(ConnectionClosed):
            websocket.receive("an answer")
        websocket.close()
        assert tracemalloc.get_traced_memory()[0] < MIB


@pytest.mark.parametrize("attack", [floods.message_flood, floods.empty_message_flood], ids=lambda it: it.__name__)
def test_messages_that_nobody_reads_are_bounded(attack: floods.Attack) -> None:
    with flooded(attack, 60.0) as websocket:
        assert websocket.wait_idle(60.0) is not None
        expected = "connection ended by the suite (too many messages that nothing asked for)"
        assert str(websocket.close_info) == expected
        assert len(websocket.close()) < 200_000


def test_closing_a_flooded_websocket_is_bounded() -> None:
    with flooded(floods.message_flood) as websocket:
        deadline = Deadline.after(60.0)
        websocket.close()
        assert not deadline.passed
