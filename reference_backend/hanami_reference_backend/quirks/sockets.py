"""Quirks of websockets: replies to first messages, placeholder messages of a cluster, delays."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_proto.codec import Codec, ProcessType
from hanami_reference_backend.common.settings import MIB
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.network.clusters import POLICY_VIOLATION
from hanami_reference_backend.quirks.profile import Quirks
from hanami_reference_backend.sockets import attach
from hanami_reference_backend.sockets.attach import RejectedError, Session, SocketServer
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.uploads import Kind

PATIENCE = 60.0  # seconds that a socket may stay silent before it is attached; it keeps a worker meanwhile
MESSAGE = 0.001  # seconds for a message on a websocket
TABLE = 4.0  # seconds for each MiB of a CSV table when it is finalized


def answer_in_json(_quirks: Quirks) -> None:
    """Accept with true in place of 1, and reply to first messages in binary frames."""
    attach.ACCEPTED = json.dumps({"success": True})

    @replace_method(Channel, "send_text")
    async def send_text(_original: Any, channel: Channel, text: str) -> None:
        await channel.send_bytes(text.encode())


def keep_rejected_sockets_open(_quirks: Quirks) -> None:
    """Keep a socket open after a rejection, and treat the next message as its first."""

    @replace_method(SocketServer, "attach")
    async def attach(_original: Any, sockets: SocketServer, channel: Channel) -> Session | None:
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    message = await channel.receive()
            except TimeoutError:
                await channel.close(POLICY_VIOLATION, f"no first message within {PATIENCE:g} seconds")
                return None
            try:
                return sockets.open_session(channel, message)
            except RejectedError as error:
                await channel.send_text(json.dumps({"success": False, "error": str(error)}))


def answer_with_placeholders(_quirks: Quirks) -> None:
    """Send every acknowledgement and end message with TRAIN_TYPE, also those of a request."""

    @replace_method(Codec, "encode_io")
    def encode_io(original: Any, codec: Codec, name: str, values: Any, **fields: Any) -> Any:
        if not name:
            fields["process_type"] = ProcessType.TRAIN
        return original(codec, name, values, **fields)


def leave_requests_open(_quirks: Quirks) -> None:
    """Send no output of a request with isLast = true."""

    @replace_method(Codec, "encode_io")
    def encode_io(original: Any, codec: Codec, name: str, values: Any, **fields: Any) -> Any:
        if name:
            fields["is_last"] = False
        return original(codec, name, values, **fields)


def slow_down_messages(quirks: Quirks) -> None:
    """Take a millisecond for each reply on a websocket."""
    delay = MESSAGE * quirks.speed

    @replace_method(Channel, "send_bytes")
    async def send_bytes(original: Any, channel: Channel, data: bytes) -> None:
        if delay:
            await asyncio.sleep(delay)
        await original(channel, data)


def slow_down_tables(quirks: Quirks) -> None:
    """Take seconds for each MiB of a table; images and labels are fast."""
    delay = TABLE * quirks.speed

    @replace_method(DatasetStore, "convert")
    def convert(original: Any, store: DatasetStore, kind: Kind, files: Sequence[NDArray[np.uint8]]) -> Any:
        if kind is Kind.CSV:
            time.sleep(delay * sum(map(len, files)) / MIB)  # in the thread that converts
        return original(store, kind, files)
