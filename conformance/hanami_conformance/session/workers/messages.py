"""What the controller, which is the process of the run, and its workers send to each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hanami_conformance.combinations.coverage import CoverageLog, Steps
from hanami_conformance.combinations.covering_rows import Plan
from hanami_conformance.resources.factory import Leftover
from hanami_conformance.stateful.search_log import SearchLog
from hanami_conformance.stateful.search_settings import SearchSettings
from hanami_conformance.target.shared_target import Learned, SharedTarget
from hanami_conformance.target.target import Target
from hanami_reports.model.conformance import CaseResult, Event


@dataclass(frozen=True)
class WorkerJob:
    """What a worker needs before its first case. It holds secrets, and goes through a pipe.

    Attributes:
        target: The connected target.
        share: Number of connections that the worker may open at the same time.
        run_id: Part of the name of every resource that the run creates on the target.
        settings: Settings of the search for failing sequences.
        sends_exchanges: Whether the controller writes all exchanges to a file.
    """

    target: SharedTarget
    share: int
    run_id: str
    settings: SearchSettings
    sends_exchanges: bool


@dataclass(frozen=True)
class SequenceFinished:
    """A sequence or a row of a case is over.

    Attributes:
        left: Seconds left for its kind, infinite for any.
    """

    left: float


@dataclass(frozen=True)
class ExchangeFinished:
    """Events of a case, as :class:`hanami_conformance.session.event_log.EventLog` writes them."""

    case: str
    started: str
    events: tuple[Event, ...]
    sequence: int


@dataclass(frozen=True)
class SharedLeftover:
    """A resource that could not be deleted, with the name of the account that owns it."""

    account: str
    kind: str
    uuid: str
    name: str
    reason: str

    @classmethod
    def of(cls, left: Leftover) -> SharedLeftover:
        """Return the description of a leftover."""
        return cls(left.account.name, left.kind, left.uuid, left.name, left.reason)

    def at(self, target: Target) -> Leftover:
        """Return the leftover at the target of this process."""
        owner = next((one for one in target.accounts if one.name == self.account), target.account)
        return Leftover(owner, self.kind, self.uuid, self.name, self.reason)


@dataclass(frozen=True)
class CoveredRows:
    """The rows of an input model that a case executed.

    Attributes:
        plan: All rows of the model.
        executed: Executed rows.
        left_out: Number of rows that were not executed.
    """

    plan: Plan
    executed: tuple[Steps, ...]
    left_out: int

    def add_to(self, log: CoverageLog, case: str) -> None:
        """Note the rows in the log of the run."""
        log.plans.setdefault(self.plan.model.name, self.plan)
        log.executed[case] += [(self.plan.model.name, steps) for steps in self.executed]


@dataclass(frozen=True)
class CaseFinished:
    """A case is over.

    Attributes:
        case: Id of the case.
        result: Its result, None if it was interrupted.
        rows: Its rows of input models.
        learned: What the worker learned of the target in it.
        leftovers: Resources that it could not delete.
    """

    case: str
    result: CaseResult | None
    rows: tuple[CoveredRows, ...]
    learned: Learned
    leftovers: tuple[SharedLeftover, ...]


Message = SequenceFinished | ExchangeFinished | CaseFinished


def worker_settings(settings: SearchSettings) -> SearchSettings:
    """Return the settings of the search in a worker, which finds failures and leaves the rest to the controller."""
    return replace(settings, searches_only=True, on_example=_nothing, log=SearchLog())


def _nothing(_left: float) -> None:
    """Do nothing: the worker has a function of its own."""
