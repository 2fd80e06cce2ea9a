"""The manifest of a run: everything that reproduces it, and nothing secret."""

from __future__ import annotations

import hashlib
import platform
import secrets
import time
from datetime import UTC, datetime
from importlib import metadata, resources
from typing import Any

from conformance import __version__
from conformance.catalogue import catalogue_text
from conformance.options import RunOptions
from conformance.target import Target

PACKAGES = ("httpx", "hypothesis", "numpy", "protobuf", "pytest", "websockets")


class Manifest:
    """Collects what is known of a run while it goes on.

    Args:
        options: of the run.
    """

    def __init__(self, options: RunOptions) -> None:
        self.run_id = secrets.token_hex(4)
        self._options = options
        self._began = time.monotonic()
        self._started = datetime.now(UTC)
        self.target_url = options.target.url
        self._target: dict[str, Any] = {"url": options.target.url, "reference": options.reference}
        self.planned = 0

    @property
    def dialect(self) -> str:
        """Name of the dialect."""
        return self._options.target.dialect

    @property
    def profile(self) -> str:
        """Name of the profile, and the seed where the stories differ from run to run."""
        profile = self._options.profile
        return f"{profile.name}, seed {self._options.seed}" if profile.random else profile.name

    @property
    def reference(self) -> bool:
        """Whether the target is the bundled reference backend."""
        return self._options.reference

    def target_reached(self, target: Target, planned: int) -> None:
        """Note what was found, and how many cases are to run."""
        self.target_url = target.url
        users = {"user": target.first, "second_user": target.second}
        if not self.reference:
            self._target |= {name: account.credentials.user for name, account in users.items() if account is not None}
        self._target |= {"url": target.url, "isolation": target.second is not None}
        self._target |= {"expired_token": bool(target.expired_token), "max_connections": target.budget.limit}
        self.planned = planned

    def finished(self) -> dict[str, Any]:
        """The manifest of a run that is over."""
        return {
            "suite": __version__,
            "run_id": self.run_id,
            "started": self._started.isoformat(timespec="seconds"),
            "duration": round(time.monotonic() - self._began, 3),
            "target": self._target,
            "dialect": self.dialect,
            "options": dict(self._options.shown),
            "planned_cases": self.planned,
            "digests": digests(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": {name: metadata.version(name) for name in PACKAGES},
        }


def digests() -> dict[str, str]:
    """SHA-256 of what the verdicts rest on: the message schemas and the catalogue."""
    files = resources.files("proto")
    texts = {f"{name}.proto": (files / f"{name}.proto").read_bytes() for name in ("brick", "buffer")}
    texts["statements.toml"] = catalogue_text().encode()
    return {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
