"""Strategies of direct interaction."""

from __future__ import annotations

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.cluster_messages import KINDS_OF_VALUES, UNUSUAL_MESSAGES
from hanami_conformance.stateful.executors.direct_io import MISTAKES
from hanami_conformance.stateful.strategies.malformed_messages import io_payloads
from hanami_conformance.stateful.strategies.primitives import pauses, rare_restarts, small_ints, step, step_lists

values = st.integers(0, KINDS_OF_VALUES - 1)
sizes = st.lists(st.integers(2, 9), min_size=1, max_size=2)
counts = st.integers(0, 20) | st.sampled_from([2**31 - 1, 2**31, 2**32, 2**63, 2**64 - 1])

cluster_steps = step("cluster", inputs=sizes, outputs=sizes, user=st.integers(0, 1))
choices = (
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
actions = st.one_of(*choices)
server_steps = rare_restarts(step("suspend", cluster=small_ints, values=values, milliseconds=pauses))


@st.composite
def direct_sequences(draw: st.DrawFn, most_steps: int, *, swarm: bool = False, restarts: bool = False) -> list[Step]:
    """Return sequences of direct interaction, which begin with a cluster and go on with any action.

    Args:
        draw: Draw function of Hypothesis.
        most_steps: Largest number of steps after the beginning.
        swarm: Whether some of the actions are switched off in each sequence.
        restarts: Whether some suspend, kill or restart the server.
    """
    among = (*choices, server_steps) if restarts else choices
    first, second = draw(step_lists(among, most_steps, swarm=swarm))
    return [draw(cluster_steps), *first, *second]
