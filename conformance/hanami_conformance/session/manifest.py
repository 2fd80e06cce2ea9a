"""The manifest of a run: everything that reproduces it, and nothing secret."""

from __future__ import annotations

import hashlib
import platform
import secrets
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from hanami_conformance import __version__
from hanami_conformance.catalogue import catalogue_text
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.options.run import RunOptions
from hanami_conformance.target.capabilities import LARGE_FILE_CASES, large_file_cost
from hanami_conformance.target.target import Target
from hanami_proto.toml import is_file_path
from hanami_reports.common.text import UNCHECKED_CERTIFICATE

PACKAGES = ("httpx", "hypothesis", "numpy", "protobuf", "pytest", "websockets")


class Manifest:
    """Facts about a run, collected while it goes on.

    Args:
        options: Options of the run.
    """

    def __init__(self, options: RunOptions) -> None:
        self.run_id = secrets.token_hex(4)
        self._options = options
        self._began = time.monotonic()
        self._started = datetime.now(UTC)
        self.target_url = options.target.url
        self._target: dict[str, Any] = {"url": options.target.url, "reference": options.reference}
        self.dialect = options.target.dialect  # the detected name replaces ``auto``
        self._reason = ""
        self.planned = 0
        self._workers = 1
        self._workers_reason = ""
        self._announced_bytes: Callable[[], int] = lambda: 0
        self._large_file = False

    @property
    def header(self) -> list[str]:
        """Further facts for the header of the terminal report, one a line."""
        lines = [f"dialect {self.dialect}: {self._reason}"] if self._reason else []
        lines += [f"settings from {self._options.config}"] if self._options.config is not None else []
        lines += [UNCHECKED_CERTIFICATE] if self._options.target.insecure else []
        lines += [f"cluster {self._options.target.cluster}, given"] if self._options.target.cluster else []
        lines += ["server started by the suite, and restarted after a crash"] if self._options.server else []
        lines += [self._workers_line()] if self._workers > 1 or self._workers_reason else []
        lines += [large_file_cost()] if self._large_file else []
        return lines

    @property
    def profile(self) -> str:
        """Name of the profile, and the seed where the sequences differ from run to run."""
        profile = self._options.profile
        return f"{profile.name}, seed {self._options.seed}" if profile.random else profile.name

    @property
    def reference(self) -> bool:
        """Whether the target is the bundled reference backend."""
        return self._options.reference

    def target_reached(self, target: Target, planned: Collection[str]) -> None:
        """Note the connected target, and the ids of the planned cases."""
        self.target_url = target.url
        self.dialect, self._reason = target.dialect.name, target.dialect_reason
        users = {"user": target.account, "second_user": target.other_account}
        if not self.reference:
            self._target |= {name: account.credentials.user for name, account in users.items() if account is not None}
        self._target |= {"url": target.url, "isolation": target.other_account is not None}
        self._target |= {"expired_token": bool(target.expired_token), "max_connections": target.connection_limit.limit}
        self._target |= {"certificate_checked": target.certificate_checked} if target.url.startswith("https") else {}
        self._target |= {"cluster": str(target.given_cluster)} if target.given_cluster is not None else {}
        self._target |= {"dialect_reason": self._reason} if self._reason else {}
        self.planned = len(planned)
        self._announced_bytes = lambda: target.announced_bytes
        # The bundled reference backend does not allocate the files.
        is_planned = not LARGE_FILE_CASES.isdisjoint(planned)
        self._large_file = is_planned and self._options.destructive and not self.reference

    def set_workers(self, count: int, reason: str) -> None:
        """Note the number of workers, and why it is smaller than the one that was asked for; empty where it is not."""
        self._workers, self._workers_reason = count, reason

    def _workers_line(self) -> str:
        count = "one process" if self._workers == 1 else f"{self._workers} workers"
        return f"{count}: {self._workers_reason}" if self._workers_reason else count

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as far as the run has gone."""
        return {
            "suite": __version__,
            "run_id": self.run_id,
            "started": self._started.isoformat(timespec="seconds"),
            "duration": round(time.monotonic() - self._began, 3),
            "target": self._target,
            "dialect": self.dialect,
            "options": {
                name: SECRETS.text(value) if isinstance(value, str) else value
                for name, value in self._options.manifest_options.items()
            },
            "workers": self._workers,
            "planned_cases": self.planned,
            "announced_bytes": self._announced_bytes(),
            "digests": digests() | dialect_digest(self._options.target.dialect),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": {name: metadata.version(name) for name in PACKAGES},
        }


def digests() -> dict[str, str]:
    """Return the SHA-256 of the message schemas and the catalogue, on which the verdicts rest."""
    files = resources.files("hanami_proto")
    texts = {f"{name}.proto": (files / f"{name}.proto").read_bytes() for name in ("brick", "buffer")}
    texts["requirements.toml"] = catalogue_text().encode()
    return {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}


def dialect_digest(name: str) -> dict[str, str]:
    """Return the path and the SHA-256 of a dialect file that is not part of the suite."""
    path = Path(name)
    if not is_file_path(name) or not path.is_file():
        return {}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest()}
