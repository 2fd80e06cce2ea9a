"""The command ``hanami-reports``: reports and comparisons from results, without any server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from hanami_proto.command_line import CommandParser, run_guarded
from hanami_reports.cli import compare, export, history, render
from hanami_reports.model.conformance import ExitStatus

# Help, arguments and function of each sub-command.
COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]] = {
    "render": (render.HELP, render.add_arguments, render.run),
    "compare": (compare.HELP, compare.add_arguments, compare.run),
    "history": (history.HELP, history.add_arguments, history.run),
    "export": (export.HELP, export.add_arguments, export.run),
}


class _Parser(CommandParser):
    def error(self, message: str) -> NoReturn:
        self.exit(ExitStatus.USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser() -> CommandParser:
    """Return the command line."""
    parser = _Parser(
        prog="hanami-reports",
        description="Render the reports of runs from their results, compare and export results, without any server.",
        epilog="Exit status: 0 done, 4 wrong options or files; compare and history also 1 worse, 5 too few runs.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (help_text, add_arguments, run) in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
        add_arguments(command)
        command.set_defaults(run=run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; return its exit status."""
    return run_guarded(lambda: _run(build_parser().parse_args(argv)))


def _run(arguments: argparse.Namespace) -> int:
    try:
        status: int = arguments.run(arguments)
    except ValueError as error:
        sys.stderr.write(f"hanami-reports: {error}\n")
        return ExitStatus.USAGE
    return status


if __name__ == "__main__":
    sys.exit(main())
