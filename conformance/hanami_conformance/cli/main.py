"""The console command, and its commands: ``hanami-conformance run --target ...``.

A command loads what it needs itself: a list of the requirements needs no client of the protocol.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from hanami_conformance import __version__
from hanami_conformance.cli.arguments import DESCRIPTION, EPILOG
from hanami_conformance.common.redact import SECRETS
from hanami_proto.command_line import CommandParser, parse_command, run_guarded

OWN, REPORTS = "hanami_conformance.cli", "hanami_reports.cli"
# The help of each command, and the module that has it.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("run the suite against a target", f"{OWN}.run"),
    "replay": ("replay a stored sequence, and report whether it still fails", f"{OWN}.replay"),
    "client": ("judge a client of the protocol", f"{OWN}.client"),
    "known": ("check a list of known failures, or update it after a run", f"{OWN}.known"),
    "compare": ("compare two conformance results, or load runs before and after a change", f"{REPORTS}.compare"),
    "summary": ("print a result as Markdown", f"{REPORTS}.summary"),
    "coverage": ("list the pairs of values that did not meet in a run, and why", f"{REPORTS}.coverage"),
    "check-target": ("predict what a run against a target can judge", f"{OWN}.check_target"),
    "sweep": ("delete what killed runs left on a target", f"{OWN}.sweep"),
    "init": ("write a settings file to begin with", f"{OWN}.init"),
    "requirements": ("list the requirements of the protocol", f"{OWN}.requirements"),
    "explain": ("explain a requirement, or a family of them", f"{OWN}.explain"),
}


def parser(words: Sequence[str] | None = None) -> CommandParser:
    """Return the command line.

    Args:
        words: Words of a command line, of which only the command needs its options; None for all commands.
    """
    form = argparse.RawDescriptionHelpFormatter
    main_parser = CommandParser("hanami-conformance", description=DESCRIPTION, epilog=EPILOG, formatter_class=form)
    main_parser.add_argument("--version", action="version", version=f"hanami-conformance {__version__}")
    commands = main_parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (text, module) in COMMANDS.items():
        if words is None or name in words[:1]:
            _add_command(commands, name, text, module)
        else:
            commands.add_parser(name, help=text)
    return main_parser


def _add_command(commands: Any, name: str, text: str, module: str) -> None:
    command = importlib.import_module(module)
    if module.startswith(OWN):
        command.add_parser(commands, name, text)
        return
    from hanami_conformance.cli.errors import run_command  # noqa: PLC0415 - loads pytest

    report_parser = commands.add_parser(name, help=text)
    command.add_arguments(report_parser)
    report_parser.set_defaults(act=partial(run_command, command.run))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status, see ``--help``.
    """
    words = sys.argv[1:] if argv is None else argv

    def run() -> int:
        arguments = parse_command(parser(words), words)
        status: int = arguments.act(arguments)
        return status

    return run_guarded(run, SECRETS.text)


if __name__ == "__main__":
    sys.exit(main())
