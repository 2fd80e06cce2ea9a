"""The sub-command ``render``: the reports of a run, or the results of several servers side by side."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hanami_reports.common.file_names import LOAD_RESULT, PAGE, RESULT
from hanami_reports.common.report_folder import ReportFolder, ReportFolderError
from hanami_reports.conformance.html.servers import servers_page, short_names
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.load.report_folder import render_load
from hanami_reports.model.conformance import RunResult, read_result
from hanami_reports.model.load import is_load_result

HELP = "render all reports of a result again; of several results, a page that shows them side by side"
SERVERS_FOLDER = Path("reports") / "servers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "results", metavar="RESULT.json", nargs="+", type=Path, help="result of a run, or its report folder"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help=f"folder for the reports [default: folder of the result; of several results, {SERVERS_FOLDER}]",
    )


def run(arguments: argparse.Namespace) -> int:
    """Render, and print the path of the page.

    Raises:
        ValueError: If a result cannot be read, or the reports cannot be written; one line.
    """
    try:
        page = _render(arguments.results, arguments.out)
    except ReportFolderError as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        raise ValueError(f"cannot write the reports: {error.strerror or error}") from error
    sys.stdout.write(f"{page}\n")
    return 0


def _render(paths: list[Path], out: Path | None) -> Path:
    for path in paths:
        if _is_load(path):
            if len(paths) > 1:
                raise ValueError(f"{path} is of a load run: render one at a time, or use hanami-reports compare")
            return render_load(path, out)
    files = [path / RESULT if path.is_dir() else path for path in paths]
    results = [read_result(file) for file in files]
    if len(files) == 1:
        return _render_one(files[0], results[0], out)
    return _render_servers(files, results, out or SERVERS_FOLDER)


def _is_load(path: Path) -> bool:
    if path.is_dir():
        return (path / LOAD_RESULT).exists() and not (path / RESULT).exists()
    return is_load_result(path)


def _render_one(file: Path, result: RunResult, out: Path | None) -> Path:
    folder = ConformanceReportFolder(out or file.parent, option="--out")
    existing = folder.path / RESULT
    is_same_file = existing.exists() and file.exists() and existing.samefile(file)
    if existing.exists() and not is_same_file and not _holds(existing, result):
        raise ValueError(f"{existing} is the result of another run: choose another folder with --out")
    folder.prepare()
    if is_same_file:
        folder.render(result)
    else:
        folder.write(result)
    return folder.path / PAGE


def _holds(file: Path, result: RunResult) -> bool:
    try:
        return read_result(file) == result
    except ValueError:
        return False


def _render_servers(files: list[Path], results: list[RunResult], out: Path) -> Path:
    names = short_names(files)
    if len(set(names)) < len(names):
        raise ValueError("the same result is named twice")
    page = servers_page(dict(zip(names, results, strict=True)))
    if (out / RESULT).exists():
        raise ValueError(f"{out} holds the reports of a single run: choose another folder with --out")
    folder = ReportFolder(out, option="--out")
    folder.prepare()
    folder.write_file(PAGE, page)
    return out / PAGE
