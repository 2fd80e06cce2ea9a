"""The rate at which a failure recurs counts the runs that could be judged, and takes no longer than it may."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Unsupported, Violation
from hanami_conformance.cases.recording import begin_case, end_case
from hanami_conformance.cases.recurrence import SAMPLE, with_recurrence, without_recurrence


@pytest.fixture(autouse=True)
def case() -> Iterator[None]:
    begin_case("test")
    yield
    end_case()


FAILURE = Violation("one", "other", "FIN-5")


def runs(*outcomes: BaseException | None) -> tuple[Callable[[], None], list[int]]:
    """A function whose calls end as given, in turn, and the numbers of its calls."""
    calls: list[int] = []

    def run() -> None:
        outcome = outcomes[len(calls) % len(outcomes)]
        calls.append(len(calls))
        if outcome is not None:
            raise outcome

    return run, calls


def test_a_failure_says_how_often_it_recurs() -> None:
    begun: list[int] = []

    def run() -> None:
        begun.append(1)
        if len(begun) % 3 == 1:
            raise Violation("one", "other", "FIN-5")
        if len(begun) % 3 == 2:
            raise Violation("one", "unrelated", "GEN-1")

    first = FAILURE
    rated, recurs = with_recurrence(first, run, lambda failure: failure.requirement == "FIN-5")
    assert len(begun) == SAMPLE
    assert rated.actual == f"other (in 4 of {SAMPLE} runs of the same steps after this one)"
    assert (rated.requirement, recurs) == ("FIN-5", True)

    def fail() -> None:
        raise first

    rated, recurs = with_recurrence(first, fail, lambda _: True)
    assert (rated.actual, recurs) == ("other", True)
    rated, recurs = with_recurrence(first, lambda: None, lambda _: True)
    assert rated.actual.startswith(f"other (in 0 of {SAMPLE} runs")
    assert not recurs


@pytest.mark.parametrize("unjudged", [PreconditionFailed("attaching: no answer"), Unsupported("needs two connections")])
def test_runs_that_could_not_be_judged_do_not_count(unjudged: BaseException) -> None:
    run, calls = runs(FAILURE, unjudged)
    rated, recurs = with_recurrence(FAILURE, run, lambda _: True)
    assert (rated.actual, recurs) == ("other", True)  # it recurred in each run that was judged
    run, calls = runs(FAILURE, unjudged, None, unjudged)
    rated, recurs = with_recurrence(FAILURE, run, lambda _: True)
    assert len(calls) == SAMPLE
    assert (rated.actual, recurs) == ("other (in 3 of 5 runs of the same steps after this one)", True)


def test_a_failure_says_so_where_no_run_after_it_could_be_judged() -> None:
    for outcome in (Unsupported("needs two connections"), TargetDown("no connection")):
        rated, recurs = with_recurrence(FAILURE, runs(outcome)[0], lambda _: True)
        assert not recurs
        assert rated.actual == "other (no run of the same steps after this one could be judged)"
        assert without_recurrence(rated.actual) == "other"


def test_no_further_run_begins_when_the_time_is_over() -> None:
    run, calls = runs(None)
    rated, recurs = with_recurrence(FAILURE, run, lambda _: True, seconds=0.0)
    assert len(calls) == 1
    assert (rated.actual, recurs) == ("other (in 0 of 1 runs of the same steps after this one)", False)
