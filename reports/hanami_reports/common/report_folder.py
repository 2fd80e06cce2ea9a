"""A folder of reports."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class ReportFolderError(Exception):
    """Reports cannot be written to the chosen folder."""


class ReportFolder:
    """Writes report files, each completely or not at all.

    Args:
        path: Path of the folder; created if missing.
        option: Command-line option that names it, for error messages.
    """

    def __init__(self, path: Path, option: str = "--report-dir") -> None:
        self.path = path
        self._option = option

    def prepare(self) -> None:
        """Create the folder and check that it is writable. Nothing is removed yet.

        Raises:
            ReportFolderError: If it is not; one line with the reason.
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

    def write_file(self, name: str, text: str) -> None:
        """Write one file.

        Raises:
            OSError: If it cannot be written.
        """
        # Renamed at the end, so that a reader never sees half a report.
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
