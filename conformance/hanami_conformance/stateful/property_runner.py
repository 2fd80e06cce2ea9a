"""Property runner: search for a failing sequence, and shrink it."""

from __future__ import annotations

import contextlib
import hashlib
import math
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
from hanami_conformance.cases.recording import current_case, recording_paused
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.options.profiles import Profile
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.execute import execute
from hanami_conformance.stateful.hypothesis_determinism import temporary_home, without_local_constants

EXAMPLES_PER_ROUND = 200  # sequences between two looks at the clock, if their number is not fixed
BLOCKED_SECONDS = 5.0  # for shrinking a sequence whose failure judges nothing
SequenceFailure = Violation | PreconditionFailed | TargetDown


class StopShrinking(BaseException):
    """The time to shrink is over: Hypothesis may spend minutes on drawing sequences that are not executed any more."""


@dataclass(frozen=True)
class SearchSettings:
    """Settings of the search for failing sequences in a run.

    Attributes:
        profile: Number and length of the sequences.
        seed: Seed of the sequences, together with their kind.
        seconds: Time for each property, if the profile gives no number of sequences.
        database: Folder of failing sequences, None for no database.
        on_example: Function that is called after each sequence with the seconds left for its kind, infinite for any.
        destructive: Whether steps that crash fragile servers are executed.
    """

    profile: Profile
    seed: int
    seconds: float
    database: Path | None
    on_example: Callable[[float], None] = lambda left: None  # noqa: ARG005
    destructive: bool = True


@dataclass
class SearchState:
    """State of the search for one kind of sequence.

    Attributes:
        failure: First failure, and after it the same failure of the smallest sequence; None while there is none.
        steps: Steps of the smallest failing sequence.
        failed_at: Time of the first failure, monotonic, seconds.
        lasting: Whether the target fails without any step after the first failure, because it is down for example: then
            nothing can be concluded from other sequences.
        executed: Number of executed sequences.
        until: End of the search, monotonic, seconds.
        unsupported: Reasons of the sequences that could not be executed.
    """

    failure: SequenceFailure | None = None
    steps: list[Step] = field(default_factory=list)
    failed_at: float = 0.0
    lasting: bool = False
    executed: int = 0
    until: float = float("inf")
    unsupported: list[Unsupported] = field(default_factory=list)

    def is_same(self, error: SequenceFailure) -> bool:
        """Whether an error is the failure that is being shrunk, which must not turn into another one."""
        return self.failure is None or _identity(self.failure) == _identity(error)


def _identity(error: SequenceFailure) -> tuple[type[BaseException], str | None]:
    return type(error), error.failure_key or error.requirement if isinstance(error, Violation) else None


