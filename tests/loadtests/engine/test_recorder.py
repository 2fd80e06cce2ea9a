from __future__ import annotations

import pytest

from hanami_loadtests.engine.error_log import MOST_CLASSES, MOST_EXCHANGES
from hanami_loadtests.engine.failures import GeneratorShortage, IncorrectAnswer, NoAnswer
from hanami_loadtests.engine.fault_times import FaultTime, calm_seconds
from hanami_loadtests.engine.recorder import Recorder, Stopwatch
from hanami_proto.validation import validate
from hanami_reports.model.loading import plain
from hanami_reports.model.series import Series


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class StoredSequence:
    """An exchange as a file."""

    def to_json(self) -> str:
        return "{}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(clock: Clock) -> Recorder:
    return Recorder(origin=100.0, clock=clock)


def exchange(recorder: Recorder, clock: Clock, due: float, sent: float, answered: float) -> None:
    clock.now = sent
    watch = Stopwatch(due, sent)
    recorder.sent("chunk", watch)
    clock.now = answered
    recorder.succeeded("chunk", watch, up=1000, down=10, index=0)


def only(recorder: Recorder) -> Series:
    (series,) = recorder.series.values()
    return series


def test_three_clocks_are_kept_apart(recorder: Recorder, clock: Clock) -> None:
    exchange(recorder, clock, due=101.0, sent=101.5, answered=101.7)
    series = only(recorder)
    assert series.response.percentile(50) == pytest.approx(0.7, rel=0.001)
    assert series.service.percentile(50) == pytest.approx(0.2, rel=0.001)
    assert series.scheduling_delay.percentile(50) == pytest.approx(0.5, rel=0.001)


def test_our_own_waiting_is_part_of_no_time(recorder: Recorder, clock: Clock) -> None:
    watch = Stopwatch(101.0, 101.5)
    recorder.sent("file", watch)
    watch.queue_wait = 8.0
    clock.now = 110.0
    recorder.succeeded("file", watch)
    series = only(recorder)
    assert series.response.percentile(50) == pytest.approx(1.0, rel=0.001)
    assert series.service.percentile(50) == pytest.approx(0.5, rel=0.001)
    assert series.slices[10].succeeded == 1


def test_messages_scheduled_in_the_warm_up_are_not_measured(recorder: Recorder, clock: Clock) -> None:
    exchange(recorder, clock, due=98.0, sent=98.5, answered=99.0)
    assert not recorder.series
    # Only the part after the warm-up counts, and only for rates.
    exchange(recorder, clock, due=99.9, sent=100.5, answered=100.6)
    series = only(recorder)
    assert (series.early, series.early_up, series.early_down) == (1, 1000, 10)
    assert (series.sent, series.succeeded, series.bytes_up, series.response.count, series.slices) == (0, 0, 0, 0, {})
    assert (series.rate(10), series.speed(10)) == (0.1, 101)
    assert recorder.in_flight == 0


def test_failures_in_the_warm_up_count(recorder: Recorder, clock: Clock) -> None:
    clock.now = 50.0
    watch = Stopwatch(50.0, 50.0)
    recorder.sent("chunk", watch)
    recorder.unanswered("chunk", watch, NoAnswer("nothing"))
    assert (only(recorder).sent, only(recorder).unanswered) == (1, 1)


def test_bytes_and_answers_count_in_the_second_of_their_arrival(recorder: Recorder, clock: Clock) -> None:
    for answered in (101.9, 102.1, 102.2):
        exchange(recorder, clock, due=101.0, sent=101.0, answered=answered)
    assert {second: one.succeeded for second, one in only(recorder).slices.items()} == {1: 1, 2: 2}
    assert only(recorder).bytes_up == 3000
    assert only(recorder).by_index[0].count == 3


def test_each_second_counts_scheduled_and_sent_messages(recorder: Recorder, clock: Clock) -> None:
    exchange(recorder, clock, due=101.0, sent=103.5, answered=103.7)
    recorder.unsent("chunk", [101.5, 104.0])
    series = only(recorder)
    assert series.unsent == 2
    assert {second: (one.scheduled, one.sent) for second, one in series.slices.items()} == {
        1: (2, 0),
        3: (0, 1),
        4: (1, 0),
    }


