"""Whatever a target sends under load, an exchange ends in time, and other users have their turn meanwhile."""

from __future__ import annotations

import socket
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
import pytest
from websockets.frames import Close, Frame, Opcode

from hanami_conformance.clients.endpoint import Endpoint
from hanami_loadtests.engine.bounded_response import ResponseLimits
from hanami_loadtests.engine.connection import Connection, clock
from hanami_loadtests.engine.failures import ConnectionLost, LoadFailure, NoAnswer, Rejected, TooLarge
from hanami_loadtests.engine.rest import Rest
from hanami_proto.dialect import load_dialect
from support import floods
from support.floods import Flood, flood_alone
from support.suite_runs import double

SECONDS = 1.0
BOUND = 30.0  # seconds, far more than any exchange may take
MOST_MEMORY = 100 << 20


@contextmanager
def bounded() -> Iterator[None]:
    tracemalloc.start()
    began = clock()
    try:
        yield
        assert clock() - began < BOUND
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
        assert ResponseLimits._held == 0
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("attack", floods.REST, ids=lambda attack: attack.__name__)
def test_a_rest_call_ends_with_a_reason(attack: floods.Attack) -> None:
    with double(flood_alone(Flood(attack, "rest"))) as url, bounded():
        rest = Rest(Endpoint(url), load_dialect("documented"), lambda: "token", SECONDS)
        with pytest.raises(LoadFailure) as failed:
            rest.call("dataset.list").object()
        rest.close()
    if attack in (floods.endless_body, floods.endless_chunks, floods.terabyte):
        assert isinstance(failed.value, TooLarge | NoAnswer)
    elif attack is floods.continue_flood:
        assert isinstance(failed.value, NoAnswer | TooLarge)
    elif attack in (floods.million_headers, floods.endless_header):
        assert isinstance(failed.value, ConnectionLost)
    else:
        assert str(failed.value).startswith("GEN-1: expected 200 and a JSON object to GET /v1/dataset/all; actual 200 ")
    assert len(str(failed.value)) < 600


def test_a_response_that_is_too_large_says_so() -> None:
    with double(flood_alone(Flood(floods.terabyte, "rest"))) as url:
        rest = Rest(Endpoint(url), load_dialect("documented"), lambda: "token", BOUND)
        with pytest.raises(TooLarge) as failed:
            rest.call("dataset.list")
    assert str(failed.value) == "answer to GET /v1/dataset/all: more than 8 MiB"
    assert failed.value.kind == "too large"


def test_all_responses_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ResponseLimits, "_held", (64 << 20) - 1000)
    with double(flood_alone(Flood(floods.megabyte, "rest"))) as url:
        rest = Rest(Endpoint(url), load_dialect("documented"), lambda: "token", BOUND)
        with pytest.raises(TooLarge, match="more than 64 MiB in all answers that are being read"):
            rest.call("dataset.list")
    assert ResponseLimits._held == (64 << 20) - 1000


@pytest.mark.parametrize("attack", floods.HANDSHAKES, ids=lambda attack: attack.__name__)
def test_a_handshake_ends_with_a_reason(attack: floods.Attack) -> None:
    with (
        double(flood_alone(Flood(attack, "handshake"))) as url,
        bounded(),
        pytest.raises((Rejected, ConnectionLost, NoAnswer)) as failed,
    ):
        Connection(Endpoint(url), SECONDS)
    assert len(str(failed.value)) < 600


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (floods.gigabytes_announced, "a message of 3,221,225,472 bytes or more, the limit is 1 MiB"),
        (floods.endless_fragments, "bytes or more, the limit is 1 MiB"),
        (floods.ping_flood, "no answer to the first message within 1 s"),
        (floods.message_flood, "the first message was not accepted"),
        (floods.deep_message, "the first message was not accepted"),
    ],
)
def test_a_first_message_is_answered_by_a_flood(attack: floods.Attack, reason: str) -> None:
    with double(flood_alone(Flood(attack, "message"))) as url, bounded():
        connection = Connection(Endpoint(url), SECONDS)
        try:
            with pytest.raises(LoadFailure) as failed:
                connection.attach("token", "uuid", "cluster")
        finally:
            connection.reset()
    assert reason in str(failed.value) or "too much that nothing asked for" in str(failed.value)


@pytest.mark.parametrize(
    ("behind", "reason"),
    [
        (b"\x82\x7f" + floods.GIGABYTES.to_bytes(8, "big"), "a message of 3,221,225,472 bytes or more"),
        (Frame(Opcode.CLOSE, Close(1011, "enough").serialize()).serialize(mask=False), "1011"),
        (b"\xff\xff", "malformed websocket frame"),
    ],
    ids=["too-large", "close", "no-frame"],
)
def test_what_arrives_together_with_the_handshake_belongs_to_the_first_message(behind: bytes, reason: str) -> None:
    def serve(connection: socket.socket, done: threading.Event) -> None:
        connection.sendall(floods.accepted(connection.recv(1 << 16)) + behind)
        done.wait(BOUND)

    with double(serve) as url:
        connection = Connection(Endpoint(url), SECONDS)
        try:
            with pytest.raises(ConnectionLost, match=reason) as failed:
                connection.attach("token", "uuid", "cluster")
        finally:
            connection.reset()
    assert "handshake" not in str(failed.value)


def test_others_have_their_turn_while_a_target_never_pauses() -> None:
    turns = []

    def count() -> None:
        while True:
            gevent.sleep(0)
            turns.append(clock())

    with double(flood_alone(Flood(floods.ping_flood, "message"))) as url:
        connection = Connection(Endpoint(url), BOUND)
        counting = gevent.spawn(count)
        try:
            began = len(turns)
            assert connection.receive(SECONDS) is None
            assert len(turns) > began
        except ConnectionLost as lost:
            assert "too much that nothing asked for" in str(lost)  # noqa: PT017 - on a fast machine
        finally:
            counting.kill()
            connection.reset()
    assert turns


def test_messages_that_nobody_receives_are_bounded() -> None:
    with double(flood_alone(Flood(floods.message_flood, "message"))) as url, bounded():
        connection = Connection(Endpoint(url), BOUND)
        connection.close()
        assert connection.unsolicited < 300_000
