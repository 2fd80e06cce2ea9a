from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hanami_reference_backend.storage.intervals import Intervals

SIZE = 64
RANGES = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)))


@given(RANGES)
def test_intervals_agree_with_a_mask(ranges: list[tuple[int, int]]) -> None:
    intervals, mask = Intervals(), np.zeros(SIZE, dtype=bool)
    for start, end in ranges:
        if start < end:
            assert intervals.touches(start, end) == mask[max(0, start - 1) : end + 1].any()
        intervals.add(start, end)
        mask[start:end] = True

    found = np.zeros(SIZE, dtype=bool)
    for start, end in intervals:
        assert start < end
        assert not found[max(0, start - 1) : end + 1].any(), "intervals that touch are one"
        found[start:end] = True
    assert (found == mask).all()
    assert intervals.total() == mask.sum()
    assert intervals.covers(SIZE) == mask.all()


def test_nothing_covers_an_empty_file() -> None:
    assert Intervals().covers(0)
    assert not Intervals().covers(1)
