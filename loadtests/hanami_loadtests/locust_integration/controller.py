"""The life of load runs in one process: checked before, monitored while it lasts, judged after it."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
from gevent.lock import RLock
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, Runner, WorkerRunner

from hanami_conformance.common.shortage import shortage_in
from hanami_loadtests.engine.failures import GeneratorShortage, LoadFailure
from hanami_loadtests.engine.health import Health
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.faults.channel import Message
from hanami_loadtests.limits.file import Limits
from hanami_loadtests.live_history import Point
from hanami_loadtests.locust_integration.monitor import RunMonitor
from hanami_loadtests.locust_integration.preparation import failure_from, prepare
from hanami_loadtests.locust_integration.run_check import CLEAN_UP_SECONDS, RunCheck
from hanami_loadtests.locust_integration.run_plan import RunPlan
from hanami_loadtests.locust_integration.workers import Worker, WorkerCoordinator
from hanami_loadtests.result import LoadFolder, make_result
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_loadtests.scenarios.scenario import RunFinished, Scenario
from hanami_loadtests.server_usage.recording import ServerObserver
from hanami_loadtests.session import Session
from hanami_loadtests.stages.plan import StagePlan
from hanami_loadtests.telemetry.export import Export
from hanami_loadtests.telemetry.settings import telemetry_settings
from hanami_proto.files import DiskError
from hanami_reports.common.text import UNCHECKED_CERTIFICATE
from hanami_reports.load.terminal import load_console, print_result
from hanami_reports.model.load import EXIT_STATUSES, Generator, LoadExit, LoadResult, RunState

LOCAL = "local"
ATTRIBUTE = "hanami"  # of Locust's environment; holds the controller of the process
logger = logging.getLogger(__name__)


class RunController:
    """Runs in one process: local, master or worker.

    Args:
        environment: Environment of Locust.
        runner: Runner of Locust; its class determines the kind of process.

    Attributes:
        session: Session of the current run, None before the first or where it could not begin.
        result: Result of the last finished run.
        failures: States that precede any limit, with their reasons.
        export: Metrics and traces for other systems.
        timeline: Stages and faults of the last run that was checked.
        worker: The worker side of distributed runs, None in other processes.
        coordinator: The master side of distributed runs, None in other processes.
    """

    def __init__(self, environment: Environment, runner: Runner) -> None:
        self.environment = environment
        self.runner = runner
        self.session: Session | None = None
        self.result: LoadResult | None = None
        self.failures: list[tuple[RunState, str]] = []
        self.export: Export | None = None
        self.timeline = RunPlan(self._on_fault)
        self.worker = Worker(self) if isinstance(runner, WorkerRunner) else None
        self.coordinator = WorkerCoordinator(self) if isinstance(runner, MasterRunner) else None
        self._check = RunCheck(environment, self.timeline, self.worker, self.coordinator)
        self._monitor: RunMonitor | None = None
        self._server = ServerObserver()
        self._started = datetime.now(UTC)
        self._finishing = RLock()
        self._is_finished = True  # whether judging has begun
        self.is_judged = True  # whether the verdict on the last run is there

    # Before a run

    def open_export(self) -> None:
        """Begin to export metrics and traces as the options say.

        Raises:
            ValueError: If an option is wrong, a package is missing or a port is in use; one line.
        """
        settings = telemetry_settings(vars(self.environment.parsed_options))
        name = self.runner.client_id if isinstance(self.runner, WorkerRunner) else LOCAL
        self.export = Export(settings, self, name, has_totals=self.worker is None)

    def close_export(self, **_: Any) -> None:
        """Export what is left."""
        export, self.export = self.export, None
        if export is not None and (problem := export.close()):
            sys.stderr.write(f"WARNING: {problem}\n")

    def check(self, given: Mapping[str, Any] | None = None, host: str | None = None) -> Session:
        """Check options, limits and folder, and log in at the target; see :meth:`RunCheck.open_session`."""
        return self._check.open_session(given, host)

    def check_or_exit(self) -> None:
        """Check everything before a run without a web UI; see :meth:`RunCheck.check_or_exit`."""
        self._check.check_or_exit(self._server)

    def scenarios(self) -> list[type[Scenario]]:
        """Return the scenarios that have users in the run."""
        return self._check.scenarios()

    def begin(self) -> None:
        """Begin a run."""
        self.result, self.failures, self._is_finished, self.is_judged = None, [], False, False
        self.session = None
        self._started = datetime.now(UTC)
        if self.worker is not None and not self.worker.join_run():
            return
        try:
            session = self.check()
            if self.coordinator is None:
                prepare(session, self.scenarios())
            elif (failure := self.coordinator.preparation.prepare()) is not None:
                self.abort(*failure)
                return
            self._server.begin(session.settings.server_pid if self.worker is None else None)
        except Exception as error:  # noqa: BLE001 - failure_from logs it
            self.abort(*failure_from(error))
            return
        if session.settings.target.insecure:
            logger.warning(UNCHECKED_CERTIFICATE)
        session.health = Health()  # the cost of preparation is no part of the run
        # All processes count the same seconds.
        delay = self.worker.delay if self.worker is not None else 0.0
        session.recorder.origin = session.recorder.clock() + session.settings.warm_up - delay
        session.recorder.observer = self._report_to_locust
        if self.export is not None:
            session.tracing = self.export.tracing
        self.session = session
        if self.worker is not None:
            self.worker.begin(session)
        else:
            self.timeline.begin(session, self.limits.recovery)
        if self.coordinator is not None:
            self.coordinator.begin()
        self._monitor = RunMonitor(self, session, self._server.recording)
        self._monitor.start()

    def _on_fault(self, event: Message) -> None:
        """Take note of a fault that has begun or ended."""
        if "pid" in event:
            self._server.follow(event["pid"])
        if self.coordinator is not None:
            self.coordinator.publish_faults()

    def abort(self, state: RunState, line: str) -> None:
        """End a run that cannot begin or go on.

        Args:
            state: State of the run.
            line: Reason, one line.
        """
        logger.error(line)
        if self.worker is not None:
            self.worker.report_failure(state, line)
            return
        self.failures.append((state, line))
        gevent.spawn(self._end_run)

    def _end_run(self) -> None:
        web_ui = self.environment.web_ui
        spawning = vars(web_ui).get("_swarm_greenlet") if web_ui is not None else None
        if spawning is not None:
            spawning.kill(block=True)  # as the page's own Stop button does; otherwise it goes on to spawn users
        if self._headless:
            self.runner.quit()
        else:
            self.runner.stop()

    @property
    def _headless(self) -> bool:
        return bool(getattr(self.environment.parsed_options, "headless", False))

    def _report_to_locust(self, series: str, seconds: float, size: int, error: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type=series.split(" ", maxsplit=1)[0],
            name=series,
            response_time=seconds * 1000,
            response_length=size,
            exception=error,
            context={},
        )
        if self.export is not None and error is None:
            self.export.record(series, seconds)

    @contextlib.contextmanager
    def abort_on_internal_error(self) -> Iterator[None]:
        """End the run where our own code fails within the block, or lacks something: no failure of the target.

        Raises:
            StopUser: If it did.
        """
        try:
            yield
        except (LoadFailure, RunFinished, StopUser):
            raise
        except Exception as error:
            if lacking := shortage_in(error):
                self.abort(RunState.INVALID, lacking)
                raise StopUser from error
            logger.exception("internal error")
            if not any(state is RunState.INTERNAL_ERROR for state, _ in self.failures):
                self.abort(RunState.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
            raise StopUser from error

    # While it lasts

    def live(self) -> Recorder:
        """Return the merged record of all processes so far."""
        if self.coordinator is not None:
            return self.coordinator.live()
        return self.session.recorder if self.session is not None else Recorder()

    @property
    def plan(self) -> StagePlan | None:
        """Stages of the run, None for a constant load."""
        return self.timeline.stages

    @property
    def in_flight(self) -> int:
        """Number of messages in flight, of all processes."""
        if self.coordinator is not None:
            return self.coordinator.in_flight
        return self.session.recorder.in_flight if self.session is not None else 0

    @property
    def user_count(self) -> int:
        """Number of users, of all processes."""
        return int(self.runner.user_count)

    def seconds(self) -> float:
        """Return the seconds of measuring so far; of all processes their mean."""
        if self.session is None:
            return 0.0
        # Workers begin later than their master: an order reaches them after half a second, and they log in.
        measured = self.coordinator.seconds() if self.coordinator is not None else None
        return self.session.seconds() if measured is None else measured

    def overdue(self) -> Mapping[str, int]:
        """Return the number of overdue messages by type, of all processes."""
        if self.coordinator is not None:
            return self.coordinator.overdue()
        return self.session.overdue() if self.session is not None else {}

    @property
    def live_points(self) -> list[Point]:
        """Points of the last seconds for the charts of the web UI, those of the last run after it."""
        return list(self._monitor.history.points) if self._monitor is not None else []

    @property
    def limits(self) -> Limits:
        """Limits of the last run that was checked."""
        return self._check.limits

    @property
    def report_dir(self) -> Path | None:
        """Folder of the reports, None before the first run."""
        settings = self._check.settings
        return settings.report_dir if settings is not None else None

    # After it

    def on_test_stopping(self, **_: Any) -> None:
        """End the run, so that nothing more is sent."""
        if self.session is not None:
            self.session.end()
        self.timeline.end()
        if self.coordinator is not None and not self._is_finished:
            self.coordinator.collect(self.environment.stop_timeout + CLEAN_UP_SECONDS)

    def on_test_stop(self, **_: Any) -> None:
        """Judge the run once all users have stopped."""
        if self.worker is None:
            self.finish()

    def finish(self) -> None:
        """Judge the run and write its reports, once."""
        with self._finishing:
            if self._is_finished:
                return
            self._is_finished = True
            if self._monitor is not None:
                self._monitor.stop()
            try:
                self._judge()
            finally:
                self.is_judged = True

    def _judge(self) -> None:
        session = self.session
        if session is None:
            self._server.finish()
            return
        if self.coordinator is not None:
            recorder, generators, leftovers = self.coordinator.total()
            session.attached_users = self.coordinator.attached_users()
        else:
            recorder, generators = session.recorder, [session.health.result(LOCAL)]
            leftovers = list(session.leftovers)
        failure = session.last_failure()
        if isinstance(failure, GeneratorShortage):
            self.failures.append((RunState.INVALID, str(failure)))
        elif failure is not None:
            self.failures.append((RunState.LOST, f"the target is down: {failure}"))
        self.result = self._result(session, recorder, generators, leftovers)
        try:
            LoadFolder(session.settings.report_dir).write(self.result, recorder.exchanges)
        except (DiskError, OSError) as error:
            sys.stderr.write(f"ERROR: reports: {error}\n")
            self.environment.process_exit_code = LoadExit.INTERNAL_ERROR

    def _result(
        self, session: Session, recorder: Recorder, generators: list[Generator], leftovers: list[str]
    ) -> LoadResult:
        # In a master, Locust's own count may be taken when some users have stopped already.
        final = self.coordinator.users() if self.coordinator is not None else self.runner.final_user_classes_count
        counts = {name: count for name, count in final.items() if name in SCENARIOS}
        if self.plan is not None and self.coordinator is None:  # its users may have ended already
            counts = session.pacing.most_users
        return make_result(
            session,
            recorder,
            self.limits,
            generators,
            users={name: count for name, count in counts.items() if count},
            seconds=self.seconds(),
            failures=self.failures,
            in_flight=self._monitor.in_flight if self._monitor is not None else {},
            users_by_second=self._monitor.users if self._monitor is not None else {},
            leftovers=leftovers,
            started=self._started,
            server=self._server.finish(),
            plan=self.plan,
            faults=self.timeline.faults,
        )

    def on_quitting(self, **_: Any) -> None:
        """End the process, after the run or by Ctrl-C or SIGTERM within it."""
        if self.worker is not None:
            return
        if not self._is_finished:
            timed = getattr(self.environment.parsed_options, "run_time", None)
            if timed or not self._headless:
                self.failures.append((RunState.INTERRUPTED, "interrupted before the end of the run"))
            self.runner.stop()
            self.finish()
        if self.environment.process_exit_code is None:
            self.environment.process_exit_code = self.exit_status()

    def exit_status(self) -> int | None:
        """Return the exit status of the process; None where there was no run and Locust decides."""
        if self.result is not None:
            return self.result.exit_status
        if self.failures:
            return EXIT_STATUSES[self.failures[0][0]]
        return LoadExit.INVALID if self._headless else None

    def on_quit(self, **_: Any) -> None:
        """Print the result below the tables of Locust."""
        console = load_console()
        if self.result is not None and self.session is not None:
            print_result(self.result, self.session.settings.report_dir, console)
        else:
            for state, line in self.failures:
                console.print(f"{state.value}: {line}", markup=False, highlight=False)


def controller_for(environment: Environment) -> RunController:
    """Return the controller of a process."""
    controller: RunController = vars(environment)[ATTRIBUTE]
    return controller
