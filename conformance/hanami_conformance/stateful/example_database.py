"""The database of failing sequences, which Hypothesis executes first in later runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase


class KindDatabase(ExampleDatabase):
    """Folder of examples with a separate key space for each kind of sequence.

    Args:
        folder: The folder.
        kind: Kind of the sequences.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__()
        self._files = DirectoryBasedExampleDatabase(folder)
        self._prefix = f"hanami-{kind}:".encode()

    def save(self, key: bytes, value: bytes) -> None:
        """Keep an example."""
        self._files.save(self._prefix + key, value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """Return the examples of a key."""
        return self._files.fetch(self._prefix + key)

    def delete(self, key: bytes, value: bytes) -> None:
        """Drop an example."""
        self._files.delete(self._prefix + key, value)
