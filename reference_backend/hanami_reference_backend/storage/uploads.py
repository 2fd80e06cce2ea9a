"""Uploads and their temporary files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.storage.intervals import Intervals

# Of what a file has received, with gaps between them. More would take more memory than the file, and time to keep in
# order; a gigabyte that arrives in chunks of 4 KiB in random order has 65,000 at most.
MAX_PARTS = 100_000
PART_SIZE = 80  # bytes of memory


class Kind(Enum):
    """Kind of an upload."""

    MNIST = "mnist"
    CSV = "csv"


class TempFile:
    """A file during its upload, with storage of the announced size (INIT-3).

    Args:
        uuid: Uuid that a websocket attaches to.
        project_id: Project of the upload.
        size: Announced size in bytes.

    Attributes:
        received: Offsets of the received bytes.
        rejection: Reason why writes are rejected now, None while they are accepted.
    """

    def __init__(self, uuid: str, project_id: str, size: int) -> None:
        self.uuid = uuid
        self.project_id = project_id
        self.size = size
        self.rejection: str | None = None
        self.received = Intervals()
        # The system provides zeros on first access, so a large announced size costs nothing.
        self._content = np.zeros(size, dtype=np.uint8)
        self._view = self._content.data

    def write(self, position: int, data: bytes) -> str | None:
        """Write data at a byte position (DATA-2, DATA-4, DATA-5).

        Returns:
            None, or the reason why nothing was written.
        """
        if self.rejection is not None:
            return self.rejection
        end = position + len(data)
        if end > self.size:
            return f"bytes {position} to {end} are outside of the file, which has {self.size} bytes"
        if data:
            if len(self.received) >= MAX_PARTS and not self.received.touches(position, end):
                return f"the file has {MAX_PARTS} parts with gaps between them: fill the gaps first"
            self._view[position:end] = data
            self.received.add(position, end)
        return None

    @property
    def storage(self) -> int:
        """Memory that the file may take, in bytes."""
        return self.size + PART_SIZE * len(self.received)

    def is_complete(self) -> bool:
        """Return whether every byte has arrived (PROG-2, PROG-3)."""
        return self.received.covers(self.size)

    def content(self) -> NDArray[np.uint8]:
        """Return the bytes without a copy, shape (size,)."""
        return self._content

    def freeze(self, reason: str) -> None:
        """Reject every write from now on."""
        self.rejection = reason

    def thaw(self) -> None:
        """Accept writes again."""
        self.rejection = None

    def discard(self, reason: str) -> None:
        """Free the storage, and reject every write with this reason."""
        self.rejection = reason
        self._content = np.zeros(0, dtype=np.uint8)
        self._view = self._content.data


@dataclass(eq=False)  # one of a kind, whatever its fields are
class Upload:
    """A dataset that is not finalized yet.

    Attributes:
        uuid: Uuid of the dataset, before and after finalize.
        files: Input file and, for MNIST, label file.
        created_at: Time of the start in seconds since the epoch.
        converting: Whether the upload is being finalized.
        deleted: Whether the upload was deleted, possibly while it is being finalized.
    """

    uuid: str
    name: str
    kind: Kind
    owner_id: str
    project_id: str
    files: tuple[TempFile, ...]
    created_at: float = 0.0
    converting: bool = False
    deleted: bool = False

    @property
    def storage(self) -> int:
        """Memory that all files may take, in bytes."""
        return sum(file.storage for file in self.files)

    def is_complete(self) -> bool:
        """Return whether every byte of every file has arrived (PROG-2, PROG-3)."""
        return all(file.is_complete() for file in self.files)
