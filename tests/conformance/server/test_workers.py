"""The number of workers is that of the server, and counting leaves nothing behind."""

from __future__ import annotations

import pytest

from hanami_conformance.cases.failures import PreconditionFailed, Violation
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.server.workers import MOST_WORKERS, WorkerCount, count_workers
from hanami_conformance.target.connect import connect
from hanami_conformance.target.target import Target
from support.suite_runs import faulty_backend
from support.targets import backend


def target_at(url: str, dialect: str = "documented") -> Target:
    account = Credentials("alice", "very-secret-1")
    return connect(TargetOptions(url=url, account=account, dialect=dialect, deadline=5.0))


@pytest.mark.parametrize(
    ("options", "dialect", "served", "connections"),
    [((), "documented", MOST_WORKERS, MOST_WORKERS), (("--quirks", "hanami-0.4"), "hanami-0.4", 4, 3)],
    ids=["no limit", "four workers"],
)
def test_workers_are_counted(options: tuple[str, ...], dialect: str, served: int, connections: int) -> None:
    with backend(*options) as url:
        target = target_at(url, dialect)
        found = count_workers(target)
        assert (found.served, found.connections) == (served, connections)
        assert found.limited is (served < MOST_WORKERS)
        assert target.account.call("dataset.list").object()["body"] == []
        assert target.is_alive()
        assert target.timeouts.socket_timeouts == 0
        target.websocket().open()  # the limit of the run is not used up
        target.close_connections()


def test_a_server_that_accepts_no_socket_has_no_count() -> None:
    with faulty_backend("accepts-with-success-0") as url:
        target = target_at(url)
        with pytest.raises((Violation, PreconditionFailed)):
            count_workers(target)
        assert target.account.call("dataset.list").object()["body"] == []


@pytest.mark.parametrize(
    ("count", "connections", "text"),
    [
        (WorkerCount(4, 1.04), 3, "4: with as many websockets open, the next was not answered within 1.0 s"),
        (WorkerCount(1, 2.0), 1, "1: with as many websockets open, the next was not answered within 2.0 s"),
        (WorkerCount(16), 16, "16 or more: so many websockets are served at the same time"),
    ],
)
def test_one_worker_is_left_to_rest_calls(count: WorkerCount, connections: int, text: str) -> None:
    assert count.connections == connections
    assert str(count) == text
