"""The recovery from a fault, of seconds whose content is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from hanami_loadtests.faults.recovery import Recovery, find_recovery
from hanami_reports.model.histogram import COARSE, bucket_for
from hanami_reports.model.series import Slice

BEFORE = range(2, 10)
RUN = 40.0


def served(valid: int, seconds: float = 0.005, failed: int = 0) -> Slice:
    """A second with so many valid answers of this response time."""
    return Slice(succeeded=valid, failed=failed, response=Counter({bucket_for(int(seconds * 1e6)) // COARSE: valid}))


def run(*parts: tuple[Iterable[int], Slice], rate: int = 100) -> dict[int, Slice]:
    """A run with so many valid answers in each second, but for some."""
    slices = {second: served(rate) for second in range(int(RUN))}
    for seconds, one in parts:
        slices |= dict.fromkeys(seconds, one)
    return slices


def recovery(
    slices: dict[int, Slice], end: float = 13.0, load: Callable[[int], float] = lambda _: 1.0, until: float = RUN
) -> Recovery:
    return find_recovery(slices, load, BEFORE, end, until)


@pytest.mark.parametrize(
    ("bad", "seconds"),
    [
        (served(0, failed=20), 4.0),  # nothing is answered
        (served(30), 4.0),  # too little is
        (served(100, failed=5), 4.0),  # some of it wrongly
        (served(100, 0.05), 4.0),  # too late
        (served(85), 0.0),  # by chance
        (served(100, 0.015), 0.0),  # some milliseconds are nothing
        (served(200), 0.0),
    ],
)
def test_it_ends_when_rate_failures_and_p95_are_as_before(bad: Slice, seconds: float) -> None:
    found = recovery(run((range(10, 17), bad)))
    assert found.seconds == seconds
    assert (found.explanation, found.is_known, found.rate_before) == ("", True, 100.0)
    assert found.p95_before == pytest.approx(0.005, rel=0.07)


def test_the_second_of_the_end_may_be_as_before() -> None:
    assert recovery(run((range(10, 13), served(0))), end=13.7).seconds == 0.0
    assert recovery(run((range(10, 14), served(0))), end=13.7).seconds == pytest.approx(0.3)


def test_one_good_second_between_bad_ones_is_none() -> None:
    assert recovery(run((range(10, 15), served(0)), (range(16, 18), served(0)))).seconds == 5.0


def test_never_is_said_with_what_is_still_worse() -> None:
    found = recovery(run((range(10, 40), served(40))))
    assert (found.seconds, found.is_known) == (None, True)
    assert found.explanation == "40 valid answers per second, 100 before"
    assert recovery(run((range(10, 40), served(100, 0.08)))).explanation.startswith("p95 8")
    assert recovery(run((range(10, 40), served(90, failed=10)))).explanation == "10 % failed, 0 % before"


def test_it_must_have_happened_before_the_next_fault() -> None:
    slices = run((range(10, 20), served(0)))
    assert recovery(slices, until=24.0).seconds == 7.0
    assert recovery(slices, until=22.0).seconds is None


def test_too_few_answers_before_say_nothing() -> None:
    found = recovery(run(rate=3))
    assert (found.seconds, found.is_known) == (None, False)
    assert found.explanation == "24 valid answers before it are too few, 30 are needed"


def test_few_answers_need_more_seconds() -> None:
    slices = run((range(10, 16), served(0)), rate=5)
    assert recovery(slices).seconds == 3.0  # the rate is that of six seconds
    late = find_recovery(slices, lambda _: 1.0, BEFORE, 36.0, RUN)
    assert (late.seconds, late.is_known) == (None, False)
    assert late.explanation == "the run leaves less than 6 s after it"


def test_the_rate_is_that_of_the_load() -> None:
    half = run((range(10, 40), served(50)))
    assert recovery(half).seconds is None
    assert recovery(half, load=lambda second: 200.0 if second < 10 else 100.0).seconds == 0.0
    assert recovery(run(), load=lambda second: 0.0 if second >= 10 else 1.0).explanation == "nothing was to be sent"


def test_random_arrivals_are_no_lack() -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        slices = {second: served(int(random.poisson(40))) for second in range(int(RUN))}
        slices |= dict.fromkeys(range(10, 15), served(0, failed=4))
        found = recovery(slices)
        assert found.seconds is not None
        assert 2.0 <= found.seconds <= 6.0
