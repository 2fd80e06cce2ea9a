"""Which of the cases before a loss ends the server, where none does so at once: they run again, fewer each time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pytest

from hanami_conformance.clients.deadline import Deadline
from hanami_reports.model.conformance import CaseResult, Outcome

LOOK_BACK = 40  # cases that are suspected
LOOK_BACK_SECONDS = 60.0  # after which no more of them run again
SETTLE = 0.5  # seconds that a server may take to end of what it was sent
MOST_SETTLE = 5.0  # the same, where it was seen to take longer


@dataclass(frozen=True)
class ExecutedCase:
    """A case that ran, and what became of it."""

    item: pytest.Item
    result: CaseResult


class RestartableServer(Protocol):
    """The server, as the search needs it."""

    def run(self, item: pytest.Item) -> CaseResult | None:
        """Run a case once more; None where it was interrupted."""

    def ended(self) -> bool:
        """Whether its process ended."""

    def lost_behind(self, ran: ExecutedCase) -> CaseResult:
        """Return the result of a case; LOST where the server is gone behind it."""

    def restart(self) -> None:
        """Start it again."""


@dataclass(frozen=True)
class BisectResult:
    """What the search found.

    Attributes:
        suspects: cases, in their order, behind which the server ends; none where it does not end again.
        lost: the result of the last of them.
    """

    suspects: Sequence[ExecutedCase] = ()
    lost: CaseResult | None = None


class CrashBisect:
    """Searches a server that was just started.

    Args:
        server: it.
        linger: waits so many seconds for the server to end, less where it has.
    """

    def __init__(self, server: RestartableServer, linger: Callable[[float], None] | None = None) -> None:
        self._server = server
        self._linger = linger or self._wait
        self._until = Deadline.after(LOOK_BACK_SECONDS)

    def search(self, suspects: Sequence[ExecutedCase]) -> BisectResult:
        """Run all again, then half of them, and so on, for as long as the server ends and the time is not over.

        Leaves a server that runs.
        """
        began = time.monotonic()
        found = self._together(suspects, SETTLE)
        settle = min(MOST_SETTLE, SETTLE + time.monotonic() - began)  # what ended it was sent after the begin
        while len(found.suspects) > 1 and not self._until.passed:
            middle = len(found.suspects) // 2
            # The later ones are more likely; behind a server that survived them the others have no part of theirs.
            smaller = self._together(found.suspects[middle:], settle)
            smaller = smaller if smaller.suspects else self._together(found.suspects[:middle], settle)
            if not smaller.suspects:
                break
            found = smaller
        return found

    def _together(self, suspects: Sequence[ExecutedCase], settle: float) -> BisectResult:
        """Those among some cases behind which the server ends, when they run one behind the other."""
        for place, ran in enumerate(suspects):
            if self._until.passed:
                return BisectResult()
            result = self._server.run(ran.item)
            if result is None:
                return BisectResult()
            last = place == len(suspects) - 1
            if last and result.outcome is not Outcome.LOST:
                self._linger(settle)
            if result.outcome is not Outcome.LOST and (last or self._server.ended()):
                result = self._server.lost_behind(ExecutedCase(ran.item, result))
            if result.outcome is Outcome.LOST:
                self._server.restart()
                return BisectResult(suspects[: place + 1], result)
        return BisectResult()

    def _wait(self, seconds: float) -> None:
        until = Deadline.after(seconds)
        while not until.passed and not self._server.ended():
            time.sleep(SETTLE / 10)
