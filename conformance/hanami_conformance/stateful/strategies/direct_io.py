"""Sequences of direct interaction."""

from __future__ import annotations

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.cluster_messages import KINDS_OF_VALUES, UNUSUAL_MESSAGES
from hanami_conformance.stateful.executors.direct_io import MISTAKES
from hanami_conformance.stateful.strategies.malformed_messages import io_payloads
from hanami_conformance.stateful.strategies.primitives import small, step

values = st.integers(0, KINDS_OF_VALUES - 1)
cuts = st.lists(st.integers(0, 30), max_size=4)
sizes = st.lists(st.integers(2, 9), min_size=1, max_size=2)
counts = st.integers(0, 20) | st.sampled_from([2**31 - 1, 2**31, 2**32, 2**63, 2**64 - 1])

begins = step("cluster", inputs=sizes, outputs=sizes, user=st.integers(0, 1))
acts = st.one_of(
    step("request", cluster=small, values=values, cuts=cuts, order=st.integers(0, 2)),
    step("open", cluster=small, values=values, cuts=cuts, trains=st.integers(0, 1)),
    step("train", cluster=small, values=values, wanted=small, times=small, cuts=cuts),
    step("end", cluster=small),
    step("pipeline", cluster=small, cycles=st.lists(st.tuples(values, st.integers(0, 9)).map(list), max_size=6)),
    step("drop", cluster=small),
    step("close", cluster=small),
    begins,
    step("mistake", cluster=small, how=st.just("count"), process=st.integers(0, 1), number=counts),
    step(
        "mistake",
        cluster=small,
        how=st.sampled_from([how for how in MISTAKES if how != "count"]),
        process=st.integers(0, 1),
        number=st.integers(0, 20) | st.sampled_from([100, 1000, 10_000]),
    ),
    step("garbage", cluster=small, bytes=io_payloads),
    step("mode", cluster=small),
    step("foreign", cluster=small, what=small | st.just(0)),
    step("learn", cluster=small, values=small, wanted=small),
    step("odd", cluster=small, how=st.sampled_from(UNUSUAL_MESSAGES)),
    step("delete", cluster=small),
)


@st.composite
def direct_sequences(draw: st.DrawFn, most_steps: int) -> list[Step]:
    """Sequences of direct interaction: they begin with a cluster, the rest is anything."""
    halves = [draw(st.lists(acts, max_size=most_steps // 2)) for _ in range(2)]  # lists are short on average, two less
    return [draw(begins), *halves[0], *halves[1]]