def test_answers_verified_after_the_run_are_counted_and_in_no_rate(recorder: Recorder, clock: Clock) -> None:
    exchange(recorder, clock, due=101.0, sent=101.0, answered=101.5)
    recorder.ended = 110.0
    exchange(recorder, clock, due=109.0, sent=109.0, answered=110.5)
    series = only(recorder)
    assert (series.succeeded, series.bytes_up, series.bytes_down) == (2, 2000, 20)
    assert (series.rate(10), series.speed_up(10), series.speed_down(10), series.speed(10)) == (0.1, 100, 1, 101)
    assert series.rate(0) == series.speed(0) == 0
    other = Series()
    other.add(validate(Series, plain(series)))
    assert other == series


def test_failures_are_no_part_of_the_percentiles_and_wrong_answers_a_class_of_their_own(
    recorder: Recorder, clock: Clock
) -> None:
    exchange(recorder, clock, 101.0, 101.0, 101.1)
    for error in (NoAnswer("nothing"), IncorrectAnswer("DIO-7", "this", "that")):
        watch = Stopwatch(102.0, 102.0)
        recorder.sent("chunk", watch)
        clock.now = 112.0
        recorder.failed("chunk", watch, error, StoredSequence() if isinstance(error, IncorrectAnswer) else None)
    series = only(recorder)
    assert (series.sent, series.succeeded, series.failed, series.incorrect) == (3, 1, 1, 1)
    assert series.response.most < 200_000
    assert series.failures.count == 2
    assert {error.kind for error in recorder.errors.values()} == {"no answer", "incorrect answer"}
    assert recorder.exchanges == {"chunk-1.json": "{}"}


@pytest.mark.parametrize("waited", [False, True])
def test_what_this_machine_prevented_is_no_failure_of_the_target(
    recorder: Recorder, clock: Clock, waited: bool
) -> None:
    clock.now = 101.0
    watch, error = Stopwatch(101.0, 101.0), GeneratorShortage("no local port is left")
    recorder.sent("chunk", watch)
    if waited:
        recorder.unanswered("chunk", watch, error)
    else:
        recorder.failed("chunk", watch, error)
    series = only(recorder)
    assert (series.sent, series.failed, series.unanswered, series.incorrect, series.cancelled) == (1, 0, 0, 0, 1)
    assert error.recorded
    assert (recorder.in_flight, recorder.errors) == (0, {})
    total = Recorder()
    total.add(recorder.take_delta())
    total.add(recorder.take_delta())
    assert total.shortages == {"no local port is left"}
    assert recorder.shortages == set()


def test_many_different_failures_do_not_fill_the_memory(recorder: Recorder, clock: Clock) -> None:
    clock.now = 101.0
    for number in range(2 * MOST_CLASSES):
        watch = Stopwatch(101.0, 101.0)
        recorder.sent("chunk", watch)
        recorder.failed("chunk", watch, IncorrectAnswer("DATA-1", str(number), "x"), StoredSequence())
    assert len(recorder.errors) == MOST_CLASSES + 1
    assert sum(error.count for error in recorder.errors.values()) == 2 * MOST_CLASSES
    assert len(recorder.exchanges) == MOST_EXCHANGES


def test_partial_reports_add_up_to_the_whole(recorder: Recorder, clock: Clock) -> None:
    total = Recorder()
    for number in range(10):
        exchange(recorder, clock, 101.0 + number, 101.0 + number, 101.2 + number)
        watch = Stopwatch(101.0, 101.0)
        recorder.sent("other", watch)
        recorder.failed("other", watch, IncorrectAnswer("DIO-7", "this", "that"), StoredSequence())
        total.add(recorder.take_delta(), "worker-")
    assert total.series["chunk"].succeeded == total.series["chunk"].response.count == 10
    assert total.series["chunk"].slices.keys() == set(range(1, 11))
    (error,) = total.errors.values()
    assert error.count == 10
    assert error.exchange in total.exchanges
    assert len(total.exchanges) == 1  # the same failure again and again is kept once
    assert not recorder.series


