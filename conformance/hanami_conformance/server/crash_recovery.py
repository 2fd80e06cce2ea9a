"""Recovery from a crash: restart the server, and find the case that caused it by running cases again."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.catalogue import CRASH
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import MAX_LINE, printable_line
from hanami_conformance.server.crash_bisect import GRACE_SECONDS, LOOK_BACK, CrashBisect, ExecutedCase
from hanami_conformance.server.crashed_siblings import CrashedSiblings
from hanami_conformance.server.liveness import SILENT
from hanami_conformance.server.startup import ServerStartup
from hanami_conformance.target.target import UNRESPONSIVE, Target
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import UNCONFIRMED, CaseResult, Outcome

MOST_DELETION_CRASHES = 3  # of one kind of resource, then the clean-up leaves it
# Cases without a clean-up, then the server is restarted: it may allow a user only some resources at the same time.
MOST_UNCLEANED = 20
RERUN_SECONDS = 4.0  # of a wait for an answer when a case runs again that left the target silent
MOST_FAILED_SEARCHES = 3  # searches further back than one case without a result, in a run

RerunCase = Callable[[pytest.Item], ExecutedCase | None]


class RecoveryError(Exception):
    """The server cannot be started any more; the reason and the end of its log."""


class CrashRecovery:
    """The restarts of a server in a run.

    Args:
        startup: How the server is started again.
        target: The target.
        run_again: Function that runs a case again, alone.
        say: Function that prints a line during the run.
    """

    def __init__(
        self,
        startup: ServerStartup,
        target: Target,
        run_again: RerunCase,
        say: Callable[[str], None],
    ) -> None:
        self._startup = startup
        self._server = startup.server
        self._target = target
        self._rerun = run_again
        self._say = say
        self._since: deque[ExecutedCase] = deque(maxlen=LOOK_BACK)  # since the last restart
        self._failed_searches = 0
        self._deletion_crashes: Counter[str] = Counter()  # by kind of resource
        self._uncleaned = 0  # cases since the last restart that left what they created
        self._left_it_silent = False
        self._was_silent = False  # on websockets alone: only then they are asked, which makes and deletes an upload
        self.restarts = 0

    def begin_case(self) -> None:
        """Note that a case begins, so that its part of the log can be quoted."""
        self._server.begin_case()

    def check_process(self, ran: ExecutedCase, *, last: bool = False) -> ExecutedCase:
        """Return a finished case; LOST if the process has ended, and nothing answers in its place.

        Args:
            ran: The case.
            last: Whether no other case follows that would detect a crash.
        """
        if last:
            time.sleep(GRACE_SECONDS)
        if ran.result.outcome is Outcome.LOST:
            return ran
        self._was_silent = self._may_lose_a_worker(ran)
        if not self._was_silent and not self._server.ended():
            return ran
        return replace(ran, result=self.check_after(ran))

    def _may_lose_a_worker(self, ran: ExecutedCase) -> bool:
        """Return whether to probe the workers: a case that passes may lose one, and later ones would fail for it."""
        is_hostile = ran.item.get_closest_marker("hostile") is not None
        return bool(self._target.dialect.workers) and is_hostile and ran.recording.has_websockets

    def on_case_ok(self, ran: ExecutedCase) -> None:
        """Note a finished case after which the target is up.

        Raises:
            RecoveryError: If the server was restarted without what the clean-up leaves, and does not come back.
        """
        self._since.append(ran)
        self._uncleaned += bool(self._target.unsafe_deletions)
        if self._uncleaned >= MOST_UNCLEANED:
            self._since.clear()
            self.restart()

    def with_log(self, result: CaseResult) -> CaseResult:
        """Return the result of a lost case with the last lines of the log."""
        return replace(result, server_log=self._server.tail())

    def recover(self, lost: ExecutedCase, *, known: bool = False) -> list[CaseResult]:
        """Restart the server, and find the case that crashes it.

        Only a loss that repeats says something of the requirement that the case is about. Any other one violates GEN-2
        alone, since an earlier case may have caused it.

        Args:
            lost: The case in which the crash was detected, with the log.
            known: Whether another parameter of the test crashed the server in the same way, again when it ran alone.

        Returns:
            New results: of an earlier case if that one causes the crash, and of the lost case last.

        Raises:
            RecoveryError: If the server does not come back, and the run has to end.
        """
        since = list(self._since)
        self._since.clear()
        self._was_silent = SILENT in lost.result.loss
        self._left_it_silent = self._was_silent or lost.result.loss.startswith(UNRESPONSIVE)
        self.restart()
        if known:
            return [_with_note(lost.result, "as with another parameter")]
        again = self._alone(lost.item)
        if again is None:
            return [unconfirmed(lost.result, "it could not run again")]
        if again.outcome is Outcome.LOST:
            self.restart()
            self._count_deletion(lost)
            return [_with_note(lost.result, "again when it ran alone")]
        if not since:
            return [unconfirmed(lost.result, "not when it ran again alone")]
        return self._search_earlier(lost, again, since)

    def _count_deletion(self, lost: ExecutedCase) -> None:
        """Stop deleting resources of a kind where that crashed the server three times: cases are judged without."""
        kind = lost.recording.last_deleted
        if kind and SILENT not in lost.result.loss:  # a DELETE silences no worker: an earlier message did
            self._deletion_crashes[kind] += 1
            if self._deletion_crashes[kind] == MOST_DELETION_CRASHES:
                self._target.unsafe_deletions.add(kind)
                self._say(f"the deletion of {kind}s crashes the server: the clean-up leaves them")

    def _search_earlier(self, lost: ExecutedCase, again: CaseResult, since: list[ExecutedCase]) -> list[CaseResult]:
        """Return new results where the lost case does not crash the server when it runs alone."""
        before = since[-1]
        earlier = self._alone(before.item)
        if earlier is not None and earlier.outcome is Outcome.LOST:
            self.restart()
            self._say(f"{before.result.id} crashes the server, detected in {lost.result.id}")
            return [_with_note(earlier, f"detected in {lost.result.id}"), again]
        behind = self._alone(lost.item)
        if behind is not None and behind.outcome is Outcome.LOST:
            self.restart()
            return [unconfirmed(lost.result, f"again after {before.result.id}, not when it ran alone")]
        return self._further_back(lost, again, since)

    def _further_back(self, lost: ExecutedCase, again: CaseResult, since: list[ExecutedCase]) -> list[CaseResult]:
        """Return new results where neither the lost case nor the one before crashes the server at once."""
        if self._failed_searches >= MOST_FAILED_SEARCHES:
            return [unconfirmed(lost.result, f"neither again when it ran alone, nor after {since[-1].result.id}")]
        self._say(f"looking {pluralise(len(since), 'case')} back for the cause")
        self.restart()  # without after-effects of these two cases
        found = CrashBisect(self).search([*since, lost])
        if not found.suspects or found.lost is None:
            self._failed_searches += 1
            behind = f"neither again when it ran alone, nor after the {pluralise(len(since), 'case')} before it"
            return [unconfirmed(lost.result, behind)]
        first, last = found.suspects[0].result.id, found.suspects[-1].result.id
        if len(found.suspects) > 1:
            return [unconfirmed(lost.result, f"again after the cases {first} to {last}, not when they ran apart")]
        if first == lost.result.id:
            return [_with_note(lost.result, "again when it ran alone, a while later")]
        self._say(f"{first} crashes the server a while later, detected in {lost.result.id}")
        return [_with_note(found.lost, f"a while later, detected in {lost.result.id}"), again]

    def run(self, item: pytest.Item) -> ExecutedCase | None:
        """Implement :class:`hanami_conformance.server.crash_bisect.RestartableServer`."""
        return self._rerun(item)

    def ended(self) -> bool:
        """Implement :class:`hanami_conformance.server.crash_bisect.RestartableServer`."""
        return bool(self._server.ended())

    def _alone(self, item: pytest.Item) -> CaseResult | None:
        """Run a case again; return its result, LOST also if the target is down after it.

        After a silence, short waits show a silence again. Only where they do not, the case runs again with long ones,
        since its result counts.
        """
        if self._left_it_silent:
            with self._target.timeouts.limited(RERUN_SECONDS):
                result = self._result_alone(item)
            if result is None or result.outcome is Outcome.LOST:
                return result
        return self._result_alone(item)

    def _result_alone(self, item: pytest.Item) -> CaseResult | None:
        ran = self._rerun(item)
        if ran is None:
            return None
        result = ran.result
        if result.outcome is not Outcome.LOST:
            time.sleep(GRACE_SECONDS)
            result = self.check_after(ran)
        return self.with_log(result) if result.outcome is Outcome.LOST else result

    def check_after(self, ran: ExecutedCase) -> CaseResult:
        """Return the result of a case; LOST if the target is down after it."""
        loss = self._target.downtime_reason(sockets=self._was_silent)
        if not loss:
            return ran.result
        last = ran.recording.last_request()
        sent = f"; sent last: {last}" if last else ""
        # The cause may be any step of a sequence, or a DELETE of the clean-up, which is not what the test is about and
        # silences no socket.
        in_test = ran.recording.sent == ran.recording.sent_in_test or SILENT in loss
        only_test = in_test and not ran.result.sequences
        about = ran.result.requirements[:1] if only_test else ()
        failed = ""
        # A finding before the clean-up is not caused by the crash of a DELETE.
        if ran.result.outcome is Outcome.FAILED and ran.recording.last_deleted:
            about = ran.result.violated
            failed = f"; before the clean-up: {ran.result.reason}"
        return replace(
            ran.result,
            outcome=Outcome.LOST,
            reason=printable_line(f"the target no longer answers after it: {loss}{sent}{failed}", MAX_LINE),
            violated=tuple(dict.fromkeys((CRASH, *about))),
            expected="",
            actual="",
            known="",
            loss=printable_line(loss, MAX_LINE),
            exchange=ran.result.exchange or ran.recording.exchange(),
        )

    def restart_after_loss_beside(self) -> None:
        """Start the server again after a loss while several cases ran; the suspects run again, and no case before them.

        Raises:
            RecoveryError: If it does not come back.
        """
        self._since.clear()
        self.restart()

    def restart(self) -> None:
        """Start the server again.

        Raises:
            RecoveryError: If it does not come back.
        """
        try:
            self._startup.restart(self._target)
        except TargetDown as error:
            raise RecoveryError(f"the server could not be restarted: {error}") from error
        self._uncleaned = 0
        self.restarts += 1
        self._say(f"server restarted ({self.restarts})")


def lost_beside_others(result: CaseResult, suspects: Sequence[str]) -> CaseResult:
    """Return the result of a case that met the loss of the target while other cases ran, so that none is the cause."""
    others = ", ".join(name for name in suspects if name != result.id)
    return unconfirmed(result, f"beside {others}" if others else "in a worker")


def _with_note(result: CaseResult, what: str) -> CaseResult:
    """Return the result, with a note about the reruns in its reason."""
    return replace(result, reason=printable_line(f"{what}: {result.reason}", MAX_LINE))


def unconfirmed(result: CaseResult, what: str) -> CaseResult:
    """Return the result of a lost case that may not be the cause, without the requirement that it is about."""
    if result.sequence:
        sequence = replace(StepSequence.from_json(result.sequence), recurred_alone=False)
        result = replace(result, sequence=sequence.to_json())
    return replace(_with_note(result, f"{UNCONFIRMED}, {what}"), violated=(CRASH,))


class TargetLossHandler:
    """Handle a lost target after each case: abort the run, or restart the server and go on.

    Args:
        recovery: Recovery of the server, None where the suite did not start it.
        keep: Function that keeps a result, even if the recovery is interrupted later.
    """

    def __init__(self, recovery: CrashRecovery | None, keep: Callable[[CaseResult], None]) -> None:
        self._recovery = recovery
        self._keep = keep
        self._siblings = CrashedSiblings()
        self.abort_reason = ""  # empty while the run goes on

    @property
    def restarts(self) -> int:
        """Number of restarts of the server."""
        return 0 if self._recovery is None else self._recovery.restarts

    @property
    def restarted(self) -> bool:
        """Whether every case has its turn, since the server was restarted after each crash."""
        return self._recovery is not None and not self.abort_reason

    def begin_case(self) -> None:
        """Note that a case begins."""
        if self._recovery is not None:
            self._recovery.begin_case()

    def skip_reason(self, item: pytest.Item) -> str:
        """Return why a case need not run, empty if it must: other parameters of its test crashed the target alike."""
        return self._siblings.skip_reason(item)

    def on_case_passed_beside(self, ran: ExecutedCase) -> None:
        """Note a case that passed in a worker, for the search for the cause of a later crash."""
        if self._recovery is not None:
            self._recovery.on_case_ok(ran)

    def on_loss_beside(self, loss: str) -> None:
        """Go on after a loss while several cases ran: restart the server, or abort the run.

        Args:
            loss: How the target was lost, one line.
        """
        if self._recovery is None:
            self.abort_reason = f"lost while cases ran beside each other: {loss}"
            return
        try:
            self._recovery.restart_after_loss_beside()
        except RecoveryError as error:
            self.abort_reason = SECRETS.text(str(error))

    def on_case_finished(self, ran: ExecutedCase, *, last: bool) -> CaseResult:
        """Check the target after a case.

        Args:
            ran: The case.
            last: Whether no other case follows.

        Returns:
            The result of the case; new results of other cases are kept.
        """
        ran = ran if self._recovery is None else self._recovery.check_process(ran, last=last)
        result = ran.result
        if result.outcome is not Outcome.LOST:
            try:
                if self._recovery is not None:
                    self._recovery.on_case_ok(ran)
            except RecoveryError as error:
                self.abort_reason = f"lost after {result.id}: {SECRETS.text(str(error))}"
        elif self._recovery is None:
            self.abort_reason = f"lost in {result.id}: {result.reason}"
        else:
            result = self._recovered(self._recovery, replace(ran, result=self._recovery.with_log(result)))
        return result

    def _recovered(self, recovery: CrashRecovery, lost: ExecutedCase) -> CaseResult:
        self._keep(lost.result)
        try:
            *others, result = recovery.recover(lost, known=self._siblings.crashed_alike(lost))
        except RecoveryError as error:
            self.abort_reason = f"lost in {lost.result.id}: {SECRETS.text(str(error))}"
            return replace(lost.result, violated=(CRASH,))
        for other in others:
            self._keep(other)
        if result.outcome is Outcome.LOST and result.violated != (CRASH,):
            self._siblings.add(replace(lost, result=result))
        return result
