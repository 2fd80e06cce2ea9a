"""The command ``hanami-reference-backend``."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hanami_proto.command_line import run_guarded


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until it is stopped.

    Args:
        argv: Options; None for those of the process.

    Returns:
        The exit status: 0 after a stop, 1 if the server cannot listen. Wrong options end the process with status 2.
    """
    # Before numpy is loaded: for small matrices threads cost more than they gain, and results would depend on their
    # number.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from hanami_reference_backend.options import parse_options  # noqa: PLC0415
    from hanami_reference_backend.run import run  # noqa: PLC0415

    return run_guarded(lambda: run(parse_options(argv)))
