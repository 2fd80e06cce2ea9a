"""The sub-command ``compare``: two conformance results, or two sets of load runs."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from hanami_reports.common.file_names import LOAD_COMPARE, RESULT
from hanami_reports.common.report_folder import ReportFolder, ReportFolderError
from hanami_reports.conformance.compare import compare
from hanami_reports.conformance.compare_text import render_comparison
from hanami_reports.conformance.terminal import new_console
from hanami_reports.model.conformance import ExitStatus, read_result

HELP = "compare two conformance results, or load runs before and after a change"
EPILOG = """\
exit status:
  0  no regressions
  1  regressions: a requirement or case that passed or was known is failing, lost or not run now, the exit status is
     worse, or a metric of the load is significantly worse
  4  wrong files or options
  5  too few load runs or samples
"""
FOLDER = Path("reports") / "compare"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    results = "a conformance result or its report folder; or a folder with at least five results of load runs"
    parser.add_argument("before", metavar="BASE", type=Path, help=f"before: {results}")
    parser.add_argument("after", metavar="NEW", type=Path, help="after, likewise")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print all changes as JSON (conformance)")
    form.add_argument("-v", "--verbose", action="store_true", help="print every case that changed (conformance)")
    parser.add_argument(
        "--tolerance",
        metavar="SHARE",
        type=share,
        default=0.05,
        help="difference that does not matter, such as 5%% or 0.05 (load) [default: 5%%]",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=FOLDER, help=f"folder for {LOAD_COMPARE} (load) [default: {FOLDER}]"
    )


def share(text: str) -> float:
    """Return a share as typed, ``5%`` or ``0.05``.

    Raises:
        argparse.ArgumentTypeError: If it is none, or not below 1.
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", text.strip())
    value = float(match[1]) / (100 if match[2] else 1) if match else 1.0
    if value >= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share below 100 %: give 5% or 0.05")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Compare and print; return the exit status.

    Raises:
        ValueError: If a result cannot be read or compared, or the page cannot be written; one line.
    """
    if any(_holds_load_runs(path) for path in (arguments.before, arguments.after)):
        return _compare_load_runs(arguments)
    files = str(arguments.before), str(arguments.after)
    comparison = compare(read_result(arguments.before), read_result(arguments.after), files)
    if arguments.json:
        sys.stdout.write(comparison.to_json())
    else:
        console = new_console(sys.stdout)
        text = render_comparison(comparison, color=console.is_terminal, width=console.width, verbose=arguments.verbose)
        sys.stdout.write(text)
    return ExitStatus.NOT_CONFORMANT if comparison.regressed else ExitStatus.CONFORMANT


def _holds_load_runs(path: Path) -> bool:
    from hanami_reports.load.compare.runs import results_in  # noqa: PLC0415 - see _compare_load_runs
    from hanami_reports.model.load import is_load_result  # noqa: PLC0415

    if path.is_dir():
        return not (path / RESULT).exists() and bool(results_in(path))
    return is_load_result(path)


def _compare_load_runs(arguments: argparse.Namespace) -> int:
    # Imported late: hanami-conformance offers this command, and needs neither charts nor statistics to start.
    from hanami_reports.load.compare.comparison import compare_load  # noqa: PLC0415
    from hanami_reports.load.compare.page import compare_page  # noqa: PLC0415
    from hanami_reports.load.compare.runs import read_side  # noqa: PLC0415
    from hanami_reports.load.compare.terminal import print_comparison  # noqa: PLC0415
    from hanami_reports.load.terminal import load_console  # noqa: PLC0415

    comparison = compare_load(read_side(arguments.before), read_side(arguments.after), arguments.tolerance)
    folder = ReportFolder(arguments.out, option="--out")
    try:
        folder.prepare()
        folder.write_file(LOAD_COMPARE, compare_page(comparison))
    except ReportFolderError as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        raise ValueError(f"cannot write {folder.path / LOAD_COMPARE}: {error.strerror or error}") from error
    console = load_console()
    print_comparison(comparison, console)
    console.print(str(folder.path / LOAD_COMPARE), highlight=False, markup=False, soft_wrap=True)
    return comparison.exit_status
