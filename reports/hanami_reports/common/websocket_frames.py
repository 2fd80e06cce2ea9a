"""Frames of the websocket protocol, as bytes (RFC 6455, section 5.2)."""

from __future__ import annotations

import struct

FIN = 0x80
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA  # opcodes
_MASKED = 0x80
_SHORT, _MEDIUM = 125, 0xFFFF  # greatest lengths in one byte, and in two
_NO_MASK = bytes(4)  # leaves the payload readable


def encode_frame(opcode: int, payload: bytes, *, masked: bool, fin: bool = True) -> bytes:
    """Return a frame.

    Args:
        opcode: Opcode of the frame.
        payload: Payload of the frame, bytes.
        masked: Whether it is a frame of a client, which must be masked. The masking key is zero.
        fin: Whether it is the last frame of its message.
    """
    mask = _MASKED if masked else 0
    first = (FIN if fin else 0) | opcode
    length = len(payload)
    if length <= _SHORT:
        head = struct.pack("!BB", first, mask | length)
    elif length <= _MEDIUM:
        head = struct.pack("!BBH", first, mask | 126, length)
    else:
        head = struct.pack("!BBQ", first, mask | 127, length)
    return head + (_NO_MASK if masked else b"") + payload


def close_payload(code: int, reason: str = "") -> bytes:
    """Return the payload of a close frame."""
    return struct.pack("!H", code) + reason.encode("utf-8", "replace")
