"""The injection of faults: what is done to a server and a network, when, and that nothing stays broken."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.target.server_control import ServerControl
from hanami_loadtests.faults.channel import CHANNEL, PROXY, Message
from hanami_loadtests.faults.fault import Fault
from hanami_loadtests.faults.injector import FaultInjector
from hanami_loadtests.faults.tcp_proxy import NetworkConditions
from support.suite_runs import double

PATIENCE = 20.0


@dataclass
class Server:
    """A server that notes what is done to it."""

    log: list[str] = field(default_factory=list)
    pid: int = 7
    starts: bool = True
    end: str = ""  # how its process ended

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        self.log.append("suspended")
        yield
        self.log.append("resumed")

    def kill(self) -> None:
        self.log.append("killed")

    def stop(self) -> None:
        self.log.append("stopped")

    def ended(self) -> str:
        return self.end

    def restart(self) -> None:
        self.log.append("started")
        self.pid += 1
        if not self.starts:
            raise TargetDown("it does not\nstart")


class Run:
    """What Locust does: it says when a run begins and ends, and hears of the faults."""

    def __init__(self, injector: FaultInjector) -> None:
        (number,) = injector.descriptors
        assert injector.environment[CHANNEL] == str(number)
        self._socket = socket.socket(fileno=number)
        self._socket.settimeout(PATIENCE)
        self._rest = b""

    def say(self, begin: float | None) -> None:
        self._socket.sendall(json.dumps({"begin": begin}).encode() + b"\n")

    def hear(self) -> Message:
        while b"\n" not in self._rest:
            self._rest += self._socket.recv(4096)
        line, self._rest = self._rest.split(b"\n", 1)
        found: Message = json.loads(line)
        return found

    def leave(self) -> None:
        self._socket.detach()


@contextlib.contextmanager
def injected(faults: Sequence[Fault], server: Server | None, url: str = "http://127.0.0.1:1") -> Iterator[Run]:
    control = None if server is None else ServerControl(server, server.restart)
    with FaultInjector(faults, url, control) as injector:
        run = Run(injector)
        yield run
        run.leave()


def test_each_fault_begins_and_ends_at_its_time() -> None:
    server = Server()
    faults = [Fault("a", "suspend", 0.1, 0.2), Fault("b", "kill", 0.4, 0.1), Fault("c", "restart", 0.6, 0.0)]
    with injected(faults, server) as run:
        begin = time.perf_counter()
        run.say(begin)
        events = [run.hear() for _ in range(6)]
    assert server.log == ["suspended", "resumed", "killed", "started", "stopped", "started"]
    assert [event["fault"] for event in events] == [0, 0, 1, 1, 2, 2]
    for fault, begun, ended in zip(faults, events[::2], events[1::2], strict=True):
        assert begun["begun"] - begin >= fault.at
        assert ended["ended"] - begun["begun"] >= fault.seconds
        assert ended["problem"] == ""
    assert [event["pid"] for event in events[1::2]] == [7, 8, 9]


def test_the_end_of_a_run_ends_its_fault_and_the_next_run_begins_anew() -> None:
    server = Server()
    with injected([Fault("a", "suspend", 0.1, 1000.0), Fault("b", "kill", 2000.0, 1.0)], server) as run:
        for _ in range(2):
            run.say(time.perf_counter())
            assert run.hear()["fault"] == 0
            run.say(None)
            assert "ended" in run.hear()
            assert run.hear() == {"idle": True}
        run.say(time.perf_counter())
        run.hear()
    assert server.log == ["suspended", "resumed"] * 3  # also where Locust is gone


def test_a_server_that_does_not_start_again_is_said() -> None:
    server = Server(starts=False)
    with injected([Fault("a", "kill", 0.05, 0.05)], server) as run:
        run.say(time.perf_counter())
        run.hear()
        ended = run.hear()
    assert (ended["problem"], ended["is_target_failure"]) == ("it does not start", True)
    assert "pid" not in ended


def test_a_server_that_was_gone_before_a_fault_is_not_started_by_it() -> None:
    server = Server(end="its process ended with exit status 3")
    with injected([Fault("a", "kill", 0.05, 0.05)], server) as run:
        run.say(time.perf_counter())
        run.hear()
        ended = run.hear()
    problem = "the server was gone before it: its process ended with exit status 3"
    assert (ended["problem"], ended["is_target_failure"]) == (problem, True)
    assert server.log == []


def test_the_end_of_a_run_waits_for_a_fault_that_begins() -> None:
    class Slow(Server):
        def stop(self) -> None:
            entered.set()
            released.wait(PATIENCE)

    entered, released = threading.Event(), threading.Event()
    with injected([Fault("a", "restart", 0.05, 0.0)], Slow()) as run:
        run.say(time.perf_counter())
        assert run.hear()["fault"] == 0
        assert entered.wait(PATIENCE)
        run.say(None)
        released.set()
        assert run.hear()["problem"] == ""
        assert run.hear() == {"idle": True}


def test_a_fault_that_cannot_begin_is_said_and_the_others_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise PermissionError("not\nallowed")

    server = Server()
    monkeypatch.setattr(server, "kill", fail)
    with injected([Fault("a", "kill", 0.05, 1000.0), Fault("b", "suspend", 0.1, 0.0)], server) as run:
        run.say(time.perf_counter())
        events = [run.hear() for _ in range(4)]
    keys = ("fault", "problem", "is_target_failure")
    assert [tuple(event.get(key) for key in keys) for event in events] == [
        (0, None, None),
        (0, "not allowed", False),
        (1, None, None),
        (1, "", None),
    ]
    assert server.log == ["suspended", "resumed"]


def test_connections_pass_a_proxy_that_the_faults_change() -> None:
    def echo(connection: socket.socket, _done: threading.Event) -> None:
        while data := connection.recv(100):
            connection.sendall(data)

    faults = [Fault("a", "reset", 0.3, 0.0, None, NetworkConditions(resets=True))]
    with double(echo) as url, FaultInjector(faults, url, None) as injector:
        run = Run(injector)
        place = ("127.0.0.1", int(injector.environment[PROXY]))
        with socket.create_connection(place, PATIENCE) as connection:
            connection.sendall(b"a")
            assert connection.recv(1) == b"a"
            run.say(time.perf_counter())
            run.hear()
            run.hear()
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        with socket.create_connection(place, PATIENCE) as connection:
            connection.sendall(b"b")
            assert connection.recv(1) == b"b"
        run.leave()


def test_faults_of_a_process_need_one() -> None:
    with pytest.raises(ValueError, match=r"the fault 'b' is one of the server's process: start .* --server-command"):
        FaultInjector([Fault("b", "kill", 5.0, 1.0)], "http://127.0.0.1:1", None)


def test_without_faults_nothing_is_started() -> None:
    with FaultInjector((), "http://127.0.0.1:1", None) as injector:
        assert (dict(injector.environment), injector.descriptors) == ({}, ())
