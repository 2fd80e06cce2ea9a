"""The model of one uploaded file: its bytes, and which of them were acknowledged."""

from __future__ import annotations

import numpy as np

SEGMENT = 128 * 1024  # bytes in a chunk of the SDK


class FileModel:
    """The required content of a file on the server (requirements DATA-2, DATA-4, DATA-5, PROG-2, PROG-3).

    Args:
        size: Announced size in bytes.

    Attributes:
        content: Bytes of the file, uint8, shape (size,).
        received: Mask of the acknowledged bytes, bool, shape (size,).
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.content = np.zeros(size, dtype=np.uint8)
        self.received = np.zeros(size, dtype=bool)

    def in_bounds(self, position: int, data: bytes) -> bool:
        """Whether a chunk is within the announced size."""
        return position + len(data) <= self.size

    def write(self, position: int, data: bytes) -> bool:
        """Apply a chunk; a later one overwrites an earlier one, and one out of bounds changes nothing.

        Returns:
            Whether a server must acknowledge it.
        """
        if not self.in_bounds(position, data):
            return False
        self.content[position : position + len(data)] = np.frombuffer(data, dtype=np.uint8)
        self.received[position : position + len(data)] = True
        return True

    @property
    def missing(self) -> int:
        """Number of bytes that were never acknowledged."""
        return int(self.size - np.count_nonzero(self.received))

    @property
    def complete(self) -> bool:
        """Whether every byte was acknowledged."""
        return bool(self.received.all())
