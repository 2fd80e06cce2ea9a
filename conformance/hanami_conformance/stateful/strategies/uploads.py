"""Sequences of uploads."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.access_checks import OTHER_USER_ACTIONS, WRONG_VALUES
from hanami_conformance.stateful.executors.uploads import ORDERS
from hanami_conformance.stateful.stalled_client import STALL_KINDS
from hanami_conformance.stateful.strategies.malformed_messages import chunk_payloads
from hanami_conformance.stateful.strategies.primitives import (
    FEW,
    chunk_sizes,
    cuts,
    lengths,
    positions,
    sizes,
    small,
    step,
    variants,
)

orders = st.sampled_from(ORDERS)
attaches = step("attach", file=small)
# Chunks that lie over each other and differ are too rare if left to chance.
overlaps = st.builds(
    lambda position, length, by: [[position, length, 0], [position + by, length, 1]],
    st.integers(0, 150),
    st.integers(20, 120),
    st.integers(0, 19),
)
chunks = st.lists(st.tuples(positions, lengths, variants).map(list), max_size=6)
fills = step("fill", socket=small, chunk=chunk_sizes, order=orders, variant=variants)
finalizes = step("finalize", upload=small)
haunts = step("haunt", upload=small, file=st.integers(0, 1))
nothing: st.SearchStrategy[list[Step]] = st.just([])
overlapping = st.tuples(
    step("begin", kind=st.just("mnist"), size=st.integers(400, FEW), count=st.integers(1, 3), user=st.integers(0, 1)),
    step("attach", file=st.just(0)),
    step("pipeline", socket=st.just(0), chunks=overlaps),
).map(list)
ends = nothing | st.tuples(fills, finalizes, haunts).map(list)  # finalized while its socket is open
intrusions = step("foreign", upload=small, what=st.integers(0, len(OTHER_USER_ACTIONS) - 1))


@cache
def begins(largest: int) -> st.SearchStrategy[Step]:
    """Beginnings of an upload, of files up to about ``largest`` bytes."""
    kinds = st.sampled_from(["mnist", "csv"])
    return step("begin", kind=kinds, size=sizes(largest), count=st.integers(1, 3), user=st.integers(0, 1))


@cache
def acts(largest: int) -> st.SearchStrategy[Step]:
    """Anything that may be done."""
    return st.one_of(
        step("write", socket=small, position=positions, length=lengths, variant=variants),
        fills,
        attaches,
        step("poll", upload=small),
        step("pipeline", socket=small, chunks=chunks),
        step("drop", socket=small),
        step("close", socket=small),
        step("interleave", chunk=chunk_sizes, order=orders),
        finalizes,
        begins(largest),
        step(
            "fragments",
            socket=small,
            position=positions,
            length=lengths,
            variant=variants,
            cuts=cuts,
            ping=st.integers(0, 2),
        ),
        step("garbage", socket=small, bytes=chunk_payloads),
        step("misfinalize", upload=small, field=st.integers(0, 2), wrong=st.integers(0, len(WRONG_VALUES))),
        intrusions,
        step("nuisance", how=st.sampled_from(STALL_KINDS)),
        step("delete", upload=small),
        haunts,
    )


@st.composite
def upload_sequences(draw: st.DrawFn, most_steps: int, largest: int) -> list[Step]:
    """Sequences of uploads: they begin with one that has a socket, the rest is anything, and somebody else intrudes.

    Left to chance, one of the ways to intrude was now and then missing in a whole run.

    Args:
        draw: given by Hypothesis.
        most_steps: after the beginning.
        largest: size of a file, bytes, about.
    """
    begin, act = begins(largest), acts(largest)
    halves = [draw(st.lists(act, max_size=most_steps // 2)) for _ in range(2)]  # lists are short on average, two less
    beginning = draw(st.tuples(begin, attaches).map(list) | overlapping)
    return [*beginning, *halves[0], draw(intrusions), *halves[1], *draw(ends)]
