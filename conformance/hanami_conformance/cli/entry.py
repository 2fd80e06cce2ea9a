"""Start ``hanami-conformance`` before anything else of it is loaded."""

from __future__ import annotations

from hanami_proto.command_line import begin


def main() -> int:
    """Run the command and return its exit status; see its ``--help``."""
    return begin("hanami_conformance.cli.main")
