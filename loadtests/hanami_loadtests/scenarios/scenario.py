"""The base of all scenarios: pacing, timed calls, limited sockets, clean-up."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

import gevent

from hanami_loadtests.engine.connection import Connection, clock
from hanami_loadtests.engine.failures import IncorrectAnswer, LoadFailure, NoAnswer, release_frames
from hanami_loadtests.engine.pacing import PacedScenario
from hanami_loadtests.engine.recorder import Stopwatch
from hanami_loadtests.engine.stream import DRAINED
from hanami_loadtests.session import Session
from hanami_loadtests.settings import Settings

BACK_OFF_SECONDS = 0.5  # after a failure, so that a dead target is not called a thousand times a second
POLL_SECONDS = 0.05  # longest wait before the end of the run is checked


@dataclass(frozen=True)
class Answer:
    """A verified answer.

    Attributes:
        size: Verified payload that was received, bytes.
        sent: Time of sending, seconds of the clock.
        arrived: Time at which the answer had arrived, seconds of the clock.
    """

    size: int
    sent: float
    arrived: float


Act = Callable[[Mapping[str, str]], Answer]  # performs an exchange, with further header fields in its request


class RunFinished(Exception):  # noqa: N818 - an event, no error
    """The run is over."""


class Scenario:
    """One user, who works again and again until the run is over.

    Args:
        session: State shared by the users of this process.

    Attributes:
        name: Name on the command line.
        title: Description, one line.
        weight: Default share of users of this scenario among all.
        sockets: Number of sockets that a user needs at the same time.
        paced_by: Unit of the rate in the open model: ``message``, ``file``, or ``nothing`` for no rate.
        paced_series: Type of message that is scheduled; a conclusive run has verified at least one.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    weight: ClassVar[int] = 1
    sockets: ClassVar[int] = 1
    paced_by: ClassVar[str] = "message"
    paced_series: ClassVar[str]

    @classmethod
    def prepare(cls, session: Session) -> None:
        """Prepare the state that all users of this scenario share, before the run, so that it delays no user."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._left: float | None = None
        self._free_since = clock()  # when the next message could have been sent, but for its schedule
        self._generator_delay = 0.0  # of the last scheduled message
        self._undeleted: list[tuple[str, str, str]] = []  # kind, uuid and name of resources
        self.recorder = session.recorder
        self.number = session.user_number()
        self.rest = session.rest()
        self._paced = PacedScenario(self.name, self.paced_by, self.paced_series)
        self.schedule = session.pacing.join(self._paced, self.number)
        self._paced_schedule = (self.paced_series, self.schedule)
        session.schedules.append(self._paced_schedule)
        if self.sockets:
            session.attached_users.asked.add(self.number)

    def begin(self) -> None:
        """Set the state of the scenario before the first work."""

    def work(self) -> None:
        """Work once, or until the run is over.

        Raises:
            RunFinished: If the run is over.
        """
        raise NotImplementedError

    def leave(self) -> None:
        """Let this user end while the run goes on; it sends nothing more."""
        if self._left is None:
            self._left = clock()

    def over(self) -> bool:
        """Whether the run is over or this user leaves it, so that nothing more is sent."""
        return self._left is not None or self.session.over()

    def drain_end(self) -> float:
        """Return the end of the wait for missing answers, seconds of the clock; infinite while this user works."""
        left = math.inf if self._left is None else self._left + self.session.settings.drain
        return min(left, self.session.drain_end())

    def ended(self) -> float:
        """Return the end of this user's part of the run, seconds of the clock; infinite while it lasts."""
        return min(end if end is not None else math.inf for end in (self._left, self.session.ended))

    def end(self) -> None:
        """Record unsent messages, then delete all resources; Locust may kill the user meanwhile."""
        self.session.schedules.remove(self._paced_schedule)
        # Messages scheduled for the very last moment could not be sent any more, and are no failure.
        end = min(self.ended(), clock()) - POLL_SECONDS
        if self.schedule.is_shared and not self.session.over():
            self.schedule.leave()  # other users send its messages
        else:
            self.recorder.unsent(self.paced_series, self.schedule.skip_until(end))
        self.session.pacing.leave(self._paced)
        try:
            undeleted, self._undeleted = self._undeleted, []
            for kind, uuid, name in undeleted:
                self.delete(kind, uuid, name)
            self.clean_up()
        finally:
            self.rest.close()

    def clean_up(self) -> None:
        """Delete all resources on the target."""

    def wait_turn(self) -> float:
        """Wait for the next scheduled time.

        Returns:
            Scheduled time; the current time in the closed model.

        Raises:
            RunFinished: If the run is over.
        """
        while not self.over():
            self.schedule.skip_before(self.recorder.origin, clock())
            left = self.schedule.next_time - clock()
            if left <= 0:
                scheduled = self.schedule.next_time if self.schedule.is_open else clock()
                self.schedule.advance()
                return scheduled
            gevent.sleep(min(left, POLL_SECONDS))
        raise RunFinished

    def back_off(self) -> None:
        """Wait a moment after a failure."""
        gevent.sleep(0 if self.over() else BACK_OFF_SECONDS)
        self._free_since = clock()

    def stopwatch(self, scheduled: float | None = None) -> Stopwatch:
        """Return the times of an exchange that begins now.

        Args:
            scheduled: Scheduled time, None for now.
        """
        sent = clock()
        watch = Stopwatch(sent if scheduled is None else scheduled, sent)
        if scheduled is not None and self.schedule.is_open:
            # Had the messages before been sent in time, the target would have been free earlier.
            watch.possible = max(scheduled, self._free_since - self._generator_delay)
        return watch

    def note_generator_delay(self, watch: Stopwatch) -> None:
        """Record the generator delay of an exchange that was scheduled."""
        if watch.possible is not None:
            self._generator_delay = watch.generator_delay
            self.session.health.record_generator_delay(watch.generator_delay)

    def timed(self, series: str, act: Act, scheduled: float | None = None, extra: float = 0.0) -> None:
        """Perform an exchange and record its outcome.

        Args:
            series: Type of message.
            act: Performs the exchange with further header fields, and returns its answer.
            scheduled: Scheduled time, None for now.
            extra: Seconds that the target may take on top of the drain time.

        Raises:
            LoadFailure: If the exchange fails; it is recorded.
        """
        watch = self.stopwatch(scheduled)
        self.recorder.sent(series, watch)
        try:
            with self.session.tracing.exchange(series) as headers:
                answer = act(headers)
            watch.begin(answer.sent)
        except LoadFailure as error:
            self.recorder.failed(series, watch, error)
            raise
        except BaseException:  # Locust kills the user
            if watch.sent <= self.ended() and clock() - watch.sent >= self.session.settings.drain + extra:
                self.recorder.unanswered(series, watch, NoAnswer(DRAINED))
            else:
                self.recorder.cancelled(series, watch)
            raise
        finally:
            self.note_generator_delay(watch)
        self._free_since = answer.arrived
        self.recorder.succeeded(series, watch, down=answer.size, answered=answer.arrived)

    def call(
        self,
        operation: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        extra: float = 0.0,
        verify: Callable[[dict[str, Any]], None] | None = None,
        must: str = "",
        scheduled: float | None = None,
    ) -> dict[str, Any]:
        """Call a REST operation, timed as a series of its own.

        Args:
            operation: Operation of the dialect.
            params: Query parameters.
            body: Body, sent as JSON.
            extra: Seconds on top of the deadline.
            verify: Verifies the received object.
            must: Id of the requirement that a rejection violates; empty if the target may reject the call.
            scheduled: Scheduled time, None for now.

        Returns:
            The received JSON object.

        Raises:
            LoadFailure: If no JSON object arrives, or an incorrect one.
        """
        found: dict[str, Any] = {}

        def act(headers: Mapping[str, str]) -> Answer:
            answer = self.rest.call(operation, params, body, extra, headers)
            if must and answer.rejected:
                raise IncorrectAnswer(must, f"200 to {answer.request}", str(answer))
            found.update(answer.object())
            if verify is not None:
                verify(found)
            return Answer(len(answer.body), self.rest.sent, self.rest.answered)

        self.timed(f"rest {operation}", act, scheduled, extra)
        return found

    def text(self, found: Mapping[str, Any], key: str, requirement: str) -> str:
        """Return a text of a response.

        Raises:
            IncorrectAnswer: If there is none.
        """
        value = found.get(key)
        if not isinstance(value, str) or not value:
            raise IncorrectAnswer(
                requirement, f"{key} in the answer", f"an answer with {', '.join(found) or 'nothing'}"
            )
        return value

    @contextlib.contextmanager
    def attached(self, uuid: str, target: str, series: str, scheduled: float | None = None) -> Iterator[Connection]:
        """Provide an attached socket within the block; connecting and attaching are timed together.

        Raises:
            LoadFailure: If it cannot be attached.
        """
        opened: list[Connection] = []

        def act(headers: Mapping[str, str]) -> Answer:
            began = clock()
            connection = self.session.connection(headers)
            opened.append(connection)
            connection.attach(self.session.token, uuid, target)
            return Answer(0, began, connection.arrived)

        try:
            self.timed(series, act, scheduled)
            if not self.over():  # at the end, workers become free for users that were never served before
                self.session.attached_users.served.add(self.number)
            yield opened[0]
        except BaseException:
            for connection in opened:
                connection.reset()
            raise
        opened[0].close()
        self._free_since = clock()

    def delete(self, kind: str, uuid: str, name: str) -> None:
        """Delete a resource on the target; if that fails, it is reported as a leftover.

        Args:
            kind: ``dataset`` or ``cluster``.
            uuid: Uuid of the resource.
            name: Name of the resource.
        """
        if uuid in self.session.existing:
            self.session.leftovers.append(f"{kind} {name}: not deleted, since its uuid is of one that was there before")
            return
        try:
            if self.session.restarted_since(0.0):
                self._delete_again(kind, uuid)
            else:
                self.call(f"{kind}.delete", {"uuid": uuid})
        except LoadFailure as error:
            if self.recorder.faults and not self.over():
                self._undeleted.append((kind, uuid, name))  # the target may be there again at the end
            else:
                self.session.leftovers.append(f"{kind} {name}: {error}")
        except BaseException:  # Locust kills the user
            self.session.leftovers.append(f"{kind} {name}: there was no time to delete it")
            raise

    def _delete_again(self, kind: str, uuid: str) -> None:
        """Delete what a fault may have prevented from being deleted, or ended; that is no part of the load.

        Raises:
            LoadFailure: If it may still be there.
        """
        answer = self.rest.call(f"{kind}.delete", {"uuid": uuid})
        if answer.status != HTTPStatus.NOT_FOUND:  # else it was lost when the server was restarted
            answer.object()

    def record_untimed(self, error: LoadFailure) -> None:
        """Record a failure outside of timed exchanges, unless it is recorded already."""
        if not error.recorded:
            now = clock()
            watch = Stopwatch(now, now)
            self.recorder.sent(self.paced_series, watch)
            self.recorder.failed(self.paced_series, watch, error)
        release_frames(error)


def check_sockets(
    settings: Settings, scenarios: Iterable[type[Scenario]], processes: int, server_workers: int | None = None
) -> None:
    """Check that each process gets as many sockets as every scenario needs at the same time.

    Args:
        settings: Options of the run.
        scenarios: Scenarios that have users.
        processes: Number of processes that share the limit of sockets.
        server_workers: Number of workers of the server, if the limit is derived from it.

    Raises:
        ValueError: If it does not.
    """
    derived = f" (the server has {server_workers} workers, and REST calls need one)" if server_workers else ""
    for scenario in scenarios:
        if settings.sockets and settings.sockets // processes < scenario.sockets:
            shared = f" in each of {processes} processes" if processes > 1 else ""
            raise ValueError(
                f"--sockets {settings.sockets}: {scenario.name} needs {scenario.sockets} at the same time"
                f"{shared}{derived}"
            )
