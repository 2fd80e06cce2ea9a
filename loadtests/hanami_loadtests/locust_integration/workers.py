"""Several processes: workers tell their master what they recorded, all of it, and the master adds it up.

While a run lasts, workers send what is new every second, for the live page. When it is over, each sends the whole, and
only that is judged: a message that was lost on the way costs nothing. A worker from which no whole came makes the run
INVALID.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import gevent
import locust.runners
from locust.runners import STATE_INIT, STATE_MISSING, MasterRunner, WorkerRunner

from hanami_loadtests.engine.health import Health
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.locust_integration.preparation import MasterPreparation, WorkerPreparation
from hanami_loadtests.locust_integration.run_process import RunProcess
from hanami_loadtests.session import Session
from hanami_proto.validation import validate
from hanami_reports.model.load import Generator, RunState
from hanami_reports.model.loading import plain

ASSIGNMENT, STOP, FINAL_REPORT, FAILURE = "hanami_assignment", "hanami_stop", "hanami_final_report", "hanami_failure"
DELTA = "hanami"  # in Locust's own reports
POLL = 0.05


class Worker:
    """The part of a worker.

    Args:
        controller: of its process.

    Attributes:
        workers: with which the run began.
        index: of this one among them, or, where it joined later, a number behind theirs.
        late: whether it joined later.
        behind: how much later, seconds.
        scenarios: names of those that the run has; None for all.
    """

    def __init__(self, controller: RunProcess) -> None:
        assert isinstance(controller.runner, WorkerRunner)
        self._controller = controller
        self._runner = controller.runner
        self._total = Recorder()
        self._session: Session | None = None
        locust.runners.WORKER_REPORT_INTERVAL = 1.0
        self.leave_run()
        self.scenarios: tuple[str, ...] | None = None
        self._stopped = 0  # number of the last run that was ended
        self._prepared = WorkerPreparation(controller, self.leave_run)
        controller.runner.register_message(STOP, self._on_stop, concurrent=True)
        controller.environment.events.report_to_master.add_listener(self._on_report)

    def join_run(self) -> bool:
        """Return a run is about to begin, or goes on already: how many workers it has, and which of them this is.

        Returns:
            Whether this one takes part: an order of Locust may come when the run was ended already.
        """
        assignment = vars(self._controller.environment.parsed_options)[ASSIGNMENT]
        number = assignment["numbers"].get(self._runner.client_id)
        if number is None or assignment["run"] <= self._stopped:
            return False
        self.workers, self.behind, self.index = int(assignment["workers"]), float(assignment["behind"]), int(number)
        self.late = self.index >= self.workers
        self.scenarios = tuple(assignment["scenarios"])
        return True

    def leave_run(self) -> None:
        """Another run will begin: what this one was in the last is over."""
        self.workers, self.index, self.late, self.behind = 1, 0, False, 0.0

    def begin(self, session: Session) -> None:
        """Begin a run."""
        self._session, self._total = session, Recorder()

    def report_failure(self, state: RunState, line: str) -> None:
        """Tell that a run cannot begin here."""
        self._runner.send_message(FAILURE, {"state": state.value, "line": line})

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002 - as Locust calls it
        if self._session is not None:
            data[DELTA] = self._take_delta(self._session)

    def _take_delta(self, session: Session) -> dict[str, Any]:
        news = session.recorder.take_delta()
        self._total.add(news)
        return {"recorded": news, "in_flight": session.recorder.in_flight, "overdue": session.overdue()}

    def _on_stop(self, environment: Any, msg: Any) -> None:  # noqa: ARG002
        """Stop the users, then tell everything: the master ends the run."""
        self._stopped = int(msg.data["run"])
        whole = self._end(self._session) if self._session is not None else None
        self._session = None
        self._runner.send_message(FINAL_REPORT, whole)
        # Locust would let this worker wait that long until it is ready again, for users that have stopped already.
        self._controller.environment.stop_timeout = 0.0

    def _end(self, session: Session) -> dict[str, Any]:
        """Stop the users; everything that was recorded."""
        users = dict(self._runner.user_classes_count)
        session.end()
        self._runner.stop()
        self._take_delta(session)
        health: Health = session.health
        return {
            "recorded": self._total.data(),
            "generator": plain(health.result(self._runner.client_id)),
            "leftovers": list(session.leftovers),
            "users": users,
        }


class WorkerCoordinator:
    """The part of a master: what each worker told.

    Args:
        controller: of its process.
    """

    def __init__(self, controller: RunProcess) -> None:
        assert isinstance(controller.runner, MasterRunner)
        self._controller = controller
        self._runner = controller.runner
        self._live: dict[str, Recorder] = {}
        self._all = Recorder()
        self._in_flight: dict[str, int] = {}
        self._overdue: dict[str, dict[str, int]] = {}
        self._final_reports: dict[str, dict[str, Any] | None] = {}
        self._numbers: dict[str, int] = {}  # of the workers of the run that goes on
        self._began_with, self._began = 0, 0.0
        self._run = 0  # number of the run
        self.preparing = MasterPreparation(controller)
        controller.runner.register_message(FINAL_REPORT, self._on_final_report)
        controller.runner.register_message(FAILURE, self._on_failure)
        controller.environment.events.worker_report.add_listener(self._on_report)
        controller.environment.events.worker_connect.add_listener(self._on_connect)

    @property
    def in_flight(self) -> int:
        """Messages in flight, of all workers."""
        return sum(self._in_flight.values())

    @property
    def workers(self) -> int:
        """Number of workers that are connected."""
        return int(self._runner.worker_count)

    @property
    def is_returning(self) -> bool:
        """Whether workers of the last run told everything, and are not ready for the next one yet."""
        told = {client_id for client_id, whole in self._final_reports.items() if whole is not None}
        return bool(told - {client.id for client in self._runner.clients.get_by_state(STATE_INIT)})

    def overdue(self) -> Mapping[str, int]:
        """Type of message to what is due and not sent yet, of all workers."""
        return sum((Counter(one) for one in self._overdue.values()), Counter())

    def begin(self) -> None:
        """Begin a run."""
        self._live, self._in_flight, self._overdue, self._final_reports = {}, {}, {}, {}
        self._all = Recorder()
        clients = sorted(client.id for client in self._runner.clients.all if client.state != STATE_MISSING)
        self._numbers = {client_id: index for index, client_id in enumerate(clients)}
        self._began_with, self._began = len(clients), time.monotonic()
        self._run += 1
        self._publish_assignment()

    def _publish_assignment(self) -> None:
        # Among the options, which Locust sends along with every order to spawn users: a message of our own may come
        # too early for a worker that has just been started.
        assignment = {
            "run": self._run,
            "workers": self._began_with,
            "numbers": dict(self._numbers),
            "behind": time.monotonic() - self._began,
            "scenarios": [scenario.name for scenario in self._controller.scenarios()],
        }
        vars(self._controller.environment.parsed_options)[ASSIGNMENT] = assignment

    def _on_connect(self, client_id: str) -> None:
        """Note a worker that connects; in the middle of a run, Locust gives it users a moment later."""
        session = self._controller.session
        if session is not None and not session.over():
            self._numbers.setdefault(client_id, len(self._numbers))
            self._publish_assignment()

    def live(self) -> Recorder:
        """Return what workers told so far, added up."""
        return self._all

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:
        news = data.get(DELTA)
        if news is not None:
            for recorder in (self._live.setdefault(client_id, Recorder()), self._all):
                recorder.add(news["recorded"], f"{client_id}-")
            self._in_flight[client_id] = news["in_flight"]
            self._overdue[client_id] = news["overdue"]

    def _on_final_report(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - as Locust calls it
        self._final_reports[msg.node_id] = msg.data

    def _on_failure(self, environment: Any, msg: Any) -> None:  # noqa: ARG002
        if not self._controller.failures:
            self._controller.abort(RunState(msg.data["state"]), f"worker {msg.node_id}: {msg.data['line']}")

    def collect(self, seconds: float) -> None:
        """End the run of every worker, and wait for what it recorded.

        Args:
            seconds: to wait at most.
        """
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
        """Class of users to how many there were at the end of the run, of all workers that told."""
        return sum((Counter(whole["users"]) for whole in self._final_reports.values() if whole), Counter())

    def total(self) -> tuple[Recorder, list[Generator], list[str]]:
        """Everything that was recorded, how the workers fared, and what they left over on the target."""
        recorders, generators, leftovers = [], [], []
        for client_id, whole in sorted(self._final_reports.items()):
            if whole is None:
                recorders.append(self._live.get(client_id, Recorder()))
                generators.append(_lost(client_id))
                continue
            recorder = Recorder()
            recorder.add(whole["recorded"], f"{client_id}-")
            recorders.append(recorder)
            generators.append(validate(Generator, whole["generator"]))
            leftovers += whole["leftovers"]
        return _added(recorders), generators, leftovers


def _added(recorders: Any) -> Recorder:
    total = Recorder()
    for recorder in recorders:
        total.add(recorder.data())
    return total


def _lost(client_id: str) -> Generator:
    nothing = Health()
    return Generator(client_id, 0.0, 0.0, nothing.event_loop_delay, nothing.generator_delay, 0, 0.0, 0, complete=False)
