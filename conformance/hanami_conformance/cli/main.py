"""The console command, a thin front of pytest: ``hanami-conformance run --target ...``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hanami_conformance import __version__
from hanami_conformance.catalogue import catalogue
from hanami_conformance.cli import explain, known, replay, sweep
from hanami_conformance.cli.check_target import check_target
from hanami_conformance.cli.collect import plain_environment
from hanami_conformance.cli.init import write_settings
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.options.definitions import DEFAULT_CONFIG, OPTIONS, TARGET_OPTIONS
from hanami_conformance.session import plugin
from hanami_conformance.session.collection import PYTEST_INI
from hanami_conformance.suite import SUITE
from hanami_proto.command_line import CommandParser, parse_command, run_guarded, suggestion
from hanami_proto.options import Option, whole_number
from hanami_reports.cli import compare, summary
from hanami_reports.model.conformance import ExitStatus
from hanami_reports.model.meanings import EXIT_STATUSES

DESCRIPTION = "Judges a Hanami backend: every requirement of the protocol, each with a verdict."
REPLAY = """\
Replays a stored sequence, without Hypothesis, and reports whether it still fails: fixed (exit status 0), still failing
or failing otherwise (1), interrupted (2), internal error or lack of this machine (3), wrong file or options (4), target
not reachable (6).
"""
CHECK = """\
Checks a target before a run: whether it is reachable, its dialect, which users can log in, whether uploads, websockets
and clusters work, the number of workers, which requirements will be UNSUPPORTED, and the risks of a run. Deletes
everything that it creates. Exit status: ready (0), partly ready (1), this machine lacks what the check needs (3), wrong
options or credentials (4), not reachable (6).
"""
INIT = "Writes a settings file with every option in it, explained. Never replaces a file."
_STATUSES = "\n".join(f"  {status.value}  {meaning}" for status, meaning in EXIT_STATUSES.items())
EPILOG = f"""\
exit status:
{_STATUSES}

examples:
  hanami-conformance run --target reference
  HANAMI_PASSWORD=... hanami-conformance run --target http://127.0.0.1:11418 --user alice
  hanami-conformance run --target http://127.0.0.1:11418 --token "$TOKEN" --requirement PROG --requirement DATA-2
"""


def parser() -> CommandParser:
    """Return the command line."""
    form = argparse.RawDescriptionHelpFormatter
    main_parser = CommandParser("hanami-conformance", description=DESCRIPTION, epilog=EPILOG, formatter_class=form)
    main_parser.add_argument("--version", action="version", version=f"hanami-conformance {__version__}")
    commands = main_parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run_parser = commands.add_parser(
        "run", help="run the suite against a target", description=DESCRIPTION, epilog=EPILOG, formatter_class=form
    )
    _add_options(run_parser, OPTIONS)
    run_parser.add_argument("--case", action="append", default=[], metavar="ID", help="run only this case; repeatable")
    run_parser.add_argument(
        "-k", dest="keyword", metavar="EXPRESSION", help="run only cases whose name matches, as in pytest"
    )
    run_parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="print each case that does not pass at once, all findings with details, and all requirements",
    )
    run_parser.set_defaults(act=run_suite)
    replay_parser = commands.add_parser(
        "replay", help="replay a stored sequence, and report whether it still fails", description=REPLAY
    )
    replay_parser.add_argument("file", type=Path, help="file of the sequence, from the exchanges/ of a report")
    replay_parser.add_argument(
        "--times",
        type=whole_number(1),
        default=1,
        metavar="N",
        help="replay it up to N times, until it fails: for intermittent failures [default: 1]",
    )
    replay_parser.add_argument("--as-pytest", action="store_true", help="print it as a pytest file, without a target")
    _add_options(replay_parser, TARGET_OPTIONS)
    replay_parser.set_defaults(act=_replay)
    known.add_parser(commands)
    for name, module in (("compare", compare), ("summary", summary)):
        report_parser = commands.add_parser(name, help=module.HELP)
        module.add_arguments(report_parser)
        report_parser.set_defaults(act=partial(_report, module.run))
    check_parser = commands.add_parser(
        "check-target", help="predict what a run against a target can judge", description=CHECK
    )
    _add_options(check_parser, TARGET_OPTIONS)
    check_parser.set_defaults(act=lambda arguments: check_target(_target_values(arguments)))
    sweep_parser = commands.add_parser(
        "sweep", help="delete what killed runs left on a target", description=sweep.DESCRIPTION
    )
    sweep.add_arguments(sweep_parser)
    _add_options(sweep_parser, TARGET_OPTIONS)
    sweep_parser.set_defaults(
        act=lambda arguments: sweep.sweep(_target_values(arguments), arguments.run, yes=arguments.yes)
    )
    init_parser = commands.add_parser("init", help="write a settings file to begin with", description=INIT)
    init_parser.add_argument("file", type=Path, nargs="?", default=Path(DEFAULT_CONFIG), help="default: %(default)s")
    init_parser.set_defaults(act=lambda arguments: write_settings(arguments.file))
    list_parser = commands.add_parser(
        "requirements", help="list the requirements of the protocol", description="List the catalogue."
    )
    list_parser.set_defaults(act=lambda _arguments: _list_requirements())
    explain.add_parser(commands)
    return main_parser


def _add_options(command: argparse.ArgumentParser, options: Sequence[Option]) -> None:
    for option in options:
        command.add_argument(option.flag, **option.argparse_kwargs())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status, see ``--help``.
    """

    def run() -> int:
        arguments = parse_command(parser(), argv)
        status: int = arguments.act(arguments)
        return status

    return run_guarded(run, SECRETS.text)


def _target_values(arguments: argparse.Namespace) -> dict[str, Any]:
    return {option.dest: getattr(arguments, option.dest) for option in TARGET_OPTIONS}


def _report(run: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command of the reports; a wrong file is one line."""
    try:
        return run(arguments)
    except ValueError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return ExitStatus.USAGE


def _replay(arguments: argparse.Namespace) -> int:
    if arguments.as_pytest:
        return replay.print_as_pytest(arguments.file)
    return replay.replay(arguments.file, _target_values(arguments), arguments.times)


def _list_requirements() -> int:
    for entry in catalogue().values():
        sys.stdout.write(f"{entry.id:<8} {entry.level:<8} {entry.text}\n")
    return ExitStatus.CONFORMANT


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
        return int(pytest.main([*command, *cases], plugins=[plugin]))


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


if __name__ == "__main__":
    sys.exit(main())
