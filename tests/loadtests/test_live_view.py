"""The rows that the page shows."""

from __future__ import annotations

import pytest

from hanami_loadtests.engine.failures import IncorrectAnswer, NoAnswer
from hanami_loadtests.engine.recorder import Recorder, Stopwatch
from hanami_loadtests.engine.schedule import CONSTANT, Schedule
from hanami_loadtests.live_history import SECONDS, LiveHistory
from hanami_loadtests.live_view import COLUMNS, RunSnapshot, banner, table_rows


class Clock:
    """Clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def recorded() -> Recorder:
    """Ten chunks in seconds 0 to 9, each 10 ms from due to answer and 4 ms from sent, and their file; and failures."""
    clock = Clock()
    recorder = Recorder(origin=100.0, clock=clock)

    def exchange(name: str, due: float, up: int) -> None:
        watch = Stopwatch(due, due + 0.006)
        recorder.sent(name, watch)
        clock.now = due + 0.010
        recorder.succeeded(name, watch, up=up)

    for second in range(10):
        exchange("upload chunk", 100.5 + second, 1_000_000)
    exchange("upload file", 109.5, 10_000_000)
    watches = [Stopwatch(109.6, 109.6) for _ in range(4)]
    for watch in watches:
        recorder.sent("direct request", watch)
    recorder.failed("direct request", watches[0], IncorrectAnswer("DIO-7", "the same", "another"))
    recorder.failed("direct request", watches[1], NoAnswer("refused"))
    recorder.unanswered("direct request", watches[2], NoAnswer("nothing"))
    recorder.unsent("direct request", [recorder.origin] * 5)
    return recorder


def test_each_message_has_its_rates_times_and_failures() -> None:
    moment = RunSnapshot("running", (), recorded().series, 10.0, {"direct request": 2}, newest=9)
    run, direct, chunk, file = table_rows(moment)
    assert [row["name"] for row in (direct, chunk, file)] == ["direct request", "upload chunk", "upload file"]
    assert chunk["mbnow"] == chunk["mbwhole"] == 1.0
    assert chunk["pernow"] == chunk["perwhole"] == 1.0
    assert [chunk[key] for key in ("p50", "p90", "p95", "p99")] == pytest.approx([10.0] * 4, rel=0.002)
    assert chunk["service"] == pytest.approx(4.0, rel=0.002)
    assert [direct[key] for key in ("in_flight", "unsent", "unanswered", "incorrect", "failed")] == [1, 7, 1, 1, 1]
    assert direct["p50"] is None
    # A file is its chunks once more.
    assert run["mbwhole"] == run["perwhole"] == 1.0
    assert [run[key] for key in ("p50", "p99", "most")] == pytest.approx([10.0] * 3, rel=0.002)
    assert [run[key] for key in ("in_flight", "unsent", "unanswered", "incorrect", "failed")] == [1, 7, 1, 1, 1]


def test_now_is_the_last_seconds_alone() -> None:
    moment = RunSnapshot("running", (), recorded().series, 20.0, newest=19)
    chunk = table_rows(moment)[2]
    assert (chunk["mbnow"], chunk["mbwhole"]) == (0.0, 0.5)


def test_after_a_run_nothing_is_in_flight_and_nothing_comes_now() -> None:
    moment = RunSnapshot("FAIL", [f"reason {number}" for number in range(8)], recorded().series, 10.0)
    reasons = [*(f"reason {number}" for number in range(5)), "and 3 more"]
    assert banner(moment) == {"status": "FAIL", "reasons": reasons}
    _, direct, *_ = table_rows(moment)
    assert direct["in_flight"] == 0
    assert direct["mbnow"] is None


def test_a_run_without_a_message_has_a_row_with_every_column() -> None:
    (run,) = table_rows(RunSnapshot("not started"))
    assert run["name"] == "All messages"
    assert set(run) == set(COLUMNS)


def test_the_row_of_the_run_is_first_where_the_page_sorts_by_name() -> None:
    names = [str(row["name"]) for row in table_rows(RunSnapshot("PASS", (), recorded().series, 10.0))]
    assert names == sorted(names)


def test_overdue_messages_are_counted_and_still_sent() -> None:
    schedule = Schedule(10.0, 0.0, 1, CONSTANT)
    first = schedule.next_time
    assert schedule.overdue(first - 0.001) == 0
    assert schedule.overdue(first) == 1
    assert schedule.overdue(first + 0.95) == 10
    assert schedule.next_time == first
    assert len(schedule.skip_until(first + 0.95)) == 10
    assert Schedule(0.0, 0.0).overdue(1000.0) == 0


def test_a_point_of_the_charts_is_one_second_of_all_messages_without_files() -> None:
    history, series = LiveHistory(), recorded().series
    history.add(9, series, users=4, in_flight=2)
    history.add(3, series, users=4, in_flight=1)
    history.add(5000, series, users=0, in_flight=0)
    last, middle, none = history.points
    assert (last["second"], last["users"], last["in_flight"]) == (9, 4, 2)
    assert (middle["valid"], middle["failed"], middle["up"]) == (1, 0, 1.0)
    assert (last["valid"], last["failed"]) == (1, 3)
    assert middle["p50"] == middle["max"] == pytest.approx(10, rel=0.06)
    assert middle["p99"] is None  # of one answer
    assert (none["valid"], none["p50"]) == (0, None)
    for second in range(2 * SECONDS):
        history.add(second, series, users=1, in_flight=0)
    assert [history.points[0]["second"], len(history.points)] == [SECONDS, SECONDS]
