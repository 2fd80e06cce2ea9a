"""The report folder of a capacity search: its result, the page, and files for CI."""

from __future__ import annotations

from pathlib import Path

from hanami_reports.common.file_names import BADGE, JUNIT, PEAK_PAGE, PEAK_RESULT, SUMMARY
from hanami_reports.common.report_folder import ReportFolder
from hanami_reports.load.peak.page import peak_page
from hanami_reports.load.peak.summaries import peak_badge, peak_junit, peak_markdown
from hanami_reports.model.peak import PeakResult, read_peak_result

RENDERED = (PEAK_PAGE, JUNIT, SUMMARY, BADGE)  # names of the reports that are made from a result
NAMES = (PEAK_RESULT, *RENDERED)


class PeakFolder(ReportFolder):
    """The folder of a search's reports, which replace those of an earlier search.

    Args:
        path: Path of the folder, which is created if necessary.
        option: Command-line option that names it, for error messages.
    """

    def __init__(self, path: Path, option: str = "--report-dir") -> None:
        super().__init__(path, option, names=NAMES)

    def write(self, result: PeakResult) -> None:
        """Write the result and all reports.

        Raises:
            DiskError, OSError: If a file cannot be written.
        """
        self.write_file(PEAK_RESULT, result.to_json())
        self.write_file(PEAK_PAGE, peak_page(result))
        self.write_file(JUNIT, peak_junit(result))
        self.write_file(SUMMARY, peak_markdown(result))
        self.write_file(BADGE, peak_badge(result))


def render_peak(path: Path, out: Path | None) -> Path:
    """Render the reports of a search again.

    Args:
        path: Path of the result or of its folder.
        out: Folder for the reports, None for that of the result.

    Returns:
        Path of the page.

    Raises:
        ValueError: If the result cannot be read, or the folder holds another one; one line.
        ReportFolderError: If the folder cannot be written.
        OSError: If a file cannot be written.
    """
    file = path / PEAK_RESULT if path.is_dir() else path
    result = read_peak_result(file)
    folder = PeakFolder(out or file.parent, option="--out")
    folder.check_result(PEAK_RESULT, file, result, read_peak_result)
    folder.prepare()
    folder.write(result)
    return folder.path / PEAK_PAGE
