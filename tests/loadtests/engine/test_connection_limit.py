"""The budget of sockets: kept, and shared fairly."""

from __future__ import annotations

import gevent
import pytest

from hanami_loadtests.engine.connection_limit import SocketLimit

SECONDS = 10.0


def test_who_gives_a_socket_back_and_wants_it_again_queues_behind_the_others() -> None:
    budget, order = SocketLimit(1), []

    def user(name: str) -> None:
        for _ in range(5):
            with budget.sockets(1):
                order.append(name)
                gevent.sleep(0)

    gevent.joinall([gevent.spawn(user, name) for name in "ab"], timeout=SECONDS, raise_error=True)
    assert "".join(order) == "ababababab"


def test_one_that_needs_two_gets_them_although_others_need_one_again_and_again() -> None:
    budget, got, most = SocketLimit(2), [], [0, 0]

    def user(count: int) -> None:
        for _ in range(50):
            with budget.sockets(count):
                most[0] += count
                most[1] = max(most)
                got.append(count)
                gevent.sleep(0)
                most[0] -= count

    gevent.joinall([gevent.spawn(user, count) for count in (1, 1, 1, 2)], timeout=SECONDS, raise_error=True)
    assert got.count(2) == 50
    assert got.index(2) < 10
    assert most[1] == 2


def test_the_waiting_time_is_returned() -> None:
    budget, waits = SocketLimit(1), []

    def user() -> None:
        with budget.sockets(1) as waited:
            waits.append(waited)
            gevent.sleep(0.05)

    gevent.joinall([gevent.spawn(user) for _ in range(2)], timeout=SECONDS, raise_error=True)
    assert waits[0] < waits[1] >= 0.04
    with SocketLimit(0).sockets(5) as waited:
        assert waited == 0


def test_who_is_ended_while_waiting_takes_nothing_along() -> None:
    budget = SocketLimit(1)
    held = gevent.event.Event()

    def hold() -> None:
        with budget.sockets(1):
            held.wait()

    def want() -> None:
        with budget.sockets(1):
            pass

    holder, ended, last = gevent.spawn(hold), gevent.spawn(want), gevent.spawn(want)
    gevent.sleep(0.01)
    ended.kill()
    held.set()
    gevent.joinall([holder, last], timeout=SECONDS, raise_error=True)
    assert last.successful()


def test_more_than_the_budget_is_refused() -> None:
    with pytest.raises(ValueError, match="limit is 1"), SocketLimit(1).sockets(2):
        pass
