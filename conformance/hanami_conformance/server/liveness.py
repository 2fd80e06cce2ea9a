"""Probes of the websockets of a target after a failure: are they silent, or closed by an idle timeout?"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

from hanami_conformance.cases.failures import PreconditionFailed, ResponseTimeout, TargetDown, Violation
from hanami_conformance.cases.recording import ClosedSocket, recording_paused
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.server.workers import count_workers
from hanami_conformance.target.attach import FILE_UPLOAD, attach
from hanami_conformance.target.target import Target

SILENT = "silent on websockets"
ALL_SILENT = f"it answers REST calls and is {SILENT}"
WORKER_SECONDS = 3.0  # in which a worker answers a first message
ATTEMPTS = 2  # before a target counts as silent
OLD = 10.0  # seconds; a younger connection was closed because of a message
OLDEST = 120.0  # seconds to wait until an idle connection is closed
SLACK = 2.0  # seconds that an idle connection may live longer than the one that failed
TOLERANCE = 0.9  # share of the age; servers check it at intervals


def watch_sockets(target: Target, run_id: str = "", *, restartable: bool = False) -> None:
    """Install the websocket probes of a target; see :class:`WebSocketProbe`."""
    probe = WebSocketProbe(target, run_id, restartable=restartable)
    target.socket_silence_reason, target.idle_timeout_reason = probe.silence_reason, probe.idle_timeout_reason


class WebSocketProbe:
    """Probes with sockets of their own, which no case records.

    Args:
        target: The target.
        run_id: Part of the names of its resources.
        restartable: Whether the suite can restart the target, so that it need not live with a lost worker.
    """

    def __init__(self, target: Target, run_id: str = "", *, restartable: bool = False) -> None:
        self._target = target
        self._run_id = run_id or secrets.token_hex(4)
        self._workers = target.dialect.workers if restartable else 0
        self._closed_at: float | None = None  # age at which an idle connection was closed
        self._idle_lifetime = 0.0  # age at which an idle connection was still open

    def silence_reason(self) -> str:
        """Return a reason if sockets get no answer any more, though they did before; empty otherwise.

        That holds if all are silent, or one of the workers of a target that can be restarted. A rejection is an answer,
        so the cases judge that.
        """
        if not self._target.attached:
            return ""
        with recording_paused():
            if self._workers:
                reason = self._lost_worker_reason(self._workers)
            else:
                reason = ALL_SILENT if all(self._is_silent() for _ in range(ATTEMPTS)) else ""
        self._target.timeouts.socket_timeouts = 0  # those of the probe do not count for a case
        return reason

    def _lost_worker_reason(self, workers: int) -> str:
        """Return a reason if one of as many sockets as there are workers gets no answer, empty otherwise.

        They are open at the same time, since each occupies a worker: one after the other may all meet the same one.
        """
        try:
            count = count_workers(self._target, self._run_id, most=workers, seconds=WORKER_SECONDS)
        except ResponseTimeout:
            served = 0
        except (Violation, PreconditionFailed, TargetDown):
            return ""
        else:
            if not count.limited:
                return ""
            served = count.served
        return f"one of {workers} workers is {SILENT} (socket {served + 1})"

    def _is_silent(self) -> bool:
        try:
            with self._idle():
                return False
        except ResponseTimeout:
            return True
        except (Violation, PreconditionFailed, TargetDown):
            return False

    def idle_timeout_reason(self, ended: ClosedSocket) -> str:
        """Return the reason if an idle timeout of the target explains a closed connection; empty otherwise.

        A server may close old connections. Then it closes idle ones of the same age, too, which is measured once in a
        run for each age.
        """
        if not OLD <= ended.age <= OLDEST:
            return ""
        if self._closed_at is None and ended.age > self._idle_lifetime:
            with recording_paused():
                self._measure_idle_timeout(ended.age + SLACK)
        if self._closed_at is None or ended.age < self._closed_at * TOLERANCE:
            return ""
        return f"the server closes connections that are about {self._closed_at:.0f} s old, also idle ones"

    def _measure_idle_timeout(self, seconds: float) -> None:
        with contextlib.suppress(Violation, PreconditionFailed, TargetDown), self._idle() as websocket:
            age = websocket.wait_idle(seconds)
            if age is None:
                self._idle_lifetime = seconds
            elif age >= OLD:
                self._closed_at = age

    @contextlib.contextmanager
    def _idle(self) -> Iterator[WebSocket]:
        resources = ResourceFactory(self._target, self._run_id)
        try:
            upload = resources.csv(1)
            yield attach(upload.account, upload.files["input"].uuid, FILE_UPLOAD)
        finally:
            resources.clean()
