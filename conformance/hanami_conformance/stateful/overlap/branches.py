"""Branches of a sequence: operations on threads of their own, the first ones completed at the same moment."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown, Violation
from hanami_conformance.stateful.overlap.history import History, Operation

SPARE_SECONDS = 5.0  # to end a thread whose waits are all over


@dataclass(frozen=True)
class Answer:
    """An answer of the target.

    Attributes:
        value: Answer in the form that models read, by resource; several resources for a list of them. None where it
            says nothing of the effect.
        text: The answer for people.
        server_error: Whether it is a 5xx.
    """

    value: Mapping[str, object | None]
    text: str
    server_error: bool = False


@dataclass(frozen=True)
class HeldOperation:
    """An operation that was sent but for its last byte.

    Attributes:
        action: Name of the action.
        resource: Name of the resource that it is about, if it has no answer.
        what: Description for people.
        release: Function that sends the last byte.
        answer: Function that waits for the answer, and raises a violation if there is none.
        arguments: Arguments that a model needs.
    """

    action: str
    resource: str
    what: str
    release: Callable[[], None]
    answer: Callable[[], Answer]
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Missing:
    """An operation without an answer, and why there is none."""

    operation: Operation
    reason: Violation


@dataclass
class Outcome:
    """What executed operations led to, beside their history.

    Attributes:
        history: All operations.
        missing: Operations without an answer.
        server_errors: Operations that were answered with a 5xx.
        killed: Whether the server was killed, so that nothing needs an answer any more.
    """

    history: History = field(default_factory=History)
    missing: list[Missing] = field(default_factory=list)
    server_errors: list[Operation] = field(default_factory=list)
    killed: bool = False

    def finish(self, held: HeldOperation, branch: int, begin: float, failed: Violation | None = None) -> bool:
        """Wait for the answer of a released operation, and add it to the history.

        Args:
            held: The operation.
            branch: Number of its branch.
            begin: Time of its release.
            failed: Failure to send its last byte; None if it was sent.

        Returns:
            Whether there was an answer.
        """

        def operation(resource: str, value: object | None, text: str, end: float = math.inf) -> Operation:
            where = f" by branch {branch}" if branch else ""
            text = f"{held.what}{where}: {text}"
            return Operation(branch, held.action, resource, value, begin, end, held.arguments, text)

        try:
            if failed is not None:
                raise failed
            answer = held.answer()
        except Violation as reason:
            lost = operation(held.resource, None, f"no answer, {reason.actual}")
            self.history.add(lost)
            self.missing.append(Missing(lost, reason))
            return False
        end = time.monotonic()
        for resource, value in answer.value.items():
            done = operation(resource, value, answer.text, end if value is not None else math.inf)
            self.history.add(done)
        if answer.server_error:
            self.server_errors.append(done)
        return True


class Branch:
    """Operations that one thread executes one after the other, until one has no answer.

    Args:
        number: Number of the branch, from 1.
        prepare: Functions that send an operation but for its last byte, in order; None where there is nothing to do.
        delay: Seconds after the other branches at which the first operation is completed.
    """

    def __init__(self, number: int, prepare: Sequence[Callable[[], HeldOperation | None]], delay: float = 0.0) -> None:
        self.number = number
        self.delay = delay
        self.released = threading.Event()
        self.error: BaseException | None = None
        self._prepare = list(prepare)
        self._held: HeldOperation | None = None
        self._begin = 0.0
        self._failed: Violation | None = None

    def hold(self) -> None:
        """Send the first operation but for its last byte."""
        while self._prepare and self._held is None:
            self._held = self._prepare.pop(0)()

    def release(self) -> None:
        """Send the last byte of the held operation."""
        if self._held is None:
            return
        self._begin = time.monotonic()
        try:
            self._held.release()
        except Violation as failed:
            self._failed = failed

    def run(self, outcome: Outcome) -> None:
        """Wait for the answer of the released operation, and execute the others."""
        try:
            while self._held is not None and outcome.finish(self._held, self.number, self._begin, self._failed):
                self._held = None
                self.hold()
                self.release()
        except (ConnectionClosed, ResponseTimeout, TargetDown) as error:
            if not outcome.killed:  # else no further operation can begin
                self.error = error
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of the case
            self.error = error


def run_beside(branches: Sequence[Branch], outcome: Outcome, seconds: float) -> None:
    """Execute branches beside each other.

    Args:
        branches: The branches.
        outcome: Where the operations are added.
        seconds: Longest time that the waits of one branch take together.

    Raises:
        RuntimeError: If a branch does not end.
        Violation, PreconditionFailed, TargetDown, MachineShortage: First failure of a branch that is no answer.
    """
    for branch in branches:
        branch.hold()

    cancelled = threading.Event()

    def run(branch: Branch) -> None:
        branch.released.wait(seconds)
        if not cancelled.is_set():
            branch.run(outcome)

    threads = [threading.Thread(target=run, args=(branch,), daemon=True) for branch in branches]
    for thread in threads:
        thread.start()
    with contextlib.ExitStack() as failing:
        failing.callback(_cancel, branches, cancelled)  # an interrupt, for example
        _release(branches)
        failing.pop_all()
    until = time.monotonic() + seconds + SPARE_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            raise RuntimeError("a branch of a sequence does not end, although all of its waits do")
    for branch in branches:
        if branch.error is not None:
            raise branch.error


def _cancel(branches: Sequence[Branch], cancelled: threading.Event) -> None:
    """Let the threads of branches end, which must not write into the next case."""
    cancelled.set()
    for branch in branches:
        branch.released.set()


def _release(branches: Sequence[Branch]) -> None:
    """Complete the first operations of all branches, each after the delay of its branch."""
    began = time.monotonic()
    for delay, group in groupby(sorted(branches, key=lambda one: one.delay), lambda one: one.delay):
        time.sleep(max(0.0, began + delay - time.monotonic()))
        together = list(group)
        # In one thread, so that no other one has to wake up between two last bytes.
        for branch in together:
            branch.release()
        for branch in together:
            branch.released.set()


def run_in_turn(branches: Sequence[Branch], outcome: Outcome) -> None:
    """Execute branches one after the other, so that nothing overlaps."""
    for branch in branches:
        branch.hold()
        branch.release()
        branch.run(outcome)
        if branch.error is not None:
            raise branch.error
