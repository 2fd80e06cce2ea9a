"""``hanami-conformance client``: judges a client of the protocol by what it sends to a server that may misbehave."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.cli.errors import run_command
from hanami_conformance.client_mode.run import ClientRunSettings, run_client
from hanami_conformance.client_mode.runner import Command
from hanami_conformance.client_mode.scenario import scenarios, select_scenarios
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import MachineShortage
from hanami_proto.dialect import DEFAULT_DIALECT
from hanami_proto.options import number
from hanami_reports.common.file_names import DEFAULT_FOLDER
from hanami_reports.model.conformance import ExitStatus, Level

DEFAULT_SECONDS = 60.0
DESCRIPTION = """\
Judges a client of the protocol: starts the reference backend on a free port, with a user, a cluster and files, runs
the command once for each scenario, and judges what it sends, its exit status, and what it leaves in the result file.
In some scenarios the server misbehaves.
"""
EPILOG = """\
placeholders in the command, also environment variables (HANAMI_CLIENT_URL, ...):
  {url} {token} {user} {password} {cluster} {dialect} {workflow} {timeout}
  {input_file} {labels_file} {csv_file} {values_file} {result_file}

examples:
  hanami-conformance client -- python my_client.py {workflow} --url {url} --token {token} --result {result_file}
  hanami-conformance client --scenario mnist-plain --scenario direct -- ./my-client
  hanami-conformance client --server
"""


def add_parser(commands: Any, name: str, text: str) -> None:
    """Add the command to the others, with its help in a line."""
    parser = commands.add_parser(
        name,
        help=text,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--dialect", default=DEFAULT_DIALECT, metavar="NAME", help="dialect of the server (default: %(default)s)"
    )
    parser.add_argument(
        "--scenario",
        action="append",
        default=[],
        metavar="NAME",
        help="run only this scenario, or those of a workflow (mnist, csv, direct); repeatable (default: all)",
    )
    parser.add_argument(
        "--timeout",
        type=number(0, 3600, above=True),
        default=DEFAULT_SECONDS,
        metavar="SECONDS",
        help="time that the command gets in each scenario (default: %(default)g)",
    )
    parser.add_argument(
        "--server",
        action="store_true",
        help="start the server alone, for a client that you run by hand or in an IDE; Ctrl-C judges what it did",
    )
    parser.add_argument("--list-scenarios", action="store_true", help="list the scenarios, and run nothing")
    parser.add_argument(
        "--level",
        choices=("must", "should"),
        default="should",
        help="lowest level that decides the exit status (default: %(default)s)",
    )
    parser.add_argument(
        "--report-dir",
        type=Path,
        default=DEFAULT_FOLDER,
        metavar="FOLDER",
        help="folder of the reports (default: %(default)s)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="print all findings with details")
    # What follows the command belongs to it, also its options.
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="command that runs the client")
    parser.set_defaults(act=partial(run_command, run))


def run(arguments: argparse.Namespace) -> int:
    """Judge a client; return the exit status.

    Raises:
        ValueError: If an option is wrong, or the command cannot be started.
    """
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    chosen = select_scenarios(arguments.scenario)
    if arguments.list_scenarios:
        for one in scenarios().values():
            sys.stdout.write(f"{one.name:<28} {one.must:<8} {one.title}\n")
        return ExitStatus.CONFORMANT
    if arguments.server and words:
        raise ValueError("--server takes no command: start the client yourself, in another terminal")
    if arguments.server and len(arguments.scenario) > 1:
        raise ValueError("--server serves one scenario: give one --scenario")
    if not arguments.server and not words:
        raise ValueError("give the command that runs the client behind --: hanami-conformance client -- COMMAND")
    try:
        settings = ClientRunSettings(
            Command(words, arguments.timeout),
            chosen,
            arguments.dialect,
            Level(arguments.level.upper()),
            serve=arguments.server,
        )
        return run_client(settings, arguments.report_dir, verbose=arguments.verbose)
    except TargetDown as error:
        sys.stderr.write(f"ERROR: {SECRETS.text(str(error))}\n")
        return ExitStatus.TARGET_LOST
    except MachineShortage as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return ExitStatus.SUITE_FAULT
