"""A request whose last byte is held back is no request until it is released; the recording takes several threads."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.common.signals import handle_signals, uninterrupted
from hanami_conformance.resources.factory import ResourceFactory

THREADS = 8
TIMES = 500


@pytest.fixture(autouse=True)
def case() -> Iterator[None]:
    begin_case("test")
    yield
    end_case()


def run_beside(function: object) -> None:
    assert callable(function)
    threads = [threading.Thread(target=function) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_a_held_request_is_answered_only_after_its_last_byte(resources: ResourceFactory) -> None:
    account = resources.target.account
    begin_case("test")
    held = account.hold("csv.init", body={"name": resources.name("held"), "input_data_size": 10})
    connection = held._connection
    with pytest.raises(TimeoutError):
        connection.receive(0.2)
    assert current_case().sent == 0
    held.release()
    answer = held.answer()
    assert answer.status == 200, answer
    resources.register_unexpected(answer, "csv.init")
    plain = account.call("csv.init", body={"name": resources.name("plain"), "input_data_size": 10})
    resources.register_unexpected(plain, "csv.init")
    assert plain.request == answer.request
    events = current_case().exchange()
    assert [event.direction for event in events] == ["sent", "received"] * 2
    heads = [event.head.splitlines() for event in events if event.direction == "sent"]
    assert heads[0][0] == heads[1][0]
    names = [[line.partition(":")[0] for line in head] for head in heads]
    assert names[0] == names[1]
    resources.clean()


def test_a_held_request_counts_for_the_limit_of_connections(resources: ResourceFactory) -> None:
    limit = resources.target.connection_limit
    held = [resources.target.account.hold("dataset.list") for _ in range(limit.limit)]
    with pytest.raises(RuntimeError, match="connections at the same time"):
        resources.target.account.hold("dataset.list")
    for one in held:
        one.release()
        assert one.answer().status == 200
    held = [resources.target.account.hold("dataset.list")]
    held[0].release()
    held[0].answer()


def test_only_an_accepted_request_announces_bytes(resources: ResourceFactory) -> None:
    target = resources.target
    before = target.announced_bytes
    for name, status in ((resources.name("held"), 200), ("", 400)):
        held = target.account.hold("csv.init", body={"name": name, "input_data_size": 1000})
        held.release()
        answer = held.answer()
        assert answer.status == status, answer
        resources.register_unexpected(answer, "csv.init")
    assert target.announced_bytes == before + 1000
    resources.clean()


def test_a_held_chunk_is_no_chunk_until_its_last_byte(resources: ResourceFactory) -> None:
    upload = resources.csv(4)
    socket_ = upload.attach()
    release = socket_.hold(0, b"a\n1\n")
    assert upload.progress() is False
    release()
    assert socket_.receive_acknowledgement().success
    assert upload.progress() is True
    resources.clean()


def test_no_event_of_several_threads_is_lost_and_all_are_in_order() -> None:
    case = current_case()

    def write() -> None:
        for _ in range(TIMES):
            channel = case.channel("rest")
            case.sent_event(channel, "http", "GET /")

    run_beside(write)
    assert case.sent == len(case.events) == THREADS * TIMES
    assert len({event.channel for event in case.events}) == THREADS * TIMES
    times = [event.at for event in case.events]
    assert times == sorted(times)


def test_the_limit_of_connections_holds_for_several_threads() -> None:
    limit = ConnectionLimit(THREADS)

    def use() -> None:
        for _ in range(TIMES):
            limit.acquire()
            limit.release()

    run_beside(use)
    assert limit._open == 0


def test_only_the_main_thread_delays_signals() -> None:
    entered, leave = threading.Event(), threading.Event()

    def block() -> None:
        with uninterrupted():
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=block)
    thread.start()
    assert entered.wait(30)

    def interrupt() -> None:
        with handle_signals():
            os.kill(os.getpid(), signal.SIGINT)
            leave.wait(5)

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    leave.set()
    thread.join(30)
    assert not thread.is_alive()
