"""The part of a run that worker processes do: cases that may run beside others.

A worker has the last word only on a case that passes. Everything else may be the effect of a neighbour, of a lost
target or of the smaller number of connections, so the controller runs that case again, alone, and judges it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Generator
from dataclasses import dataclass

import pytest

from hanami_conformance.common.child_process import ProcessError
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.session.collection import is_search, risk_level, runs_beside
from hanami_conformance.session.event_log import EventLog
from hanami_conformance.session.progress import Console
from hanami_conformance.session.workers.messages import (
    CaseFinished,
    ExchangeFinished,
    SequenceFinished,
    WorkerJob,
    worker_settings,
)
from hanami_conformance.session.workers.pool import WorkerPool
from hanami_conformance.suite.context import SuiteContext
from hanami_conformance.target.shared_target import SharedTarget
from hanami_conformance.target.target import Target
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import CaseResult, Outcome

FAILED = (Outcome.FAILED, Outcome.BLOCKED, Outcome.VACUOUS, Outcome.LOST)
FEWEST_CASES = 2  # for which workers are started


@dataclass(frozen=True)
class WorkerCount:
    """The number of workers of a run.

    Attributes:
        count: The number; 1 stands for none beside the controller.
        reason: Why it is smaller than the one that was asked for, empty where it is not.
    """

    count: int
    reason: str = ""


def worker_count(wanted: int, target: Target) -> WorkerCount:
    """Return how many workers may use a target at the same time.

    Args:
        wanted: Number that was asked for, 0 for one for each processor that this process may use.
        target: Connected target.
    """
    count = wanted or _processors()
    if count > 1 and target.given_cluster is not None:
        return WorkerCount(1, "all cases share the given cluster (--cluster)")
    limit, server_workers = target.connection_limit.limit, target.dialect.workers
    # Each worker needs a connection of its own, and on servers with few threads one of them for REST calls.
    if 0 < server_workers // 2 < min(count, limit):
        return WorkerCount(max(1, server_workers // 2), f"the server serves {server_workers} connections at once")
    if limit < count:
        return WorkerCount(limit, f"the target has {pluralise(limit, 'connection')} (--max-connections)")
    return WorkerCount(count)


def _processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class LossBeside:
    """A target that was lost while several cases ran.

    Attributes:
        suspects: Ids of the cases that ran then or shortly before.
        result: Result of the case that met the loss first, None where the end of the process was detected first.
    """

    suspects: tuple[str, ...]
    result: CaseResult | None


class ParallelPart:
    """Cases beside each other, until the first sign that the target is lost.

    Args:
        count: Number of workers, at least 2.
        context: What the cases of the run share.
        events: Log of all exchanges.
        console: Output of progress.
        restartable: Whether the suite started the server by a command, and restarts it.

    Attributes:
        failed: Ids of the cases that failed; where one passes alone, neighbours were the reason, or chance.
        loss: The loss that ended it, None while there is none.
    """

    def __init__(
        self, count: int, context: SuiteContext, events: EventLog, console: Console, *, restartable: bool
    ) -> None:
        self._count = count
        self._context = context
        self._target = context.target
        self._events = events
        self._console = console
        # After each hostile case a lost thread of such a server is looked for, which needs all connections.
        self._shares_hostile = not (restartable and context.target.dialect.workers)
        self._pool: WorkerPool | None = None
        self._is_over = False
        self.failed: set[str] = set()
        self.loss: LossBeside | None = None

    def takes(self, item: pytest.Item) -> bool:
        """Return whether workers run a test."""
        if not runs_beside(item) or (risk_level(item) and not self._shares_hostile):
            return False
        # Guided searches of a kind go on where the one before ended, for as long as the user asked.
        return not (self._context.search_settings.profile.guided and is_search(item))

    def run(self, cases: Collection[str], *, stops_at_failure: bool) -> Generator[CaseResult, None, None]:
        """Run cases in workers.

        Args:
            cases: Their ids; those that take long first.
            stops_at_failure: Whether the user asked to stop at the first failure, which only the controller can judge.

        Yields:
            Results of cases that passed; all others are to be run by the controller.
        """
        if self._is_over or len(cases) < FEWEST_CASES:
            return
        try:
            yield from self._run(self._started(), cases, stops_at_failure=stops_at_failure)
        except (ProcessError, MachineShortage) as error:
            self._console.say(f"the other cases run in one process: {error}")
            self.close()
        except BaseException:
            self.close()
            raise

    def _run(
        self, pool: WorkerPool, cases: Collection[str], *, stops_at_failure: bool
    ) -> Generator[CaseResult, None, None]:
        for message in pool.run(cases):
            if isinstance(message, SequenceFinished):
                self._console.sequence(message.left)
            elif isinstance(message, ExchangeFinished):
                self._events.write(message.case, message.started, message.events, message.sequence)
            elif isinstance(message, CaseFinished):
                self._note(message)
                result = message.result
                if result is not None and _counts(message):
                    yield self._passed(message, result)
                elif result is not None:
                    self._not_passed(pool, result, stops_at_failure=stops_at_failure)
            if self.loss is None and self._target.process_end():
                self._end(pool, None)
        if self._is_over:
            self.close()

    def _started(self) -> WorkerPool:
        if self._pool is None:
            shared = SharedTarget.of(self._target)
            self._target.close_connections()  # from now on the workers share the limit
            job = WorkerJob(
                shared,
                shared.limit // self._count,
                self._context.run_id,
                worker_settings(self._context.search_settings),
                self._events.is_open,
            )
            self._pool = WorkerPool(job, self._count)
        return self._pool

    def _note(self, message: CaseFinished) -> None:
        """Note what the target has from the case, however it ended."""
        message.learned.add_to(self._target)
        self._context.leftovers.extend(left.at(self._target) for left in message.leftovers)

    def _passed(self, message: CaseFinished, result: CaseResult) -> CaseResult:
        for rows in message.rows:
            rows.add_to(self._context.coverage, message.case)
        self._events.write_case(result)
        return result

    def _not_passed(self, pool: WorkerPool, result: CaseResult, *, stops_at_failure: bool) -> None:
        if result.outcome in FAILED:
            self.failed.add(result.id)
        if result.outcome is Outcome.LOST:
            self._end(pool, result)
        elif stops_at_failure and result.outcome is not Outcome.UNSUPPORTED:
            self._is_over = True
            pool.finish()

    def _end(self, pool: WorkerPool, result: CaseResult | None) -> None:
        """Note a loss; the cases that run at the moment end on their own, since nothing answers them."""
        if self.loss is None:
            self.loss = LossBeside(tuple(pool.suspects), result)
        self._is_over = True
        pool.finish()

    def close(self) -> None:
        """End the workers; all further cases are for the controller."""
        self._is_over = True
        if self._pool is not None:
            self._pool.stop()
            self._pool = None


def _counts(message: CaseFinished) -> bool:
    """Return whether a result stands: the case passed, and executed all of its rows."""
    passed = message.result is not None and message.result.outcome is Outcome.PASSED
    return passed and not any(rows.left_out for rows in message.rows)
