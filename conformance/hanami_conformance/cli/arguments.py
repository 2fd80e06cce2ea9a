"""What several commands have in common: the description of a run, and the options of the table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from hanami_conformance.options.definitions import TARGET_OPTIONS
from hanami_proto.options import Option
from hanami_reports.model.meanings import EXIT_STATUSES

DESCRIPTION = "Judges a Hanami backend: every requirement of the protocol, each with a verdict."
_STATUSES = "\n".join(f"  {status.value}  {meaning}" for status, meaning in EXIT_STATUSES.items())
EPILOG = f"""\
exit status:
{_STATUSES}

examples:
  hanami-conformance run --target reference
  HANAMI_PASSWORD=... hanami-conformance run --target http://127.0.0.1:11418 --user alice
  hanami-conformance run --target http://127.0.0.1:11418 --token "$TOKEN" --requirement PROG --requirement DATA-2
"""


def add_options(command: argparse.ArgumentParser, options: Sequence[Option]) -> None:
    """Add options of the table to a command."""
    for option in options:
        command.add_argument(option.flag, **option.argparse_kwargs())


def target_values(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the values of the options about the target, as :func:`.options.run.resolve` takes them."""
    return {option.dest: getattr(arguments, option.dest) for option in TARGET_OPTIONS}
