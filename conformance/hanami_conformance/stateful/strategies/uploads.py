"""Strategies of uploads."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.access_checks import CORRUPTIONS, OTHER_USER_ACTIONS
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
    small_ints,
    step,
    variants,
)

orders = st.sampled_from(ORDERS)
attach_steps = step("attach", file=small_ints)
# Overlapping chunks that differ are too rare if left to chance.
overlaps = st.builds(
    lambda position, length, by: [[position, length, 0], [position + by, length, 1]],
    st.integers(0, 150),
    st.integers(20, 120),
    st.integers(0, 19),
)
chunks = st.lists(st.tuples(positions, lengths, variants).map(list), max_size=6)
fill_steps = step("fill", socket=small_ints, chunk=chunk_sizes, order=orders, variant=variants)
finalize_steps = step("finalize", upload=small_ints)
attach_after_end_steps = step("attach_after_end", upload=small_ints, file=st.integers(0, 1))
nothing: st.SearchStrategy[list[Step]] = st.just([])
overlapping = st.tuples(
    step("begin", kind=st.just("mnist"), size=st.integers(400, FEW), count=st.integers(1, 3), user=st.integers(0, 1)),
    step("attach", file=st.just(0)),
    step("pipeline", socket=st.just(0), chunks=overlaps),
).map(list)
# Finalized while its socket is open, or nothing.
endings = nothing | st.tuples(fill_steps, finalize_steps, attach_after_end_steps).map(list)
other_user_steps = step("other_user", upload=small_ints, what=st.integers(0, len(OTHER_USER_ACTIONS) - 1))


@cache
def begin_steps(largest: int) -> st.SearchStrategy[Step]:
    """Return steps that start an upload, with files of up to about ``largest`` bytes."""
    kinds = st.sampled_from(["mnist", "csv"])
    return step("begin", kind=kinds, size=sizes(largest), count=st.integers(1, 3), user=st.integers(0, 1))


@cache
def actions(largest: int) -> st.SearchStrategy[Step]:
    """Return any step of an upload."""
    return st.one_of(
        step("write", socket=small_ints, position=positions, length=lengths, variant=variants),
        fill_steps,
        attach_steps,
        step("progress", upload=small_ints),
        step("pipeline", socket=small_ints, chunks=chunks),
        step("drop", socket=small_ints),
        step("close", socket=small_ints),
        step("interleave", chunk=chunk_sizes, order=orders),
        finalize_steps,
        begin_steps(largest),
        step(
            "fragments",
            socket=small_ints,
            position=positions,
            length=lengths,
            variant=variants,
            cuts=cuts,
            ping=st.integers(0, 2),
        ),
        step("garbage", socket=small_ints, bytes=chunk_payloads),
        step(
            "finalize_invalid", upload=small_ints, field=st.integers(0, 2), corruption=st.integers(0, len(CORRUPTIONS))
        ),
        other_user_steps,
        step("stalled_client", how=st.sampled_from(STALL_KINDS)),
        step("delete", upload=small_ints),
        attach_after_end_steps,
    )


@st.composite
def upload_sequences(draw: st.DrawFn, most_steps: int, largest: int) -> list[Step]:
    """Return sequences of uploads, which begin with an upload and its socket and contain a step of another user.

    Left to chance, one of the actions of another user was missing in some runs.

    Args:
        draw: Draw function of Hypothesis.
        most_steps: Largest number of steps after the beginning.
        largest: Approximate largest size of a file in bytes.
    """
    # Hypothesis draws short lists on average; two lists are less short than one.
    halves = [draw(st.lists(actions(largest), max_size=most_steps // 2)) for _ in range(2)]
    beginning = draw(st.tuples(begin_steps(largest), attach_steps).map(list) | overlapping)
    return [*beginning, *halves[0], draw(other_user_steps), *halves[1], *draw(endings)]
