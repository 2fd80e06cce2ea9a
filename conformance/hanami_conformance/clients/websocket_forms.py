"""Forms of a websocket message and of a handshake: other frames and segments with the same meaning (RFC 6455)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from hanami_conformance.clients.websocket_connection import COMPRESSION, EXTENSIONS
from hanami_reports.common.websocket_frames import PING, PONG

MANY, SEVERAL = 10, 5  # fragments, and segments


@dataclass(frozen=True)
class MessageForm:
    """The form of a message.

    Attributes:
        frames: Frames, of :data:`FRAMES`.
        segments: TCP segments, of :data:`SEGMENTS`.
    """

    frames: str = "one"
    segments: str = "one"

    def parts(self, payload: bytes) -> tuple[list[bytes], int | None]:
        """Return the payloads of the frames, and the opcode of a control frame between any two, None for none."""
        cut, control = FRAMES[self.frames]
        edges = [0, *cut(len(payload)), len(payload)]
        return [payload[start:end] for start, end in pairwise(edges)], control

    def cuts(self, length: int) -> list[int]:
        """Return the offsets in the bytes of all frames where a new segment begins."""
        return sorted({cut for cut in SEGMENTS[self.segments](length) if 0 < cut < length})


ONE_FRAME = MessageForm()
FRAMES: Mapping[str, tuple[Callable[[int], list[int]], int | None]] = {
    "one": (lambda _length: [], None),
    "two fragments": (lambda length: [length // 2], None),
    "empty fragments": (lambda length: [0, length // 2, length // 2, length], None),
    "many fragments": (lambda length: [part * length // MANY for part in range(1, MANY)], None),
    "pings between": (lambda length: [length // 3, 2 * length // 3], PING),
    "pongs between": (lambda length: [length // 3, 2 * length // 3], PONG),
}
SEGMENTS: Mapping[str, Callable[[int], list[int]]] = {
    "one": lambda _length: [],
    "first byte apart": lambda _length: [1],
    "cut in the header": lambda _length: [1, 2, 4, 6],
    "last byte apart": lambda length: [length - 1],
    "cut everywhere": lambda length: [part * length // SEVERAL for part in range(1, SEVERAL)],
}
# Headers that replace usual ones, and the offsets of the segments.
HANDSHAKES: Mapping[str, tuple[dict[str, str], list[int]]] = {
    "usual": ({}, []),
    "connection among others": ({"Connection": "keep-alive, Upgrade"}, []),
    "upgrade in capitals": ({"Upgrade": "WEBSOCKET"}, []),
    "names in capitals": ({"UPGRADE": "websocket", "CONNECTION": "Upgrade"}, []),
    "cut in segments": ({}, [20, 60]),
    "compression offered": ({EXTENSIONS: COMPRESSION}, []),
}
