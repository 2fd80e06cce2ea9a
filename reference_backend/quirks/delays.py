"""Answers take their time, tables above all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.types import ASGIApp, Receive, Scope, Send

from reference_backend.datasets import DatasetStore
from reference_backend.faults.patch import instead
from reference_backend.quirks.around import around
from reference_backend.quirks.profile import Quirks
from reference_backend.settings import MIB
from reference_backend.sockets.channel import Channel
from reference_backend.uploads import Kind

CALL = 0.01  # seconds for a REST call
MESSAGE = 0.001  # seconds for a message on a websocket
TABLE = 4.0  # seconds for each MiB of a CSV table when it is finalized


def slow_down_calls(quirks: Quirks) -> None:
    """Take ten milliseconds for a REST call."""
    delay = CALL * quirks.speed

    def wrap(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and delay:
                await asyncio.sleep(delay)
            await app(scope, receive, send)

        return serve

    around(wrap)


def slow_down_messages(quirks: Quirks) -> None:
    """Take a millisecond for each answer on a websocket."""
    delay = MESSAGE * quirks.speed

    @instead(Channel, "send_bytes")
    async def slow(honest: Any, channel: Channel, data: bytes) -> None:
        if delay:
            await asyncio.sleep(delay)
        await honest(channel, data)


def slow_down_tables(quirks: Quirks) -> None:
    """Take seconds for each MiB of a table; images and labels are fast."""
    delay = TABLE * quirks.speed

    @instead(DatasetStore, "convert")
    def slow(honest: Any, store: DatasetStore, kind: Kind, files: Sequence[NDArray[np.uint8]]) -> Any:
        if kind is Kind.CSV:
            time.sleep(delay * sum(map(len, files)) / MIB)  # in the thread that converts
        return honest(store, kind, files)