@dataclass(frozen=True)
class PropertyRunner:
    """Execute generated sequences until one fails, and shrink that one.

    The same suite with the same seed executes the same sequences in every run; those in the database come first.

    Args:
        settings: Settings of the run.
        resources: Resource factory of the case.
    """

    settings: SearchSettings
    resources: ResourceFactory

    def __call__(self, kind: str, sequences: SearchStrategy[list[Step]], *, weight: float = 1.0) -> None:
        """Search for a failing sequence.

        The recording of the case holds the smallest failing sequence and nothing else.

        Args:
            kind: Kind of the sequences, one of :data:`hanami_conformance.stateful.execute.EXECUTORS`.
            sequences: Strategy that draws the sequences.
            weight: Factor of the number of sequences in the profile, higher for short sequences.

        Raises:
            Violation, PreconditionFailed, TargetDown: If a sequence fails; the failure of the smallest one.
            Unsupported: If no sequence can be executed.
        """
        home = temporary_home() if self.settings.database is None else contextlib.nullcontext()
        with without_local_constants(), home:
            self._search(kind, sequences, weight)

    def _search(self, kind: str, sequences: SearchStrategy[list[Step]], weight: float) -> None:
        state = SearchState()
        count = self.settings.profile.sequences
        if count is None:
            state.until = time.monotonic() + self.settings.seconds
            count, weight = EXAMPLES_PER_ROUND, 1.0
        if time.monotonic() < state.until:
            self._execute_no_steps(kind)
        self._run_round(kind, sequences, state, max(1, round(count * weight)), 0)
        number = 1
        while math.isfinite(state.until) and time.monotonic() < state.until:
            self._run_round(kind, sequences, state, count, number)
            number += 1
        if state.unsupported and state.executed == len(state.unsupported):
            raise state.unsupported[0]

    def _execute_no_steps(self, kind: str) -> None:
        """Execute the sequence without steps, before all others: what fails without a step is not the effect of any.

        Raises:
            Violation, PreconditionFailed, TargetDown: If it fails.
        """
        case = current_case()
        try:
            with contextlib.suppress(Unsupported):  # the sequences have their reasons of their own
                execute(StepSequence(kind, ()), self.resources)
        except (Violation, PreconditionFailed, TargetDown):
            case.sequences += 1
            case.sequence = StepSequence(kind, ())
            raise
        case.restart_record()

    def _fails_without_steps(self, kind: str) -> bool:
        """Return whether the target is down, or fails without any step."""
        if not self.resources.target.is_alive():
            return True
        try:
            with recording_paused():
                execute(StepSequence(kind, ()), self.resources)
        except (Violation, PreconditionFailed, TargetDown):
            return True
        return False

    def _run_round(
        self, kind: str, sequences: SearchStrategy[list[Step]], state: SearchState, count: int, number: int
    ) -> None:
        @settings(
            max_examples=count,
            database=_database(self.settings.database, kind),
            deadline=None,
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.reuse, Phase.generate, Phase.shrink),
        )
        @seed(_seed(self.settings.seed, kind, number))  # below the settings: above them it would disable the database
        @given(sequences)
        def run_example(steps: list[Step]) -> None:
            if not self.settings.destructive:
                steps = [step for step in steps if not step.is_destructive]
            if not self._is_over(state, steps):
                self._execute(kind, steps, state)
            elif state.failure is not None:
                raise StopShrinking

        try:
            run_example()
        except (Violation, PreconditionFailed, TargetDown):
            self._drop_steps(kind, state)
        except StopShrinking:
            if not state.lasting:
                self._drop_steps(kind, state)
        except Flaky as flaky:  # the failure did not recur when Hypothesis replayed it
            self._raise_unreproducible(kind, state, flaky)
        if state.failure is not None:  # the target fails without any step, so no sequence could be replayed
            self._raise_unreproducible(kind, state, None)

    def _drop_steps(self, kind: str, state: SearchState) -> None:
        """Drop every step that the failure does not need, because Hypothesis gives up early on long sequences.

        Raises:
            Violation, PreconditionFailed, TargetDown: Failure of the smallest sequence.
        """
        until = time.monotonic() + self.settings.profile.shrink_seconds
        place = len(state.steps) - 1
        while place >= 0 and time.monotonic() < until and isinstance(state.failure, Violation):
            shorter = state.steps[:place] + state.steps[place + 1 :]
            with contextlib.suppress(Violation, PreconditionFailed, TargetDown):
                self._execute(kind, shorter, state)
            place = min(place, len(state.steps)) - 1
        try:
            self._execute(kind, state.steps, state)  # once more, because the recording is that of the last sequence
        finally:
            current_case().sequence = StepSequence(kind, tuple(state.steps))
        self._raise_unreproducible(kind, state, None)

    def _is_over(self, state: SearchState, steps: list[Step]) -> bool:
        now = time.monotonic()
        if state.failure is None:
            return now > state.until
        blocked = isinstance(state.failure, PreconditionFailed)
        seconds = BLOCKED_SECONDS if blocked else self.settings.profile.shrink_seconds
        return state.lasting or (now - state.failed_at > seconds and steps != state.steps)

    def _execute(self, kind: str, steps: list[Step], state: SearchState) -> None:
        """Execute a sequence, and raise its failure if it is the one that is looked for."""
        case = current_case()
        case.restart_record()
        case.sequences += 1
        state.executed += 1
        try:
            execute(StepSequence(kind, tuple(steps)), self.resources)
        except Unsupported as unsupported:
            state.unsupported.append(unsupported)
        except (Violation, PreconditionFailed, TargetDown) as error:
            if not state.is_same(error):
                return
            if reason := self.resources.target.disconnect_reason(str(error)):
                state.unsupported.append(Unsupported(f"{reason}; the sequence needs one that lives longer"))
                return
            if state.failure is None:
                state.failed_at = time.monotonic()
                state.lasting = self._fails_without_steps(kind)
            state.steps, state.failure = steps, error
            raise
        finally:
            self.settings.on_example(state.until - time.monotonic())

    def _raise_unreproducible(self, kind: str, state: SearchState, flaky: Flaky | None) -> NoReturn:
        """Raise the failure of a sequence that could not be replayed, or whose replay passed.

        A failure that does not recur is not the effect of the steps before it, so it is attributed to the requirement
        that the failed check names, and not because of them.
        """
        current_case().sequence = StepSequence(kind, tuple(state.steps))
        error = state.failure
        assert error is not None
        if state.lasting or not isinstance(error, Violation):
            raise error from flaky
        actual = f"{error.actual} (not reproducible: the replay passed)"
        raise Violation(error.expected, actual, error.checked_requirement) from flaky


class _KindDatabase(ExampleDatabase):
    """Folder of examples with a separate key space for each kind of sequence."""

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
