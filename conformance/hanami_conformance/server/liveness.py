"""Questions to the sockets of a target, where a case failed on one: are they silent, or closed when they are old?"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

from hanami_conformance.cases.failures import PreconditionFailed, ResponseTimeout, TargetDown, Violation
from hanami_conformance.cases.recording import ClosedSocket, recording_paused
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.target.attach import FILE_UPLOAD, attach
from hanami_conformance.target.target import Target

SILENT = "it answers REST calls and is silent on websockets"
ASKED = 2  # times, before a target counts as silent
OLD = 10.0  # seconds; a younger connection was closed for what was sent on it
OLDEST = 120.0  # seconds that are waited for an idle connection to be closed
SLACK = 2.0  # seconds that an idle connection may live longer than the one that failed
TOLERANCE = 0.9  # of the age, which servers look at now and then


def watch_sockets(target: Target, run_id: str = "") -> None:
    """Let a target be asked on its websockets, too, where that is needed; see :class:`WebSocketProbe`."""
    probe = WebSocketProbe(target, run_id)
    target.socket_silence, target.old_age = probe.silence, probe.old_age


class WebSocketProbe:
    """Asks a target over sockets of its own, which no case records.

    Args:
        target: that was reached.
        run_id: part of the name of what is made for it.
    """

    def __init__(self, target: Target, run_id: str = "") -> None:
        self._target = target
        self._run_id = run_id or secrets.token_hex(4)
        self._closed_at: float | None = None  # age at which an idle connection was closed
        self._lived = 0.0  # age at which an idle connection was still open

    def silence(self) -> str:
        """Whether no socket can be attached to a file any more, though some could before; empty for no.

        One that is refused is answered, so that is for the cases to judge.
        """
        if not self._target.attached:
            return ""
        with recording_paused():
            silent = all(self._is_silent() for _ in range(ASKED))
        self._target.timeouts.socket_timeouts = 0  # its own are none of a case
        return SILENT if silent else ""

    def _is_silent(self) -> bool:
        resources = ResourceFactory(self._target, self._run_id)
        try:
            upload = resources.csv(1)
            attach(upload.account, upload.files["input"].uuid, FILE_UPLOAD)
        except ResponseTimeout:
            return True
        except (Violation, PreconditionFailed, TargetDown):
            return False
        finally:
            resources.clean()
        return False

    def old_age(self, ended: ClosedSocket) -> str:
        """Why it is no fault of the target that it ended a connection; empty where it may be one.

        A server may close connections that are old. Then it closes idle ones, too, when they are as old; that is tried
        out, once in a run for each age.
        """
        if not OLD <= ended.age <= OLDEST:
            return ""
        if self._closed_at is None and ended.age > self._lived:
            with recording_paused():
                self._grow_old(ended.age + SLACK)
        if self._closed_at is None or ended.age < self._closed_at * TOLERANCE:
            return ""
        return f"the server closes connections that are about {self._closed_at:.0f} s old, also idle ones"

    def _grow_old(self, seconds: float) -> None:
        with contextlib.suppress(Violation, PreconditionFailed, TargetDown), self._idle() as websocket:
            age = websocket.wait_idle(seconds)
            if age is None:
                self._lived = seconds
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
