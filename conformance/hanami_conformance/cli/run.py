"""``hanami-conformance run``: a thin front of pytest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pytest

from hanami_conformance.cli.arguments import DESCRIPTION, EPILOG, add_options
from hanami_conformance.cli.collect import plain_environment
from hanami_conformance.options.definitions import OPTIONS
from hanami_conformance.session import plugin
from hanami_conformance.session.collection import PYTEST_INI
from hanami_conformance.suite import SUITE
from hanami_proto.command_line import suggestion
from hanami_reports.model.conformance import ExitStatus

ALONE = (
    "Only the selected cases ran. One that failed in a whole run and passes alone depends on the cases before it:"
    " run its requirement (--requirement)."
)


def add_parser(commands: Any, name: str, text: str) -> None:
    """Add the command to the others, with its help in a line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(name, help=text, description=DESCRIPTION, epilog=EPILOG, formatter_class=form)
    add_options(parser, OPTIONS)
    parser.add_argument("--case", action="append", default=[], metavar="ID", help="run only this case; repeatable")
    parser.add_argument(
        "-k", dest="keyword", metavar="EXPRESSION", help="run only cases whose name matches, as in pytest"
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="print each case that does not pass at once, all findings with details, and all requirements",
    )
    parser.set_defaults(act=run_suite)


def run_suite(arguments: argparse.Namespace) -> int:
    """Run pytest on the suite with the given options, and with no other settings than the suite's own."""
    try:
        cases = [case_path(case) for case in arguments.case] or [str(SUITE)]
    except ValueError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return ExitStatus.USAGE
    command = ["-c", str(PYTEST_INI), "--rootdir", str(SUITE), "-s", "-p", "no:cacheprovider"]
    command.append("--hanami-console")
    for option in OPTIONS:
        command += option.to_argv(getattr(arguments, option.dest))
    if arguments.keyword:
        command += ["-k", arguments.keyword]
    if arguments.verbose:
        command.append("-v")
    with plain_environment():
        status = int(pytest.main([*command, *cases], plugins=[plugin]))
    if any("::" in case for case in arguments.case) and status == ExitStatus.CONFORMANT:
        sys.stdout.write(f"{ALONE}\n")
    return status


def case_path(case: str) -> str:
    """Return the path that pytest takes for the id of a case.

    Raises:
        ValueError: If the suite has no such file.
    """
    file, _, test = case.partition("::")
    path = SUITE / Path(file).name
    if not path.is_file():
        files = sorted(entry.name for entry in SUITE.glob("test_*.py"))
        meant = suggestion(Path(file).name, files, cutoff=0.3)
        raise ValueError(f"no case {case!r}: an id is FILE::TEST, and there is no such file in {SUITE.name}/{meant}")
    return f"{path}::{test}" if test else str(path)
