"""Where the commands begin: nothing is loaded yet, and what happens to them while they load is no traceback."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable


def begin(module: str) -> int:
    """Load a command and run it.

    Args:
        module: whose ``main`` it is.

    Returns:
        Its exit status.
    """
    try:
        run: Callable[[], int] = importlib.import_module(
            module
        ).main  # loading takes a second, in which Ctrl-C may come
        return run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 2


def main() -> int:
    """Run ``hanami-conformance``; the exit status, see its ``--help``."""
    return begin("hanami_conformance.cli.main")
