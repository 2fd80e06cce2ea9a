"""What is made of the result of a load run: the page, and files for CI and for a README."""

from __future__ import annotations

from pathlib import Path

from hanami_reports.common.file_names import BADGE, JUNIT, LOAD_PAGE, RESULT, SUMMARY
from hanami_reports.common.report_folder import ReportFolder, ReportFolderError
from hanami_reports.load.badge import load_badge
from hanami_reports.load.junit import load_junit
from hanami_reports.load.markdown import load_markdown
from hanami_reports.load.page import load_page
from hanami_reports.model.load import LOAD_RESULT, LoadResult, read_load_result


def draw_load(folder: ReportFolder, result: LoadResult) -> None:
    """Write everything that is made of a result, but not the result itself.

    Args:
        folder: where to.
        result: of the run.

    Raises:
        OSError: the disk refuses.
    """
    folder.put(LOAD_PAGE, load_page(result))
    folder.put(JUNIT, load_junit(result))
    folder.put(SUMMARY, load_markdown(result))
    folder.put(BADGE, load_badge(result))


def render_load(path: Path, out: Path | None) -> Path:
    """Draw the reports of a result again.

    Args:
        path: of the result, or of the folder that it is in.
        out: folder of the reports, None for that of the result.

    Returns:
        The page.

    Raises:
        ValueError: the result cannot be read, or the folder holds another run or cannot be written; one line.
    """
    file = path / LOAD_RESULT if path.is_dir() else path
    result = read_load_result(file)
    folder = ReportFolder(out or file.parent, option="--out")
    there = folder.path / LOAD_RESULT
    same = there.exists() and there.samefile(file)
    if (folder.path / RESULT).exists() or (there.exists() and not same and _text(there) != _text(file)):
        raise ValueError(f"{folder.path} holds the result of another run: choose another folder with --out")
    try:
        folder.prepare()
        if not same:
            folder.put(LOAD_RESULT, result.to_json())
        draw_load(folder, result)
    except ReportFolderError as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        raise ValueError(f"cannot write the reports: {error.strerror or error}") from error
    return folder.path / LOAD_PAGE


def _text(file: Path) -> str:
    try:
        return read_load_result(file).to_json()
    except ValueError:
        return ""
