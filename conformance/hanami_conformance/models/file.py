"""The model of one uploaded file: its bytes, and which of them were acknowledged."""

from __future__ import annotations

import numpy as np

SEGMENT = 128 * 1024  # bytes of a chunk of the SDK


class FileModel:
    """What a server must hold of a file (requirements DATA-2, DATA-4, DATA-5, PROG-2, PROG-3).

    Args:
        size: announced size, bytes.

    Attributes:
        content: uint8, shape (size,).
        known: bool, shape (size,): bytes that were acknowledged.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.content = np.zeros(size, dtype=np.uint8)
        self.known = np.zeros(size, dtype=bool)

    def fits(self, position: int, data: bytes) -> bool:
        """Whether a chunk lies within the announced size."""
        return position + len(data) <= self.size

    def write(self, position: int, data: bytes) -> bool:
        """Apply a chunk, the later one wins; one that does not fit changes nothing.

        Returns:
            Whether a server must acknowledge it.
        """
        if not self.fits(position, data):
            return False
        self.content[position : position + len(data)] = np.frombuffer(data, dtype=np.uint8)
        self.known[position : position + len(data)] = True
        return True

    @property
    def missing(self) -> int:
        """Number of bytes that were never acknowledged."""
        return int(self.size - np.count_nonzero(self.known))

    @property
    def complete(self) -> bool:
        """Whether every byte was acknowledged."""
        return bool(self.known.all())
