"""The sub-command ``render``: the reports of a run, or the results of several servers side by side."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import quote

from hanami_reports.common.file_names import LOAD_RESULT, PAGE, PEAK_RESULT, RESULT
from hanami_reports.common.report_folder import ReportFolder, ReportFolderError
from hanami_reports.conformance.html.servers import LETTERS, servers_page, short_names
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.conformance.servers_text import print_servers
from hanami_reports.conformance.terminal import new_console
from hanami_reports.load.peak.report_folder import render_peak
from hanami_reports.load.report_folder import render_load
from hanami_reports.model.conformance import RunResult, read_result
from hanami_reports.model.load import is_load_result
from hanami_reports.model.peak import is_peak_result

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
        if _is_peak(path):
            if len(paths) > 1:
                raise ValueError(f"{path} is of a capacity search: render one at a time")
            return render_peak(path, out)
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


def _is_peak(path: Path) -> bool:
    if path.is_dir():
        return (path / PEAK_RESULT).exists() and not (path / RESULT).exists() and not (path / LOAD_RESULT).exists()
    return is_peak_result(path)


def _render_one(file: Path, result: RunResult, out: Path | None) -> Path:
    folder = ConformanceReportFolder(out or file.parent, option="--out")
    is_its_result = folder.check_result(RESULT, file, result, read_result)
    folder.prepare()
    if is_its_result:
        folder.render(result)
    else:
        folder.write(result)
    return folder.path / PAGE


def _relative_page(file: Path, out: Path) -> str:
    """Return the address of the page beside a result, relative to a folder; empty without one."""
    page = file.parent / PAGE
    if not page.exists():
        return ""
    try:
        return quote(Path(os.path.relpath(page.resolve(), out.resolve())).as_posix())
    except ValueError:  # on another drive
        return ""


def _render_servers(files: list[Path], results: list[RunResult], out: Path) -> Path:
    names = short_names(files)
    if len(set(names)) < len(names):
        raise ValueError("the same result is named twice")
    pages = {name: _relative_page(file, out) for name, file in zip(names, files, strict=True)}
    named = dict(zip(names, results, strict=True))
    page = servers_page(named, pages)
    if (out / RESULT).exists():
        raise ValueError(f"{out} holds the reports of a single run: choose another folder with --out")
    folder = ReportFolder(out, option="--out")
    folder.prepare()
    folder.write_file(PAGE, page)
    print_servers(new_console(sys.stdout), named, LETTERS)
    return out / PAGE
