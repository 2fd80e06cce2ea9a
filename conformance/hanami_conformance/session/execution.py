"""The execution of the cases: one after the other in this process, or several at once in workers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Literal

import pytest

from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.common.shortage import CpuShortage, MachineShortage
from hanami_conformance.server.crash_bisect import ExecutedCase
from hanami_conformance.server.crash_recovery import CrashRecovery, TargetLossHandler, lost_beside_others
from hanami_conformance.server.open import OpenTarget
from hanami_conformance.session.case_runner import CaseRunner, tear_everything_down
from hanami_conformance.session.classifier import CaseClassifier, MatchKnownFailure
from hanami_conformance.session.collection import case_id, is_suite_item, risk_level, takes_long
from hanami_conformance.session.event_log import EventLog
from hanami_conformance.session.exchange_budget import ExchangeBudget
from hanami_conformance.session.progress import Console
from hanami_conformance.session.reports import RunReports
from hanami_conformance.session.workers.parallel_part import LossBeside, ParallelPart
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import CaseResult, Outcome

MOST_CPU_WAITS = 10  # in a run
CPU_PAUSE = 10.0  # seconds
PHASES: tuple[Literal["setup"], Literal["call"], Literal["teardown"]] = ("setup", "call", "teardown")


class CaseExecution:
    """Runs the cases of a session, keeps their results, and handles a lost target.

    Args:
        opened: The target.
        match_known_failure: Function that finds a known failure.
        events: Log of all exchanges.
        reports: Reports of the run.
        console: Output of progress.
        parallel: The part of the run that workers do, None for none.

    Attributes:
        cases: Results by the ids of the cases.
        classifier: Classifier of the outcomes.
        shortage: What this machine lacks, which ended the run; empty while it lacks nothing.
    """

    def __init__(
        self,
        opened: OpenTarget,
        match_known_failure: MatchKnownFailure,
        events: EventLog,
        reports: RunReports,
        console: Console,
        parallel: ParallelPart | None,
    ) -> None:
        self.cases: dict[str, CaseResult] = {}
        self.classifier = CaseClassifier(opened.target, match_known_failure)
        self.shortage = ""
        self._shortage: MachineShortage | None = None  # of the last case
        self._cpu_waits = 0
        self._target = opened.target
        self._match_known_failure = match_known_failure
        self._runner = CaseRunner(self.classifier, events)
        self._events = events
        self._exchanges = ExchangeBudget()
        self._reports = reports
        self._console = console
        self._parallel = parallel
        self._passed_beside: set[str] = set()  # ids of the cases that passed in workers
        self._levels_begun: set[int] = set()  # risk levels whose parallel part is over
        recovery = None
        if opened.startup is not None:
            recovery = CrashRecovery(opened.startup, opened.target, self._rerun, console.say)
        self._losses = TargetLossHandler(recovery, self._keep)

    @property
    def loss(self) -> str:
        """How the target was lost, which ended the run; empty while it is there, or was restarted."""
        return self._losses.abort_reason

    @property
    def restarted(self) -> bool:
        """Whether every case has its turn, since the server was restarted after each crash."""
        return self._losses.restarted

    def skip_reason(self, item: pytest.Item) -> str:
        """Return why a case need not run, empty if it must; see :meth:`TargetLossHandler.skip_reason`."""
        return self._losses.skip_reason(item)

    def run(self, item: pytest.Item) -> None:
        """Run a test, unless a worker has run it.

        Before the first case of a risk level, workers run those of its cases that may run beside others.
        """
        level = risk_level(item)
        if level not in self._levels_begun:
            self._levels_begun.add(level)
            self._run_parallel_part(item.session, level)
        name = case_id(item)
        if name in self.cases or item.session.shouldfail:
            return
        self._run_alone(item, self._next_item(item))
        passed = name in self.cases and self.cases[name].outcome is Outcome.PASSED
        if passed and self._parallel is not None and name in self._parallel.failed:
            self._run_again_alone(item.session, f"{name} fails beside other cases, and passes alone")

    def _run_again_alone(self, session: pytest.Session, why: str) -> None:
        """Run all cases again that passed in workers: what neighbours change for one case, they may hide in another."""
        assert self._parallel is not None
        self._parallel.close()
        names = self._passed_beside & self.cases.keys()
        self._passed_beside = set()
        if not names:
            return
        self._console.say(f"{why}: the {pluralise(len(names), 'case')} that passed in workers run again in one process")
        session._setupstate.teardown_exact(None)  # noqa: SLF001 - the next test may be of another file
        for item in filter(is_suite_item, session.items):
            if case_id(item) in names and not session.shouldfail:
                self._run_alone(item, None)

    def _run_alone(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Run a test in this process, while no other one runs. One that passed in a worker was reported then."""
        is_new = case_id(item) not in self.cases
        if is_new:
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        while True:
            self._losses.begin_case()
            ran = self._runner.run(item, nextitem)
            reports = self._runner.reports
            result = None if ran is None else self._finish_case(ran, last=self._next_item(item) is None)
            if not self._waits_for_cpu(item):
                break
        for report in reports:
            if is_new or report.failed:
                item.ihook.pytest_runtest_logreport(report=report)
        if result is not None:
            self._close_case(item, result)
            if is_new:
                self._console.case(result)
        if is_new:
            item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def _waits_for_cpu(self, item: pytest.Item) -> bool:
        """Wait a while if a case lacked a CPU; return whether it shall run again."""
        if not isinstance(self._shortage, CpuShortage) or self._cpu_waits >= MOST_CPU_WAITS:
            return False
        self._cpu_waits += 1
        self._console.say(f"{case_id(item)} runs again in {CPU_PAUSE:.0f} s: {self._shortage.lacking}")
        time.sleep(CPU_PAUSE)
        tear_everything_down(item)
        self._shortage = self.classifier.shortage = None
        return True

    def _next_item(self, item: pytest.Item) -> pytest.Item | None:
        """Return the test that runs after another one in this process, as far as that is known."""
        items = item.session.items
        later = items[items.index(item) + 1 :]
        return next((one for one in later if not is_suite_item(one) or case_id(one) not in self.cases), None)

    def _rerun(self, item: pytest.Item) -> ExecutedCase | None:
        """Run a case again, apart from all others; return None if it was interrupted."""
        tear_everything_down(item)
        self._losses.begin_case()
        return self._runner.run(item, None)

    def _finish_case(self, ran: ExecutedCase, *, last: bool) -> CaseResult:
        """Return the result of a finished case, and handle a lost target."""
        result = ran.result
        self._shortage = self.classifier.shortage
        try:
            if self._shortage is None:
                result = self._excuse_known_loss(self._losses.on_case_finished(ran, last=last))
                self._shortage = self.classifier.shortage  # of a case that ran again
        except MachineShortage as met:
            self._shortage = met
        if self._shortage is None:
            return result
        return replace(result, outcome=Outcome.ERROR, reason=str(self._shortage), violated=(), known="", loss="")

    def _close_case(self, item: pytest.Item, result: CaseResult) -> None:
        """Keep the result of a case, and end the run where nothing can be judged any more."""
        if self._shortage is not None:
            self._end_for_shortage(item.session, self._shortage)
        elif self._losses.abort_reason:
            item.session.shouldfail = "target lost"
        self._keep(result)

    def _end_for_shortage(self, session: pytest.Session, shortage: MachineShortage) -> None:
        self.shortage = str(shortage)
        session.shouldfail = "this machine lacks what the run needs"

    def _keep(self, result: CaseResult) -> None:
        self.cases[result.id] = self._exchanges.fit(result)
        self._reports.note_case(result)
        self._events.write_case(result)

    def _excuse_known_loss(self, result: CaseResult) -> CaseResult:
        """Return the result of a case; KNOWN if the server was restarted, and the list has an entry for the crash."""
        if result.outcome is not Outcome.LOST or not self._losses.restarted:
            return result
        entry = self._match_known_failure(result.id, result.violated, (result.reason,))
        return result if entry is None else replace(result, outcome=Outcome.KNOWN, known=entry.explanation)

    def _run_parallel_part(self, session: pytest.Session, level: int) -> None:
        """Let workers run the cases of a risk level that may run beside others."""
        if self._parallel is None or self._losses.restarts:  # after a restart the tokens of the workers are void
            return
        suite = filter(is_suite_item, session.items)
        chosen = [item for item in suite if risk_level(item) == level and self._parallel.takes(item)]
        items = {case_id(item): item for item in sorted(chosen, key=takes_long, reverse=True)}
        session._setupstate.teardown_exact(None)  # noqa: SLF001 - the next test of this process may be of another file
        stops_at_failure = bool(session.config.getoption("maxfail"))
        # Closed also where this process is interrupted while it keeps a result: the workers end then.
        with contextlib.closing(self._parallel.run(items, stops_at_failure=stops_at_failure)) as results:
            for result in results:
                self._accept(items[result.id], result)
        if self._parallel.loss is not None:
            self._after_loss(session, self._parallel.loss)

    def _accept(self, item: pytest.Item, result: CaseResult) -> None:
        """Keep the result of a case that passed in a worker, and report it to pytest."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for when in PHASES:
            seconds = result.duration if when == "call" else 0.0
            report = pytest.TestReport(item.nodeid, item.location, {}, "passed", None, when, duration=seconds)
            item.ihook.pytest_runtest_logreport(report=report)
        self._passed_beside.add(result.id)
        self._losses.on_case_passed_beside(ExecutedCase(item, result, CaseRecording(result.id)))
        self._keep(result)
        self._console.case(result)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def _after_loss(self, session: pytest.Session, loss: LossBeside) -> None:
        """Restart the server after a loss in the parallel part, and find the cause among the cases that ran then.

        Where none of them loses the target alone, the loss stays a violation of GEN-2.
        """
        try:
            reason = self._target.downtime_reason()
        except MachineShortage as shortage:
            self._end_for_shortage(session, shortage)
            return
        if reason:
            self._losses.on_loss_beside(reason)
        if self._losses.abort_reason:
            session.shouldfail = "target lost"
        elif self._lost_again(session, loss.suspects):
            return
        if loss.result is not None:
            self._keep(self._excuse_known_loss(lost_beside_others(loss.result, loss.suspects)))

    def _lost_again(self, session: pytest.Session, suspects: Collection[str]) -> bool:
        """Run cases again, each alone; return whether one of them loses the target."""
        for item in filter(is_suite_item, session.items):
            if case_id(item) in suspects and not session.shouldfail:
                self._run_alone(item, None)
        return any(self.cases[name].loss for name in suspects if name in self.cases)
