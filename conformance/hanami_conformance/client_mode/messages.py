"""Websocket messages in one line, for reports."""

from __future__ import annotations

from hanami_conformance.client_mode.record import CLUSTER
from hanami_conformance.common.text import hex_preview, printable_line
from hanami_proto.codec import Codec, ProcessType, SchemaError


def describe(payload: bytes, target: str, codec: Codec, *, is_first: bool, from_client: bool) -> str:
    """Return a message of a websocket on one line.

    Args:
        payload: Bytes of the message.
        target: Target of the websocket.
        codec: Codec of the dialect.
        is_first: Whether it is the first message of its direction, which is JSON.
        from_client: Whether the client sent it.
    """
    if is_first:
        return printable_line(payload.decode("utf-8", "replace"), 300)
    try:
        if target == CLUSTER:
            message = codec.decode_io(payload)
            kind = "TRAIN" if message.process_type == ProcessType.TRAIN else "REQUEST"
            last = ", last" if message.is_last else ""
            return f"{kind} {message.name!r} {len(message.values)} values{last}"
        if from_client:
            chunk = codec.decode_chunk(payload)
            return f"chunk of {len(chunk.data)} bytes at {chunk.position}"
        answer = codec.decode_acknowledgement(payload)
        return "success" if answer.success else f"rejected: {printable_line(answer.error)}"
    except SchemaError:
        return f"{len(payload)} bytes {hex_preview(payload)}"
