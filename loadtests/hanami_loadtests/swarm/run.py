"""Locust as ``hanami-load`` starts it: ``python -P -m hanami_loadtests.swarm.run``.

Locust puts the current folder first where modules are looked for, and that folder is the user's: with a folder
``reports/compare`` in it, what we import from there would be his. So our packages are imported before.
"""

from __future__ import annotations

import importlib
import sys

from locust.main import main  # first, since it patches the whole process

PACKAGES = ("proto", "reports", "conformance", "loadtests")

if __name__ == "__main__":
    for package in PACKAGES:
        importlib.import_module(package)
    sys.argv[0] = "locust"
    main()
