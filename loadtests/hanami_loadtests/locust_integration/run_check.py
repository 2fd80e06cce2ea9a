"""The checks before a run: options and files, the login at the target, and whether its sockets are enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from locust.env import Environment

from hanami_conformance.cases.failures import TargetDown, TargetRejectedConfiguration
from hanami_conformance.common.shortage import shortage_in
from hanami_conformance.server.workers import WorkerCount
from hanami_loadtests.engine.failures import GeneratorShortage
from hanami_loadtests.limits.file import Limits, read_limits
from hanami_loadtests.locust_integration.exit import exit_with
from hanami_loadtests.locust_integration.fault_channel import through_proxy
from hanami_loadtests.locust_integration.preparation import prepare
from hanami_loadtests.locust_integration.run_plan import RunPlan
from hanami_loadtests.locust_integration.workers import Worker, WorkerCoordinator
from hanami_loadtests.result import LoadFolder
from hanami_loadtests.scenarios.scenario import Scenario, check_sockets
from hanami_loadtests.server_usage.process_tree import require_process
from hanami_loadtests.server_usage.recording import ServerObserver
from hanami_loadtests.session import Session
from hanami_loadtests.settings import Settings, settings_from
from hanami_reports.common.report_folder import ReportFolderError
from hanami_reports.model.load import EXIT_STATUSES, LoadExit

WORKERS_SECONDS = 60.0  # time for workers to connect; after that Locust reports how many are missing
CLEAN_UP_SECONDS = 5.0  # time for users to clean up, on top of the drain time


class RunCheck:
    """The checks before the runs of one process.

    Args:
        environment: Environment of Locust.
        timeline: Stages and faults of the runs.
        worker: The worker side of distributed runs, None in other processes.
        coordinator: The master side of distributed runs, None in other processes.

    Attributes:
        settings: Options of the last run that was checked, None before it.
        limits: Limits of that run.
    """

    def __init__(
        self,
        environment: Environment,
        timeline: RunPlan,
        worker: Worker | None,
        coordinator: WorkerCoordinator | None,
    ) -> None:
        self.settings: Settings | None = None
        self.limits = Limits()
        self._environment = environment
        self._timeline = timeline
        self._worker = worker
        self._coordinator = coordinator
        self._server_workers: dict[str, WorkerCount] = {}  # address of the last target to the number of its workers

    def check_or_exit(self, server: ServerObserver) -> None:
        """Check everything before a run without a web UI; an error ends the process.

        Args:
            server: Observer of the server of the run.

        Raises:
            SystemExit: If anything is invalid; one line was printed.
        """
        try:
            session = self.open_session()
        except (ValueError, TargetRejectedConfiguration) as error:
            exit_with(LoadExit.USAGE, f"ERROR: {error}")
        except TargetDown as error:
            exit_with(LoadExit.TARGET_LOST, f"TARGET NOT REACHABLE: {error}")
        except GeneratorShortage as error:
            exit_with(LoadExit.INVALID, f"INVALID: {error}")
        server.begin(session.settings.server_pid)  # before the time of the run begins
        if self._coordinator is None:
            try:
                prepare(session, self.scenarios())
            except MemoryError as error:
                exit_with(LoadExit.INVALID, f"INVALID: {shortage_in(error)}")
            return
        self._coordinator.preparation.wait_for(
            int(vars(self._environment.parsed_options)["expect_workers"]), WORKERS_SECONDS
        )
        try:
            self._check_sockets(session.settings, session.server_workers)  # now that the workers are connected
        except ValueError as error:
            exit_with(LoadExit.USAGE, f"ERROR: {error}")
        failure = self._coordinator.preparation.prepare()
        if failure is not None:
            state, line = failure
            exit_with(EXIT_STATUSES[state], f"ERROR: {line}")

    def open_session(self, given: Mapping[str, Any] | None = None, host: str | None = None) -> Session:
        """Check options, limits and folder, and log in at the target.

        Args:
            given: Option to value, None for those of the process.
            host: Address of the target, where options are given.

        Raises:
            ValueError: If an option or a file is invalid.
            GeneratorShortage, TargetDown, TargetRejectedConfiguration: See :meth:`Session.open`.
        """
        is_repeated = given is None  # at the begin of a run that was checked before
        if given is None:
            given, host = vars(self._environment.parsed_options), self._environment.host
        settings = through_proxy(settings_from(given, host))
        if self._worker is None:  # the files of the master need not exist on the hosts of workers
            self.limits = read_limits(settings.limits)
            self._timeline.check(settings, getattr(self._environment.parsed_options, "run_time", None))
            self._timeline.check_drifts(self.limits.drifts)
            if settings.server_pid is not None:
                require_process(settings.server_pid)
            try:
                LoadFolder(settings.report_dir).prepare()
            except ReportFolderError as error:
                raise ValueError(str(error)) from error
        self.settings = settings
        self._environment.stop_timeout = settings.drain + CLEAN_UP_SECONDS
        if self._worker is not None:
            if settings.sockets is None:  # derived by the master
                settings = replace(settings, sockets=self._worker.sockets)
            if self._worker.late and settings.sockets:
                raise ValueError("joined during the run, whose sockets are distributed already")
            return Session.open(settings, max(1, self._worker.workers), self._worker.index)
        self._check_sockets(settings)
        counted = self._server_workers.get(settings.target.url) if is_repeated else None
        session = Session.open(settings, server_workers=counted)
        if session.server_workers is not None:
            self._server_workers = {settings.target.url: session.server_workers}
            self._check_sockets(session.settings, session.server_workers)
        return session

    def _check_sockets(self, settings: Settings, counted: WorkerCount | None = None) -> None:
        processes = max(1, self._coordinator.workers) if self._coordinator is not None else 1
        check_sockets(settings, self.scenarios(), processes, None if counted is None else counted.served)

    def scenarios(self) -> list[type[Scenario]]:
        """Return the scenarios that have users in the run."""
        found = (getattr(one, "scenario_class", None) for one in self._environment.user_classes)
        chosen = self._worker.scenarios if self._worker is not None else None
        return [one for one in found if one is not None and (chosen is None or one.name in chosen)]