def test_what_only_the_generator_was_late_with_is_no_response_time(recorder: Recorder, clock: Clock) -> None:
    recorder.is_open = True
    watch = Stopwatch(101.0, 101.5, possible=101.0)
    recorder.sent("chunk", watch)
    clock.now = 102.5
    recorder.succeeded("chunk", watch)
    series = only(recorder)
    assert series.response.most == series.longest_response.most == 1_000_000
    assert series.scheduling_delay.most == 500_000


def test_a_target_that_held_a_message_back_may_have_answered_no_earlier(recorder: Recorder, clock: Clock) -> None:
    recorder.is_open = True
    watch = Stopwatch(101.0, 103.5, possible=103.0)  # two seconds late because of the target, half a second of us
    recorder.sent("chunk", watch)
    clock.now = 104.5
    recorder.succeeded("chunk", watch)
    series = only(recorder)
    assert (series.response.most, series.longest_response.most) == (3_000_000, 3_500_000)


def test_preparing_a_message_is_no_time_of_the_target() -> None:
    closed, scheduled = Stopwatch(101.0, 101.0), Stopwatch(101.0, 101.0, possible=101.0)
    for watch in (closed, scheduled):
        watch.begin(101.5)
        assert watch.response(103.0) == watch.service(103.0) == 1.5


def failing(recorder: Recorder, clock: Clock, scheduled: float, ended: float) -> None:
    watch = Stopwatch(scheduled, scheduled)
    clock.now = scheduled
    recorder.sent("chunk", watch)
    clock.now = ended
    recorder.failed("chunk", watch, NoAnswer("nothing"))


def test_messages_that_overlap_a_fault_or_its_recovery_count_apart(recorder: Recorder, clock: Clock) -> None:
    first = FaultTime(begin=110.0, recovery=5.0, end=112.0, has_begun=True)
    second = FaultTime(begin=130.0, recovery=5.0, restarts=True, end=131.0, has_begun=True)
    recorder.faults = (first, second)
    recorder.stage_ends = (200.0,)
    exchange(recorder, clock, 101.0, 101.0, 101.1)
    failing(recorder, clock, 102.0, 109.9)  # before it
    failing(recorder, clock, 109.0, 111.0)  # in flight when it began
    failing(recorder, clock, 116.9, 140.0)  # sent in the recovery, and still in flight in the second
    failing(recorder, clock, 117.0, 117.5)  # just after it
    recorder.unsent("chunk", [104.0, 111.0])
    recorder.survived("cluster", is_lost=True)
    recorder.survived("cluster", is_lost=False)
    total = Recorder()
    total.add(recorder.take_delta())
    total.add(recorder.take_delta())
    whole, *parts = total.series["chunk"], *(part["chunk"] for part in total.parts)
    assert (whole.sent, whole.succeeded, whole.failed, whole.unsent) == (5, 1, 4, 2)
    assert [(one.sent, one.succeeded, one.failed, one.unsent) for one in parts] == [
        (3, 1, 2, 1),
        (1, 0, 1, 1),
        (1, 0, 1, 0),
    ]
    assert total.unaffected["chunk"] == parts[0]
    assert total.stages[0]["chunk"].failed == 2  # a stage is judged by what no fault can have affected
    (error,) = total.errors.values()
    assert (error.count, error.in_faults) == (4, 2)
    assert [dict(one) for one in total.lost] == [{}, {"cluster": 1}]
    assert [dict(one) for one in total.kept] == [{}, {"cluster": 1}]


def test_seconds_without_faults_are_what_is_left() -> None:
    first = FaultTime(begin=110.0, recovery=5.0, end=112.0, has_begun=True)
    overlapping = FaultTime(begin=116.0, recovery=2.0, end=117.0, has_begun=True)
    planned = FaultTime(begin=150.0, recovery=5.0)
    assert calm_seconds([first, overlapping, planned], 100.0, 160.0) == 51.0
    assert calm_seconds([first, overlapping], 111.0, 118.0) == 0.0
    assert calm_seconds([first], 120.0, 130.0) == 10.0
