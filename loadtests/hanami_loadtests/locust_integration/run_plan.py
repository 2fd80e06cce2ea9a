"""What happens over the time of a run: its stages and its faults."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import gevent

from hanami_loadtests.engine.fault_times import FaultTime
from hanami_loadtests.faults.channel import Message
from hanami_loadtests.faults.fault import RECOVERY_SECONDS, Fault
from hanami_loadtests.limits.drift import DriftLimit
from hanami_loadtests.locust_integration.fault_channel import FaultChannel
from hanami_loadtests.session import Session
from hanami_loadtests.settings import Settings
from hanami_loadtests.stages.plan import StagePlan, faults_for, plan_for, rate_curves

LiveFault = dict[str, Any]


class RunPlan:
    """The plan of the runs of one process: local, master or worker.

    Args:
        on_fault: Called in a local process or a master for each begin and end of a fault.

    Attributes:
        stages: Stages of the run, None for a constant load.
        faults: Faults of the run; a worker knows their times alone.
    """

    def __init__(self, on_fault: Callable[[Message], None]) -> None:
        self.stages: StagePlan | None = None
        self.faults: tuple[Fault, ...] = ()
        self._on_fault = on_fault
        self._channel: FaultChannel | None = None

    def check(self, settings: Settings, seconds: float | None) -> None:
        """Read the plan of the options.

        Args:
            settings: Options of the run.
            seconds: Length of a run with constant load, None where it ends when it is stopped.

        Raises:
            ValueError: If it is invalid, or nobody injects its faults; one line.
        """
        self.stages = plan_for(settings)
        self.faults = faults_for(settings, self.stages, seconds)
        if self.faults and self._channel is None:
            self._channel = FaultChannel(self._on_fault)

    def check_drifts(self, drifts: Sequence[DriftLimit]) -> None:
        """Check that nothing but the target changes what limits of a drift are about.

        Args:
            drifts: Limits of a drift over the whole run.

        Raises:
            ValueError: If the plan changes it; one line.
        """
        stages = () if self.stages is None else self.stages.stages
        if stages and drifts:
            raise ValueError("[[drift]] in the limits: stages change the load; write [[stage.drift]] into one")
        if self.faults and (drifts or any(stage.drifts for stage in stages)):
            raise ValueError("a drift has a limit, and faults change what drifts: leave one of them out")

    def begin(self, session: Session, recovery: float | None) -> None:
        """Begin the plan in a local process or a master.

        Args:
            session: Session of the run.
            recovery: Seconds that a recovery may take where a fault does not say it; None for the built-in ones.
        """
        default, began = RECOVERY_SECONDS if recovery is None else recovery, session.began
        planned = [
            FaultTime(began + one.at, default if one.recovery is None else one.recovery, one.restarts)
            for one in self.faults
        ]
        self._follow(session, planned)
        if self._channel is not None:
            self._channel.begin(session)

    def join(self, session: Session, stages: StagePlan | None, faults: Sequence[FaultTime]) -> None:
        """Begin the plan of a master in a worker.

        Args:
            session: Session of the run.
            stages: Stages of the run, None for a constant load.
            faults: Times of the faults, by the clock of this machine.
        """
        self.stages = stages
        self._follow(session, faults)

    def _follow(self, session: Session, faults: Sequence[FaultTime]) -> None:
        began = session.began
        session.plan = self.stages
        session.recorder.faults = faults
        if self.stages is not None:
            session.recorder.stage_ends = [began + stage.end for stage in self.stages.stages]
            session.pacing.curves = rate_curves(session.settings, self.stages)
            # Locust asks for the number of users only once a second.
            gevent.spawn_later(began + self.stages.seconds - session.recorder.clock(), session.end)

    def faults_so_far(self, session: Session) -> list[LiveFault]:
        """Return name, begin and end of each fault that has begun, seconds of measuring; no end while it lasts."""
        times = zip(self.faults, session.recorder.faults, strict=False)  # a run that begins has none yet
        origin = session.recorder.origin
        return [
            {
                "name": fault.name,
                "begin": round(time.begin - origin, 3),
                "end": None if math.isinf(time.end) else round(time.end - origin, 3),
            }
            for fault, time in times
            if time.has_begun
        ]

    def end(self) -> None:
        """End the fault that lasts, so that users can clean up."""
        if self._channel is not None:
            self._channel.end()
