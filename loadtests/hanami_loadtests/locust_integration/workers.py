"""Several processes: workers send their records to the master, which merges them.

During a run, workers send a delta every second for the live page. After it, each sends a final report, and only these
are judged, so that a lost delta does no harm. A worker without a final report makes the run INVALID.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import gevent
import locust.runners
from locust.runners import STATE_INIT, STATE_MISSING, MasterRunner, WorkerRunner

from hanami_loadtests.engine.fault_times import FaultTime
from hanami_loadtests.engine.health import Health
from hanami_loadtests.engine.pacing import shares_of_processes
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.locust_integration.preparation import MasterPreparation, WorkerPreparation
from hanami_loadtests.locust_integration.run_process import RunProcess
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_loadtests.session import AttachedUsers, Session
from hanami_loadtests.stages.plan import Stage, StagePlan
from hanami_proto.validation import validate
from hanami_reports.model.load import Generator, RunState
from hanami_reports.model.loading import plain

ASSIGNMENT, STOP, FINAL_REPORT, FAILURE = "hanami_assignment", "hanami_stop", "hanami_final_report", "hanami_failure"
FAULTS = "hanami_faults"
USERS, SHARES = "hanami_users", "hanami_shares"  # of a worker, and what the master makes of those of all
CHANGE_SECONDS = 0.05  # for which changes of users are sent together
UNITS = {name: scenario.paced_by for name, scenario in SCENARIOS.items()}
DELTA = "hanami"  # key in Locust's own reports
POLL = 0.05


class Worker:
    """The worker side of distributed runs.

    Args:
        controller: Controller of the process.

    Attributes:
        workers: Number of workers at the begin of the run.
        index: Index of this worker among them; a greater number if it joined later.
        late: Whether it joined later.
        delay: Seconds by which it joined later.
        scenarios: Names of the scenarios of the run; None for all.
        sockets: Limit of sockets over all workers that the master derived; 0 for none.
        stages: Stages of the run, without their limits; None for a constant load.
        faults: Times of the faults of the run.
    """

    def __init__(self, controller: RunProcess) -> None:
        assert isinstance(controller.runner, WorkerRunner)
        self._controller = controller
        self._runner = controller.runner
        self._total = Recorder()
        self._session: Session | None = None
        self.stages: StagePlan | None = None
        self.faults: list[FaultTime] = []
        locust.runners.WORKER_REPORT_INTERVAL = 1.0
        self.leave_run()
        self.scenarios: tuple[str, ...] | None = None
        self._stopped = 0  # number of the last run that ended
        self._run = 0  # number of the current run
        self._reporting: gevent.Greenlet[..., Any] | None = None
        self._preparation = WorkerPreparation(controller, self.leave_run)
        controller.runner.register_message(STOP, self._on_stop, concurrent=True)
        controller.runner.register_message(SHARES, self._on_shares)
        controller.runner.register_message(FAULTS, self._on_faults)
        controller.environment.events.report_to_master.add_listener(self._on_report)

    def join_run(self) -> bool:
        """Read the assignment of a run that is about to begin, or that this worker joins later.

        Returns:
            Whether this worker takes part: an order of Locust may arrive after the end of the run.
        """
        assignment = vars(self._controller.environment.parsed_options)[ASSIGNMENT]
        number = assignment["numbers"].get(self._runner.client_id)
        if number is None or assignment["run"] <= self._stopped:
            return False
        self.workers, self.delay, self.index = int(assignment["workers"]), float(assignment["delay"]), int(number)
        self._run = int(assignment["run"])
        self.late = self.index >= self.workers
        self.scenarios = tuple(assignment["scenarios"])
        self.sockets = int(assignment["sockets"])
        self.stages = _plan_from(assignment["stages"])
        self.faults = [FaultTime(**one) for one in assignment["faults"]]
        return True

    def leave_run(self) -> None:
        """Drop the assignment of the last run."""
        self.workers, self.index, self.late, self.delay, self.sockets = 1, 0, False, 0.0, 0
        self.stages, self.faults = None, []

    def begin(self, session: Session) -> None:
        """Begin a run."""
        self._session, self._total = session, Recorder()
        self._controller.timeline.join(session, self.stages, self.faults)
        session.pacing.on_change = self._on_users_change
        self._on_users_change()  # of a worker without users, too

    def _on_users_change(self) -> None:
        if self._reporting is None or self._reporting.ready():
            self._reporting = gevent.spawn_later(CHANGE_SECONDS, self._report_users)

    def _report_users(self) -> None:
        if self._session is not None:
            self._runner.send_message(USERS, {"run": self._run, "users": self._session.pacing.users})

    def report_failure(self, state: RunState, line: str) -> None:
        """Report to the master that a run cannot begin here."""
        self._runner.send_message(FAILURE, {"state": state.value, "line": line})

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002 - as Locust calls it
        if self._session is not None:
            data[DELTA] = self._take_delta(self._session)

    def _take_delta(self, session: Session) -> dict[str, Any]:
        delta = session.recorder.take_delta()
        self._total.add(delta)
        return {
            "recorded": delta,
            "seconds": session.seconds(),
            "in_flight": session.recorder.in_flight,
            "overdue": session.overdue(),
        }

    def _on_shares(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - as Locust calls it
        if self._session is not None:
            self._session.pacing.set_shares(msg.data)

    def _on_faults(self, environment: Any, msg: Any) -> None:  # noqa: ARG002
        if self._session is not None:
            self._session.recorder.faults = [FaultTime(**one) for one in msg.data["faults"]]

    def _on_stop(self, environment: Any, msg: Any) -> None:  # noqa: ARG002
        """Stop the users and send the final report, because the master ends the run."""
        self._stopped = int(msg.data["run"])
        report = self._final_report(self._session) if self._session is not None else None
        self._session = None
        self._runner.send_message(FINAL_REPORT, report)
        # Otherwise Locust lets this worker wait for users that have stopped already before it is ready again.
        self._controller.environment.stop_timeout = 0.0

    def _final_report(self, session: Session) -> dict[str, Any]:
        users = dict(self._runner.user_classes_count)
        if self.stages is not None:  # their users may have ended already
            users = dict(session.pacing.most_users)
        session.end()
        self._runner.stop()
        self._take_delta(session)
        health: Health = session.health
        return {
            "recorded": self._total.data(),
            "seconds": session.seconds(),
            "origin": session.recorder.origin,
            "generator": plain(health.result(self._runner.client_id)),
            "leftovers": list(session.leftovers),
            "users": users,
            "asked": sorted(session.attached_users.asked),
            "served": sorted(session.attached_users.served),
        }


class WorkerCoordinator:
    """The master side of distributed runs: the reports of all workers.

    Args:
        controller: Controller of the process.
    """

    def __init__(self, controller: RunProcess) -> None:
        assert isinstance(controller.runner, MasterRunner)
        self._controller = controller
        self._runner = controller.runner
        self._live: dict[str, Recorder] = {}
        self._all = Recorder()
        self._in_flight: dict[str, int] = {}
        self._overdue: dict[str, dict[str, int]] = {}
        self._seconds: dict[str, float] = {}
        self._final_reports: dict[str, dict[str, Any] | None] = {}
        self._users: dict[str, dict[str, int]] = {}
        self._shares: dict[str, dict[str, float]] = {}
        self._numbers: dict[str, int] = {}  # worker of the current run to its index
        self._began_with, self._began = 0, 0.0
        self._run = 0  # number of the run
        self.preparation = MasterPreparation(controller)
        controller.runner.register_message(FINAL_REPORT, self._on_final_report)
        controller.runner.register_message(USERS, self._on_users)
        controller.runner.register_message(FAILURE, self._on_failure)
        controller.environment.events.worker_report.add_listener(self._on_report)
        controller.environment.events.worker_connect.add_listener(self._on_connect)

    @property
    def in_flight(self) -> int:
        """Number of messages in flight, of all workers."""
        return sum(self._in_flight.values())

    @property
    def workers(self) -> int:
        """Number of connected workers."""
        return int(self._runner.worker_count)

    @property
    def is_returning(self) -> bool:
        """Whether workers of the last run have sent their final report and are not ready for the next run yet."""
        finished = {client_id for client_id, report in self._final_reports.items() if report is not None}
        return bool(finished - {client.id for client in self._runner.clients.get_by_state(STATE_INIT)})

    def seconds(self) -> float | None:
        """Return the seconds for which the workers measured so far, the mean of all; None before the first report."""
        final = [report["seconds"] for report in self._final_reports.values() if report is not None]
        measured = final or list(self._seconds.values())  # of a worker that was lost, only where all were
        return statistics.fmean(measured) if measured else None

    def overdue(self) -> Mapping[str, int]:
        """Return the number of overdue messages by type, of all workers."""
        return sum((Counter(one) for one in self._overdue.values()), Counter())

    def begin(self) -> None:
        """Begin a run."""
        self._live, self._in_flight, self._overdue, self._final_reports = {}, {}, {}, {}
        self._seconds = {}
        self._all, self._users, self._shares = Recorder(), {}, {}
        clients = sorted(client.id for client in self._runner.clients.all if client.state != STATE_MISSING)
        self._numbers = {client_id: index for index, client_id in enumerate(clients)}
        self._began_with, self._began = len(clients), time.monotonic()
        self._run += 1
        self._publish_assignment()

    def _publish_assignment(self) -> None:
        session = self._controller.session
        # Sent among the options, which Locust attaches to every order to spawn users: a message of our own could arrive
        # too early at a worker that has just been started.
        assignment = {
            "run": self._run,
            "workers": self._began_with,
            "numbers": dict(self._numbers),
            "delay": time.monotonic() - self._began,
            "scenarios": [scenario.name for scenario in self._controller.scenarios()],
            "sockets": session.settings.sockets or 0 if session is not None else 0,
            "stages": plain(self._controller.plan.stages) if self._controller.plan is not None else None,
            "faults": self._faults(),
        }
        vars(self._controller.environment.parsed_options)[ASSIGNMENT] = assignment

    def _faults(self) -> list[dict[str, Any]]:
        """Return the times of the faults of the run. Their workers are on this machine, and read the same clock."""
        session = self._controller.session
        return [] if session is None else [vars(one) for one in session.recorder.faults]

    def publish_faults(self) -> None:
        """Let all workers know when the faults of the run began and ended."""
        self._publish_assignment()
        self._runner.send_message(FAULTS, {"faults": self._faults()})

    def _on_connect(self, client_id: str) -> None:
        """Assign an index to a worker that joins during a run; Locust gives it users a moment later."""
        session = self._controller.session
        if session is not None and not session.over():
            self._numbers.setdefault(client_id, len(self._numbers))
            self._publish_assignment()

    def live(self) -> Recorder:
        """Return the merged record of all workers so far."""
        return self._all

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:
        delta = data.get(DELTA)
        if delta is not None:
            for recorder in (self._live.setdefault(client_id, Recorder()), self._all):
                recorder.add(delta["recorded"], f"{client_id}-")
            self._in_flight[client_id] = delta["in_flight"]
            self._overdue[client_id] = delta["overdue"]
            self._seconds[client_id] = delta["seconds"]

    def _on_users(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - as Locust calls it
        if msg.data["run"] == self._run:
            self._users[msg.node_id] = msg.data["users"]
            self._divide_rate()

    def _divide_rate(self) -> None:
        """Send each worker its share of the rate of the run, in proportion to its users."""
        here = {
            client.id for client in self._runner.clients.all if client.state != STATE_MISSING
        } & self._numbers.keys()
        if here - self._users.keys():
            return  # until all workers are counted, each has an even share
        users = {client_id: self._users[client_id] for client_id in here}
        for client_id, shares in shares_of_processes(users, UNITS).items():
            if self._shares.get(client_id) != shares:
                self._shares[client_id] = shares
                self._runner.send_message(SHARES, shares, client_id)

    def _on_final_report(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - as Locust calls it
        self._final_reports[msg.node_id] = msg.data

    def _on_failure(self, environment: Any, msg: Any) -> None:  # noqa: ARG002
        if not self._controller.failures:
            self._controller.abort(RunState(msg.data["state"]), f"worker {msg.node_id}: {msg.data['line']}")

    def collect(self, seconds: float) -> None:
        """End the run of every worker, and wait at most so many seconds for the final reports."""
        asked = {client.id for client in self._runner.clients.all} & self._numbers.keys()
        for client_id in asked:
            self._runner.send_message(STOP, {"run": self._run}, client_id)
        with gevent.Timeout(seconds, False):  # type: ignore[arg-type] # False: it ends the block silently
            while self._reachable(asked) - self._final_reports.keys():
                gevent.sleep(POLL)
        for client_id in self._numbers.keys() | self._live.keys():
            self._final_reports.setdefault(client_id, None)

    def _reachable(self, asked: set[str]) -> set[str]:
        return {client.id for client in self._runner.clients.all if client.state != STATE_MISSING} & asked

    def users(self) -> Counter[str]:
        """Return the number of users at the end of the run by class, of all workers with a final report."""
        return sum((Counter(report["users"]) for report in self._final_reports.values() if report), Counter())

    def attached_users(self) -> AttachedUsers:
        """Return the users that need sockets and those that had one, of all workers with a final report."""
        found = AttachedUsers()
        for report in self._final_reports.values():
            if report is not None:
                found.add(AttachedUsers(set(report["asked"]), set(report["served"])))
        return found

    def total(self) -> tuple[Recorder, list[Generator], list[str]]:
        """Return the merged record, the health of the workers, and the leftovers on the target."""
        recorders, origins, generators, leftovers = [], [], [], []
        for client_id, report in sorted(self._final_reports.items()):
            if report is None:
                recorders.append(self._live.get(client_id, Recorder()))
                generators.append(_lost_generator(client_id))
                continue
            recorder = Recorder(origin=report["origin"])
            recorder.add(report["recorded"], f"{client_id}-")
            recorders.append(recorder)
            origins.append(recorder.origin)
            generators.append(validate(Generator, report["generator"]))
            leftovers += report["leftovers"]
        return _merge(recorders, origins or [self._session_origin()]), generators, leftovers

    def _session_origin(self) -> float:
        session = self._controller.session
        return 0.0 if session is None else session.recorder.origin


def _plan_from(stages: Sequence[Mapping[str, Any]] | None) -> StagePlan | None:
    """Return the plan that the master has sent; limits are checked there."""
    if stages is None:
        return None
    return StagePlan(
        tuple(
            Stage(
                one["name"],
                one["kind"],
                one["begin"],
                one["end"],
                tuple(one["users"]),
                None if one["rate"] is None else tuple(one["rate"]),
            )
            for one in stages
        )
    )


def _merge(recorders: Sequence[Recorder], origins: Sequence[float]) -> Recorder:
    """Return all records as one, whose origin is the mean of those that are known."""
    total = Recorder(origin=statistics.fmean(origins))
    for recorder in recorders:
        total.add(recorder.data())
    return total


def _lost_generator(client_id: str) -> Generator:
    nothing = Health()
    return Generator(client_id, 0.0, 0.0, nothing.event_loop_delay, nothing.generator_delay, 0, 0.0, 0, complete=False)
