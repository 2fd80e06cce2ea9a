"""Where ``hanami-load`` begins."""

from __future__ import annotations

from hanami_conformance.cli.entry import begin


def main() -> int:
    """Run it; the exit status, see its ``--help``."""
    return begin("hanami_loadtests.cli")
