"""The monitor of a run: users, messages in flight, progress, and limits that end the run."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

import gevent
from locust.runners import MasterRunner, WorkerRunner

from hanami_loadtests.launch import PROGRESS
from hanami_loadtests.locust_integration.run_process import RunProcess
from hanami_loadtests.scenarios.upload import FILE
from hanami_loadtests.session import Session
from hanami_reports.common.format import MEGABYTE
from hanami_reports.model.load import RunState

TICK = 1.0  # seconds between two observations


class RunMonitor:
    """Observes a run every second.

    Args:
        controller: Controller of this process.
        session: Session of the run.

    Attributes:
        in_flight: Second of the run to number of messages in flight, of all processes; empty in a worker.
        users: Second of the run to number of users, likewise.
    """

    def __init__(self, controller: RunProcess, session: Session) -> None:
        self._controller = controller
        self._session = session
        self.in_flight: dict[int, int] = {}
        self.users: dict[int, int] = {}
        self._greenlets: list[gevent.Greenlet[..., Any]] = []

    def start(self) -> None:
        """Start the observation."""
        if not isinstance(self._controller.runner, WorkerRunner):
            self._greenlets.append(gevent.spawn(self._observe_every_second))
        if not isinstance(self._controller.runner, MasterRunner):
            self._greenlets.append(gevent.spawn(self._probe))

    def stop(self) -> None:
        """Stop the observation."""
        gevent.killall(self._greenlets)

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
            self._abort_where_pointless(measured=second >= 0)

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
            sent = (one.speed(seconds) for name, one in live.series.items() if name != FILE)
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
        for limit in controller.limits.limits if measured else ():
            for result in limit.check(live.series, seconds) if limit.abort and live.series else ():
                if result.state is RunState.FAIL:
                    line = (
                        f"ended by its limit: {result.selector}: {result.metric} {result.bound}: {result.explanation}"
                    )
                    controller.abort(RunState.FAIL, line)
                    return
