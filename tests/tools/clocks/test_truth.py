"""The truth about a run, computed by hand."""

from __future__ import annotations

import pytest

from tools.clocks.log import ATTACH, REST, SOCKET, Exchange
from tools.clocks.pathologies import BASE, HiddenQueue, Message, bimodal, constant, lost_answers, stall
from tools.clocks.truth import Client, logged_times, scheduled_times, statistics


def exchange(
    index: int, arrival: float, *, late: float = 0.0, user: int = 0, lost: bool = False, series: str = REST
) -> Exchange:
    planned = None if lost else arrival + BASE
    return Exchange(series, user, index, arrival, planned, None if planned is None else planned + late)


def test_a_closed_run_measured_what_the_server_took() -> None:
    log = [exchange(1, 2.0, late=0.5), exchange(0, 1.0), exchange(2, 3.0, lost=True)]
    first, second, third = logged_times(log)
    assert (first, second) == pytest.approx((BASE, BASE + 0.5))
    assert third is None


def test_messages_that_a_stall_holds_back_count_from_their_scheduled_times() -> None:
    # Scheduled at 2.4, 2.6, 2.8 ...; the second one stalls until 4.5, and eight more wait behind it.
    log = [exchange(0, 2.4), exchange(1, 2.6), exchange(2, 4.6)]
    times = scheduled_times(log, stall, {REST: Client(5.0, 1)}, 4.2)[REST]
    expected = [BASE] + [4.5 + number * BASE - (2.4 + 0.2 * number) for number in range(1, 9)]
    assert times[:2] == pytest.approx(expected[:2])
    assert len(times) == 2  # the others are not sent before the end of the run
    times = scheduled_times(log, stall, {REST: Client(5.0, 1)}, 4.7)[REST]
    assert times[:5] == pytest.approx(expected[:5])


def test_a_window_lets_messages_go_on_while_the_first_one_waits() -> None:
    log = [exchange(0, 2.6, series=SOCKET)]
    times = scheduled_times(log, stall, {SOCKET: Client(5.0, 2)}, 4.8)[SOCKET]
    # 2.6 and 2.8 are in flight during the stall; 3.0 is sent after it, and is answered at once.
    assert times[:3] == pytest.approx([4.53 - 2.6, 4.53 - 2.8, 4.53 + BASE - 3.0])


def test_what_the_server_itself_was_late_with_counts() -> None:
    log = [exchange(0, 1.0), exchange(1, 1.2, late=0.3), exchange(2, 1.53)]
    times = scheduled_times(log, constant, {REST: Client(5.0, 1)}, 1.7)[REST]
    assert times[:3] == pytest.approx([BASE, BASE + 0.3, 1.2 + BASE + 0.3 + BASE - 1.4])


def test_lists_keep_a_user_busy_and_are_not_measured() -> None:
    times = scheduled_times([exchange(0, 1.0)], constant, {REST: Client(10.0, 1, 2)}, 1.55)[REST]
    assert times == pytest.approx([BASE] * 3)  # at 1.0, 1.2 and 1.4


def test_a_lost_answer_costs_its_user_the_deadline_and_a_pause() -> None:
    client = Client(1.0, 1, deadline=2.0, back_off=0.5)
    # Message 19 of user 0 has number 190; it is never answered.
    log = [exchange(index, float(index)) for index in range(20)]
    before, lost, *after = scheduled_times(log, lost_answers, {REST: client}, 24.0)[REST][18:]
    assert before == pytest.approx(BASE)
    assert lost is None
    assert after == pytest.approx([21.5 + BASE - 20, 21.5 + 2 * BASE - 21, BASE, BASE])


def test_the_answer_after_a_lost_one_ends_a_connection_whose_answers_come_in_order() -> None:
    client = Client(1.0, 4, back_off=0.5, in_order=True)
    log = [exchange(index, float(index), series=SOCKET) for index in range(20)]
    log += [exchange(0, at, series=ATTACH) for at in (0.0, 20.6)]
    times = scheduled_times(log, lost_answers, {SOCKET: client}, 23.0)[SOCKET][18:]
    assert times == [
        pytest.approx(BASE),
        None,
        None,
        pytest.approx(BASE),
        pytest.approx(BASE),
    ]  # 20 shows the loss of 19


def test_users_share_the_worker_behind_a_hidden_queue() -> None:
    rule = HiddenQueue()
    first, second = rule(Message(0, 0, 2.6)), rule(Message(1, 0, 2.6))
    assert first == pytest.approx(3.5 + 0.002 + BASE)
    assert second == pytest.approx(3.5 + 0.004 + BASE)


def test_slow_answers_are_the_same_in_every_run() -> None:
    times = [bimodal(Message(number % 10, number // 10, 0.0)) for number in range(2000)]
    assert times == [bimodal(Message(number % 10, number // 10, 0.0)) for number in range(2000)]
    assert 0.08 < sum(time > BASE for time in times) / 2000 < 0.12


def test_percentiles_are_times_that_occurred() -> None:
    assert statistics([0.1 * number for number in range(1, 101)]) == pytest.approx(
        {"p50": 5.0, "p95": 9.5, "p99": 9.9, "max": 10.0}
    )
