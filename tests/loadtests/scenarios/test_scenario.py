"""What a user does when a run is over, or when it is ended by force."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hanami_loadtests.engine.connection import clock
from hanami_loadtests.engine.failures import IncorrectAnswer, LoadFailure
from hanami_loadtests.engine.health import Health
from hanami_loadtests.engine.pacing import Pacing
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.engine.tracing import Tracing
from hanami_loadtests.scenarios.scenario import Answer, RunFinished, Scenario
from hanami_loadtests.scenarios.upload import MnistUpload
from hanami_loadtests.session import AttachedUsers, Session


class Killed(BaseException):
    """As gevent ends a greenlet."""


class Waiting(Scenario):
    """Is ended by force while it cleans up."""

    name = "waiting"
    title = "waits"
    paced_series = "message"

    def clean_up(self) -> None:
        raise Killed


def session(*, rate: float = 0.0, drain: float = 10.0, ended: float | None = None) -> Session:
    """What a scenario asks of a session."""
    settings = SimpleNamespace(drain=drain)
    pacing = Pacing({"message": rate}, {}, begin=lambda: 0.0, clock=clock)
    return cast(
        "Session",
        SimpleNamespace(
            settings=settings,
            pacing=pacing,
            recorder=Recorder(origin=0.0),
            user_number=lambda: 0,
            rest=lambda: SimpleNamespace(close=lambda: None),
            schedules=[],
            attached_users=AttachedUsers(),
            leftovers=[],
            health=Health(),
            tracing=Tracing(),
            existing=frozenset(("theirs",)),
            ended=ended,
            restarted_since=lambda _: False,
            over=lambda: ended is not None,
            drain_end=lambda: math.inf,
        ),
    )


def test_what_was_on_the_target_before_is_not_deleted_whatever_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session()
    user = Waiting(made)
    sent: list[str] = []
    monkeypatch.setattr(user, "call", lambda operation, params: sent.append(f"{operation} {params['uuid']}"))
    user.delete("dataset", "theirs", "a name")
    user.delete("dataset", "ours", "another name")
    assert sent == ["dataset.delete ours"]
    assert made.leftovers == ["dataset a name: not deleted, since its uuid is of one that was there before"]


def test_unsent_messages_are_counted_although_cleaning_up_is_ended_by_force() -> None:
    made = session(rate=1000.0)
    user = Waiting(made)
    time.sleep(0.1)
    with pytest.raises(Killed):
        user.end()
    assert made.schedules == []
    assert made.recorder.series["message"].unsent >= 10


@pytest.mark.parametrize(
    ("drain", "after_the_end", "unanswered", "cancelled"), [(0.0, False, 1, 0), (60.0, False, 0, 1), (0.0, True, 0, 1)]
)
def test_who_is_ended_by_force_in_a_call_was_waited_for_long_enough_or_not(
    drain: float, after_the_end: bool, unanswered: int, cancelled: int
) -> None:
    made = session(drain=drain, ended=clock() - 1 if after_the_end else clock() + 1)
    user = Waiting(made)

    def hang(_headers: object) -> Answer:
        raise Killed

    with pytest.raises(Killed):
        user.timed("call", hang)
    series = made.recorder.series["call"]
    assert (series.unanswered, series.cancelled) == (unanswered, cancelled)


def test_a_user_that_leaves_is_over_and_is_waited_for_as_long_as_a_run_is() -> None:
    user = Waiting(session(drain=5.0))
    assert not user.over()
    assert user.drain_end() == math.inf
    user.leave()
    assert user.over()
    assert 0 < user.drain_end() - clock() <= 5.0


WRONG = IncorrectAnswer("DATA-1", "this", "that")


@pytest.mark.parametrize(
    ("first", "second", "raised"),
    [
        (RunFinished(), WRONG, IncorrectAnswer),
        (LoadFailure("lost"), WRONG, IncorrectAnswer),
        (RunFinished(), LoadFailure("lost"), LoadFailure),
        (WRONG, ZeroDivisionError(), ZeroDivisionError),
    ],
)
def test_of_two_failed_sockets_the_more_informative_error_is_reported(
    first: Exception, second: Exception, raised: type[Exception]
) -> None:
    failures: dict[str, Exception] = {"input": first, "label": second}

    class Failing(MnistUpload):
        def send_file(self, content: Any, role: str, uuid: str) -> None:  # noqa: ARG002 - as uploads do it
            raise failures[role]

    send: Callable[..., None] = Failing(session()).send_all
    with pytest.raises(raised) as caught:
        send(None, {"input": "uuid-1", "label": "uuid-2"})
    assert type(caught.value) is raised


def test_a_user_is_as_late_as_the_messages_before_have_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("hanami_loadtests.scenarios.scenario.clock", lambda: now[0])
    user = Waiting(session(rate=10.0))

    def delay(sent: float, scheduled: float) -> float:
        """Send, with an answer a second later; return the generator delay."""
        now[0] = sent
        user.timed("message", lambda _: Answer(0, sent, sent + 1.0), scheduled)
        return user.session.health.generator_delay.most / 1e6

    assert delay(100.5, 100.1) == pytest.approx(0.4, abs=0.001)
    assert delay(101.6, 100.2) == pytest.approx(0.5, abs=0.001)  # possible at 101.1: the first was 0.4 s late
    assert delay(103.0, 100.3) == pytest.approx(0.9, abs=0.001)  # possible at 102.1
    assert delay(104.5, 104.4) == pytest.approx(0.9, abs=0.001)  # no more than 0.1, since the target was free
