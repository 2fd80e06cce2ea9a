"""A folder of reports: made, tried, and written file by file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class ReportFolderError(Exception):
    """Reports cannot be written where they should be."""


class ReportFolder:
    """Writes files of reports, each whole or not at all.

    Args:
        path: the folder; made if need be.
        option: of the command line that names it.
    """

    def __init__(self, path: Path, option: str = "--report-dir") -> None:
        self.path = path
        self._option = option

    def prepare(self) -> None:
        """Make the folder, and see whether it can be written. Nothing is removed yet.

        Raises:
            ReportFolderError: it cannot; one line that says why.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise ReportFolderError(
                f"cannot write reports to {self.path}: {error.strerror or error}; "
                f"choose another folder with {self._option}"
            ) from error

    def put(self, name: str, text: str) -> None:
        """Write one file.

        Args:
            name: of the file in the folder.
            text: that it holds.

        Raises:
            OSError: the disk refuses.
        """
        # Renamed at the end: a reader never sees half a report.
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
