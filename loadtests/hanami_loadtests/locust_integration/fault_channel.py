"""The channel to the process that injects faults: when a run begins and ends, and when each fault did."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

import gevent
from gevent.event import Event

from hanami_loadtests.engine.fault_times import FaultTime
from hanami_loadtests.faults.channel import CHANNEL, PROXY, Message, MessageReader, send
from hanami_loadtests.session import Session
from hanami_loadtests.settings import Settings

ENDING_SECONDS = 60.0  # that ending a fault may take, such as the start of a server
NO_CHANNEL = "--faults: faults are injected by hanami-load run and hanami-load web, not by Locust alone"


def through_proxy(settings: Settings) -> Settings:
    """Return settings with which the target is reached through the proxy of this run, where there is one."""
    port = os.environ.get(PROXY)
    return settings if port is None else replace(settings, target=replace(settings.target, proxy_port=int(port)))


class FaultChannel:
    """The channel of one process of Locust, local or master.

    Args:
        on_event: Called for each begin and end of a fault.

    Raises:
        ValueError: If nobody injects faults.
    """

    def __init__(self, on_event: Callable[[Message], None]) -> None:
        if CHANNEL not in os.environ:
            raise ValueError(NO_CHANNEL)
        self._socket = socket.socket(fileno=int(os.environ[CHANNEL]))
        self._on_event = on_event
        self._times: Sequence[FaultTime] = ()
        self._is_idle = Event()
        self._reader = gevent.spawn(self._read)

    def begin(self, session: Session) -> None:
        """Begin the faults of a run."""
        self._times = session.recorder.faults
        send(self._socket, {"begin": session.began})

    def end(self) -> None:
        """End the fault that lasts, begin no other one, and wait until that is done."""
        self._is_idle.clear()
        send(self._socket, {"begin": None})
        self._is_idle.wait(ENDING_SECONDS)

    def _read(self) -> None:
        reader = MessageReader(self._socket)
        with contextlib.suppress(OSError):
            while (events := reader.read()) is not None:
                for event in events:
                    if "idle" in event:
                        self._is_idle.set()
                        continue
                    _note_event(self._times, event)
                    self._on_event(event)
        self._is_idle.set()  # nobody is left to wait for


def _note_event(times: Sequence[FaultTime], event: Message) -> None:
    time = times[event["fault"]]
    if "begun" in event:
        time.begin, time.has_begun = min(time.begin, event["begun"]), True
    if "ended" in event:
        time.end, time.problem = max(event["ended"], time.begin), event["problem"]
        time.is_target_failure = event.get("is_target_failure", False)
