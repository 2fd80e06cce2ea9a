"""The console command, a thin front of pytest: ``hanami-conformance run --target ...``."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hanami_conformance import __version__
from hanami_conformance.catalogue import catalogue
from hanami_conformance.cli import known, replay
from hanami_conformance.cli.check_target import check_target
from hanami_conformance.cli.init import write_settings
from hanami_conformance.cli.support import need_command, output_that_may_close
from hanami_conformance.options.definitions import DEFAULT_CONFIG, OPTIONS, TARGET_OPTIONS
from hanami_conformance.session import plugin
from hanami_conformance.session.collection import PYTEST_INI
from hanami_conformance.suite import SUITE
from hanami_reports.cli import compare, summary
from hanami_reports.model.conformance import ExitStatus

DESCRIPTION = "Judges a Hanami backend: every requirement of the protocol, each with a verdict."
REPLAY = """\
Replays a stored sequence, without Hypothesis, and says what became of it: fixed (exit status 0), still failing or
failing otherwise (1), interrupted (2), cannot be told (3), wrong file or options (4), target gone (6).
"""
CHECK = """\
Looks at a target before a run: is it reachable, which dialect does it speak, who may log in, what can be made and read
back, what will be UNSUPPORTED, what is dangerous. Leaves nothing there. Exit status: ready (0), wrong options or
credentials (4), not reachable (6).
"""
INIT = "Writes a settings file with every option in it, explained. Refuses to replace one that is there."
EPILOG = """\
exit status:
  0  conformant                      4  wrong options, or credentials that the target refuses
  1  not conformant                  5  nothing ran, or not all of it
  2  interrupted                     6  target not reachable, or lost on the way
  3  fault of the suite itself

examples:
  hanami-conformance run --target reference
  HANAMI_PASSWORD=... hanami-conformance run --target http://127.0.0.1:11418 --user alice
  hanami-conformance run --target http://127.0.0.1:11418 --token "$TOKEN" --requirement PROG --requirement DATA-2
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    form = argparse.RawDescriptionHelpFormatter
    main_parser = argparse.ArgumentParser(
        "hanami-conformance", description=DESCRIPTION, epilog=EPILOG, formatter_class=form
    )
    main_parser.add_argument("--version", action="version", version=f"hanami-conformance {__version__}")
    commands = main_parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser(
        "run", help="run the suite against a target", description=DESCRIPTION, epilog=EPILOG, formatter_class=form
    )
    for option in OPTIONS:
        run.add_argument(option.flag, **option.arguments())
    run.add_argument("--case", action="append", default=[], metavar="ID", help="run only this case; repeatable")
    run.add_argument("-k", dest="keyword", metavar="EXPRESSION", help="run only cases whose name matches, as in pytest")
    told = commands.add_parser(
        "replay", help="replay a stored sequence, and say whether it still fails", description=REPLAY
    )
    told.add_argument("file", type=Path, help="of the sequence, from the exchanges/ of a report")
    told.add_argument(
        "--times",
        type=_times,
        default=1,
        metavar="N",
        help="tell it up to so many times, until it fails: for what goes wrong now and then [default: 1]",
    )
    told.add_argument("--as-pytest", action="store_true", help="print it as a small pytest file; no target is asked")
    for option in TARGET_OPTIONS:
        told.add_argument(option.flag, **option.arguments())
    known.add_parser(commands)
    compare.add_parser(commands)
    summary.add_parser(commands)
    checked = commands.add_parser(
        "check-target", help="tell what a run against a target would find, and what it would lack", description=CHECK
    )
    for option in TARGET_OPTIONS:
        checked.add_argument(option.flag, **option.arguments())
    begun = commands.add_parser("init", help="write a settings file to begin with", description=INIT)
    begun.add_argument("file", type=Path, nargs="?", default=Path(DEFAULT_CONFIG), help="default: %(default)s")
    commands.add_parser("requirements", help="list the requirements of the protocol", description="List the catalogue.")
    return main_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status, see ``--help``.
    """
    arguments = parser_status(argv)
    if isinstance(arguments, int):
        return arguments
    with output_that_may_close():
        return run_command(arguments)


def run_command(arguments: argparse.Namespace) -> int:
    """Run one of the commands; the exit status."""
    commands: Mapping[str, Callable[[argparse.Namespace], int]] = {
        "run": run_suite,
        "replay": _replay,
        "check-target": lambda given: check_target(_of_target(given)),
        "init": lambda given: write_settings(given.file),
        "known": known.run,
        "compare": compare.run,
        "summary": summary.run,
        "requirements": _list_requirements,
    }
    return commands[arguments.command](arguments)


def _of_target(arguments: argparse.Namespace) -> dict[str, Any]:
    return {option.dest: getattr(arguments, option.dest) for option in TARGET_OPTIONS}


def _replay(arguments: argparse.Namespace) -> int:
    if arguments.as_pytest:
        return replay.print_as_pytest(arguments.file)
    return replay.replay(arguments.file, _of_target(arguments), arguments.times)


def _times(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number from 1")
    return number


def _list_requirements(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - as every command
    for entry in catalogue().values():
        sys.stdout.write(f"{entry.id:<8} {entry.level:<8} {entry.text}\n")
    return ExitStatus.CONFORMANT


def parser_status(argv: Sequence[str] | None) -> argparse.Namespace | int:
    """Return the parsed command line, or the exit status where it was wrong or only asked for help."""
    try:
        main_parser = parser()
        need_command(main_parser, argv)
        arguments, unknown = main_parser.parse_known_args(argv)
    except SystemExit as error:
        return ExitStatus.CONFORMANT if error.code in (0, None) else ExitStatus.USAGE
    if unknown:
        sys.stderr.write(f"ERROR: {_unknown(arguments.command, unknown[0])}\n")
        return ExitStatus.USAGE
    return arguments


def _unknown(command: str, word: str) -> str:
    """Return what to say of a word that nobody knows."""
    flags = [option.flag for option in OPTIONS] + [
        "--case",
        "--as-pytest",
        "--update",
        "--from",
        "--check",
        "--expires",
        "--json",
        "--baseline",
        "--link",
    ]
    like = difflib.get_close_matches(word.partition("=")[0], flags, n=1)
    meant = f", did you mean {like[0]}?" if like else f": hanami-conformance {command} --help shows all options"
    return f"unknown {'option' if word.startswith('-') else 'argument'} {word.partition('=')[0]!r}{meant}"


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
        command += option.words(getattr(arguments, option.dest))
    if arguments.keyword:
        command += ["-k", arguments.keyword]
    # Plugins and settings of the folder or the environment are for other test suites, and may reorder or rerun ours.
    before = dict(os.environ)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    try:
        return int(pytest.main([*command, *cases], plugins=[plugin]))
    finally:
        os.environ.clear()
        os.environ.update(before)


def case_path(case: str) -> str:
    """Return the path that pytest takes, from the id of a case.

    Raises:
        ValueError: the id names no file of the suite.
    """
    file, _, test = case.partition("::")
    path = SUITE / Path(file).name
    if not path.is_file():
        files = sorted(entry.name for entry in SUITE.glob("test_*.py"))
        like = difflib.get_close_matches(Path(file).name, files, n=1, cutoff=0.3)
        meant = f", did you mean {like[0]}?" if like else ""
        raise ValueError(f"no case {case!r}: an id is FILE::TEST, and there is no such file in {SUITE.name}/{meant}")
    return f"{path}::{test}" if test else str(path)


if __name__ == "__main__":
    sys.exit(main())
