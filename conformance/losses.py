"""What becomes of a run where a case lost the target: it ends, or goes on where the suite can bring the server back."""

from __future__ import annotations

from collections.abc import Callable

from conformance.look_back import Ran
from conformance.recovery import GivenUp, Recovery
from conformance.redact import SECRETS
from reports.model import CaseResult, Outcome


class Losses:
    """Sees to the target behind each case.

    Args:
        recovery: of the server, None where somebody else started it.
        keep: takes what is known of a case, also where what follows is interrupted.
    """

    def __init__(self, recovery: Recovery | None, keep: Callable[[CaseResult], None]) -> None:
        self._recovery = recovery
        self._keep = keep
        self.given_up = ""  # why the run has to end, empty while it goes on

    @property
    def restarted(self) -> bool:
        """Whether every case has its turn, since the server is there again after each loss."""
        return self._recovery is not None and not self.given_up

    def over(self, ran: Ran, *, last: bool) -> CaseResult:
        """A case is over.

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
            result = self._recovered(self._recovery, Ran(ran.item, self._recovery.quoted(result)))
        return result

    def _recovered(self, recovery: Recovery, lost: Ran) -> CaseResult:
        self._keep(lost.result)
        try:
            *others, result = recovery.recover(lost)
        except GivenUp as error:
            self.given_up = f"lost in {lost.result.id}: {SECRETS.text(str(error))}"
            return lost.result
        for other in others:
            self._keep(other)
        return result
