"""A stream of messages over one socket: a window of them in flight, by a schedule, each answer matched and verified."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from hanami_loadtests.engine.connection import Connection, clock
from hanami_loadtests.engine.failures import IncorrectAnswer, LoadFailure, NoAnswer
from hanami_loadtests.engine.recorder import Recorder, Stopwatch, StoredSequence
from hanami_loadtests.engine.schedule import Schedule

MORE = -1  # an answer consists of several messages, and not all of them came
BLOCKED = 0.001  # seconds of a send from which on the target held it back
DRAINED = "no answer when the run was over and drained"
IDLE = 0.05  # seconds after which the end of the run is looked for


class Expectation(Protocol):
    """What must be answered to a message."""

    def verify(self, payload: bytes) -> int:
        """Take a message of the target.

        Returns:
            Bytes of payload that were verified with it, or MORE where another message must follow.

        Raises:
            IncorrectAnswer: it is not what a right server answers.
            LoadFailure: it is a refusal.
        """

    def sequence(self, error: IncorrectAnswer) -> StoredSequence | None:
        """Return the exchange, for the file of a incorrect answer."""


@dataclass(frozen=True)
class Outgoing:
    """A message that is ready to be sent.

    Attributes:
        series: type of message.
        frame: on the wire, with everything that belongs to one exchange.
        size: payload that counts as throughput when its answer was verified, bytes.
        expectation: what must be answered.
        index: of a chunk within its file.
    """

    series: str
    frame: bytes
    size: int
    expectation: Expectation
    index: int | None = None


@dataclass(frozen=True)
class _Answered:
    """A message whose answer was verified, and is not recorded yet."""

    message: Outgoing
    watch: Stopwatch
    at: float
    down: int


@dataclass(frozen=True)
class Stream:
    """Sends messages and reads answers, in one greenlet, so that nothing waits for a lock.

    Attributes:
        connection: attached.
        recorder: where everything is counted.
        window: most messages that are sent and not answered.
        deadline: seconds that an answer may take.
        over: whether the run is over, so that nothing more is sent.
        patience: until when missing answers are waited for after it, seconds of the clock; infinite before.
        generator_lag: is told how much later than possible a message was sent, seconds: neither schedule, nor window,
            nor target held it back.
        stray: takes a message that answers nothing; raises IncorrectAnswer where a right server sends no such message.
    """

    connection: Connection
    recorder: Recorder
    window: int
    deadline: float
    over: Callable[[], bool]
    patience: Callable[[], float]
    generator_lag: Callable[[float], None]
    stray: Callable[[bytes], None]

    def run(self, messages: Iterator[Outgoing], schedule: Schedule) -> None:
        """Send until there are no more messages or the run is over, then wait for the answers that are missing.

        Raises:
            LoadFailure: the socket is of no use any more; what was in flight is counted.
        """
        in_flight: deque[tuple[Outgoing, Stopwatch]] = deque()
        answered: list[_Answered] = []
        free_since = clock()
        upcoming = next(messages, None)
        try:
            while upcoming is not None or in_flight:
                if upcoming is not None and self.over():
                    upcoming = None
                    continue
                now = clock()
                schedule.forget_before(self.recorder.origin, now)
                if upcoming is not None and len(in_flight) < self.window and schedule.due <= now:
                    self._send(upcoming, schedule, in_flight, free_since)
                    if clock() - now > BLOCKED:
                        free_since = clock()  # it was the target that took so long
                    upcoming = next(messages, None)
                    continue
                self._record(answered)
                wait = self._wait(in_flight, clock(), schedule if upcoming is not None else None)
                was_full = len(in_flight) >= self.window
                if self._receive(wait, in_flight, answered):
                    free_since = clock() if was_full else free_since
                else:
                    self._expect_in_time(in_flight)
        except IncorrectAnswer:
            # The others are not looked at: it is us who end the socket.
            for message, watch in in_flight:
                self.recorder.cancelled(message.series, watch)
            raise
        except LoadFailure as error:
            self._give_up(in_flight, error)
            raise
        except BaseException:  # the user is killed: the run is over
            self._give_up(in_flight, NoAnswer(DRAINED))
            raise
        finally:
            self._record(answered)

    def _expect_in_time(self, in_flight: deque[tuple[Outgoing, Stopwatch]]) -> None:
        now = clock()
        if in_flight and now - in_flight[0][1].sent >= self.deadline:
            raise NoAnswer(f"no answer within {self.deadline:g} s")
        if in_flight and now >= self.patience():
            raise NoAnswer(DRAINED)

    def _wait(self, in_flight: deque[tuple[Outgoing, Stopwatch]], now: float, schedule: Schedule | None) -> float:
        """How long to wait for an answer before something else is to be done, seconds."""
        wait = IDLE
        if in_flight:
            wait = min(wait, in_flight[0][1].sent + self.deadline - now)
        if schedule is None:
            wait = min(wait, self.patience() - now)
        elif len(in_flight) < self.window:
            wait = min(wait, schedule.due - now)
        return wait

    def _send(
        self, message: Outgoing, schedule: Schedule, in_flight: deque[tuple[Outgoing, Stopwatch]], free_since: float
    ) -> None:
        sent = clock()
        watch = Stopwatch(schedule.due if schedule.is_open else sent, sent)
        schedule.advance()
        self.generator_lag(sent - max(watch.due, free_since) if schedule.is_open else 0.0)
        in_flight.append((message, watch))
        try:
            self.connection.send(message.frame)
        finally:
            self.recorder.sent(message.series, watch)

    def _record(self, answered: list[_Answered]) -> None:
        # Not before the next message is sent: what it takes is no part of a round trip.
        for one in answered:
            message = one.message
            self.recorder.succeeded(
                message.series, one.watch, up=message.size, down=one.down, index=message.index, answered=one.at
            )
        answered.clear()

    def _receive(self, wait: float, in_flight: deque[tuple[Outgoing, Stopwatch]], answered: list[_Answered]) -> bool:
        """Take one message of the target; True where it completed an answer."""
        payload = self.connection.receive(wait)
        if payload is None:
            return False
        if not in_flight:
            self.stray(payload)
            return False
        now = clock()
        message, watch = in_flight[0]
        try:
            down = message.expectation.verify(payload)
        except IncorrectAnswer as error:
            in_flight.popleft()
            self.recorder.failed(message.series, watch, error, message.expectation.sequence(error))
            raise
        except LoadFailure as error:
            in_flight.popleft()
            self.recorder.failed(message.series, watch, error)
            raise
        if down == MORE:
            return False
        in_flight.popleft()
        answered.append(_Answered(message, watch, now, down))
        return True

    def _give_up(self, in_flight: deque[tuple[Outgoing, Stopwatch]], error: LoadFailure) -> None:
        while in_flight:
            message, watch = in_flight.popleft()
            self.recorder.unanswered(message.series, watch, error)
