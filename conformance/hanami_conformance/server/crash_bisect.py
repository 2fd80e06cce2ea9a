"""Bisect the cases that ran before a crash to find the one that caused it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pytest

from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.clients.deadline import Deadline
from hanami_reports.model.conformance import CaseResult, Outcome

LOOK_BACK = 40  # suspected cases
LOOK_BACK_SECONDS = 60.0  # after which no more cases run again
GRACE_SECONDS = 0.5  # that a server may take to crash from the last request
MOST_GRACE_SECONDS = 5.0  # the same, where the server took longer before


@dataclass(frozen=True)
class ExecutedCase:
    """A case that ran, its result, and its recording, also if the result keeps no exchange."""

    item: pytest.Item
    result: CaseResult
    recording: CaseRecording


class RestartableServer(Protocol):
    """The interface of the server that the search needs."""

    def run(self, item: pytest.Item) -> ExecutedCase | None:
        """Run a case again; return None if it was interrupted."""

    def ended(self) -> bool:
        """Return whether its process ended."""

    def check_after(self, ran: ExecutedCase) -> CaseResult:
        """Return the result of a case; LOST if the server is down after it."""

    def with_log(self, result: CaseResult) -> CaseResult:
        """Return the result of a lost case with the last lines of the log."""

    def restart(self) -> None:
        """Start it again."""


@dataclass(frozen=True)
class BisectResult:
    """The result of the search.

    Attributes:
        suspects: Cases, in their order, after which the server crashes; none if it did not crash again.
        lost: Result of the last of them.
    """

    suspects: Sequence[ExecutedCase] = ()
    lost: CaseResult | None = None


class CrashBisect:
    """A search with a server that was just started.

    Args:
        server: The server.
    """

    def __init__(self, server: RestartableServer) -> None:
        self._server = server
        self._until = Deadline.after(LOOK_BACK_SECONDS)

    def search(self, suspects: Sequence[ExecutedCase]) -> BisectResult:
        """Run all cases again, then half of them, and so on, while the server crashes and there is time.

        The server is running afterwards.
        """
        began = time.monotonic()
        found = self._together(suspects, GRACE_SECONDS)
        # The request that crashed it was sent after the beginning, so it takes no longer than this run.
        settle = min(MOST_GRACE_SECONDS, GRACE_SECONDS + time.monotonic() - began)
        while len(found.suspects) > 1 and not self._until.passed:
            middle = len(found.suspects) // 2
            # The later cases are more likely. They left the server running, so the others are tried on the same one.
            smaller = self._together(found.suspects[middle:], settle)
            smaller = smaller if smaller.suspects else self._together(found.suspects[:middle], settle)
            if not smaller.suspects:
                break
            found = smaller
        return found

    def _together(self, suspects: Sequence[ExecutedCase], settle: float) -> BisectResult:
        """Run some cases one after the other; return those up to the crash."""
        for place, ran in enumerate(suspects):
            if self._until.passed:
                return BisectResult()
            again = self._server.run(ran.item)
            if again is None:
                return BisectResult()
            result = again.result
            last = place == len(suspects) - 1
            if last and result.outcome is not Outcome.LOST:
                self._wait(settle)
            if result.outcome is not Outcome.LOST and (last or self._server.ended()):
                result = self._server.check_after(again)
            if result.outcome is Outcome.LOST:
                result = self._server.with_log(result)  # before the restart: then the log is that of the next start
                self._server.restart()
                return BisectResult(suspects[: place + 1], result)
        return BisectResult()

    def _wait(self, seconds: float) -> None:
        until = Deadline.after(seconds)
        while not until.passed and not self._server.ended():
            time.sleep(GRACE_SECONDS / 10)
