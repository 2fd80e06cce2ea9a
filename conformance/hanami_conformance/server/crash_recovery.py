"""Recovery from a crash: restart the server, and find the case that caused it by running cases again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import pytest

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.catalogue import CRASH
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import MAX_LINE, printable_line
from hanami_conformance.server.crash_bisect import GRACE_SECONDS, LOOK_BACK, CrashBisect, ExecutedCase
from hanami_conformance.server.liveness import SILENT
from hanami_conformance.server.startup import ServerStartup
from hanami_conformance.target.target import Target
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import CaseResult, Outcome

MOST_RESTARTS = 5  # in a row, without a case that passed between two of them

MOST_FAILED_SEARCHES = 3  # searches further back than one case without a result, in a run

RerunCase = Callable[[pytest.Item], CaseResult | None]


class RecoveryError(Exception):
    """The server is not restarted any more, or cannot be; the reason and the end of its log."""


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
        self._was_silent = False  # on websockets alone: only then they are asked, which makes and deletes an upload
        self._restarts_in_a_row = 0
        self.restarts = 0

    def check_process(self, ran: ExecutedCase, *, last: bool = False) -> ExecutedCase:
        """Return a finished case; LOST if the process has ended, and nothing answers in its place.

        Args:
            ran: The case.
            last: Whether no other case follows that would detect a crash.
        """
        if last:
            time.sleep(GRACE_SECONDS)
        if ran.result.outcome is Outcome.LOST or not self._server.ended():
            return ran
        return ExecutedCase(ran.item, self.check_after(ran))

    def on_case_ok(self, ran: ExecutedCase) -> None:
        """Note a finished case after which the target is up."""
        self._since.append(ran)
        if ran.result.outcome is Outcome.PASSED:
            self._restarts_in_a_row = 0

    def with_log(self, result: CaseResult) -> CaseResult:
        """Return the result of a lost case with the last lines of the log."""
        return replace(result, server_log=self._server.tail())

    def recover(self, lost: ExecutedCase) -> list[CaseResult]:
        """Restart the server, and find the case that crashes it.

        Args:
            lost: The case in which the crash was detected, with the log.

        Returns:
            New results: of an earlier case if that one causes the crash, and of the lost case last.

        Raises:
            RecoveryError: If the server does not come back, and the run has to end.
        """
        if self._restarts_in_a_row >= MOST_RESTARTS:
            raise RecoveryError(f"after {self._restarts_in_a_row} restarts in a row without a passed case")
        self._restarts_in_a_row += 1
        since = list(self._since)
        self._since.clear()
        self._was_silent = SILENT in lost.result.reason
        self.restart()
        again = self._alone(lost.item)
        if again is None:
            return [_with_note(lost.result, "it could not run again")]
        if again.outcome is Outcome.LOST:
            self.restart()
            return [_with_note(lost.result, "again when it ran alone")]
        if not since:
            return [_with_note(lost.result, "not when it ran again alone")]
        before = since[-1]
        earlier = self._alone(before.item)
        if earlier is not None and earlier.outcome is Outcome.LOST:
            self.restart()
            self._say(f"{before.result.id} ends the server, noticed in {lost.result.id}")
            return [_with_note(earlier, f"noticed in {lost.result.id}"), again]
        behind = self._alone(lost.item)
        if behind is not None and behind.outcome is Outcome.LOST:
            self.restart()
            return [_with_note(lost.result, f"again behind {before.result.id}, not when it ran alone")]
        return self._further_back(lost, again, since)

    def _further_back(self, lost: ExecutedCase, again: CaseResult, since: list[ExecutedCase]) -> list[CaseResult]:
        """Return new results where neither the lost case nor the one before crashes the server at once."""
        if self._failed_searches >= MOST_FAILED_SEARCHES:
            return [_with_note(lost.result, f"neither again when it ran alone, nor behind {since[-1].result.id}")]
        self._say(f"looking {pluralise(len(since), 'case')} back for what ends the server")
        self.restart()  # without after-effects of these two cases
        found = CrashBisect(self).search([*since, lost])
        if not found.suspects or found.lost is None:
            self._failed_searches += 1
            behind = f"neither again when it ran alone, nor behind the {pluralise(len(since), 'case')} before it"
            return [_with_note(lost.result, behind)]
        first, last = found.suspects[0].result.id, found.suspects[-1].result.id
        if len(found.suspects) > 1:
            return [_with_note(lost.result, f"again behind the cases from {first} to {last}, not when they ran apart")]
        if first == lost.result.id:
            return [_with_note(lost.result, "again when it ran alone, a while later")]
        self._say(f"{first} ends the server a while later, noticed in {lost.result.id}")
        return [_with_note(self.with_log(found.lost), f"a while later, noticed in {lost.result.id}"), again]

    def run(self, item: pytest.Item) -> CaseResult | None:
        """Implement :class:`hanami_conformance.server.crash_bisect.RestartableServer`."""
        return self._rerun(item)

    def ended(self) -> bool:
        """Implement :class:`hanami_conformance.server.crash_bisect.RestartableServer`."""
        return bool(self._server.ended())

    def _alone(self, item: pytest.Item) -> CaseResult | None:
        """Run a case again; return its result, LOST also if the target is down after it."""
        result = self._rerun(item)
        if result is None:
            return None
        if result.outcome is not Outcome.LOST:
            time.sleep(GRACE_SECONDS)
            result = self.check_after(ExecutedCase(item, result))
        return self.with_log(result) if result.outcome is Outcome.LOST else result

    def check_after(self, ran: ExecutedCase) -> CaseResult:
        """Return the result of a case; LOST if the target is down after it."""
        loss = self._target.downtime_reason(sockets=self._was_silent)
        if not loss:
            return ran.result
        hostile = ran.item.get_closest_marker("hostile") is not None
        return replace(
            ran.result,
            outcome=Outcome.LOST,
            reason=printable_line(f"the target no longer answers behind it: {loss}", MAX_LINE),
            violated=(CRASH,) if hostile else (),
            expected="",
            actual="",
            known="",
        )

    def restart(self) -> None:
        """Start the server again.

        Raises:
            RecoveryError: If it does not come back.
        """
        try:
            self._startup.restart(self._target)
        except TargetDown as error:
            raise RecoveryError(f"the server could not be restarted: {error}") from error
        self.restarts += 1
        self._say(f"server restarted ({self.restarts})")


def _with_note(result: CaseResult, what: str) -> CaseResult:
    """Return the result, with a note about the reruns in its reason."""
    return replace(result, reason=printable_line(f"{what}: {result.reason}", MAX_LINE))


class TargetLossHandler:
    """Handle a lost target after each case: abort the run, or restart the server and go on.

    Args:
        recovery: Recovery of the server, None where the suite did not start it.
        keep: Function that keeps a result, even if the recovery is interrupted later.
    """

    def __init__(self, recovery: CrashRecovery | None, keep: Callable[[CaseResult], None]) -> None:
        self._recovery = recovery
        self._keep = keep
        self.abort_reason = ""  # empty while the run goes on

    @property
    def restarted(self) -> bool:
        """Whether every case has its turn, since the server came back after each crash."""
        return self._recovery is not None and not self.abort_reason

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
            if self._recovery is not None:
                self._recovery.on_case_ok(ran)
        elif self._recovery is None:
            self.abort_reason = f"lost in {result.id}: {result.reason}"
        else:
            result = self._recovered(self._recovery, ExecutedCase(ran.item, self._recovery.with_log(result)))
        return result

    def _recovered(self, recovery: CrashRecovery, lost: ExecutedCase) -> CaseResult:
        self._keep(lost.result)
        try:
            *others, result = recovery.recover(lost)
        except RecoveryError as error:
            self.abort_reason = f"lost in {lost.result.id}: {SECRETS.text(str(error))}"
            return lost.result
        for other in others:
            self._keep(other)
        return result
