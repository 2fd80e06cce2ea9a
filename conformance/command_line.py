"""Command lines that begin with a command, and what is said where options come before it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

OF_THE_PROGRAM = ("-h", "--help", "--version")  # options that need no command


def need_command(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> None:
    """Refuse options before the command, of which ``run`` is one.

    Argparse takes the value of an unknown option that comes first for the command, and complains of that.

    Args:
        parser: of the program.
        argv: None for those of the process.

    Raises:
        SystemExit: there are some; one line was printed.
    """
    given = sys.argv[1:] if argv is None else argv
    option = given[0].partition("=")[0] if given else ""  # its value may be a secret
    if option.startswith("-") and not any(one.startswith(option) for one in OF_THE_PROGRAM):
        parser.error(f"the command comes first: {parser.prog} run {option} ...")
