"""Where ``hanami-load`` begins: without Locust, it says in one line what to install."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from hanami_conformance.cli.entry import begin

USAGE = 4


def main() -> int:
    """Run it; the exit status, see its ``--help``."""
    if find_spec("locust") is None:
        sys.stderr.write("ERROR: hanami-load needs Locust: pip install 'hanami-conformance[load]'\n")
        return USAGE
    return begin("hanami_loadtests.cli")
