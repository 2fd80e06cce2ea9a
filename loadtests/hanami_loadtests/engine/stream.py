"""Messages over one socket: a window of them in flight, by a schedule, each answer matched and verified."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from hanami_loadtests.engine.arrivals import UserSchedule
from hanami_loadtests.engine.connection import Connection, clock
from hanami_loadtests.engine.error_log import StoredSequence
from hanami_loadtests.engine.failures import IncorrectAnswer, LoadFailure, NoAnswer
from hanami_loadtests.engine.recorder import Recorder, Stopwatch

INCOMPLETE = -1  # result of a verification where another message of the same answer must follow
BLOCKED_SECONDS = 0.001  # from here on a send counts as held back by the target
IDLE_SECONDS = 0.05  # longest wait before the end of the run is checked
DRAINED = "no answer when the run was over and drained"


class ExpectedReply(Protocol):
    """The answer that a message must get."""

    def verify(self, payload: bytes) -> int:
        """Check a message of the target.

        Returns:
            Verified payload in bytes, or INCOMPLETE where another message must follow.

        Raises:
            IncorrectAnswer: If the message violates the protocol.
            LoadFailure: If the message is a rejection.
        """

    def sequence(self, error: IncorrectAnswer) -> StoredSequence | None:
        """Return the exchange for the file of an incorrect answer."""


@dataclass(frozen=True)
class Outgoing:
    """A message that is ready to be sent.

    Attributes:
        series: Type of message.
        frame: All bytes of the exchange on the wire.
        size: Payload that counts as throughput once its answer is verified, bytes.
        reply: Answer that the message must get.
        index: Index of a chunk within its file.
    """

    series: str
    frame: bytes
    size: int
    reply: ExpectedReply
    index: int | None = None


@dataclass(frozen=True)
class _Answered:
    """A message whose answer was verified and is not recorded yet."""

    message: Outgoing
    watch: Stopwatch
    at: float
    down: int


InFlight = deque[tuple[Outgoing, Stopwatch]]


@dataclass(frozen=True)
class MessageStream:
    """Sends messages and reads answers in one greenlet, so that nothing waits for a lock.

    Attributes:
        connection: Attached connection.
        recorder: Record of all exchanges.
        window: Greatest number of messages in flight.
        deadline: Seconds that an answer may take.
        over: Returns whether the run is over, so that nothing more is sent.
        drain_end: Returns the end of the wait for missing answers, seconds of the clock; infinite during the run.
        record_generator_delay: Records how many seconds later than possible a message was sent, where neither schedule
            nor window nor target held it back.
        on_unsolicited: Checks an unsolicited message; raises IncorrectAnswer where the protocol forbids it.
    """

    connection: Connection
    recorder: Recorder
    window: int
    deadline: float
    over: Callable[[], bool]
    drain_end: Callable[[], float]
    record_generator_delay: Callable[[float], None]
    on_unsolicited: Callable[[bytes], None]

    def run(self, messages: Iterator[Outgoing], schedule: UserSchedule) -> None:
        """Send until there are no more messages or the run is over, then wait for the missing answers.

        Raises:
            LoadFailure: If the socket is of no more use; messages in flight are recorded.
        """
        in_flight: InFlight = deque()
        answered: list[_Answered] = []
        free_since = self.connection.arrived  # its socket was accepted then
        upcoming = next(messages, None)
        try:
            while upcoming is not None or in_flight:
                if upcoming is not None and self.over():
                    upcoming = None
                    continue
                now = clock()
                schedule.skip_before(self.recorder.origin, now)
                if upcoming is not None and len(in_flight) < self.window and schedule.next_time <= now:
                    self._send(upcoming, schedule, in_flight, free_since)
                    if clock() - now > BLOCKED_SECONDS:
                        free_since = clock()  # the target held the send back, not the generator
                    upcoming = next(messages, None)
                    continue
                # Recorded only when there is nothing to send: the cost of recording is no part of a round trip.
                self._record(answered)
                wait = self._wait_seconds(in_flight, clock(), schedule if upcoming is not None else None)
                was_full = len(in_flight) >= self.window
                if self._receive(wait, in_flight, answered):
                    # While the window was full, the target held the next message back; had the answered one been
                    # sent in time, it would have made room earlier.
                    last = answered[-1]
                    free_since = last.at - last.watch.generator_delay if was_full else free_since
                else:
                    self._require_in_time(in_flight)
        except IncorrectAnswer:
            # We end the socket, so the other messages in flight are not the target's failures.
            for message, watch in in_flight:
                self.recorder.cancelled(message.series, watch)
            raise
        except LoadFailure as error:
            self._give_up(in_flight, error)
            raise
        except BaseException:  # Locust kills the user: the run is over
            self._give_up(in_flight, NoAnswer(DRAINED))
            raise
        finally:
            self._record(answered)

    def _require_in_time(self, in_flight: InFlight) -> None:
        now = clock()
        if in_flight and now - in_flight[0][1].sent >= self.deadline:
            raise NoAnswer(f"no answer within {self.deadline:g} s")
        if in_flight and now >= self.drain_end():
            raise NoAnswer(DRAINED)

    def _wait_seconds(self, in_flight: InFlight, now: float, schedule: UserSchedule | None) -> float:
        """Return the seconds to wait for an answer before something else has to be done."""
        wait = IDLE_SECONDS
        if in_flight:
            wait = min(wait, in_flight[0][1].sent + self.deadline - now)
        if schedule is None:
            wait = min(wait, self.drain_end() - now)
        elif len(in_flight) < self.window:
            wait = min(wait, schedule.next_time - now)
        return wait

    def _send(self, message: Outgoing, schedule: UserSchedule, in_flight: InFlight, free_since: float) -> None:
        sent = clock()
        watch = Stopwatch(sent, sent)
        if schedule.is_open:
            watch.scheduled, watch.possible = schedule.next_time, max(schedule.next_time, free_since)
        schedule.advance()
        in_flight.append((message, watch))
        try:
            self.connection.send(message.frame)
            watch.begin(self.connection.sent)
        finally:
            self.record_generator_delay(watch.generator_delay)
            self.recorder.sent(message.series, watch)

    def _record(self, answered: list[_Answered]) -> None:
        for one in answered:
            message = one.message
            self.recorder.succeeded(
                message.series, one.watch, up=message.size, down=one.down, index=message.index, answered=one.at
            )
        answered.clear()

    def _receive(self, wait: float, in_flight: InFlight, answered: list[_Answered]) -> bool:
        """Process one message of the target; return whether it completed an answer."""
        payload = self.connection.receive(wait)
        if payload is None:
            return False
        if not in_flight:
            self.on_unsolicited(payload)
            return False
        message, watch = in_flight[0]
        try:
            down = message.reply.verify(payload)
        except LoadFailure as error:
            in_flight.popleft()
            sequence = message.reply.sequence(error) if isinstance(error, IncorrectAnswer) else None
            self.recorder.failed(message.series, watch, error, sequence)
            raise
        if down == INCOMPLETE:
            return False
        in_flight.popleft()
        answered.append(_Answered(message, watch, self.connection.arrived, down))
        return True

    def _give_up(self, in_flight: InFlight, error: LoadFailure) -> None:
        while in_flight:
            message, watch = in_flight.popleft()
            self.recorder.unanswered(message.series, watch, error)
