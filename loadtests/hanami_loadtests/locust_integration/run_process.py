"""The interface of the controller for its parts, which it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from locust.env import Environment
from locust.runners import Runner

from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.limits.file import Limits
from hanami_loadtests.locust_integration.run_plan import RunPlan
from hanami_loadtests.scenarios.scenario import Scenario
from hanami_loadtests.session import Session
from hanami_loadtests.stages.plan import StagePlan
from hanami_reports.model.load import RunState


class RunProcess(Protocol):
    """A process of Locust: local, master or worker.

    Attributes:
        environment: Environment of Locust.
        runner: Runner of Locust; its class determines the kind of process.
        session: Session of the current run, None before the first or where a run could not begin.
        failures: Reasons why the run failed before any limit was checked: state and line.
        timeline: Stages and faults of the run.
        is_judged: Whether the verdict on the last run is there.
    """

    environment: Environment
    runner: Runner
    session: Session | None
    failures: list[tuple[RunState, str]]
    timeline: RunPlan
    is_judged: bool

    @property
    def limits(self) -> Limits:
        """Limits of the run."""

    @property
    def plan(self) -> StagePlan | None:
        """Stages of the run, None for a constant load."""

    @property
    def in_flight(self) -> int:
        """Number of messages in flight, of all processes."""

    def check(self, given: Mapping[str, Any] | None = None, host: str | None = None) -> Session:
        """Check options, limits and folder, and log in at the target."""

    def scenarios(self) -> list[type[Scenario]]:
        """Return the scenarios that have users in the run."""

    def abort(self, state: RunState, line: str) -> None:
        """End a run that cannot begin or go on."""

    def live(self) -> Recorder:
        """Return the merged record of all processes so far."""

    def seconds(self) -> float:
        """Return the seconds of measuring so far."""
