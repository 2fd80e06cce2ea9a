"""The command ``hanami-reports``: reports drawn again from results, without any server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from hanami_proto.command_line import INTERRUPTED, USAGE, CommandParser, guarded_output
from hanami_reports.cli import compare_load as comparing
from hanami_reports.cli import render

# Name of a sub-command to what adds its arguments, and what does it.
COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]] = {
    "render": (render.HELP, render.add_arguments, render.render),
    "compare": (comparing.HELP, comparing.add_arguments, comparing.compare),
}


class _Parser(CommandParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; its exit status."""
    parser = _Parser(
        prog="hanami-reports",
        description="Draw the reports of runs from their results, without any server.",
        epilog="Exit status: 0 done, 4 wrong options or files; of compare also 1 worse, 5 too few runs.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (what, add_arguments, act) in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what)
        add_arguments(command)
        command.set_defaults(act=act)
    with guarded_output():
        arguments = parser.parse_args(argv)
        try:
            status: int = arguments.act(arguments)
        except ValueError as error:
            sys.stderr.write(f"hanami-reports: {error}\n")
            return USAGE
        except KeyboardInterrupt:
            return INTERRUPTED
        return status


if __name__ == "__main__":
    sys.exit(main())
