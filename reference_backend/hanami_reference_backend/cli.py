"""The command ``hanami-reference-backend``."""

from __future__ import annotations

import os
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until it is told to stop.

    Args:
        argv: options, those of the process when None.

    Returns:
        The exit status: 0 after it was told to stop, 1 when it cannot listen. Wrong options end the process with 2.
    """
    # Before numpy is loaded: the matrices are small, so that threads for them cost more than they bring, and results
    # would depend on their number.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from hanami_reference_backend.options import parse_options  # noqa: PLC0415
    from hanami_reference_backend.run import run  # noqa: PLC0415

    return run(parse_options(argv))
