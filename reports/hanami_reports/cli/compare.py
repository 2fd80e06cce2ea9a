"""``hanami-conformance compare``: two results side by side."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from hanami_reports.conformance.compare import compare
from hanami_reports.conformance.compare_text import render_comparison
from hanami_reports.conformance.terminal import new_console
from hanami_reports.model.conformance import ExitStatus
from hanami_reports.model.loading import read_result

DESCRIPTION = """\
Tells what became better or worse between two runs, of two servers or two versions of one: by requirement and by case.
"""
EPILOG = """\
exit status:
  0  no regressions
  1  regressions: a requirement or case that passed or was known is failing, lost or not run now, or a worse exit status
  4  wrong files or options
"""


def add_parser(commands: Any) -> None:
    """Add the command to the others."""
    form = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "compare",
        help="tell what changed between two results",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=form,
    )
    parser.add_argument("before", type=Path, metavar="A.json", help="result of the first run, or its report folder")
    parser.add_argument("after", type=Path, metavar="B.json", help="result of the second run, or its report folder")
    parser.add_argument("--json", action="store_true", help="for programs: all changes, as JSON")
    parser.set_defaults(act=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    files = str(arguments.before), str(arguments.after)
    try:
        comparison = compare(read_result(arguments.before), read_result(arguments.after), files)
    except ValueError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return ExitStatus.USAGE
    if arguments.json:
        sys.stdout.write(comparison.to_json())
    else:
        console = new_console(sys.stdout)
        sys.stdout.write(render_comparison(comparison, color=console.is_terminal, width=console.width))
    return ExitStatus.NOT_CONFORMANT if comparison.regressed else ExitStatus.CONFORMANT
