"""Classification of a case: the exception that ended a test becomes an outcome."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace

import pytest

from hanami_conformance.cases.failures import (
    MissingAnswer,
    PreconditionFailed,
    SiblingCrashed,
    TargetDown,
    Unsupported,
    Violation,
)
from hanami_conformance.cases.recording import DEFAULT_REQUIREMENT, CaseRecording
from hanami_conformance.catalogue import CRASH, catalogue
from hanami_conformance.clients.websocket import HANDSHAKE
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import MachineShortage, shortage_in
from hanami_conformance.common.text import MAX_LINE, printable_line
from hanami_conformance.target.target import Target
from hanami_proto.dialect import NoRouteError
from hanami_reports.model.conformance import CaseResult, Event, Level, Outcome
from hanami_reports.model.known_failures import Entry

# Returns the matching known failure for a case id, the violated requirements, and the texts of the failure.
MatchKnownFailure = Callable[[str, Collection[str], Collection[str]], Entry | None]


class CaseClassifier:
    """Classifies one case after the other.

    Args:
        target: Target, which is probed after a case that did not pass.
        match_known_failure: Function that finds a known failure; it is called after the probe of the target.
    """

    def __init__(self, target: Target, match_known_failure: MatchKnownFailure = lambda *_: None) -> None:
        self._target = target
        self._match_known_failure = match_known_failure
        self._case: CaseRecording | None = None
        self.shortage: MachineShortage | None = None  # of a case; nothing can be judged while it lasts

    def begin(self, case: CaseRecording, title: str, requirements: tuple[str, ...]) -> None:
        """Begin a test.

        Args:
            case: Recording of the case.
            title: Behaviour that a server must show.
            requirements: Ids of the requirements that the test checks.
        """
        self._case = case
        self._title = title
        self._requirements = requirements
        self._outcome = Outcome.NOT_RUN
        self._reason = "it was interrupted"
        self._expected = ""
        self._actual = ""
        self._failed_at = -1
        self._known = ""
        self._violated_ids: tuple[str, ...] = ()
        self._exchange: tuple[Event, ...] = ()
        self._last = ""
        self._loss = ""

    def phase(self, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Classify a finished phase of the test, and put the outcome into the report of pytest."""
        assert self._case is not None
        error = call.excinfo.value if call.excinfo is not None else None
        if call.when == "call":
            self._case.sent_in_test = self._case.sent
        try:
            self._classify(error, call, report)
        except MachineShortage as shortage:  # also from a probe of the target
            self._set_shortage(shortage, report)

    def _classify(self, error: BaseException | None, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        if isinstance(error, MachineShortage):
            raise error
        if lacking := shortage_in(error, self._target.endpoint.place):
            raise MachineShortage(lacking)
        if error is None and call.when == "call":
            self._passed(report)
        if error is None or isinstance(error, (KeyboardInterrupt, pytest.exit.Exception)):
            return
        if isinstance(error, SiblingCrashed):
            self._left_out(Outcome.SKIPPED, str(error), report)
            return
        if isinstance(error, (Unsupported, NoRouteError, pytest.skip.Exception)):
            self._left_out(Outcome.UNSUPPORTED, str(error), report)
            return
        if call.when == "teardown" and self._outcome is Outcome.KNOWN:
            self._failed_after_known(error, report)
            return
        if call.when == "teardown" and self._outcome is not Outcome.PASSED:
            return
        self._failed(error, call, report)

    def _set_shortage(self, shortage: MachineShortage, report: pytest.TestReport) -> None:
        """Attribute the failure to no requirement: this machine lacks what the case needs."""
        self.shortage = self.shortage or shortage
        self._known = ""
        self._violated_ids = ()
        self._set(Outcome.ERROR, str(shortage))
        report.outcome = "failed"
        report.longrepr = self._explain()

    def _left_out(self, outcome: Outcome, reason: str, report: pytest.TestReport) -> None:
        self._set(outcome, reason)
        self._exchange = ()
        report.outcome = "skipped"
        report.longrepr = (str(report.fspath), 0, f"{outcome.name}: {self._reason}")

    def _passed(self, report: pytest.TestReport) -> None:
        assert self._case is not None
        if self._case.dropped and self._lost_by_a_rejection():
            report.outcome = "failed"
            report.longrepr = self._explain()
            return
        if self._case.sent and self._case.checks:
            self._set(Outcome.PASSED, "")
            return
        lacks = "sent" if not self._case.sent else "checked"
        self._set(Outcome.VACUOUS, f"the case {lacks} nothing")
        report.outcome = "failed"
        report.longrepr = self._reason
        self._keep_exchange()

    def _lost_by_a_rejection(self) -> bool:
        """Return whether the target is down after a socket that it dropped: a rejection for the test, or a crash.

        The clean-up would meet a crash next, and it would look like the effect of a DELETE.
        """
        self._keep_exchange()
        self._target.close_connections()
        if not (loss := self._target.downtime_reason()):
            self._exchange = ()
            return False
        self._mark_lost(loss, "it ended a websocket without a close frame")
        self._violated_ids = self._violated_by_loss(in_test=True)
        return True

    def _failed(self, error: BaseException, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        self._keep_exchange()
        assert self._case is not None
        known = isinstance(error, (Violation, PreconditionFailed, TargetDown))
        if known and (lacking := self._target.machine_shortage()):
            raise MachineShortage(lacking)
        self._target.close_connections()  # one of them may block the target
        if known and (loss := self._target.downtime_reason()):
            self._mark_lost(loss, error)
            is_step = call.when == "call" and not isinstance(error, PreconditionFailed)
            # Of operations at the same time, a test is about those that its title names.
            named = error.requirement_if_lost if isinstance(error, Violation) else None
            if isinstance(error, MissingAnswer) and not self._case.sequences:
                named = None
            self._violated_ids = self._violated_by_loss(named if is_step else None, in_test=is_step)
        elif known and (why := self._target.disconnect_reason(str(error))):
            self._left_out(Outcome.UNSUPPORTED, f"{why}; needs one that lives longer", report)
            return
        elif isinstance(error, PreconditionFailed) or (known and call.when == "setup"):
            self._set(Outcome.BLOCKED, f"its setup failed: {error}")
        elif isinstance(error, (Violation, TargetDown)):
            self._violated(error, report)
            if self._outcome is Outcome.PASSED:
                return
        else:
            self._set(Outcome.ERROR, f"internal error: {type(error).__name__}: {error}")
            assert call.excinfo is not None
            trace = call.excinfo.getrepr(style="short", showlocals=False)  # secrets in cut locals are not found
            report.longrepr = SECRETS.text(str(trace))
            return
        report.longrepr = self._explain()

    def _failed_after_known(self, error: BaseException, report: pytest.TestReport) -> None:
        """Classify a failure in the teardown after a known failure, which covers it unless the target was lost."""
        assert self._case is not None
        self._last = self._case.last_request()
        if not isinstance(error, (Violation, PreconditionFailed, TargetDown)):
            self._known = ""
            self._set(Outcome.ERROR, f"internal error: {type(error).__name__}: {error}")
            self._violated_ids = ()
        elif loss := self._target.downtime_reason():
            self._known = ""
            self._mark_lost(loss, error)
            self._violated_ids = self._violated_by_loss(in_test=False)
        else:
            report.outcome = "passed"
            report.longrepr = None
            return
        self._expected = self._actual = ""
        report.longrepr = self._explain()

    def _violated(self, error: Violation | TargetDown, report: pytest.TestReport) -> None:
        if all(catalogue()[name].level is Level.OBSERVE for name in self._requirements):
            # The protocol leaves it open: a violation of another requirement is only an observation here.
            assert self._case is not None
            self._set(Outcome.PASSED, "")
            self._exchange = ()
            self._case.observations["it ended with"] = self._line(str(error))
            report.outcome = "passed"
            report.longrepr = None
            return
        self._set(Outcome.FAILED, str(error))
        if isinstance(error, Violation):
            self._expected = self._line(error.expected)
            self._actual = self._line(error.actual)
            self._failed_at = _event_of(error)
            self._reason = f"expected {self._expected}; actual {self._actual}"
        attributed = error.requirement if isinstance(error, Violation) else None
        # A check that several tests share names its own requirement, which is violated whatever the test is about.
        self._violated_ids = (attributed if attributed is not None else self._requirements[0],)
        self._apply_known_failure(report)

    def _violated_by_loss(self, named: str | None = None, *, in_test: bool) -> tuple[str, ...]:
        """Return the requirements that the loss of the target violates: that clients end no server, and the case's own.

        Which step of a sequence is the cause is not known, so only a requirement that the failed check names counts.

        Args:
            named: Requirement that the failed check names, None for none.
            in_test: Whether the test itself lost the target, and not its setup or teardown.
        """
        assert self._case is not None
        if named == HANDSHAKE:  # a target that is down opens no websocket, whatever ended it
            named = None
        about = self._requirements[0] if named is None and in_test and not self._case.sequences else named
        if about is None or about == CRASH or catalogue()[about].level is Level.OBSERVE:  # which nothing violates
            return (CRASH,)
        return CRASH, about

    def _apply_known_failure(self, report: pytest.TestReport) -> None:
        assert self._case is not None
        entry = self._match_known_failure(
            self._case.id, self._violated_ids, (self._reason, self._expected, self._actual)
        )
        if entry is not None:
            self._outcome = Outcome.KNOWN
            self._known = entry.explanation
            report.outcome = "skipped"
            report.wasxfail = entry.explanation  # pytest's word for an expected failure

    def _set(self, outcome: Outcome, reason: str) -> None:
        self._outcome = outcome
        self._reason = self._line(reason)

    def _mark_lost(self, loss: str, error: BaseException | str) -> None:
        last = f"; sent last: {self._last}" if self._last else ""
        self._loss = self._line(loss)
        self._set(Outcome.LOST, f"the target no longer answers: {loss}{last}; before that: {error}")

    def _line(self, text: str) -> str:
        return printable_line(text, MAX_LINE)

    def _keep_exchange(self) -> None:
        # Copied now: the liveness probe and the deletions that follow belong to no requirement.
        assert self._case is not None
        self._exchange = self._case.exchange()
        self._last = self._case.last_request()

    def _explain(self) -> str:
        lines = [f"{self._outcome.value}: {', '.join(self._violated_ids or self._requirements)}: {self._title}"]
        if self._expected:
            lines += [f"  expected  {self._expected}", f"  actual    {self._actual}"]
        else:
            lines.append(f"  {self._reason}")
        return "\n".join(lines)

    def end(self) -> CaseResult | None:
        """Return the result of the finished test, None if it was interrupted."""
        case = self._case
        assert case is not None
        self._case = None
        if self._outcome is Outcome.NOT_RUN:
            return None
        return CaseResult(
            id=case.id,
            title=self._title,
            requirements=self._requirements,
            outcome=self._outcome,
            violated=self._violated_ids,
            reason=self._reason,
            expected=self._expected,
            actual=self._actual,
            duration=round(time.monotonic() - case.began, 6),
            exchanges=case.sent,
            checks=case.checks,
            sequences=case.sequences,
            checks_by_requirement=self._evidence(case),
            observations={what: printable_line(seen, MAX_LINE) for what, seen in case.observations.items()},
            exchange=self._exchange,
            started=case.started,
            sequence=self._sequence(case),
            known=self._known,
            loss=self._loss,
            failed_at=self._failed_at,
        )

    def _evidence(self, case: CaseRecording) -> dict[str, int]:
        counts = Counter(
            {name: count for name, count in case.checks_by_requirement.items() if name in self._requirements}
        )
        # In a sequence, a check without a requirement belongs to a preparing step.
        if case.checks_by_requirement[DEFAULT_REQUIREMENT] and not case.sequences:
            counts[self._requirements[0]] += case.checks_by_requirement[DEFAULT_REQUIREMENT]
        return {name: counts[name] for name in self._requirements if counts[name]}

    def _sequence(self, case: CaseRecording) -> str:
        if case.sequence is None or self._outcome is Outcome.PASSED:
            return ""
        sequence = replace(
            case.sequence,
            dialect=self._target.dialect.name,
            requirement=next(iter(self._violated_ids), ""),
            expected=self._expected,
            actual=self._actual or self._reason,
        )
        return sequence.to_json()


def _event_of(error: Violation) -> int:
    """Return the index of the last event before the check that failed, which another one may have quoted."""
    while isinstance(error.__cause__, Violation):
        error = error.__cause__
    return error.event
