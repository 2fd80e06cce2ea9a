"""Websocket frames that are serialised and masked once, and sent many times."""

from __future__ import annotations

from websockets.frames import Frame, Opcode


def binary_frame(payload: bytes) -> bytes:
    """Return a masked frame with a whole binary message, as bytes on the wire.

    Masking a chunk costs more than sending it, so chunks are masked once. A mask that is used again is no less valid:
    RFC 6455, 5.3 asks for an unpredictable one to protect proxies from content that browser scripts choose.
    """
    return Frame(Opcode.BINARY, payload).serialize(mask=True)
