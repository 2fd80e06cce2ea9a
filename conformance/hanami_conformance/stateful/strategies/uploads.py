"""Strategies of uploads."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.access_checks import CORRUPTIONS, OTHER_USER_ACTIONS
from hanami_conformance.stateful.executors.sequence_chunks import ORDERS
from hanami_conformance.stateful.stalled_client import STALL_KINDS
from hanami_conformance.stateful.strategies.malformed_messages import chunk_payloads
from hanami_conformance.stateful.strategies.primitives import (
    FEW,
    chunk_sizes,
    cuts,
    lengths,
    low_positions,
    pauses,
    positions,
    rare_restarts,
    sizes,
    small_ints,
    step,
    step_lists,
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
server_steps = rare_restarts(
    step(
        "suspend",
        socket=small_ints,
        position=low_positions,
        length=st.integers(1, 120),
        variant=variants,
        milliseconds=pauses,
    )
)
other_user_steps = step("other_user", upload=small_ints, what=st.integers(0, len(OTHER_USER_ACTIONS) - 1))


@cache
def begin_steps(largest: int) -> st.SearchStrategy[Step]:
    """Return steps that start an upload, with files of up to about ``largest`` bytes."""
    kinds = st.sampled_from(["mnist", "csv"])
    return step("begin", kind=kinds, size=sizes(largest), count=st.integers(1, 3), user=st.integers(0, 1))


@cache
def choices(largest: int) -> tuple[st.SearchStrategy[Step], ...]:
    """Return the strategies of the steps of an upload."""
    return (
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


@cache
def actions(largest: int) -> st.SearchStrategy[Step]:
    """Return any step of an upload."""
    return st.one_of(*choices(largest))


@st.composite
def upload_sequences(
    draw: st.DrawFn, most_steps: int, largest: int, *, swarm: bool = False, restarts: bool = False
) -> list[Step]:
    """Return sequences of uploads, which begin with an upload and its socket and contain a step of another user.

    Left to chance, one of the actions of another user was missing in some runs.

    Args:
        draw: Draw function of Hypothesis.
        most_steps: Largest number of steps after the beginning.
        largest: Approximate largest size of a file in bytes.
        swarm: Whether some of the steps are switched off in each sequence.
        restarts: Whether some suspend, kill or restart the server.
    """
    among = (*choices(largest), server_steps) if restarts else choices(largest)
    first, second = draw(step_lists(among, most_steps, swarm=swarm))
    beginning = draw(st.tuples(begin_steps(largest), attach_steps).map(list) | overlapping)
    return [*beginning, *first, draw(other_user_steps), *second, *draw(endings)]
