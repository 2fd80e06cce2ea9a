"""Recording a run and repeating it: what is written down, what is done again, and what does not pass for the same."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from hanami_conformance.common.child_process import ProcessError
from tools.bench import replay
from tools.bench.measurement import Plan, measure
from tools.bench.recording import UPGRADED, Kind, Recording, Step
from tools.bench.recording_proxy import RecordingProxy
from tools.bench.replay import Replay
from tools.bench.script import Act, is_goodbye, script_of
from tools.bench.servers import Servers
from tools.bench.statistics import Sample
from tools.bench.suite_benchmark import REPLAY, SUITE, Gate, GateMeasurement

TIMEOUT = 20.0  # seconds; only reached when something is broken
MASK = b"\x01\x02\x03\x04"
GOODBYE = b"\x88\x82" + MASK + bytes([0x03 ^ 1, 0xE8 ^ 2])
ANSWER = b"HTTP/1.1 200 OK\r\ndate: Wed, 25 Nov 2026 04:35:49 GMT\r\ncontent-length: 2\r\n\r\n{}"

Handler = Callable[[socket.socket], None]


@contextlib.contextmanager
def server_that(handle: Handler) -> Iterator[tuple[str, int]]:
    """A server that does the same with every connection, one after the other; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            connection, _ = listener.accept()
            connection.settimeout(TIMEOUT)
            with connection, contextlib.suppress(OSError):
                handle(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    address = listener.getsockname()
    try:
        yield address
    finally:
        done.set()
        socket.create_connection(address, TIMEOUT).close()
        thread.join(TIMEOUT)
        listener.close()


def answering(*answers: bytes) -> Handler:
    """Give these answers, each to one piece of request."""

    def handle(connection: socket.socket) -> None:
        for answer in answers:
            if not connection.recv(1000):
                return
            connection.sendall(answer)
        while connection.recv(1000):
            pass

    return handle


def recorded(address: tuple[str, int], act: Callable[[socket.socket], None], times: int = 1) -> Recording:
    """What a proxy wrote down of a client that does this on each of its connections, and leaves."""
    with RecordingProxy(*address) as proxy:
        where = urlsplit(proxy.url)
        for _ in range(times):
            with socket.create_connection((where.hostname, where.port), TIMEOUT) as client:
                act(client)
        with socket.create_connection((where.hostname, where.port), TIMEOUT) as last:
            last.shutdown(socket.SHUT_WR)
            while last.recv(1000):  # when it ends, all that is before it was relayed
                pass
    recording = proxy.recording()
    return Recording(tuple(step for step in recording.steps if step.connection < times))


def ask(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert client.recv(1000) == ANSWER


def kinds(recording: Recording) -> list[str]:
    return [step.kind.name for step in recording.steps]


# Recordings


def test_pieces_of_one_answer_are_one_step() -> None:
    steps = [Step(Kind.OPENED, 0), Step(Kind.OPENED, 1), Step(Kind.SENT, 0, b"G"), Step(Kind.SENT, 0, b"ET\r\nx")]
    pieces = [Step(Kind.RECEIVED, 0, b"a"), Step(Kind.RECEIVED, 0, b"b"), Step(Kind.RECEIVED, 1, b"c")]
    recording = Recording.of([*steps, *pieces, Step(Kind.RECEIVED, 0, b"d")])
    assert recording.steps == (
        *steps,
        Step(Kind.RECEIVED, 0, b"ab"),
        Step(Kind.RECEIVED, 1, b"c"),
        Step(Kind.RECEIVED, 0, b"d"),
    )
    assert (recording.connections, recording.sent, recording.received) == (2, 6, 4)
    assert recording.answers() == [b"abd", b"c"]
    assert recording.requests() == [b"G", b""]


def test_the_proxy_records_the_messages_of_a_connection() -> None:
    with server_that(answering(ANSWER)) as address:
        assert kinds(recorded(address, ask)) == ["OPENED", "SENT", "RECEIVED", "FINISHED", "CRASH"]


def test_the_proxy_records_a_reset_and_passes_it_on() -> None:
    seen: list[str] = []

    def handle(connection: socket.socket) -> None:
        try:
            while connection.recv(1000):
                connection.sendall(ANSWER)
        except ConnectionResetError:
            seen.append("reset")

    def reset(client: socket.socket) -> None:
        ask(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with server_that(handle) as address:
        assert kinds(recorded(address, reset)) == ["OPENED", "SENT", "RECEIVED", "RESET"]
    assert seen == ["reset"]


def test_the_proxy_records_a_server_that_closes_first() -> None:
    def handle(connection: socket.socket) -> None:
        connection.sendall(b"bye")

    def wait(client: socket.socket) -> None:
        while client.recv(1000):
            pass

    with server_that(handle) as address:
        assert kinds(recorded(address, wait)) == ["OPENED", "RECEIVED", "CRASH", "FINISHED"]


def test_the_proxy_records_a_side_that_never_reads() -> None:
    def handle(connection: socket.socket) -> None:
        if connection.recv(1):
            while True:  # until the client is gone
                connection.sendall(bytes(1 << 20))

    def neglect(client: socket.socket) -> None:
        client.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            while True:
                client.sendall(bytes(1 << 16))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with server_that(handle) as address:
        recording = recorded(address, neglect)
        found = kinds(recording)
        assert found.index("NEGLECTED") > found.index("RECEIVED")
        assert found[-1] == "RESET"
        Replay(recording).run(*address)


def test_a_proxy_without_a_server_closes_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
    with RecordingProxy(*address) as proxy:
        where = urlsplit(proxy.url)
        with socket.create_connection((where.hostname, where.port), TIMEOUT) as client:
            assert client.recv(1) == b""
    assert proxy.recording().steps == ()


# Scripts


def test_a_rest_client_closes_when_it_has_the_answer() -> None:
    steps = [Step(Kind.OPENED, 0), Step(Kind.SENT, 0, b"GET"), Step(Kind.RECEIVED, 0, ANSWER)]
    script = script_of(Recording.of([*steps, Step(Kind.FINISHED, 0), Step(Kind.CRASH, 0)]))
    assert script.acts == [
        Act(Kind.OPENED, 0),
        Act(Kind.SENT, 0, b"GET"),
        Act(Kind.RECEIVED, 0, total=len(ANSWER)),
        Act(Kind.FINISHED, 0, closes=True),
    ]
    assert script.firm == [len(ANSWER)]


def test_a_client_that_only_sends_no_more_still_reads() -> None:
    steps = [Step(Kind.OPENED, 0), Step(Kind.FINISHED, 0), Step(Kind.RECEIVED, 0, ANSWER), Step(Kind.CRASH, 0)]
    script = script_of(Recording.of(steps))
    assert [(act.kind, act.closes) for act in script.acts] == [(step.kind, False) for step in steps]


def test_answers_after_a_close_may_differ() -> None:
    hello = UPGRADED + b"Switching Protocols\r\n\r\n"
    steps = [Step(Kind.OPENED, 0), Step(Kind.SENT, 0, b"GET"), Step(Kind.RECEIVED, 0, hello)]
    end = [Step(Kind.RECEIVED, 0, b"\x88\x02\x03\xe8"), Step(Kind.FINISHED, 0), Step(Kind.CRASH, 0)]
    script = script_of(Recording.of([*steps, Step(Kind.SENT, 0, GOODBYE), *end]))
    assert [act.kind for act in script.acts[3:]] == [Kind.SENT, Kind.CRASH, Kind.FINISHED, Kind.CRASH]
    assert script.firm == [len(hello)]


def test_who_reads_no_more_waits_for_nothing() -> None:
    steps = [Step(Kind.OPENED, 0), Step(Kind.RECEIVED, 0, b"abc"), Step(Kind.NEGLECTED, 0)]
    rest = [Step(Kind.RECEIVED, 0, b"def"), Step(Kind.SENT, 0, b"x"), Step(Kind.RECEIVED, 0, b"g"), Step(Kind.RESET, 0)]
    script = script_of(Recording.of([*steps, *rest]))
    assert [act.kind for act in script.acts] == [Kind.OPENED, Kind.RECEIVED, Kind.SENT, Kind.RESET]
    assert script.firm == [3]


@pytest.mark.parametrize(
    ("data", "found"),
    [(GOODBYE, True), (b"message" + GOODBYE, True), (GOODBYE[:-1], False), (GOODBYE[:-1] + b"\0", False), (b"", False)],
)
def test_a_goodbye_is_known(data: bytes, found: bool) -> None:
    assert is_goodbye(data) is found


# Replays


def test_a_recording_can_be_replayed() -> None:
    requests: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        while data := connection.recv(1000):
            requests.append(data)
            connection.sendall(ANSWER)

    with server_that(handle) as address:
        recording = recorded(address, ask, times=3)
        assert recording.answers() == [ANSWER] * 3
        del requests[:]
        assert Replay(recording).run(*address) > 0
    assert requests == [b"GET / HTTP/1.1\r\n\r\n"] * 3


def test_another_time_of_day_is_the_same_answer() -> None:
    with server_that(answering(ANSWER)) as address:
        recording = recorded(address, ask)
    with server_that(answering(ANSWER.replace(b"04:35:49", b"05:00:00"))) as address:
        Replay(recording).run(*address)


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        (
            [ANSWER.replace(b"200 OK", b"500 No")],
            r"another answer on connection 0 \('GET / HTTP/1.1'\): b'HTTP/1.1 500",
        ),
        ([ANSWER[:-1] + b"]"], "another answer.*{]"),
        ([b"HTTP/1.1 404 Not Found\r\n\r\n"], "another answer.*404"),
        ([ANSWER[:-1]], r"out of step on connection 0.*not 77 bytes within 0\.2 s"),
        ([], r"out of step.*0 bytes received, not 77 bytes within 0\.2 s"),
    ],
)
def test_other_answers_do_not_pass(answers: list[bytes], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "TIMEOUT", 0.2)
    with server_that(answering(ANSWER)) as address:
        recording = recorded(address, ask)
    with server_that(answering(*answers)) as address, pytest.raises(ProcessError, match=text):
        Replay(recording).run(*address)


def test_an_early_end_is_reported() -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(ANSWER[:20])

    with server_that(answering(ANSWER)) as address:
        recording = recorded(address, ask)
    with server_that(handle) as address, pytest.raises(ProcessError, match="20 bytes received before the end, not 77"):
        Replay(recording).run(*address)


def test_a_missing_server_is_reported() -> None:
    with server_that(answering(ANSWER)) as address:
        recording = recorded(address, ask)
    with pytest.raises(ProcessError, match="out of step on connection 0"):
        Replay(recording).run(*address)


def test_a_server_that_must_be_read_before_it_takes_more_is_read() -> None:
    size = 16 << 20

    def handle(connection: socket.socket) -> None:
        left = size
        while left and (data := connection.recv(1 << 16)):
            left -= len(data)
            connection.sendall(data)

    steps = [Step(Kind.OPENED, 0), Step(Kind.SENT, 0, bytes(size)), Step(Kind.RECEIVED, 0, bytes(size))]
    with server_that(handle) as address:
        Replay(Recording.of([*steps, Step(Kind.FINISHED, 0)])).run(*address)


# The measurement


def test_the_ratio_is_of_times() -> None:
    assert GateMeasurement().ratio({SUITE: Sample(30, 6.0), REPLAY: Sample(10, 4.0)}) == 1.5


def test_a_part_of_the_suite_can_be_repeated() -> None:
    found = measure(GateMeasurement(), Servers(), Plan(None, 1.0, 1, ("ATT-1",)), lambda _text: None)
    assert len(found.rounds) == 3
    for samples in found.rounds:
        assert samples[SUITE].operations == samples[REPLAY].operations >= 1
        assert samples[SUITE].size == samples[REPLAY].size > 0


def test_a_run_that_is_not_conformant_is_reported() -> None:
    gate = Gate({"alice": "one", "bob": "two"}, ["ATT-8"])
    with gate.backend() as backend:
        url = f"http://{backend.host}:{backend.port}"
        with pytest.raises(ProcessError, match="ended with exit status 4: ERROR: no requirement 'NOPE'"):
            Gate({"alice": "one", "bob": "two"}, ["NOPE"]).run(url, backend.expired_token)
        with pytest.raises(ProcessError, match="ended with exit status 4"):
            Gate({"alice": "wrong", "bob": "two"}, ["ATT-8"]).run(url, backend.expired_token)
    with pytest.raises(ProcessError, match="ended with exit status 6: TARGET NOT REACHABLE"):
        gate.run(url, backend.expired_token)
