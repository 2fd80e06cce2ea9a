"""Strategies of direct interaction."""

from __future__ import annotations

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.cluster_messages import KINDS_OF_VALUES, UNUSUAL_MESSAGES
from hanami_conformance.stateful.executors.direct_io import MISTAKES
from hanami_conformance.stateful.strategies.malformed_messages import io_payloads
from hanami_conformance.stateful.strategies.primitives import small_ints, step

values = st.integers(0, KINDS_OF_VALUES - 1)
sizes = st.lists(st.integers(2, 9), min_size=1, max_size=2)
counts = st.integers(0, 20) | st.sampled_from([2**31 - 1, 2**31, 2**32, 2**63, 2**64 - 1])

cluster_steps = step("cluster", inputs=sizes, outputs=sizes, user=st.integers(0, 1))
actions = st.one_of(
    step("request", cluster=small_ints, values=values, order=st.integers(0, 1)),
    step("open", cluster=small_ints, values=values, trains=st.integers(0, 1)),
    step("train", cluster=small_ints, values=values, targets=small_ints, times=small_ints),
    step("end", cluster=small_ints),
    step("pipeline", cluster=small_ints, cycles=st.lists(values, max_size=6)),
    step("drop", cluster=small_ints),
    step("close", cluster=small_ints),
    cluster_steps,
    step("mistake", cluster=small_ints, how=st.just("count"), process=st.integers(0, 1), number=counts),
    step(
        "mistake",
        cluster=small_ints,
        how=st.sampled_from([how for how in MISTAKES if how != "count"]),
        process=st.integers(0, 1),
        number=st.integers(0, 20) | st.sampled_from([100, 1000, 10_000]),
    ),
    step("garbage", cluster=small_ints, bytes=io_payloads),
    step("mode", cluster=small_ints),
    step("other_user", cluster=small_ints, what=small_ints | st.just(0)),
    step("train_until_learned", cluster=small_ints, values=small_ints, targets=small_ints),
    step("unusual", cluster=small_ints, how=st.sampled_from(UNUSUAL_MESSAGES)),
    step("delete", cluster=small_ints),
)


@st.composite
def direct_sequences(draw: st.DrawFn, most_steps: int) -> list[Step]:
    """Return sequences of direct interaction, which begin with a cluster and go on with any action."""
    # Hypothesis draws short lists on average; two lists are less short than one.
    halves = [draw(st.lists(actions, max_size=most_steps // 2)) for _ in range(2)]
    return [draw(cluster_steps), *halves[0], *halves[1]]
