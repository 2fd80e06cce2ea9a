"""Strategies of edited sequences: what earlier ones reached, and more."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step

FRESH = 2  # new sequences for each edited one
MOST_REPEATS = 8
MOST_EDITED = 3  # steps that are repeated or dropped at once
KINDS_OF_EDITS = ("insert", "repeat", "splice", "drop")


@st.composite
def edited_sequences(
    draw: st.DrawFn, corpus: Sequence[tuple[Step, ...]], fresh: st.SearchStrategy[list[Step]], most_steps: int
) -> list[Step]:
    """Return a new sequence, or one of a corpus with a part inserted, repeated, exchanged or dropped.

    Args:
        draw: Draw function of Hypothesis.
        corpus: Steps of earlier sequences.
        fresh: Strategy of new sequences.
        most_steps: Largest number of steps of an edited sequence.
    """
    if not corpus or draw(st.integers(0, FRESH)):
        return draw(fresh)
    base = list(draw(st.sampled_from(corpus)))
    begin = draw(st.integers(0, len(base)))
    end = min(len(base), begin + draw(st.integers(0, MOST_EDITED)))
    match draw(st.sampled_from(KINDS_OF_EDITS)):
        case "insert":
            base[end:end] = draw(fresh)
        case "repeat":
            base[end:end] = base[begin:end] * draw(st.integers(1, MOST_REPEATS))
        case "splice":
            other = draw(st.sampled_from(corpus))
            base[end:] = other[draw(st.integers(0, len(other))) :]
        case _:
            del base[begin:end]
    return base[:most_steps]
