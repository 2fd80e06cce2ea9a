"""A side of a benchmark: a Locust user with websocket-client, as most people write it.

The messages are serialised before, as those of the other sides. The answers are awaited, not looked at.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import websocket
from locust import User
from locust.env import Environment

from tools.bench.generators import DEADLINE, Done, Work
from tools.bench.payloads import payloads_of


class SocketUser(User):
    """Locust user that sends a message, waits for its answer and reports the time."""

    abstract = True
    connection: websocket.WebSocket

    def connect(self, url: str) -> None:
        """Open the websocket and attach it."""
        self.connection = websocket.create_connection(url, timeout=DEADLINE)
        self.connection.send(json.dumps({"token": "none", "uuid": "none", "target": "none"}))
        self.connection.recv()

    def exchange(self, name: str, message: bytes) -> None:
        """One message and its answer."""
        start = time.time()
        self.connection.send_binary(message)
        answer = self.connection.recv()
        self.environment.events.request.fire(
            request_type="WS",
            name=name,
            response_time=(time.time() - start) * 1000,
            response_length=len(answer),
            exception=None,
            context={},
        )


def custom_work(task: dict[str, Any]) -> Work:
    """One message after the other."""
    environment = Environment()
    environment.create_local_runner()
    user = SocketUser(environment)
    user.connect(task["url"])
    payloads = itertools.cycle(payloads_of(task["what"], task["chunk"]))

    def work(seconds: float) -> Done:
        count = size = 0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            payload, counted = next(payloads)
            user.exchange(task["what"], payload)
            count, size = count + 1, size + counted
        return Done(count, size)

    return work
