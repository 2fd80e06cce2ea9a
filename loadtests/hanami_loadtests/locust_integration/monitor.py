"""The monitor of a run: users, messages in flight, progress, and limits that end the run."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

import gevent
from gevent.event import Event
from locust.runners import MasterRunner, WorkerRunner

from hanami_loadtests.engine.fault_times import calm_seconds
from hanami_loadtests.launch import PROGRESS
from hanami_loadtests.limits.verdict import check_messages
from hanami_loadtests.live_history import LiveHistory
from hanami_loadtests.locust_integration.run_process import RunProcess
from hanami_loadtests.server_usage.recording import UsageRecording
from hanami_loadtests.session import Session
from hanami_reports.common.format import MEGABYTE
from hanami_reports.model.load import RunState
from hanami_reports.model.series import WHOLES

TICK = 1.0  # seconds between two observations
STOP_SECONDS = 15.0  # time for the last sample of the server that is in work


class RunMonitor:
    """Observes a run every second.

    Args:
        controller: Controller of this process.
        session: Session of the run.
        server: Record of what the server uses, None where its side is not seen.

    Attributes:
        in_flight: Second of the run to number of messages in flight, of all processes; empty in a worker.
        users: Second of the run to number of users, likewise.
        history: The last seconds for the charts of the web UI; empty without one.
    """

    def __init__(self, controller: RunProcess, session: Session, server: UsageRecording | None = None) -> None:
        self._server = server
        self._is_over = Event()
        self._controller = controller
        self._session = session
        self.in_flight: dict[int, int] = {}
        self.users: dict[int, int] = {}
        self.history = LiveHistory()
        # Workers report once a second.
        self._delay = 2 if isinstance(controller.runner, MasterRunner) else 1
        self._greenlets: list[gevent.Greenlet[..., Any]] = []
        self._sampling: gevent.Greenlet[..., Any] | None = None

    def start(self) -> None:
        """Start the observation."""
        if not isinstance(self._controller.runner, WorkerRunner):
            self._greenlets.append(gevent.spawn(self._observe_every_second))
        if self._server is not None:
            self._sampling = gevent.spawn(self._sample_server, self._server)
        if not isinstance(self._controller.runner, MasterRunner):
            self._greenlets.append(gevent.spawn(self._probe))

    def stop(self) -> None:
        """Stop the observation."""
        gevent.killall(self._greenlets)
        self._is_over.set()
        if self._sampling is not None:  # not killed, so that no answer is left in its pipe
            self._sampling.join(STOP_SECONDS)

    def _sample_server(self, server: UsageRecording) -> None:
        recorder = self._session.recorder
        while not self._is_over.wait(TICK):
            second = int(recorder.clock() - recorder.origin)
            if second >= 0 and not self._session.over():
                server.record(second)

    def _probe(self) -> None:
        with self._session.health.watching_gc():
            while True:
                self._session.health.probe(gevent.sleep)

    def _observe_every_second(self) -> None:
        controller, recorder = self._controller, self._session.recorder
        while True:
            gevent.sleep(TICK)
            second = int(recorder.clock() - recorder.origin)
            if second >= 0:
                self.in_flight[second] = controller.in_flight
                self.users[second] = controller.runner.user_count
                self._report_progress(second)
                if controller.environment.web_ui is not None:
                    self._add_point(second - self._delay)
            self._abort_where_pointless(measured=second >= 0)

    def _add_point(self, second: int) -> None:
        if second in self.users:
            series = self._controller.live().series
            self.history.add(second, series, users=self.users[second], in_flight=self.in_flight[second])

    def _report_progress(self, second: int) -> None:
        """Report the progress to the process that started this one, one line a second."""
        pipe = os.environ.get(PROGRESS)
        if pipe is None:
            return
        controller = self._controller
        live, seconds = controller.live(), controller.seconds()
        everything = live.series.values()
        progress: dict[str, float] = {
            "second": second,
            "users": controller.runner.user_count,
            "valid": sum(one.succeeded for one in everything),
            "errors": sum(one.failed + one.incorrect + one.unanswered for one in everything),
        }
        if seconds >= TICK:  # rates of some milliseconds mean nothing
            sent = (one.speed(seconds) for name, one in live.series.items() if name not in WHOLES)
            progress |= {
                "megabytes": sum(sent) / MEGABYTE,
                "per_second": sum(one.rate(seconds) for one in everything),
            }
        with contextlib.suppress(OSError):  # ParentWatch ends a run whose parent is gone
            os.write(int(pipe), json.dumps(progress).encode() + b"\n")

    def _abort_where_pointless(self, *, measured: bool) -> None:
        """End a run that cannot pass any more: this machine lacks something, or a limit that ends a run is broken."""
        controller = self._controller
        if controller.failures:
            return  # the run ends already
        live, seconds = controller.live(), controller.seconds()
        for line in sorted(live.shortages)[:1]:
            controller.abort(RunState.INVALID, line)
            return
        recorder = self._session.recorder
        calm = calm_seconds(recorder.faults, recorder.origin, recorder.origin + seconds)
        for limit in controller.limits.limits if measured and live.series else ():
            for result in check_messages(limit, live.series, live.unaffected, calm) if limit.abort else ():
                if result.state is RunState.FAIL:
                    line = (
                        f"ended by its limit: {result.selector}: {result.metric} {result.bound}: {result.explanation}"
                    )
                    controller.abort(RunState.FAIL, line)
                    return
