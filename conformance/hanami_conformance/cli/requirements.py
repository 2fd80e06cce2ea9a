"""``hanami-conformance requirements``: the catalogue as a list."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hanami_conformance.catalogue import catalogue, client_catalogue
from hanami_reports.model.conformance import ExitStatus


def add_parser(commands: Any, name: str, text: str) -> None:
    """Add the command to the others, with its help in a line."""
    parser = commands.add_parser(name, help=text, description="List the requirements of servers, and those of clients.")
    parser.set_defaults(act=list_requirements)


def list_requirements(_arguments: argparse.Namespace) -> int:
    """Print a line for each requirement."""
    for entry in (catalogue() | client_catalogue()).values():
        sys.stdout.write(f"{entry.id:<8} {entry.level:<8} {entry.text}\n")
    return ExitStatus.CONFORMANT
