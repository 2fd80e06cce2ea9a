"""The exchanges of a run have a bounded size, whatever a target answers, and show the violation first of all."""

from __future__ import annotations

import base64
import json

import pytest

from hanami_conformance.session.exchange_budget import LEAST_EVENTS, RUN_CHARACTERS, ExchangeBudget
from hanami_reports.model.conformance import CaseResult, Event, ExitStatus, Outcome, RunResult

MIB = 1 << 20
LARGEST = 20_000_000  # bytes of a result


def event(number: int, size: int = 0, frames: int = 0) -> Event:
    payload, framed = (base64.b64encode(bytes(length)).decode() for length in (size, frames))
    return Event(float(number), "ws-1", "received", "binary", f"event {number}", payload, "", framed)


def case(*events: Event, failed_at: int = -1, number: int = 0) -> CaseResult:
    return CaseResult(f"f.py::t[{number}]", "t", ("X-1",), Outcome.FAILED, exchange=events, failed_at=failed_at)


def size_of(*cases: CaseResult) -> int:
    return len(RunResult({}, ExitStatus.NOT_CONFORMANT, "", (), cases).to_json())


def test_an_exchange_that_fits_is_kept_as_it_is() -> None:
    whole = case(event(0, 128 << 10, 128 << 10), event(1, 128 << 10), failed_at=1)
    assert ExchangeBudget().fit(whole) is whole


def test_frames_are_left_out_before_payloads() -> None:
    fitted = ExchangeBudget().fit(case(event(0, MIB, MIB), failed_at=0))
    assert fitted.exchange == (event(0, MIB),)


def test_the_ends_of_large_payloads_are_left_out() -> None:
    fitted = ExchangeBudget().fit(case(event(0, 100), event(1, 2 * MIB), event(2, 2 * MIB), failed_at=2))
    small, *large = fitted.exchange
    assert small == event(0, 100)
    for number, cut in enumerate(large, 1):
        assert cut.summary == f"event {number} (65,535 of 2,097,152 bytes kept)"
        assert base64.b64decode(cut.payload, validate=True) == bytes(65_535)
    assert fitted.failed_at == 2


@pytest.mark.parametrize("length", [98_302, 98_303, 98_304, 98_305])
def test_a_note_states_the_true_lengths(length: int) -> None:
    fitted = ExchangeBudget(8 * 20_000).fit(case(event(0, length), failed_at=0))
    (cut,) = fitted.exchange
    kept = len(base64.b64decode(cut.payload, validate=True))
    assert 0 < kept < 16 << 10
    assert cut.summary == f"event 0 ({kept:,} of {length:,} bytes kept)"


@pytest.mark.parametrize("failed_at", [-1, 0, 3, 30_000, 99_999])
def test_the_events_around_the_violation_are_kept(failed_at: int) -> None:
    fitted = ExchangeBudget().fit(case(*map(event, range(100_000)), failed_at=failed_at))
    shown = fitted.exchange[fitted.failed_at].at
    assert shown == (99_999 if failed_at == -1 else failed_at)
    assert len(fitted.exchange) > 5000
    first, last = fitted.exchange[0], fitted.exchange[-1]
    if first.at:
        assert first.summary == f"event {first.at:.0f} ({first.at:,.0f} earlier events left out)"
    if last.at < 99_999:
        assert last.summary == f"event {last.at:.0f} ({99_999 - last.at:,.0f} later events left out)"


@pytest.mark.parametrize(
    ("events", "size"), [(40, MIB), (4, 4 * MIB), (1000, 1000)], ids=["answers of 1 MiB", "of 4 MiB", "many small ones"]
)
def test_a_whole_run_of_failures_stays_below_the_limit(events: int, size: int) -> None:
    exchange = [event(number, size) for number in range(events)]
    budget = ExchangeBudget()
    fitted = [budget.fit(case(*exchange, failed_at=events - 1, number=number)) for number in range(873)]
    assert size_of(*fitted) < LARGEST
    assert all(one.exchange[one.failed_at].at == events - 1 for one in fitted)
    assert all(len(one.exchange) >= min(events, LEAST_EVENTS) for one in fitted)
    assert len(json.dumps([one.payload for one in fitted[0].exchange])) > 10_000  # the first one has its bytes


def test_cases_without_an_exchange_take_nothing() -> None:
    budget = ExchangeBudget(RUN_CHARACTERS)
    for number in range(1000):
        assert budget.fit(case(number=number)).exchange == ()
    whole = case(event(0, MIB))
    assert budget.fit(whole) is whole
