"""A folder of reports."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hanami_proto.files import write_file


class ReportFolderError(Exception):
    """Reports cannot be written to the chosen folder."""


class ReportFolder:
    """Writes report files, each completely or not at all.

    Args:
        path: Path of the folder; created if missing.
        option: Command-line option that names it, for error messages.

    Attributes:
        written: Names of the files that were written.
    """

    def __init__(self, path: Path, option: str = "--report-dir") -> None:
        self.path = path
        self._option = option
        self.written: list[str] = []

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
            DiskError, OSError: If it cannot be written.
        """
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        write_file(path, text)
        self.written.append(name)
