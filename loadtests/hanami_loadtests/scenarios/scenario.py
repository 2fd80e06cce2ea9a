"""What all scenarios share: pacing, timed calls, sockets within the budget, cleaning up."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import gevent

from hanami_loadtests.engine.connection import Connection, clock
from hanami_loadtests.engine.failures import IncorrectAnswer, LoadFailure, NoAnswer
from hanami_loadtests.engine.recorder import Stopwatch
from hanami_loadtests.engine.schedule import Schedule
from hanami_loadtests.engine.stream import DRAINED
from hanami_loadtests.session import Session
from hanami_loadtests.settings import Settings

BACK_OFF = 0.5  # seconds after a failure, so that a dead target is not asked a thousand times a second
NAP = 0.05  # seconds after which the end of the run is looked for


class RunFinished(Exception):  # noqa: N818 - names what happened
    """The run is over."""


class Scenario:
    """One user. It begins, works again and again until the run is over, and ends.

    Args:
        session: shared by the users of this process.

    Attributes:
        name: on the command line.
        title: one line for people.
        weight: how many users of this scenario there are among all, where nothing else is said.
        sockets: that it needs at the same time.
        paced_by: ``message`` or ``file``: what the rate of the open model counts; ``nothing`` where it does not hold.
        paced_series: type of message that the schedule is for; a run must have verified one of it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    weight: ClassVar[int] = 1
    sockets: ClassVar[int] = 1
    paced_by: ClassVar[str] = "message"
    paced_series: ClassVar[str]

    @classmethod
    def prepare(cls, session: Session) -> None:
        """Make what all users of this scenario share, before the run: in it, it would hold up everybody.

        Args:
            session: of this process.
        """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._left: float | None = None
        self.recorder = session.recorder
        self.number = session.user_number()
        self.rest = session.rest()
        settings = session.settings
        rates = {"message": settings.message_rate, "file": settings.file_rate}
        rate = rates.get(self.paced_by, 0.0)
        self.schedule = Schedule(rate, clock(), settings.seed + self.number, settings.arrivals)
        self._paced_schedule = (self.paced_series, self.schedule)
        session.schedules.append(self._paced_schedule)

    def begin(self) -> None:
        """Before the first work; what fails here is tried again by :meth:`work`."""

    def work(self) -> None:
        """Work once, or until the run is over.

        Raises:
            RunFinished: the run is over.
        """
        raise NotImplementedError

    def leave(self) -> None:
        """Let this user go, while the run may go on: as at the end of a run, nothing more is sent."""
        if self._left is None:
            self._left = clock()

    def over(self) -> bool:
        """Whether the run is over, or this user leaves it, so that nothing more is sent."""
        return self._left is not None or self.session.over()

    def drain_end(self) -> float:
        """Until when missing answers are waited for, seconds of the clock; infinite while this user works."""
        left = math.inf if self._left is None else self._left + self.session.settings.drain
        return min(left, self.session.drain_end())

    def ended(self) -> float:
        """When this user's part of the run was over, seconds of the clock; infinite while it is not."""
        return min(end if end is not None else math.inf for end in (self._left, self.session.ended))

    def end(self) -> None:
        """After the last work: count what is unsent, then delete what was made, which may be ended by force."""
        self.session.schedules.remove(self._paced_schedule)
        # What became due in the very last moment could not be sent any more, and is nobody's fault.
        self.recorder.unsent(self.paced_series, self.schedule.skip_until(min(self.ended(), clock()) - NAP))
        try:
            self.clean_up()
        finally:
            self.rest.close()

    def clean_up(self) -> None:
        """Delete what was made on the target."""

    def wait_turn(self) -> float:
        """Wait until the next is due.

        Returns:
            When it was due; now, in the closed model.

        Raises:
            RunFinished: the run is over.
        """
        while not self.over():
            self.schedule.skip_before(self.recorder.origin, clock())
            left = self.schedule.next_time - clock()
            if left <= 0:
                due = self.schedule.next_time if self.schedule.is_open else clock()
                self.schedule.advance()
                return due
            gevent.sleep(min(left, NAP))
        raise RunFinished

    def back_off(self) -> None:
        """Wait a moment after a failure."""
        gevent.sleep(0 if self.over() else BACK_OFF)

    def timed(self, series: str, act: Callable[[], int], due: float | None = None, extra: float = 0.0) -> None:
        """Do something and record what came of it.

        Args:
            series: type of message.
            act: does it; returns verified bytes that came.
            due: when it was due, now if None.
            extra: seconds that the target may take on top of what others may.

        Raises:
            LoadFailure: it failed; that is recorded.
        """
        sent = clock()
        watch = Stopwatch(sent if due is None else due, sent)
        self.recorder.sent(series, watch)
        try:
            down = act()
        except LoadFailure as error:
            self.recorder.failed(series, watch, error)
            raise
        except BaseException:  # this user is ended by force
            if sent <= self.ended() and clock() - sent >= self.session.settings.drain + extra:
                self.recorder.unanswered(series, watch, NoAnswer(DRAINED))
            else:
                self.recorder.cancelled(series, watch)
            raise
        self.recorder.succeeded(series, watch, down=down)

    def call(
        self,
        operation: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        extra: float = 0.0,
        verify: Callable[[dict[str, Any]], None] | None = None,
        must: str = "",
        due: float | None = None,
    ) -> dict[str, Any]:
        """Call a REST operation, timed as a series of its own.

        Args:
            operation: of the dialect.
            params: of the query.
            body: sent as JSON.
            extra: seconds on top of the deadline.
            verify: looks at the object that came.
            must: id of the requirement by which a refusal is a incorrect answer; empty where a refusal is just that.
            due: when it was due, now if None.

        Returns:
            The JSON object.

        Raises:
            LoadFailure: no such object came, or a wrong one.
        """
        found: dict[str, Any] = {}

        def act() -> int:
            answer = self.rest.call(operation, params, body, extra)
            if must and 400 <= answer.status < 500:
                raise IncorrectAnswer(must, f"200 to {answer.request}", str(answer))
            found.update(answer.object())
            if verify is not None:
                verify(found)
            return len(answer.body)

        self.timed(f"rest {operation}", act, due, extra)
        return found

    def text(self, found: Mapping[str, Any], key: str, requirement: str) -> str:
        """Return a text in an answer.

        Raises:
            IncorrectAnswer: there is none.
        """
        value = found.get(key)
        if not isinstance(value, str) or not value:
            raise IncorrectAnswer(
                requirement, f"{key} in the answer", f"an answer with {', '.join(found) or 'nothing'}"
            )
        return value

    @contextlib.contextmanager
    def attached(self, uuid: str, target: str, series: str, due: float | None = None) -> Iterator[Connection]:
        """Provide a socket that is attached in here, and closed after it; connecting and attaching are one series.

        Raises:
            LoadFailure: it could not be attached.
        """
        made: list[Connection] = []

        def act() -> int:
            connection = self.session.connection()
            made.append(connection)
            connection.attach(self.session.token, uuid, target)
            return 0

        try:
            self.timed(series, act, due)
            yield made[0]
        except BaseException:
            for connection in made:
                connection.reset()
            raise
        made[0].close()

    def delete(self, kind: str, uuid: str, name: str) -> None:
        """Delete what was made on the target; what cannot be deleted is told in the end.

        Args:
            kind: ``dataset`` or ``cluster``.
            uuid: of it.
            name: of it.
        """
        try:
            self.call(f"{kind}.delete", {"uuid": uuid})
        except LoadFailure as error:
            self.session.leftovers.append(f"{kind} {name}: {error}")
        except BaseException:  # we are ended by force
            self.session.leftovers.append(f"{kind} {name}: there was no time to delete it")
            raise

    def note(self, error: LoadFailure) -> None:
        """Record a failure that nobody recorded yet: what came where nothing was timed is no less wrong."""
        if not error.recorded:
            now = clock()
            watch = Stopwatch(now, now)
            self.recorder.sent(self.paced_series, watch)
            self.recorder.failed(self.paced_series, watch, error)


def check_sockets(settings: Settings, scenarios: Iterable[type[Scenario]], processes: int) -> None:
    """Whether each process gets as many sockets as the hungriest scenario needs at the same time.

    Args:
        settings: of the run.
        scenarios: that have users.
        processes: that share the budget.

    Raises:
        ValueError: it does not.
    """
    for scenario in scenarios:
        if settings.sockets and settings.sockets // processes < scenario.sockets:
            shared = f" in each of {processes} processes" if processes > 1 else ""
            raise ValueError(
                f"--sockets {settings.sockets}: {scenario.name} needs {scenario.sockets} at the same time{shared}"
            )
