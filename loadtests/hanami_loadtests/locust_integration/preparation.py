"""Preparation of a run: workers make the contents that their users share before it begins.

The master sends each worker the options and the scenarios, and waits until all have answered. Contents are made in a
separate thread, since a worker that does nothing else for some seconds counts as missing.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import gevent
from locust.runners import STATE_INIT, MasterRunner, WorkerRunner

from hanami_conformance.cases.failures import TargetDown, TargetRejectedConfiguration
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import shortage_in
from hanami_loadtests.engine.failures import GeneratorShortage
from hanami_loadtests.locust_integration.run_process import RunProcess
from hanami_loadtests.options import LOAD_OPTIONS
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_loadtests.scenarios.scenario import Scenario
from hanami_loadtests.session import Session
from hanami_reports.model.load import RunState

logger = logging.getLogger(__name__)

PREPARE, READY = "hanami_prepare", "hanami_ready"
SECONDS = 300.0  # time for workers to prepare
REPEAT_SECONDS = 1.0  # after which a worker without an answer is asked again: it may not have listened yet
POLL = 0.05

RunFailure = tuple[RunState, str]


def prepare(session: Session, scenarios: Sequence[type[Scenario]]) -> None:
    """Make the contents that users of these scenarios share; they are cached for later runs."""
    for scenario in scenarios:
        gevent.get_hub().threadpool.apply(scenario.prepare, (session,))


def failure_from(error: Exception) -> RunFailure:
    """Return the state and reason of a run that cannot begin; log an internal error with its traceback."""
    if isinstance(error, TargetDown):
        return RunState.LOST, SECRETS.text(str(error))
    if lacking := shortage_in(error):
        return RunState.INVALID, lacking
    if isinstance(error, ValueError | TargetRejectedConfiguration | GeneratorShortage):
        return RunState.INVALID, SECRETS.text(str(error))
    logger.error("internal error: %s", SECRETS.text("".join(traceback.format_exception(error))))
    return RunState.INTERNAL_ERROR, SECRETS.text(f"{type(error).__name__}: {error}")


class WorkerPreparation:
    """The worker side of the preparation.

    Args:
        controller: Controller of the process.
        forget: Called before a run is prepared, to drop the state of the last run.
    """

    def __init__(self, controller: RunProcess, forget: Callable[[], None]) -> None:
        assert isinstance(controller.runner, WorkerRunner)
        self._controller = controller
        self._forget = forget
        self._runner = controller.runner
        self._answers: dict[str, dict[str, str] | None] = {}  # by request; None while it is in work
        controller.runner.register_message(PREPARE, self._on_prepare, concurrent=True)

    def _on_prepare(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - as Locust calls it
        asked = msg.data["asked"]
        if asked not in self._answers:
            self._answers = {asked: None}
            self._answers[asked] = {"asked": asked, **self._prepare(json.loads(asked))}
        if (answer := self._answers.get(asked)) is not None:
            self._runner.send_message(READY, answer)
            if answer["state"]:
                self._answers = {}  # a failed preparation may succeed the next time

    def _prepare(self, asked: dict[str, Any]) -> dict[str, str]:
        self._forget()
        try:
            session = self._controller.check(asked["options"], asked["host"])
            prepare(session, [SCENARIOS[name] for name in asked["scenarios"]])
        except Exception as error:  # noqa: BLE001 - the master waits for an answer
            state, line = failure_from(error)
            return {"state": state.value, "line": line}
        return {"state": "", "line": ""}


class MasterPreparation:
    """The master side of the preparation.

    Args:
        controller: Controller of the process.
    """

    def __init__(self, controller: RunProcess) -> None:
        assert isinstance(controller.runner, MasterRunner)
        self._controller = controller
        self._runner = controller.runner
        self._answers: dict[str, dict[str, str]] = {}
        controller.runner.register_message(READY, self._on_ready)

    def _on_ready(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - as Locust calls it
        self._answers[msg.node_id] = msg.data

    def wait_for(self, count: int, seconds: float) -> None:
        """Wait at most so many seconds until ``count`` workers are connected."""
        _wait(lambda: len(self._runner.clients.get_by_state(STATE_INIT)) >= count, seconds)

    def prepare(self) -> RunFailure | None:
        """Let all connected workers prepare the next run.

        Returns:
            State and reason of a run that cannot begin, None if it can.
        """
        environment = self._controller.environment
        given = vars(environment.parsed_options)
        options = {option.dest: given.get(option.dest) for option in LOAD_OPTIONS}
        names = sorted(scenario.name for scenario in self._controller.scenarios())
        asked = json.dumps({"options": options, "host": environment.host, "scenarios": names}, sort_keys=True)
        workers = {client.id for client in self._runner.clients.get_by_state(STATE_INIT)}
        self._answers = {}  # those of the run before

        def missing() -> set[str]:
            return {one for one in workers if self._answers.get(one, {}).get("asked") != asked}

        def gone() -> set[str]:
            return missing() - {client.id for client in self._runner.clients.get_by_state(STATE_INIT)}

        until = time.monotonic() + SECONDS
        while missing() and not gone() and time.monotonic() < until:
            for worker in missing():
                self._runner.send_message(PREPARE, {"asked": asked}, worker)
            _wait(lambda: not missing() or bool(gone()), REPEAT_SECONDS)
        for worker in sorted(missing()):
            reason = "has disconnected" if worker in gone() else f"was not ready within {SECONDS:g} s"
            return RunState.INVALID, f"worker {worker} {reason}"
        for worker in sorted(workers):
            if self._answers[worker]["state"]:
                return RunState(self._answers[worker]["state"]), f"worker {worker}: {self._answers[worker]['line']}"
        return None


def _wait(reached: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not reached() and time.monotonic() < until:
        gevent.sleep(POLL)
