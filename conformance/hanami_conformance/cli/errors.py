"""Errors of commands that need no target: one line and an exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from hanami_conformance.cli.collect import CollectError
from hanami_reports.model.conformance import ExitStatus


def run_command(run: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command, and print its error.

    Args:
        run: Command that raises ``ValueError`` for a wrong file or option.
        arguments: Arguments of the command.

    Returns:
        The exit status.
    """
    try:
        return run(arguments)
    except (ValueError, CollectError) as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return ExitStatus.SUITE_FAULT if isinstance(error, CollectError) else ExitStatus.USAGE
