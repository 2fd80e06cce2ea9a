"""Where the command begins: nothing is loaded yet, and what happens to it while it loads is no traceback."""

from __future__ import annotations

import sys


def main() -> int:
    """Run ``hanami-load``; the exit status, see its ``--help``."""
    try:
        from loadtests.cli import main as run  # noqa: PLC0415 - loading takes a second, in which Ctrl-C may come

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 2
