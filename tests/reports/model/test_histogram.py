from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanami_proto.validation import validate
from hanami_reports.model.histogram import (
    COARSE,
    HIGHEST,
    MICROSECONDS,
    Histogram,
    bucket_bounds,
    bucket_for,
    coarse_bucket_bounds,
)
from hanami_reports.model.loading import plain
from hanami_reports.model.series import Series, Slice

TIMES = st.integers(0, HIGHEST) | st.integers(0, 5000)
MANY = st.lists(TIMES, min_size=1, max_size=300)


def histogram(times: list[int]) -> Histogram:
    made = Histogram()
    for time in times:
        made.record(time)
    return made


@given(TIMES)
def test_a_time_is_within_its_bucket_which_is_narrower_than_a_thousandth_of_it(time: int) -> None:
    low, high = bucket_bounds(bucket_for(time))
    assert low <= time <= high
    assert high - low <= time / 1000
    coarse_low, coarse_high = coarse_bucket_bounds(bucket_for(time) // COARSE)
    assert coarse_low <= time <= coarse_high


def test_buckets_follow_each_other_without_a_gap() -> None:
    tops = [bucket_bounds(bucket) for bucket in range(bucket_for(HIGHEST) + 1)]
    assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(tops))


@given(MANY, st.floats(0, 100))
def test_percentiles_are_those_of_numpy_within_a_thousandth(times: list[int], percent: float) -> None:
    true = float(np.percentile(times, percent, method="inverted_cdf")) / MICROSECONDS
    found = histogram(times).percentile(percent)
    assert true <= found * (1 + 1e-12)
    assert found <= true * 1.001 + 1e-12


@given(MANY, MANY)
def test_merged_histograms_are_the_histogram_of_all(one: list[int], other: list[int]) -> None:
    merged = histogram(one)
    merged.add(histogram(other))
    assert merged == histogram(one + other)
    assert merged.count == len(one) + len(other)
    assert math.isclose(merged.mean, sum(one + other) / len(one + other) / MICROSECONDS)


@given(st.lists(TIMES, max_size=50))
def test_the_file_form_is_read_back(times: list[int]) -> None:
    made = histogram(times)
    assert validate(Histogram, plain(made)) == made


def test_a_time_above_the_range_is_counted_and_reported_exactly() -> None:
    made = histogram([5, 2 * HIGHEST])
    assert made.count == 2
    assert made.most == 2 * HIGHEST
    assert made.share_above(1.0) == 0.5


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Histogram().percentile(50)


def series(times: list[int]) -> Series:
    made = Series(sent=len(times), succeeded=len(times), bytes_up=sum(times))
    for index, time in enumerate(times):
        made.response.record(time)
        made.slices.setdefault(time % 3, Slice()).response[bucket_for(time) // COARSE] += 1
        made.by_index.setdefault(index.bit_length(), Histogram()).record(time)
    return made


@given(MANY, MANY)
def test_series_of_several_processes_add_up_exactly_and_are_read_back(one: list[int], other: list[int]) -> None:
    merged = series(one)
    merged.add(validate(Series, plain(series(other))))
    assert validate(Series, plain(merged)) == merged
    assert merged.succeeded == len(one) + len(other)
    assert merged.response == histogram(one + other)
    assert sum(sum(one.response.values()) for one in merged.slices.values()) == merged.succeeded
    assert sum(times.count for times in merged.by_index.values()) == merged.succeeded
