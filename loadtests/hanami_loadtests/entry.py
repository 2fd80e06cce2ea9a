"""Start ``hanami-load``; without Locust, say in one line what to install."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from hanami_proto.command_line import USAGE, begin, open_missing_streams


def main() -> int:
    """Run the command and return its exit status; see its ``--help``."""
    open_missing_streams()
    if find_spec("locust") is None:
        sys.stderr.write("ERROR: hanami-load needs Locust: pip install 'hanami-conformance[load]'\n")
        return USAGE
    return begin("hanami_loadtests.cli")
