"""A folder of reports."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from hanami_proto.files import write_file
from hanami_reports.common.file_names import LOAD_RESULT, PEAK_RESULT, RESULT

OUR_FORMAT = '"format": "hanami-'  # in the first characters of our results
HEAD = 200  # characters
RESULTS = (RESULT, LOAD_RESULT, PEAK_RESULT)


class ReportFolderError(Exception):
    """Reports cannot be written to the chosen folder."""


class ReportFolder:
    """Writes report files, each completely or not at all.

    Args:
        path: Path of the folder; created if missing.
        option: Command-line option that names it, for error messages.
        names: Names and patterns of the files that are replaced, where other programs may have files of such names.

    Attributes:
        path: Path of the folder.
    """

    def __init__(self, path: Path, option: str = "--report-dir", names: Collection[str] = ()) -> None:
        self.path = path
        self._option = option
        self._names = names

    @property
    def holds_result(self) -> bool:
        """Whether the folder holds the result of a run."""
        return any(map(_is_ours, (self.path / name for name in RESULTS)))

    def prepare(self) -> None:
        """Create the folder and check that it is writable. Nothing is removed yet.

        Raises:
            ReportFolderError: If it is not, or files of somebody else would be replaced; one line with the reason.
        """
        try:
            self._check_contents()
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error

    def check_result(self, name: str, file: Path, result: object, read: Callable[[Path], object]) -> bool:
        """Check that the reports of a stored result replace those of no other result.

        Args:
            name: Name of results of this kind in a folder.
            file: Path of the result.
            result: Content of that file.
            read: Function that reads such a file, or raises ValueError.

        Returns:
            Whether the result is that of the folder itself.

        Raises:
            ValueError: If the folder holds another result; one line.
        """
        existing = self.path / name
        is_itself = existing.exists() and file.exists() and existing.samefile(file)
        others = [other for other in RESULTS if other != name and (self.path / other).exists()]
        if others or (existing.exists() and not is_itself and not _holds(existing, result, read)):
            raise ValueError(f"{self.path} holds the result of another run: choose another folder with {self._option}")
        return is_itself

    def _check_contents(self) -> None:
        place = self.path.resolve()
        if place == place.parent:
            raise self._error("it is the root of the file system")
        if self.holds_result:
            return
        for name in self._names:
            for file in self.path.glob(name):
                raise self._error(f"that would replace {file}, which is no report of ours")

    def _error(self, reason: str) -> ReportFolderError:
        return ReportFolderError(
            f"cannot write reports to {self.path}: {reason}; choose another folder with {self._option}"
        )

    def write_file(self, name: str, text: str) -> None:
        """Write one file.

        Raises:
            DiskError, OSError: If it cannot be written.
        """
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        write_file(path, text)


def _holds(file: Path, result: object, read: Callable[[Path], object]) -> bool:
    try:
        return read(file) == result
    except ValueError:
        return False


def _is_ours(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return OUR_FORMAT in file.read(HEAD)
    except OSError:
        return False
