"""The reports of a run: when they replace those of an earlier run, and what is said of them."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from hanami_conformance.server.process import SERVER_LOG
from hanami_proto.files import DiskError
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.model.conformance import UNINFORMATIVE, CaseResult, RunResult


class RunReports:
    """The reports of a run. Those of an earlier run stay until this one has something to report.

    Args:
        folder: Folder of the reports, prepared.

    Attributes:
        path: Path of the folder, None where no reports of this run are in it.
        note: Line that says why there are no reports, empty where there are, or an error was printed.
        keeps_log: Whether the log of the server is of this run.
    """

    def __init__(self, folder: ConformanceReportFolder) -> None:
        self._folder = folder
        self._replaced = False
        self.path: Path | None = None
        self.note = ""
        self.keeps_log = False

    def note_case(self, result: CaseResult) -> None:
        """Remove the reports of an earlier run once a case says something: they would be taken for this run's."""
        if result.outcome not in UNINFORMATIVE and not self._replaced:
            with contextlib.suppress(OSError):  # else they are replaced at the end, and an error is printed then
                self._clear()

    def _clear(self) -> None:
        self._replaced = True
        self._folder.clear()
        if not self.keeps_log:
            (self._folder.path / SERVER_LOG).unlink(missing_ok=True)

    def write(self, result: RunResult) -> bool:
        """Write all reports, or keep those of an earlier run if this one has nothing to report.

        Returns:
            Whether that succeeded; if not, a line was printed.
        """
        if not (result.is_informative or self._replaced) and self._folder.holds_result:
            self.note = f"reports  none: nothing was judged, so {self._folder.path} keeps those of an earlier run\n"
            return True
        self.path = None
        try:
            self._clear()
            self._folder.write(result)
        except (DiskError, OSError) as error:
            reason = str(error) if isinstance(error, DiskError) else f"cannot write the reports: {error}"
            sys.stderr.write(f"ERROR: {reason}\n")
            return False
        self.path = self._folder.path
        return True
