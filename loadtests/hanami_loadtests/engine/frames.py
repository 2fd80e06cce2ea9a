"""Websocket frames that are serialised and masked once, and sent as often as need be."""

from __future__ import annotations

from websockets.frames import Frame, Opcode


def binary_frame(payload: bytes) -> bytes:
    """Return a masked frame with a whole binary message, as bytes on the wire.

    Masking a chunk costs more than sending it, so chunks are masked once; a mask that is used again is no less valid
    (RFC 6455, 5.3 asks for an unpredictable one to protect proxies from what scripts in a browser choose to send).
    """
    return Frame(Opcode.BINARY, payload).serialize(mask=True)
