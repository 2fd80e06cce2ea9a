"""Our own generator as a side of a benchmark: message streams, reported to Locust as in a real run."""

from __future__ import annotations

import itertools
import math
from typing import Any

from locust.env import Environment

from hanami_conformance.clients.endpoint import Endpoint
from hanami_loadtests.engine.connection import Connection, clock
from hanami_loadtests.engine.direct_io_messages import KINDS, new_knowledge, request_message
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.engine.schedule import Schedule
from hanami_loadtests.engine.stream import MessageStream, Outgoing
from hanami_loadtests.engine.upload_messages import csv_content
from hanami_proto.dialect import load_dialect
from tools.bench.generators import DEADLINE, FILE_CHUNKS, REQUEST, Done, Work
from tools.bench.payloads import SHAPE


def messages_of(what: str, chunk: int) -> list[Outgoing]:
    """Return what is sent again and again.

    Args:
        what: ``upload`` or ``request``.
        chunk: Size of the data of a chunk in bytes.
    """
    dialect = load_dialect()
    if what == REQUEST:
        knowledge = new_knowledge(dialect, SHAPE)
        return [request_message(knowledge, kind) for kind in range(KINDS)]
    messages = csv_content(dialect, chunk * FILE_CHUNKS, chunk, 0).messages["input"]
    return [message for message in messages if message.size == chunk]


def engine_work(task: dict[str, Any]) -> Work:
    """Return a stream, every answer verified and recorded."""
    environment = Environment()
    environment.create_local_runner()
    recorder = Recorder(observer=lambda *measured: report_to_locust(environment, *measured))
    connection = Connection(Endpoint(task["url"]), DEADLINE)
    connection.attach("none", "none", "none")
    messages = itertools.cycle(messages_of(task["what"], task["chunk"]))

    def work(seconds: float) -> Done:
        end = clock() + seconds
        recorder.origin = clock()
        recorder.take_delta()
        stream = MessageStream(
            connection, recorder, task["window"], DEADLINE, lambda: clock() >= end, _never, _note, _reject_unsolicited
        )
        stream.run(messages, Schedule(0.0, clock()))
        (series,) = recorder.series.values()
        return Done(series.succeeded, series.bytes_up)

    return work


def report_to_locust(environment: Environment, series: str, seconds: float, size: int, error: Exception | None) -> None:
    """Report a message as :mod:`hanami_loadtests.locust_integration.controller` does."""
    environment.events.request.fire(  # type: ignore[no-untyped-call] # Locust's
        request_type=series.split(" ", maxsplit=1)[0],
        name=series,
        response_time=seconds * 1000,
        response_length=size,
        exception=error,
        context={},
    )


def _never() -> float:
    """Only the deadline ends the wait for an answer."""
    return math.inf


def _note(_lag: float) -> None:
    """Ignore it: the closed model has no lag."""


def _reject_unsolicited(payload: bytes) -> None:
    raise AssertionError(f"the bare server sent {payload!r} without being asked")
