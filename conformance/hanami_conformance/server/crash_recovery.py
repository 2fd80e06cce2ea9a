"""After a target was lost: the server is restarted, and the case that ended it found by running it again."""

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
from hanami_conformance.server.crash_bisect import LOOK_BACK, SETTLE, CrashBisect, ExecutedCase
from hanami_conformance.server.liveness import SILENT
from hanami_conformance.server.startup import ServerStartup
from hanami_conformance.target.target import Target
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import CaseResult, Outcome

MOST_RESTARTS = 5  # in a row, without a case that passed between two of them

MOST_FRUITLESS = 3  # looks further back than one case that find nothing, in a run

RerunCase = Callable[[pytest.Item], CaseResult | None]


class GivenUp(Exception):  # noqa: N818 - names what happened
    """The server is not restarted any more, or cannot be; one line that says why, and its log."""


class CrashRecovery:
    """Brings a lost target back.

    Args:
        startup: How the server is started again.
        target: that was reached.
        run_again: runs a case once more, alone.
        say: shows a line while the run goes on.
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
        self._run_again = run_again
        self._say = say
        self._since: deque[ExecutedCase] = deque(maxlen=LOOK_BACK)  # on the server as it runs now
        self._fruitless = 0
        self._was_silent = False  # on websockets alone: only then they are asked, which makes and deletes an upload
        self._in_a_row = 0
        self.restarts = 0

    def watched(self, ran: ExecutedCase, *, last: bool = False) -> ExecutedCase:
        """Return a case that is over; LOST where the process has ended, and nothing answers in its place.

        Args:
            ran: the case.
            last: whether there is none behind it that would notice.
        """
        if last:
            time.sleep(SETTLE)
        if ran.result.outcome is Outcome.LOST or not self._server.ended():
            return ran
        return ExecutedCase(ran.item, self.lost_behind(ran))

    def went_well(self, ran: ExecutedCase) -> None:
        """Note a case that is over, and did not lose the target."""
        self._since.append(ran)
        if ran.result.outcome is Outcome.PASSED:
            self._in_a_row = 0

    def quoted(self, result: CaseResult) -> CaseResult:
        """Return a lost case with the last lines of the log."""
        return replace(result, server_log=self._server.tail())

    def recover(self, lost: ExecutedCase) -> list[CaseResult]:
        """Restart the server, and find out which case ends it.

        Args:
            lost: the case in which the loss was noticed, with the log.

        Returns:
            What is said of the cases now: of the lost one last, and of an earlier one where that is to blame.

        Raises:
            GivenUp: the server is not there, and the run has to end.
        """
        if self._in_a_row >= MOST_RESTARTS:
            raise GivenUp(f"after {self._in_a_row} restarts in a row without a case that passed between them")
        self._in_a_row += 1
        since = list(self._since)
        self._since.clear()
        self._was_silent = SILENT in lost.result.reason
        self.restart()
        again = self._alone(lost.item)
        if again is None:
            return [_also(lost.result, "it could not run again")]
        if again.outcome is Outcome.LOST:
            self.restart()
            return [_also(lost.result, "again when it ran alone")]
        if not since:
            return [_also(lost.result, "not when it ran again alone")]
        before = since[-1]
        earlier = self._alone(before.item)
        if earlier is not None and earlier.outcome is Outcome.LOST:
            self.restart()
            self._say(f"{before.result.id} ends the server, noticed in {lost.result.id}")
            return [_also(earlier, f"noticed in {lost.result.id}"), again]
        behind = self._alone(lost.item)
        if behind is not None and behind.outcome is Outcome.LOST:
            self.restart()
            return [_also(lost.result, f"again behind {before.result.id}, not when it ran alone")]
        return self._further_back(lost, again, since)

    def _further_back(self, lost: ExecutedCase, again: CaseResult, since: list[ExecutedCase]) -> list[CaseResult]:
        """Return what is said of the cases where neither the lost one nor the one before ends the server at once."""
        if self._fruitless >= MOST_FRUITLESS:
            return [_also(lost.result, f"neither again when it ran alone, nor behind {since[-1].result.id}")]
        self._say(f"looking {pluralise(len(since), 'case')} back for what ends the server")
        self.restart()  # what these two may have begun is none of the others
        found = CrashBisect(self).search([*since, lost])
        if not found.suspects or found.lost is None:
            self._fruitless += 1
            behind = f"neither again when it ran alone, nor behind the {pluralise(len(since), 'case')} before it"
            return [_also(lost.result, behind)]
        first, last = found.suspects[0].result.id, found.suspects[-1].result.id
        if len(found.suspects) > 1:
            return [_also(lost.result, f"again behind the cases from {first} to {last}, not when they ran apart")]
        if first == lost.result.id:
            return [_also(lost.result, "again when it ran alone, a while later")]
        self._say(f"{first} ends the server a while later, noticed in {lost.result.id}")
        return [_also(self.quoted(found.lost), f"a while later, noticed in {lost.result.id}"), again]

    def run(self, item: pytest.Item) -> CaseResult | None:
        """See :class:`hanami_conformance.server.crash_bisect.RestartableServer`."""
        return self._run_again(item)

    def ended(self) -> bool:
        """See :class:`hanami_conformance.server.crash_bisect.RestartableServer`."""
        return bool(self._server.ended())

    def _alone(self, item: pytest.Item) -> CaseResult | None:
        """Return what becomes of a case that runs once more; LOST also where the target is gone behind it."""
        result = self._run_again(item)
        if result is None:
            return None
        if result.outcome is not Outcome.LOST:
            time.sleep(SETTLE)
            result = self.lost_behind(ExecutedCase(item, result))
        return self.quoted(result) if result.outcome is Outcome.LOST else result

    def lost_behind(self, ran: ExecutedCase) -> CaseResult:
        """Return the result of a case; LOST where the target is gone behind it."""
        loss = self._target.loss(sockets=self._was_silent)
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
            GivenUp: it does not come back.
        """
        try:
            self._startup.restart(self._target)
        except TargetDown as error:
            raise GivenUp(f"the server could not be restarted: {error}") from error
        self.restarts += 1
        self._say(f"server restarted ({self.restarts})")


