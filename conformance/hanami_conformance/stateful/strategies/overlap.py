"""Strategies of operations that overlap."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.executors.overlapping_operations import BRANCH, DELAY, MOST_BRANCHES
from hanami_conformance.stateful.overlap.upload_model import BLOCKS
from hanami_conformance.stateful.strategies.primitives import pauses, rare_restarts, step, variants

STEPS_FOR_EACH = 8  # steps of the profile for each step of a branch

pair = st.integers(0, 1)
delays = st.sampled_from([0, 0, 500, 2000])
kinds = st.sampled_from(["mnist", "csv"])
sizes = st.integers(40, 400)
counts = st.integers(1, 3)
received = st.sampled_from([BLOCKS, BLOCKS, BLOCKS - 1, 0])
users = st.sampled_from([0, 0, 1])
blocks = st.integers(0, BLOCKS - 1)

upload_steps = step("upload", kind=kinds, size=sizes, count=counts, received=received, user=users)
cluster_steps = step("cluster", inputs=st.integers(3, 6), outputs=st.integers(3, 6), user=users)
finalize_steps = step("finalize", upload=pair)

# Actions that may overlap, by what they are about.
UPLOAD_ACTIONS: Mapping[str, st.SearchStrategy[Step]] = {
    "chunk": step("chunk", upload=pair, file=pair, block=blocks, variant=variants),
    "finalize": finalize_steps,
    "delete": step("delete", upload=pair),
    "progress": step("progress", upload=pair),
    "list": step("list"),
    "init": step("init", kind=kinds, size=sizes, count=counts),
}
CLUSTER_ACTIONS: Mapping[str, st.SearchStrategy[Step]] = {
    "cycle": step("cycle", cluster=pair, values=st.integers(0, 3)),
    "train": step("train", cluster=pair, values=pair),
    "mode": step("mode", cluster=pair, state=pair),
    "delete_cluster": step("delete_cluster", cluster=pair),
}
server_steps = rare_restarts(step("suspend", milliseconds=pauses), ("kill",))
FAMILIES = st.sampled_from([UPLOAD_ACTIONS, CLUSTER_ACTIONS, UPLOAD_ACTIONS, CLUSTER_ACTIONS, UPLOAD_ACTIONS])


@st.composite
def overlap_sequences(draw: st.DrawFn, most_steps: int, *, restarts: bool = False) -> list[Step]:
    """Return sequences with a prefix, and with branches whose steps overlap.

    The first two branches begin with a pair of actions, which are drawn evenly: left to chance, most pairs are missing.

    Args:
        draw: Draw function of Hypothesis.
        most_steps: Largest number of steps of a sequence of the profile, most of which are in branches.
        restarts: Whether a branch of some suspends or kills the server.
    """
    actions = draw(FAMILIES)
    chosen = draw(st.sampled_from(list(combinations_with_replacement(actions, 2))))
    about_uploads = actions is UPLOAD_ACTIONS
    steps = draw(st.lists(upload_steps if about_uploads else cluster_steps, min_size=1, max_size=2))
    if about_uploads:
        steps += draw(st.lists(finalize_steps, max_size=1))
    any_action = st.one_of(*actions.values())
    beginnings = [actions[name] for name in chosen] + [any_action] * draw(st.integers(0, MOST_BRANCHES - 2))
    if restarts and len(beginnings) < MOST_BRANCHES:
        beginnings.append(server_steps)
    most = max(1, most_steps // STEPS_FOR_EACH)
    for number, beginning in enumerate(beginnings, start=1):
        first = draw(beginning)
        delay = draw(delays)
        steps.append(Step(first.action, {**first.arguments, BRANCH: number, **({DELAY: delay} if delay else {})}))
        for one in draw(st.lists(any_action, max_size=most - 1)):
            steps.append(Step(one.action, {**one.arguments, BRANCH: number}))
    return steps
