"""The sub-command ``history``: many results of runs, of conformance and of load, over time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hanami_reports.cli.compare import share
from hanami_reports.common.file_names import HISTORY, HISTORY_PAGE, HISTORY_SUMMARY
from hanami_reports.common.report_folder import ReportFolder, ReportFolderError

HELP = "show the history of many results: flaky cases, series, change points, first bad runs"
EPILOG = """\
exit status:
  0  nothing that was good is bad or worse now
  1  something is: a case, a verdict, a rate or a percentile
  4  wrong files or options
  5  fewer than two runs of the same kind
"""
FOLDER = Path("reports") / "history"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder of results, in folders of any depth and name")
    parser.add_argument(
        "--last",
        metavar="N",
        type=_count,
        help="only the newest N runs of each server and configuration [default: all]",
    )
    parser.add_argument(
        "--tolerance",
        metavar="SHARE",
        type=share,
        default=0.05,
        help="change of a rate or time that does not matter, such as 5%% or 0.05 [default: 5%%]",
    )
    parser.add_argument("--json", action="store_true", help="print the history as JSON instead of tables")
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=FOLDER,
        help=f"folder for {HISTORY_PAGE}, {HISTORY_SUMMARY} and {HISTORY} [default: {FOLDER}]",
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise argparse.ArgumentTypeError(f"{text!r}: give a number of runs from 1")
    return int(text[:9])


def run(arguments: argparse.Namespace) -> int:
    """Print the history and write its page; return the exit status.

    Raises:
        ValueError: If there is no result, or the page cannot be written; one line.
    """
    # Imported late: other commands need neither charts nor statistics to start.
    from hanami_reports.history.history import read_history  # noqa: PLC0415
    from hanami_reports.history.markdown import history_markdown  # noqa: PLC0415
    from hanami_reports.history.page import history_page  # noqa: PLC0415
    from hanami_reports.history.runs import read_runs  # noqa: PLC0415
    from hanami_reports.history.terminal import print_history  # noqa: PLC0415
    from hanami_reports.load.terminal import load_console  # noqa: PLC0415

    history = read_history(arguments.folder, read_runs(arguments.folder, arguments.last), arguments.tolerance)
    folder = ReportFolder(arguments.out, option="--out")
    try:
        folder.prepare()
        folder.write_file(HISTORY, history.to_json())
        folder.write_file(HISTORY_PAGE, history_page(history, folder.path))
        folder.write_file(HISTORY_SUMMARY, history_markdown(history, folder.path))
    except ReportFolderError as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        raise ValueError(f"cannot write to {folder.path}: {error.strerror or error}") from error
    if arguments.json:
        sys.stdout.write(history.to_json())
    else:
        console = load_console()
        print_history(history, console)
        console.print(str(folder.path / HISTORY_PAGE), highlight=False, markup=False, soft_wrap=True)
    return history.exit_status