def _also(result: CaseResult, what: str) -> CaseResult:
    """Return the result, with what was found by running it again."""
    return replace(result, reason=printable_line(f"{what}: {result.reason}", MAX_LINE))


class TargetLossHandler:
    """Sees to the target behind each case.

    Args:
        recovery: of the server, None where somebody else started it.
        keep: takes what is known of a case, also where what follows is interrupted.
    """

    def __init__(self, recovery: CrashRecovery | None, keep: Callable[[CaseResult], None]) -> None:
        self._recovery = recovery
        self._keep = keep
        self.given_up = ""  # why the run has to end, empty while it goes on

    @property
    def restarted(self) -> bool:
        """Whether every case has its turn, since the server is there again after each loss."""
        return self._recovery is not None and not self.given_up

    def over(self, ran: ExecutedCase, *, last: bool) -> CaseResult:
        """Return a case is over.

        Args:
            ran: the case.
            last: whether there is none behind it.

        Returns:
            What is said of it now; what is said of others is kept.
        """
        ran = ran if self._recovery is None else self._recovery.watched(ran, last=last)
        result = ran.result
        if result.outcome is not Outcome.LOST:
            if self._recovery is not None:
                self._recovery.went_well(ran)
        elif self._recovery is None:
            self.given_up = f"lost in {result.id}: {result.reason}"
        else:
            result = self._recovered(self._recovery, ExecutedCase(ran.item, self._recovery.quoted(result)))
        return result

    def _recovered(self, recovery: CrashRecovery, lost: ExecutedCase) -> CaseResult:
        self._keep(lost.result)
        try:
            *others, result = recovery.recover(lost)
        except GivenUp as error:
            self.given_up = f"lost in {lost.result.id}: {SECRETS.text(str(error))}"
            return lost.result
        for other in others:
            self._keep(other)
        return result
