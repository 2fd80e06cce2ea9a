"""Stories of uploads."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import strategies as st

from conformance.stories.step import Step

SEGMENT = 128 * 1024

# Where servers differ: around one, and around multiples of 128 KiB.
EDGES = [1, 2, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT - 1, 2 * SEGMENT, 2 * SEGMENT + 1, 7 * SEGMENT // 2]
UNDECODABLE = [b"\x0f\x00\x01", b"\x08" + b"\xff" * 12, b"\x12\xff\xff\x03abc", bytes(16)]

sizes = st.integers(17, 3000) | st.sampled_from([size + 16 for size in EDGES])
lengths = st.integers(1, 3000) | st.sampled_from(EDGES) | st.just(0)
positions = st.integers(0, 3000) | st.sampled_from([0, *EDGES]) | st.sampled_from([2**32, 2**63, 2**64 - 1])
small = st.integers(0, 3)
variants = st.integers(0, 2)


def step(do: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """A step whose parts are drawn."""
    return st.fixed_dictionaries(parts).map(lambda drawn: Step(do, drawn))


begins = step(
    "begin", kind=st.sampled_from(["mnist", "csv"]), size=sizes, count=st.integers(1, 3), user=st.integers(0, 1)
)
attaches = step("attach", file=small)
acts = st.one_of(
    step("write", socket=small, position=positions, length=lengths, variant=variants),
    step(
        "fill",
        socket=small,
        chunk=st.integers(1, 3000) | st.sampled_from(EDGES),
        order=st.sampled_from(["ascending", "descending", "shuffled"]),
        variant=variants,
    ),
    attaches,
    step("poll", upload=small),
    step("pipeline", socket=small, chunks=st.lists(st.tuples(positions, lengths, variants).map(list), max_size=4)),
    step("drop", socket=small),
    step("close", socket=small),
    step("finalize", upload=small),
    begins,
    step("garbage", socket=small, bytes=st.sampled_from([base64.b64encode(data).decode() for data in UNDECODABLE])),
    step("delete", upload=small),
)


@st.composite
def upload_stories(draw: st.DrawFn, most_steps: int) -> list[Step]:
    """Stories of uploads: they begin with one that has a socket, the rest is anything."""
    return [draw(begins), draw(attaches), *draw(st.lists(acts, max_size=most_steps))]
