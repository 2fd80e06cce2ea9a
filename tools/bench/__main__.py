"""``python -m tools.bench``."""

from __future__ import annotations

import os
import sys

# Before numpy is loaded: the forward pass shall take one thread, as it does inside the reference backend.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tools.bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
