"""The report folder of a load run: the page, and files for CI and for a README."""

from __future__ import annotations

from pathlib import Path

from hanami_reports.common.file_names import BADGE, JUNIT, LOAD_PAGE, LOAD_RESULT, SUMMARY
from hanami_reports.common.report_folder import ReportFolder
from hanami_reports.load.badge import load_badge
from hanami_reports.load.junit import load_junit
from hanami_reports.load.markdown import load_markdown
from hanami_reports.load.page import load_page
from hanami_reports.model.load import LoadResult, read_load_result

RENDERED = (LOAD_PAGE, JUNIT, SUMMARY, BADGE)  # names of the reports that are made from a result


def write_load_reports(folder: ReportFolder, result: LoadResult) -> None:
    """Write all reports of a result, but not the result itself.

    Raises:
        OSError: If a file cannot be written.
    """
    folder.write_file(LOAD_PAGE, load_page(result))
    folder.write_file(JUNIT, load_junit(result))
    folder.write_file(SUMMARY, load_markdown(result))
    folder.write_file(BADGE, load_badge(result))


def render_load(path: Path, out: Path | None) -> Path:
    """Render the reports of a result again.

    Args:
        path: Path of the result or of its folder.
        out: Folder for the reports, None for that of the result.

    Returns:
        Path of the page.

    Raises:
        ValueError: If the result cannot be read, or the folder holds another run; one line.
        ReportFolderError: If the folder cannot be written.
        OSError: If a file cannot be written.
    """
    file = path / LOAD_RESULT if path.is_dir() else path
    result = read_load_result(file)
    folder = ReportFolder(out or file.parent, option="--out")
    is_its_result = folder.check_result(LOAD_RESULT, file, result, read_load_result)
    folder.prepare()
    if not is_its_result:
        folder.write_file(LOAD_RESULT, result.to_json())
    write_load_reports(folder, result)
    return folder.path / LOAD_PAGE
