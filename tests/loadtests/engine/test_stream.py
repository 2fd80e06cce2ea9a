"""Message streams against a small scripted websocket server."""

from __future__ import annotations

import itertools
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from hanami_conformance.clients.endpoint import Endpoint
from hanami_loadtests.engine.connection import Connection, clock
from hanami_loadtests.engine.failures import (
    ConnectionLost,
    IncorrectAnswer,
    LoadFailure,
    NoAnswer,
    NoConnection,
    Rejected,
)
from hanami_loadtests.engine.frames import binary_frame
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.engine.schedule import Schedule
from hanami_loadtests.engine.stream import INCOMPLETE, MessageStream, Outgoing

DEADLINE = 5.0
LARGEST = 5_000_000  # bytes of a message
SHORT = 0.3


@contextmanager
def server(handle: Callable[[ServerConnection], None]) -> Iterator[str]:
    """A websocket server, and its address."""

    def quietly(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            handle(connection)

    with serve(quietly, "127.0.0.1", 0, compression=None, max_size=None) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listening.socket.getsockname()[1]}/"
        finally:
            listening.shutdown()
            thread.join()


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


class Same:
    """The answer must be the same bytes, and may come in parts."""

    def __init__(self, payload: bytes, parts: int = 1) -> None:
        self.payload = payload
        self.parts = parts
        self.actual = 0

    def verify(self, payload: bytes) -> int:
        if payload != self.payload:
            raise IncorrectAnswer("DIO-7", repr(self.payload), repr(payload))
        self.actual += 1
        return INCOMPLETE if self.actual % self.parts else len(payload)

    def sequence(self, error: IncorrectAnswer) -> None:  # noqa: ARG002 - as the protocol has it
        return None


