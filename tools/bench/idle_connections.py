"""Sides of a benchmark that hold many websockets open, a greenlet waiting at each: what memory does that take?"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from typing import Any

import gevent
import psutil
import websocket

from hanami_conformance.clients.endpoint import Endpoint
from hanami_loadtests.engine.connection import Connection
from tools.bench.generators import DEADLINE, Done, Work

WAIT = 600.0  # seconds; longer than the measurement


def engine_held(task: dict[str, Any]) -> Work:
    """Hold connections of ours."""

    def hold() -> Callable[[], None]:
        connection = Connection(Endpoint(task["url"]), DEADLINE)
        connection.attach("none", "none", "none")
        greenlet = gevent.spawn(connection.receive, WAIT)

        def end() -> None:
            greenlet.kill()
            connection.reset()

        return end

    return lambda _seconds: _held(hold, task["sockets"])


def custom_held(task: dict[str, Any]) -> Work:
    """Hold connections of websocket-client."""

    def hold() -> Callable[[], None]:
        connection = websocket.create_connection(task["url"], timeout=DEADLINE)
        connection.send(json.dumps({"token": "none", "uuid": "none", "target": "none"}))
        connection.recv()
        connection.settimeout(WAIT)
        greenlet = gevent.spawn(connection.recv)

        def end() -> None:
            greenlet.kill()
            connection.shutdown()  # type: ignore[no-untyped-call]

        return end

    return lambda _seconds: _held(hold, task["sockets"])


def _held(hold: Callable[[], Callable[[], None]], count: int) -> Done:
    hold()()  # what is loaded once belongs to none of them
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    endings = [hold() for _ in range(count)]
    gevent.sleep(0.1)  # every greenlet has begun to wait
    memory = process.memory_info().rss - before
    for end in endings:
        end()
    return Done(count, memory=max(memory, 0))
