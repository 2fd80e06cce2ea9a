"""Property runner: search for a failing sequence, and shrink it."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field, replace
from typing import NoReturn

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings, target
from hypothesis.database import ExampleDatabase, ReadOnlyDatabase
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Unsupported, Violation
from hanami_conformance.cases.recording import RecordedEvent, current_case, recording_paused
from hanami_conformance.cases.recurrence import unreproducible, with_recurrence
from hanami_conformance.cases.reduction import drop_steps
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.corpus import Corpus
from hanami_conformance.stateful.example_database import KindDatabase
from hanami_conformance.stateful.execute import execute
from hanami_conformance.stateful.hypothesis_determinism import temporary_home, without_local_constants
from hanami_conformance.stateful.search_log import SequenceFailure, identity
from hanami_conformance.stateful.search_settings import SearchSettings
from hanami_conformance.stateful.server_steps import can_restart
from hanami_conformance.stateful.strategies.edits import edited_sequences

EXAMPLES_PER_ROUND = 200  # sequences between two looks at the clock, if their number is not fixed
ATTRIBUTION_SECONDS = 5.0  # for dropping all steps of an action, however little time there is to shrink
# Executions of each sequence while one shrinks: what depends on how operations overlap does not fail each time.
REPEATS = {"overlap": 5}
EXAMPLES_PER_GUIDED_ROUND = 50  # after which further sequences are made from those that reached something new
UNGUIDED = ("overlap",)  # kinds whose branches are drawn so that pairs of actions meet evenly
CORPUS = "corpus"  # folder below that of the failing sequences
COST = 20  # messages that every sequence takes, at least in the calculation of its novelty
STORED_PART = 0.3  # of the time of a search for sequences that earlier runs kept
BLOCKED_SECONDS = 5.0  # for shrinking a sequence whose failure judges nothing


class StopShrinking(BaseException):
    """The time to shrink is over: Hypothesis may spend minutes on drawing sequences that are not executed any more."""


@dataclass
class SearchState:
    """State of the search for one kind of sequence.

    Attributes:
        failure: First failure, and after it the same failure of the smallest sequence; None while there is none.
        steps: Steps of the smallest failing sequence.
        events: Events of the smallest failing sequence, as they were recorded when it failed.
        failed_at: Time of the first failure, monotonic, seconds.
        lasting: Whether the target fails without any step after the first failure, because it is down for example: then
            nothing can be concluded from other sequences.
        executed: Number of executed sequences.
        until: End of the search, monotonic, seconds.
        corpus: Sequences that reached something new, which guide the search; None for a search without guidance.
        novelty: How rare is what the last sequence reached, for each message that it took; see :meth:`.Corpus.note`.
        known: Number of sequences with a failure that an earlier search of the run has found.
        unsupported: Reasons of the sequences that could not be executed.
    """

    failure: SequenceFailure | None = None
    steps: list[Step] = field(default_factory=list)
    events: list[RecordedEvent] = field(default_factory=list)
    failed_at: float = 0.0
    lasting: bool = False
    executed: int = 0
    until: float = float("inf")
    corpus: Corpus | None = None
    novelty: float = 0.0
    known: int = 0
    unsupported: list[Unsupported] = field(default_factory=list)

    def is_same(self, error: SequenceFailure) -> bool:
        """Whether an error is the failure that is being shrunk, which must not turn into another one."""
        return self.failure is None or identity(self.failure) == identity(error)


@dataclass(frozen=True)
class PropertyRunner:
    """Execute generated sequences until one fails, and shrink that one.

    The same suite with the same seed executes the same sequences in every run; those in the database come first. Where
    the profile guides the search, sequences that reached something new are kept, and others are made from them. A
    further search for sequences of the same kind goes on where the one before it ended, and finds no failure again.

    Args:
        settings: Settings of the run.
        resources: Resource factory of the case.
        number: Number of the search among those of its kind in the run, from 1.
    """

    settings: SearchSettings
    resources: ResourceFactory
    number: int = 1

    @property
    def restarts(self) -> bool:
        """Whether sequences may suspend, kill and restart the server: restarts take too long for other profiles."""
        allowed = self.settings.profile.guided and self.settings.destructive
        return allowed and can_restart(self.resources.target)

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
        state, log = SearchState(), self.settings.log
        count = self.settings.profile.sequences
        if count is None:
            state.until = time.monotonic() + self.settings.seconds + log.unused.pop(kind, 0.0)
            count, weight = EXAMPLES_PER_ROUND, 1.0
        try:
            if time.monotonic() < state.until:
                self._execute_no_steps(kind)
            if self.settings.profile.guided and kind not in UNGUIDED:
                self._guide(kind, state)
                count = EXAMPLES_PER_GUIDED_ROUND
            self._run_round(kind, sequences, state, max(1, round(count * weight)), 0)
            number = 1
            while math.isfinite(state.until) and time.monotonic() < state.until:
                self._run_round(kind, sequences, state, count, number)
                number += 1
        except (Violation, PreconditionFailed, TargetDown) as failure:
            log.note(kind, self.number, failure, state.steps)
            log.unused[kind] = max(0.0, state.until - time.monotonic()) if math.isfinite(state.until) else 0.0
            raise
        finally:
            current_case().reached = None
        if state.unsupported and state.executed == len(state.unsupported):
            raise state.unsupported[0]
        if state.known and state.executed == state.known:
            raise Unsupported("each of its sequences fails as one does that an earlier search has found")

    def _guide(self, kind: str, state: SearchState) -> None:
        """Begin to note what sequences reach, and execute those that earlier runs kept.

        Raises:
            Violation, PreconditionFailed, TargetDown: If one of them fails; the failure of the smallest sequence.
        """
        folder = None if self.settings.database is None else self.settings.database / CORPUS
        state.corpus = self.settings.log.corpus(kind, folder)
        current_case().reached = []
        stored = [] if state.corpus.sequences else list(state.corpus.stored())
        until = time.monotonic() + STORED_PART * (state.until - time.monotonic())
        for steps in stored:
            if time.monotonic() >= until:
                break
            try:
                self._execute_allowed(kind, list(steps), state)
            except (Violation, PreconditionFailed, TargetDown, StopShrinking):
                self._drop_steps(kind, state)

    def _execute_allowed(self, kind: str, steps: list[Step], state: SearchState) -> None:
        """Execute the steps of a sequence that the run may execute, and note what they reached.

        Raises:
            Violation, PreconditionFailed, TargetDown: If they fail in the way that is looked for.
            StopShrinking: If the time to shrink is over.
        """
        if not self.settings.destructive:
            steps = [step for step in steps if not step.is_destructive]
        if self._is_over(state, steps):
            if state.failure is not None:
                raise StopShrinking
            return
        case, known = current_case(), state.known
        sent = case.sent
        self._execute(kind, steps, state)
        if state.corpus is not None and state.known == known:
            # Long sequences reach more than short ones, and take the time of many.
            cost = COST + case.sent - sent
            state.novelty = state.corpus.note(steps, case.reached or ()) / cost

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
        phases = [Phase.reuse, Phase.generate, Phase.shrink]
        if state.corpus is not None:
            phases.append(Phase.target)
            # As it is now: what is drawn must not change while Hypothesis repeats and shrinks it.
            corpus = tuple(state.corpus.sequences)
            sequences = edited_sequences(corpus, sequences, self.settings.profile.most_steps)

        @settings(
            max_examples=count,
            database=self._database(kind),
            deadline=None,
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
            phases=phases,
        )
        # Below the settings: above them it would disable the database.
        @seed(self.settings.seed_for(kind, self.number, number))
        @given(sequences)
        def run_example(steps: list[Step]) -> None:
            self._execute_allowed(kind, steps, state)
            if state.corpus is not None:
                target(state.novelty, label="novelty")

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

    def _database(self, kind: str) -> ExampleDatabase | None:
        if self.settings.database is None:
            return None
        database = KindDatabase(self.settings.database, kind)
        return ReadOnlyDatabase(database) if self.settings.searches_only else database

    def _drop_steps(self, kind: str, state: SearchState) -> None:
        """Drop every step that the failure does not need, because Hypothesis gives up early on long sequences.

        First all steps of an action are dropped, also where there is no time to shrink: a failure is attributed to what
        its steps did, so a step that is not needed must not be among them.

        Raises:
            Violation, PreconditionFailed, TargetDown: Failure of the smallest sequence.
        """
        if self.settings.searches_only and state.failure is not None:
            raise state.failure
        began = time.monotonic()
        for action in dict.fromkeys(step.action for step in state.steps):
            if time.monotonic() - began < max(ATTRIBUTION_SECONDS, self.settings.profile.shrink_seconds):
                self._execute_shorter(kind, [step for step in state.steps if step.action != action], state)
        until = began + self.settings.profile.shrink_seconds

        def fails(shorter: list[Step]) -> bool:
            return self._execute_shorter(kind, shorter, state)

        def is_over() -> bool:
            return time.monotonic() >= until or not isinstance(state.failure, Violation)

        drop_steps(state.steps, fails, is_over)
        try:
            self._execute(kind, state.steps, state)  # once more, because the recording is that of the last sequence
        except Violation as violation:
            if kind not in REPEATS:
                raise
            raise self._with_recurrence(kind, state, violation) from violation
        finally:
            current_case().sequence = StepSequence(kind, tuple(state.steps), recurred_alone=True)
        self._raise_unreproducible(kind, state, None)

    def _execute_shorter(self, kind: str, steps: list[Step], state: SearchState) -> bool:
        """Execute a part of the failing sequence, which takes its place if it fails in the same way.

        Returns:
            Whether it does.
        """
        try:
            if isinstance(state.failure, Violation):
                self._execute(kind, steps, state)
        except (Violation, PreconditionFailed, TargetDown):
            return True
        return False

    def _is_over(self, state: SearchState, steps: list[Step]) -> bool:
        now = time.monotonic()
        if state.failure is None:
            return now > state.until
        blocked = isinstance(state.failure, PreconditionFailed)
        seconds = BLOCKED_SECONDS if blocked else self.settings.profile.shrink_seconds
        return state.lasting or (now - state.failed_at > seconds and steps != state.steps)

    def _execute(self, kind: str, steps: list[Step], state: SearchState) -> None:
        """Execute a sequence, and raise its failure if it is the one that is looked for."""
        for _ in range(1 if state.failure is None else REPEATS.get(kind, 1)):
            self._execute_once(kind, steps, state)

    def _execute_once(self, kind: str, steps: list[Step], state: SearchState) -> None:
        case = current_case()
        case.restart_record()
        case.sequences += 1
        state.executed += 1
        try:
            execute(StepSequence(kind, tuple(steps)), self.resources)
        except Unsupported as unsupported:
            state.unsupported.append(unsupported)
        except (Violation, PreconditionFailed, TargetDown) as error:
            if self.settings.log.is_known(kind, self.number, error, steps):
                state.known += 1
                return
            if not state.is_same(error):
                return
            if reason := self.resources.target.disconnect_reason(str(error)):
                state.unsupported.append(Unsupported(f"{reason}; the sequence needs one that lives longer"))
                return
            if self.settings.searches_only:
                state.failure = error
                raise StopShrinking from error
            if state.failure is None:
                state.failed_at = time.monotonic()
                state.lasting = self._fails_without_steps(kind)
            state.steps, state.failure, state.events = steps, error, list(case.events)
            raise
        finally:
            self.settings.on_example(state.until - time.monotonic())

    def _raise_unreproducible(self, kind: str, state: SearchState, flaky: Flaky | None) -> NoReturn:
        """Raise the failure of a sequence that could not be replayed, or whose replay passed.

        A failure that does not recur is not the effect of the steps before it, so it is attributed to the requirement
        that the failed check names, and not because of them.
        """
        sequence = StepSequence(kind, tuple(state.steps))
        current_case().sequence = sequence
        error = state.failure
        assert error is not None
        if not state.lasting:
            current_case().sequence = replace(sequence, recurred_alone=False)
        if state.lasting or not isinstance(error, Violation):
            raise error from flaky
        if kind in REPEATS:
            current_case().events[:] = state.events
            raise self._with_recurrence(kind, state, error) from flaky
        raise unreproducible(error) from flaky

    def _with_recurrence(self, kind: str, state: SearchState, violation: Violation) -> Violation:
        """Return the failure of the smallest sequence, with its rate if it does not fail each time."""
        sequence = StepSequence(kind, tuple(state.steps))
        rated, recurred = with_recurrence(violation, lambda: execute(sequence, self.resources), state.is_same)
        current_case().sequence = replace(sequence, recurred_alone=recurred)
        return rated