def messages(count: int, size: int = 10, parts: int = 1, reply: type[Same] = Same) -> Iterator[Outgoing]:
    for number in range(count):
        payload = number.to_bytes(4, "big") * (size // 4 + 1)
        yield Outgoing("echo", binary_frame(payload), len(payload), reply(payload, parts), number)


def run(
    url: str,
    outgoing: Iterator[Outgoing],
    *,
    window: int = 4,
    deadline: float = DEADLINE,
    rate: float = 0.0,
    over: Callable[[], bool] = lambda: False,
    patience: Callable[[], float] = lambda: math.inf,
    recorder: Recorder | None = None,
    lags: list[float] | None = None,
) -> Recorder:
    recorder = recorder or Recorder(origin=clock())

    def unsolicited(payload: bytes) -> None:
        raise IncorrectAnswer("DATA-1", "nothing more", f"{len(payload)} bytes")

    connection = Connection(Endpoint(url), deadline, LARGEST)
    note = (lags if lags is not None else []).append
    try:
        MessageStream(connection, recorder, window, deadline, over, patience, note, unsolicited).run(
            outgoing, Schedule(rate, clock())
        )
    finally:
        connection.close()
    return recorder


def test_every_message_is_answered_and_verified() -> None:
    with server(echo) as url:
        recorder = run(url, messages(100))
    series = recorder.series["echo"]
    assert (series.sent, series.succeeded, recorder.in_flight) == (100, 100, 0)
    assert series.bytes_up == series.bytes_down > 0
    assert series.by_index[0].count == 1
    assert series.by_index[7].count == 36  # 64 to 99


def test_no_more_messages_are_in_flight_than_the_window_lets() -> None:
    most = []

    def slow(connection: ServerConnection) -> None:
        held = [connection.recv()]
        while True:
            try:
                held.append(connection.recv(timeout=0.05))
            except TimeoutError:
                most.append(len(held))
                for message in held:
                    connection.send(message)
                held = [connection.recv()]

    with server(slow) as url:
        run(url, messages(20), window=5)
    assert max(most) == 5


def test_answers_in_several_messages_are_one_exchange() -> None:
    def twice(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)
            connection.send(message)

    with server(twice) as url:
        assert run(url, messages(30, parts=2)).series["echo"].succeeded == 30


def test_large_messages_go_on_while_their_answers_come_back() -> None:
    # More than the buffers of both sides hold: who only writes would wait for ever for who only writes.
    with server(echo) as url:
        assert run(url, messages(8, size=4_000_000), window=8).series["echo"].succeeded == 8


def test_a_wrong_answer_is_a_class_of_its_own_and_ends_the_socket() -> None:
    def wrong(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(b"something else")
        for _ in connection:
            pass

    recorder = Recorder(origin=clock())
    with server(wrong) as url, pytest.raises(IncorrectAnswer, match="DIO-7"):
        run(url, messages(10), recorder=recorder)
    series = recorder.series["echo"]
    assert (series.incorrect, series.succeeded, series.unanswered) == (1, 0, 0)
    assert series.sent == series.incorrect + series.cancelled
    assert recorder.in_flight == 0


def test_an_answer_too_many_is_wrong() -> None:
    def more(connection: ServerConnection) -> None:
        connection.send(connection.recv())
        connection.send(b"and more")
        for _ in connection:
            pass

    def two() -> Iterator[Outgoing]:
        yield from messages(1)
        time.sleep(SHORT)
        yield from messages(1)

    with server(more) as url, pytest.raises(IncorrectAnswer):
        run(url, two(), window=1)


def test_silence_is_counted_as_unanswered_and_bounded_by_the_deadline() -> None:
    def silent(connection: ServerConnection) -> None:
        for _ in connection:
            pass

    recorder = Recorder(origin=clock())
    with server(silent) as url, pytest.raises(NoAnswer):
        run(url, messages(10), deadline=SHORT, recorder=recorder)
    series = recorder.series["echo"]
    assert (series.sent, series.unanswered, series.succeeded) == (4, 4, 0)
    assert not series.response.count


def test_a_lost_connection_leaves_unanswered_messages_and_says_why() -> None:
    def leave(connection: ServerConnection) -> None:
        connection.recv()
        connection.close(1011, "no room")

    recorder = Recorder(origin=clock())
    with server(leave) as url, pytest.raises(ConnectionLost, match="close 1011 'no room'"):
        run(url, messages(10), recorder=recorder)
    assert recorder.series["echo"].unanswered == recorder.series["echo"].sent > 0
    assert {error.kind for error in recorder.errors.values()} == {"lost connection"}


def test_when_the_run_is_over_nothing_more_is_sent_and_answers_are_waited_for() -> None:
    over = threading.Event()

    def slow(connection: ServerConnection) -> None:
        for number, message in enumerate(connection):
            if number == 3:
                over.set()
                time.sleep(SHORT)
            connection.send(message)

    with server(slow) as url:
        recorder = run(url, messages(1_000_000), over=over.is_set)
    series = recorder.series["echo"]
    assert series.sent == series.succeeded < 20


def test_missing_answers_are_awaited_for_the_drain_time() -> None:
    over = threading.Event()

    def silent(connection: ServerConnection) -> None:
        for _ in connection:
            over.set()

    ended: list[float] = []

    def patience() -> float:
        if not over.is_set():
            return math.inf
        ended.append(clock())
        return ended[0] + SHORT

    recorder = Recorder(origin=clock())
    with server(silent) as url, pytest.raises(NoAnswer, match="drained"):
        run(url, messages(1_000_000), deadline=100, over=over.is_set, patience=patience, recorder=recorder)
    series = recorder.series["echo"]
    assert series.unanswered == series.sent > 0
    assert clock() - ended[0] < 50


def test_a_stall_shows_in_the_response_of_all_that_was_due_meanwhile() -> None:
    rate, stall = 200, 0.5

    def stalls(connection: ServerConnection) -> None:
        for number, message in enumerate(connection):
            if number == 20:
                time.sleep(stall)
            connection.send(message)

    lags: list[float] = []
    with server(stalls) as url:
        recorder = run(url, messages(200), window=2, rate=rate, lags=lags)
    series = recorder.series["echo"]
    assert series.succeeded == 200
    # Half of what was due in the stall waited for at least half of it; only the window felt it as service.
    late = round(series.response.share_above(stall / 2) * 200)
    assert late >= rate * stall / 2 * 0.7
    assert round(series.service.share_above(stall / 2) * 200) <= 2
    assert series.scheduling_delay.most >= stall / 2 * 1e6
    assert len(lags) == 200


def test_a_handshake_that_is_refused_says_how() -> None:
    with pytest.raises(NoConnection, match="no connection: connection refused"):
        Connection(Endpoint("ws://127.0.0.1:1/"), DEADLINE)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ('{"success": true}', None),
        ('{"success": 1, "more": 2}', None),
        ('{"success": false}', Rejected),
        ("OK", Rejected),
    ],
)
def test_the_first_message_is_accepted_by_success_alone(answer: str, failure: type[LoadFailure] | None) -> None:
    def first(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(answer)
        for _ in connection:
            pass

    with server(first) as url:
        connection = Connection(Endpoint(url), DEADLINE)
        try:
            if failure is None:
                connection.attach("token", "uuid", "cluster")
            else:
                with pytest.raises(failure):
                    connection.attach("token", "uuid", "cluster")
        finally:
            connection.close()


def test_fragments_and_pings_make_no_difference() -> None:
    def broken_up(connection: ServerConnection) -> None:
        for message in itertools.islice(connection, 5):
            assert isinstance(message, bytes)
            connection.ping()
            connection.send([message[:3], message[3:5], message[5:]])

    with server(broken_up) as url:
        assert run(url, messages(5), window=1).series["echo"].succeeded == 5


def test_delays_of_the_generator_add_up_while_the_target_holds_messages_back() -> None:
    """A generator that is late with each of many messages is late with the last one by the sum."""
    delays: list[float] = []

    class Slow(Same):
        def verify(self, payload: bytes) -> int:
            time.sleep(0.02)  # of the generator, after the answer has arrived
            return super().verify(payload)

    with server(echo) as url:
        run(url, messages(10, reply=Slow), window=1, rate=1000.0, lags=delays)
    assert delays == sorted(delays)
    assert delays[-1] >= 9 * 0.02 - 0.01  # what the schedule spreads is not late


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux notes when bytes arrive")
def test_an_answer_that_is_read_late_has_arrived_earlier() -> None:
    answered: list[float] = []

    def noting(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)
            answered.append(clock())

    class Slow(Same):
        def verify(self, payload: bytes) -> int:
            until = time.monotonic() + DEADLINE
            while len(answered) < 4 and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(0.1)
            return super().verify(payload)

    began = clock()
    with server(noting) as url:
        recorder = run(url, messages(4, reply=Slow), window=4)
    # The time of reading would be later by 0.3 s; two clocks are compared, between which another process may run.
    assert recorder.series["echo"].service.most / 1e6 <= answered[-1] - began + 0.1
