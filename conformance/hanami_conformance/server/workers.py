"""The number of workers of a server: on real ones each open websocket occupies one, and REST calls need one, too."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from hanami_conformance.cases.failures import ResponseTimeout
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.upload import UploadFile
from hanami_conformance.target.attach import FILE_UPLOAD, attach
from hanami_conformance.target.target import Target

MOST_WORKERS = 16  # a server that serves as many websockets has enough of them for the suite
LEAST_WAIT = 1.0  # seconds that a websocket may take, however fast the ones before it were
SLOWEST_FACTOR = 20.0  # a websocket may take this multiple of the slowest one before it


@dataclass(frozen=True)
class WorkerCount:
    """The number of websockets that a server serves at the same time.

    Attributes:
        served: Number of websockets that were attached and open at the same time.
        waited: Seconds for which the next one was not answered; 0 if all were.
    """

    served: int
    waited: float = 0.0

    @property
    def limited(self) -> bool:
        """Whether the number is that of the workers, and not the largest one that was tried."""
        return self.waited > 0

    @property
    def connections(self) -> int:
        """Number of websockets that leave a worker to REST calls."""
        return max(1, self.served - 1) if self.limited else self.served

    def __str__(self) -> str:
        if not self.limited:
            return f"{self.served} or more: so many websockets are served at the same time"
        return f"{self.served}: with as many websockets open, the next was not answered within {self.waited:.1f} s"


def count_workers(
    target: Target, run_id: str = "", *, most: int = MOST_WORKERS, seconds: float | None = None
) -> WorkerCount:
    """Open and attach websockets one after the other, until one is not answered or enough of them are open.

    This occupies the server for a moment. Every websocket is attached to an upload of its own, since a server need not
    accept two at one file, and the uploads are begun before, since no worker may be left for REST calls later.

    Args:
        target: Connected target.
        run_id: Part of the names of the uploads.
        most: Number of websockets after which the count ends.
        seconds: Seconds within which each websocket must be answered. By default the first one has the deadline of the
            target, and the others a multiple of the slowest one.

    Raises:
        Violation, PreconditionFailed: If an upload cannot be begun, or a websocket is not accepted.
        ResponseTimeout: If the first websocket is not answered.
        TargetDown: If the target accepts no connection.
    """
    resources = ResourceFactory(target, run_id or secrets.token_hex(4))
    try:
        files = [resources.csv(1).files["input"] for _ in range(most)]
        return _attach_until_unanswered(target, files, seconds)
    finally:
        resources.clean()


def _attach_until_unanswered(target: Target, files: list[UploadFile], seconds: float | None) -> WorkerCount:
    # Time limits of their own: the websocket without an answer must not count for later waits of the run.
    most = target.timeouts.setting if seconds is None else min(seconds, target.timeouts.setting)
    timeouts = AdaptiveTimeout(most)
    limit = ConnectionLimit(len(files))
    slowest = 0.0
    for served, file in enumerate(files):
        began = time.monotonic()
        try:
            attach(target.account, file.uuid, FILE_UPLOAD, target.websocket(timeouts, limit))
        except ResponseTimeout:
            if not served:
                raise
            target.close_connections()
            return WorkerCount(served, time.monotonic() - began)
        slowest = max(slowest, time.monotonic() - began)
        if seconds is None:
            timeouts.setting = min(most, max(LEAST_WAIT, slowest * SLOWEST_FACTOR))
    target.close_connections()
    return WorkerCount(len(files))
