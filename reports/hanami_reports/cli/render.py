"""``hanami-reports render``: the reports of a run drawn again, or the results of several servers side by side."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hanami_reports.common.file_names import PAGE, RESULT
from hanami_reports.common.report_folder import ReportFolder, ReportFolderError
from hanami_reports.conformance.html.servers import names_of, servers_page
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.load.report_folder import render_load
from hanami_reports.model.conformance import RunResult
from hanami_reports.model.load import LOAD_RESULT, is_load_result
from hanami_reports.model.loading import read_result

HELP = "draw all reports of a result again; of several results, the page that shows them side by side"
SEVERAL = Path("reports") / "servers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "results", metavar="RESULT.json", nargs="+", type=Path, help="result of a run, or the folder that it is in"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help=f"where to (default: of one result, the folder that it is in; of several, {SEVERAL})",
    )


def render(arguments: argparse.Namespace) -> int:
    """Draw, and say what was written.

    Raises:
        ValueError: a result cannot be read, or nothing can be written there; one line that says why.
    """
    loads = [path for path in arguments.results if _is_load(path)]
    if loads:
        if len(arguments.results) > 1:
            raise ValueError(f"{loads[0]} is of a load run: draw one at a time; hanami-reports compare compares them")
        _say(render_load(loads[0], arguments.out))
        return 0
    files = [path / RESULT if path.is_dir() else path for path in arguments.results]
    results = [read_result(file) for file in files]
    try:
        if len(files) == 1:
            _one(files[0], results[0], arguments.out)
        else:
            _several(files, results, arguments.out or SEVERAL)
    except ReportFolderError as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        raise ValueError(f"cannot write the reports: {error.strerror or error}") from error
    return 0


def _is_load(path: Path) -> bool:
    if path.is_dir():
        return (path / LOAD_RESULT).exists() and not (path / RESULT).exists()
    return is_load_result(path)


def _one(file: Path, result: RunResult, out: Path | None) -> None:
    folder = ConformanceReportFolder(out or file.parent, option="--out")
    there = folder.path / RESULT
    same = there.exists() and file.exists() and there.samefile(file)
    if there.exists() and not same and _differs(there, result):
        raise ValueError(f"{there} is the result of another run: choose another folder with --out")
    folder.prepare()
    if same:
        folder.draw(result)
    else:
        folder.write(result)
    _say(folder.path / PAGE)


def _differs(file: Path, result: RunResult) -> bool:
    try:
        return read_result(file) != result
    except ValueError:
        return True


def _several(files: list[Path], results: list[RunResult], out: Path) -> None:
    names = names_of(files)
    if len(set(names)) < len(names):
        raise ValueError("the same result is named twice")
    page = servers_page(dict(zip(names, results, strict=True)))
    if (out / RESULT).exists():
        raise ValueError(f"{out} holds the reports of a single run: choose another folder with --out")
    folder = ReportFolder(out, option="--out")
    folder.prepare()
    folder.put(PAGE, page)
    _say(out / PAGE)


def _say(page: Path) -> None:
    sys.stdout.write(f"{page}\n")
