"""Whether what a user has on the target outlives a restart of its server, which faults of a run may cause."""

from __future__ import annotations

from hanami_loadtests.engine.connection import clock
from hanami_loadtests.engine.failures import IncorrectAnswer, LoadFailure, Rejected
from hanami_loadtests.scenarios.scenario import Scenario

DATASET, UPLOAD, CLUSTER = "dataset", "upload", "cluster"
# Kind of a resource to the requirement that its loss violates where it is declared to be kept, and to the values of
# --durable that declare it.
KEPT_BY = {DATASET: ("FIN-1", ("datasets", "all")), UPLOAD: ("DATA-7", ("all",)), CLUSTER: ("DIO-11", ("all",))}


class Survival:
    """Follows one resource of a user, or several of one kind, one after the other.

    What the server declares to keep must be there after a restart: its loss is an incorrect answer. All else is
    observed.

    Args:
        scenario: The user.
        kind: One of KEPT_BY.
    """

    def __init__(self, scenario: Scenario, kind: str) -> None:
        self._scenario = scenario
        self._kind = kind
        self._seen = self._asked = clock()

    @property
    def is_in_doubt(self) -> bool:
        """Whether the server was restarted since the resource was seen last."""
        return self._scenario.session.restarted_since(self._seen)

    def made(self) -> None:
        """Note that the resource is a new one."""
        self._seen = clock()

    def asking(self) -> None:
        """Note that the target is asked for it, or that this user begins to."""
        if self.is_in_doubt:
            _ = self._scenario.session.token  # logs in again, so that the answer is about the resource alone
        self._asked = clock()

    def found(self) -> None:
        """Note that the resource is there."""
        if self.is_in_doubt:
            self._scenario.recorder.survived(self._kind, is_lost=False)
        self._seen = clock()

    def is_lost(self, error: LoadFailure) -> bool:
        """Return whether a failure means that the resource was lost when the server was restarted; that is recorded.

        Args:
            error: Failure of a request for it.
        """
        session = self._scenario.session
        if not isinstance(error, Rejected) or not self.is_in_doubt or not session.is_logged_in_since(self._asked):
            return False
        self._scenario.recorder.survived(self._kind, is_lost=True)
        requirement, declarations = KEPT_BY[self._kind]
        durable = session.settings.target.durable
        if durable in declarations:
            expected = f"the {self._kind} after a restart, which --durable {durable} declares"
            self._scenario.record_untimed(IncorrectAnswer(requirement, expected, str(error)))
        return True
