"""The search for a sequence that goes wrong, and for the smallest one that still does."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Unsupported, Violation
from hanami_conformance.cases.recording import current_case
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.options.profiles import Profile
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.execute import tell
from hanami_conformance.stateful.hypothesis_determinism import no_files, no_local_constants

ROUND = 200  # sequences between two looks at the clock, where there is no fixed number of them
BLOCKED_SECONDS = 5.0  # of making a sequence smaller that judges nothing
GoneWrong = Violation | PreconditionFailed | TargetDown


class StopShrinking(BaseException):
    """The smallest sequence so far is taken: to draw more that nobody tells may take Hypothesis minutes."""


@dataclass(frozen=True)
class SearchSettings:
    """How sequences are searched in a run.

    Attributes:
        profile: how many, and how long they may be.
        seed: that they are drawn from, together with their kind.
        seconds: that each property may take, where the profile gives no number.
        database: folder of failing sequences, None for none.
        destructive: whether steps are told that are known to end fragile servers.
        told: is called after each sequence, with the seconds that are left for its kind, infinite for any time.
    """

    profile: Profile
    seed: int
    seconds: float
    database: Path | None
    told: Callable[[float], None] = lambda left: None  # noqa: ARG005
    destructive: bool = True


@dataclass
class SearchState:
    """What went wrong first, the smallest sequence in which the same goes wrong, and until when more are told."""

    steps: list[Step] = field(default_factory=list)
    first: GoneWrong | None = None
    at: float = 0.0
    fatal: bool = False
    told: int = 0
    until: float = float("inf")
    unsupported: list[Unsupported] = field(default_factory=list)

    def is_same(self, error: GoneWrong) -> bool:
        """Whether an error is the one that is looked for: while a sequence shrinks, it must not turn into another."""
        return self.first is None or _name(self.first) == _name(error)


def _name(error: GoneWrong) -> tuple[type[BaseException], str | None]:
    return type(error), error.failure_key or error.requirement if isinstance(error, Violation) else None


@dataclass(frozen=True)
class PropertyRunner:
    """Tells sequences until one goes wrong, and makes that one small.

    The same sequences run in every run of the same suite with the same seed; those that failed in an earlier run come
    first.

    Args:
        plan: of the run.
        resources: of the case.
    """

    plan: SearchSettings
    resources: ResourceFactory

    def __call__(self, kind: str, sequences: SearchStrategy[list[Step]], *, weight: float = 1.0) -> None:
        """PropertyRunner.

        The smallest sequence that goes wrong is noted with the case, and is all that its record holds.

        Args:
            kind: who can tell them, see :data:`hanami_conformance.stateful.execute.EXECUTORS`.
            sequences: strategy that draws them.
            weight: how many of them in relation to what the profile says: more where they are short.

        Raises:
            Violation, PreconditionFailed, TargetDown: what the smallest sequence ended with.
            Unsupported: no sequence could be told.
        """
        with no_local_constants(), no_files() if self.plan.database is None else contextlib.nullcontext():
            self._search(kind, sequences, weight)

    def _search(self, kind: str, sequences: SearchStrategy[list[Step]], weight: float) -> None:
        found = SearchState()
        count = self.plan.profile.sequences
        if count is None:
            found.until = time.monotonic() + self.plan.seconds
        self._round(kind, sequences, found, ROUND if count is None else max(1, round(count * weight)), 0)
        number = 1
        while count is None and time.monotonic() < found.until:
            self._round(kind, sequences, found, ROUND, number)
            number += 1
        if found.unsupported and found.told == len(found.unsupported):
            raise found.unsupported[0]

    def _round(
        self, kind: str, sequences: SearchStrategy[list[Step]], found: SearchState, count: int, number: int
    ) -> None:
        @settings(
            max_examples=count,
            database=_database(self.plan.database, kind),
            deadline=None,
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.reuse, Phase.generate, Phase.shrink),
        )
        @seed(_seed(self.plan.seed, kind, number))  # below the settings: it would take the database away
        @given(sequences)
        def go(steps: list[Step]) -> None:
            if not self.plan.destructive:
                steps = [one for one in steps if not one.is_destructive]
            if not self._is_over(found, steps):
                self._tell(kind, steps, found)
            elif found.first is not None:
                raise StopShrinking

        try:
            go()
        except (Violation, PreconditionFailed, TargetDown):
            self._shorten(kind, found)
        except StopShrinking:
            if not found.fatal:
                self._shorten(kind, found)
        except Flaky as flaky:
            self._once(kind, found, flaky)
        if found.first is not None:  # the target is gone, so nothing could be told again
            self._once(kind, found, None)

    def _shorten(self, kind: str, found: SearchState) -> None:
        """Leave out every step without which the same goes wrong: Hypothesis gives up early where sequences are long.

        Raises:
            Violation, PreconditionFailed, TargetDown: what the sequence ended with when it ran last, as it then is.
        """
        until = time.monotonic() + self.plan.profile.shrink_seconds
        place = len(found.steps) - 1
        while place >= 0 and time.monotonic() < until and isinstance(found.first, Violation):
            shorter = found.steps[:place] + found.steps[place + 1 :]
            with contextlib.suppress(Violation, PreconditionFailed, TargetDown):
                self._tell(kind, shorter, found)
            place = min(place, len(found.steps)) - 1
        try:
            self._tell(kind, found.steps, found)  # once more: the record is that of the last sequence
        finally:
            current_case().sequence = StepSequence(kind, tuple(found.steps))
        self._once(kind, found, None)

    def _is_over(self, found: SearchState, steps: list[Step]) -> bool:
        now = time.monotonic()
        if found.first is None:
            return now > found.until
        timeouts = BLOCKED_SECONDS if isinstance(found.first, PreconditionFailed) else self.plan.profile.shrink_seconds
        return found.fatal or (now - found.at > timeouts and steps != found.steps)

    def _tell(self, kind: str, steps: list[Step], found: SearchState) -> None:
        case = current_case()
        case.restart_record()
        case.sequences += 1
        found.told += 1
        try:
            tell(StepSequence(kind, tuple(steps)), self.resources)
        except Unsupported as unsupported:
            found.unsupported.append(unsupported)
        except (Violation, PreconditionFailed, TargetDown) as error:
            if not found.is_same(error):
                return
            if why := self.resources.target.why_ended(str(error)):
                found.unsupported.append(Unsupported(f"{why}; the sequence needs one that lives longer"))
                return
            if found.first is None:
                found.at = time.monotonic()
                found.fatal = not self.resources.target.is_alive()
            found.steps, found.first = steps, error
            raise
        finally:
            self.plan.told(found.until - time.monotonic())

    def _once(self, kind: str, found: SearchState, flaky: Flaky | None) -> NoReturn:
        """Raise what a sequence ended with that could not be executed again, or went right then."""
        current_case().sequence = StepSequence(kind, tuple(found.steps))
        error = found.first
        assert error is not None
        if found.fatal or not isinstance(error, Violation):
            raise error from flaky
        actual = f"{error.actual} (once: when it was told again, the sequence went right)"
        raise Violation(error.expected, actual, error.requirement) from flaky


class _KindDatabase(ExampleDatabase):
    """A folder of examples in which each kind of sequence has a part of its own."""

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__()
        self._files = DirectoryBasedExampleDatabase(folder)
        self._prefix = f"hanami-{kind}:".encode()

    def save(self, key: bytes, value: bytes) -> None:
        self._files.save(self._prefix + key, value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        return self._files.fetch(self._prefix + key)

    def delete(self, key: bytes, value: bytes) -> None:
        self._files.delete(self._prefix + key, value)


def _database(folder: Path | None, kind: str) -> ExampleDatabase | None:
    return None if folder is None else _KindDatabase(folder, kind)


def _seed(base: int, kind: str, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{base}/{kind}/{number}".encode()).digest()[:8], "big")
