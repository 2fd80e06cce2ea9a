"""``hanami-reports compare``: is NEW slower than BASE? A table, a page, and an exit status for a gate."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from rich.console import Console

from hanami_reports.common.file_names import LOAD_COMPARE
from hanami_reports.common.report_folder import ReportFolder, ReportFolderError
from hanami_reports.load.compare.comparison import compare_load
from hanami_reports.load.compare.page import compare_page
from hanami_reports.load.compare.runs import side_of
from hanami_reports.load.compare.statistics import LEAST_RUNS
from hanami_reports.load.compare.terminal import print_comparison

HELP = "compare load runs before and after a change; exit status 0 no regression, 1 worse, 5 too few runs"
FOLDER = Path("reports") / "compare"
WIDTH = 140  # columns where nobody knows how many there are


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    runs = f"a folder with at least {LEAST_RUNS} results of load runs, or with folders that hold a load.json each"
    parser.add_argument("base", metavar="BASE", type=Path, help=f"runs before: {runs}")
    parser.add_argument("new", metavar="NEW", type=Path, help="runs after, likewise")
    parser.add_argument(
        "--tolerance",
        metavar="SHARE",
        type=share,
        default=0.05,
        help="difference that does not matter, such as 5%% or 0.05; default: 5%%",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=FOLDER, help=f"where {LOAD_COMPARE} goes; default: %(default)s"
    )


def share(text: str) -> float:
    """Return a share as typed, ``5%`` or ``0.05``.

    Raises:
        argparse.ArgumentTypeError: it is none, or not from 0 to below 1.
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", text.strip())
    value = float(match[1]) / (100 if match[2] else 1) if match else 1.0
    if value >= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share below 100 %: give 5% or 0.05")
    return value


def compare(arguments: argparse.Namespace) -> int:
    """Compare, print, draw.

    Returns:
        0 nothing is worse, 1 something is, 5 too few runs.

    Raises:
        ValueError: a result cannot be read, the runs are not alike, or the page cannot be written; one line.
    """
    comparison = compare_load(side_of(arguments.base), side_of(arguments.new), arguments.tolerance)
    folder = ReportFolder(arguments.out, option="--out")
    try:
        folder.prepare()
        folder.put(LOAD_COMPARE, compare_page(comparison))
    except ReportFolderError as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        raise ValueError(f"cannot write {folder.path / LOAD_COMPARE}: {error.strerror or error}") from error
    console = Console()
    print_comparison(comparison, console if console.is_terminal else Console(width=WIDTH))
    console.print(str(folder.path / LOAD_COMPARE), highlight=False, markup=False, soft_wrap=True)
    return comparison.exit_status
