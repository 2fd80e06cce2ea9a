"""Where ``hanami-load`` begins."""

from __future__ import annotations

from conformance.entry import begin


def main() -> int:
    """Run it; the exit status, see its ``--help``."""
    return begin("loadtests.cli")
