"""One side of a comparison of generators: ``python -m tools.bench.generators KIND``, started by the benchmark.

A process of its own, since Locust changes the sockets of the process that imports it. It reads its task as a line of
JSON from standard input, connects, and for every further line, a number of seconds, works that long and writes what it
did as a line of JSON. It ends with its standard input.

Nothing of Locust or gevent may be imported before :func:`main` knows that this side needs it.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

ENGINE, CUSTOM, SOCKET = "engine", "websocket-client", "socket"
ENGINE_HELD, CUSTOM_HELD = "engine-held", "websocket-client-held"
UPLOAD, REQUEST = "upload", "request"
FILE_CHUNKS = 32
INPUTS, OUTPUTS = 784, 10
DEADLINE = 10.0  # seconds for each answer

MODULES = {
    ENGINE: "engine_user:engine_work",
    CUSTOM: "custom_user:custom_work",
    SOCKET: "socket_baseline:plain_work",
    ENGINE_HELD: "idle_connections:engine_held",
    CUSTOM_HELD: "idle_connections:custom_held",
}


class Done(NamedTuple):
    """Work of a side: operations, their payload in bytes, and their memory in bytes."""

    operations: int
    size: int = 0
    memory: int = 0


Work = Callable[[float], Done]  # for that many seconds


def main() -> int:
    """Work until standard input closes; the exit status."""
    kind = sys.argv[1]
    task = json.loads(sys.stdin.readline())
    if kind != SOCKET:
        importlib.import_module("gevent.monkey").patch_all()
    module, name = MODULES[kind].split(":")
    work: Work = getattr(importlib.import_module(f"tools.bench.{module}"), name)(task)
    for line in sys.stdin:
        send_result(measured(work, float(line)))
    return 0


def measured(work: Work, seconds: float) -> dict[str, Any]:
    """Return what was done in that time, and what it cost: seconds of the clock, and of the processor."""
    cpu, start = time.process_time(), time.perf_counter()
    done = work(seconds)
    spent = time.perf_counter() - start
    return {**done._asdict(), "seconds": spent, "cpu": time.process_time() - cpu}


def send_result(answer: dict[str, Any]) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
