"""``python -m hanami_reference_backend``: the same as the command ``hanami-reference-backend``."""

from __future__ import annotations

import sys

from hanami_reference_backend.cli import main

if __name__ == "__main__":
    sys.exit(main())
