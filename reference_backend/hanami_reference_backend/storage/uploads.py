"""Temporary files, and the uploads that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.storage.intervals import Intervals


class Kind(Enum):
    """What is uploaded."""

    MNIST = "mnist"
    CSV = "csv"


class TempFile:
    """A file while it is uploaded: storage of the announced size, and which bytes of it have arrived (INIT-3).

    Args:
        uuid: what a websocket attaches to.
        project_id: whose it is.
        size: announced size, bytes.

    Attributes:
        refusal: why nothing may be written now, None when writing is allowed.
    """

    def __init__(self, uuid: str, project_id: str, size: int) -> None:
        self.uuid = uuid
        self.project_id = project_id
        self.size = size
        self.refusal: str | None = None
        self.received = Intervals()
        # Zeros come from the system as they are touched: announcing much costs nothing.
        self._content = np.zeros(size, dtype=np.uint8)
        self._view = self._content.data

    def write(self, position: int, data: bytes) -> str | None:
        """Put ``data`` at byte ``position`` (DATA-2, DATA-4, DATA-5).

        Returns:
            None when it was written, otherwise the reason why nothing was.
        """
        if self.refusal is not None:
            return self.refusal
        end = position + len(data)
        if end > self.size:
            return f"bytes {position} to {end} are outside of the file, which has {self.size} bytes"
        if data:
            self._view[position:end] = data
            self.received.add(position, end)
        return None

    def is_complete(self) -> bool:
        """Whether every byte has arrived (PROG-2, PROG-3)."""
        return self.received.covers(self.size)

    def content(self) -> NDArray[np.uint8]:
        """Return the bytes, shape (size,), not a copy."""
        return self._content

    def freeze(self, reason: str) -> None:
        """Refuse every write from now on."""
        self.refusal = reason

    def thaw(self) -> None:
        """Allow writing again."""
        self.refusal = None

    def discard(self, reason: str) -> None:
        """Give the storage back and refuse every write, with that reason."""
        self.refusal = reason
        self._content = np.zeros(0, dtype=np.uint8)
        self._view = self._content.data


@dataclass
class Upload:
    """A dataset that is not finalized yet.

    Attributes:
        uuid: of the dataset, before and after finalize.
        files: input file and, for MNIST, label file.
        converting: whether a finalize is at work on it.
        deleted: whether it was deleted, perhaps under a finalize at work.
    """

    uuid: str
    name: str
    kind: Kind
    owner_id: str
    project_id: str
    files: tuple[TempFile, ...]
    converting: bool = False
    deleted: bool = False

    @property
    def storage(self) -> int:
        """Announced size of all its files, bytes."""
        return sum(file.size for file in self.files)

    def is_complete(self) -> bool:
        """Whether every byte of every file has arrived (PROG-2, PROG-3)."""
        return all(file.is_complete() for file in self.files)
