"""The injection of faults by the process that starts Locust, so that it takes no time of the load generator.

Locust says over a socket when a run begins and ends, and hears when each fault began and ended. Both processes read
the same clock: that of Python for short times, which counts from the start of the machine.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Self
from urllib.parse import urlsplit

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.clients.endpoint import PORTS
from hanami_conformance.target.server_control import ServerControl
from hanami_loadtests.faults.channel import CHANNEL, PROXY, Message, MessageReader, send
from hanami_loadtests.faults.fault import KILL, RESTART, SUSPEND, Fault, needs_process, needs_proxy
from hanami_loadtests.faults.tcp_proxy import PLAIN, TcpProxy, relaying

NO_PROCESS = (
    "the fault {name!r} is one of the server's process: start the server with --server-command, or use "
    "--target reference"
)


class FaultInjector:
    """Injects the faults of every run of one Locust, within a ``with`` block.

    Args:
        faults: Faults of each run, by their begin.
        url: Address of the target.
        server: Control of the server, where this process has started it.

    Raises:
        ValueError: If a fault needs the process of the server, and this process has not started it.
    """

    def __init__(self, faults: Sequence[Fault], url: str, server: ServerControl | None) -> None:
        if needs_process(faults) and server is None:
            name = next(one.name for one in faults if one.conditions is None)
            raise ValueError(NO_PROCESS.format(name=name))
        self._faults = faults
        parts = urlsplit(url)
        self._place = parts.hostname or "", parts.port or PORTS[parts.scheme]
        self._server = server
        self._proxy: TcpProxy | None = None
        self._stack = contextlib.ExitStack()
        self._begin: float | None = None  # of the run, seconds of the clock
        self._next = 0  # fault that has not begun yet
        self._end: float | None = None  # of the fault that lasts
        self._finish: Callable[[], float] | None = None  # ends it, and returns when that was

    def __enter__(self) -> Self:
        if not self._faults:
            return self
        self._socket, self._other = socket.socketpair()
        self._stack.callback(self._socket.close)
        self._stack.callback(self._other.close)
        if needs_proxy(self._faults):
            self._proxy = TcpProxy(*self._place)
            self._stack.enter_context(relaying(self._proxy))
        self._thread = threading.Thread(target=self._serve, name="faults")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._faults:
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._stack.close()

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables by which Locust finds this process and the proxy."""
        if not self._faults:
            return {}
        proxy = {} if self._proxy is None else {PROXY: str(self._proxy.port)}
        return {CHANNEL: str(self._other.fileno()), **proxy}

    @property
    def descriptors(self) -> tuple[int, ...]:
        """File descriptors that Locust inherits."""
        return (self._other.fileno(),) if self._faults else ()

    def _serve(self) -> None:
        reader = MessageReader(self._socket)
        try:
            while True:
                if not select.select([self._socket], [], [], self._seconds_left())[0]:
                    self._act()
                    continue
                messages = reader.read()
                if messages is None:
                    break
                for message in messages:
                    self._follow(message)
        except OSError:
            pass  # the other end is gone
        finally:
            self._end_fault()

    def _follow(self, message: Message) -> None:
        """Follow the begin or the end of a run."""
        self._end_fault()
        self._begin, self._next = message["begin"], 0
        if self._begin is None:
            send(self._socket, {"idle": True})

    def _seconds_left(self) -> float | None:
        """Return the seconds until a fault begins or ends; None if none does."""
        if self._begin is None:
            return None
        due = self._end
        if due is None:
            if self._next == len(self._faults):
                return None
            due = self._begin + self._faults[self._next].at
        return max(0.0, due - time.perf_counter())

    def _act(self) -> None:
        if self._finish is not None:
            self._end_fault()
            return
        fault = self._faults[self._next]
        send(self._socket, {"fault": self._next, "begun": time.perf_counter()})
        try:
            self._finish = self._start(fault)
        except Exception as error:  # noqa: BLE001 - of whatever kind: the end of the fault says it
            self._finish, self._end = partial(_fail, error), time.perf_counter()
        else:
            self._end = time.perf_counter() + fault.seconds

    def _end_fault(self) -> None:
        finish, self._finish, self._end = self._finish, None, None
        if finish is None:
            return
        message: Message = {"fault": self._next, "problem": ""}
        self._next += 1
        try:
            message["ended"] = finish()
        except Exception as error:  # noqa: BLE001 - of whatever kind: the run goes on, and says it
            problem = " ".join(str(error).split()) or type(error).__name__
            message |= {"ended": time.perf_counter(), "problem": problem}
            message["is_target_failure"] = isinstance(error, TargetDown)
        else:
            if self._server is not None:
                message["pid"] = self._server.process.pid
        send(self._socket, message)

    def _start(self, fault: Fault) -> Callable[[], float]:
        """Start a fault; return what ends it.

        Raises:
            TargetDown: If there is no process of the server any more.
        """
        proxy, server = self._proxy, self._server
        if fault.conditions is not None:
            assert proxy is not None
            proxy.change(fault.conditions)
            return lambda: _after(lambda: proxy.change(PLAIN))
        assert server is not None
        if ended := server.process.ended():
            raise TargetDown(f"the server was gone before it: {ended}")
        if fault.kind == SUSPEND:
            suspended = contextlib.ExitStack()
            suspended.enter_context(server.process.suspended())
            return lambda: _after(suspended.close)
        {KILL: server.process.kill, RESTART: server.process.stop}[fault.kind]()
        return lambda: _before(server.restart)


def _fail(error: Exception) -> float:
    raise error


def _after(act: Callable[[], None]) -> float:
    """Act; return when that was done."""
    act()
    return time.perf_counter()


def _before(act: Callable[[], None]) -> float:
    """Act; return when that began: how long a server takes to start is part of its recovery."""
    began = time.perf_counter()
    act()
    return began
