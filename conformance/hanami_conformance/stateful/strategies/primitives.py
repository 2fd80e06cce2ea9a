"""Building blocks of the strategies: weights, steps, texts, invalid values, sizes and positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.models.dataset import IMAGES_HEADER
from hanami_conformance.models.file import SEGMENT

T = TypeVar("T")

small_ints = st.integers(0, 3)


def weighted(strategy: st.SearchStrategy[T], weight: int) -> st.SearchStrategy[T]:
    """Return a strategy that counts as several branches of a union."""
    # Hypothesis merges equal branches, so each is mapped, which makes it distinct.
    return st.one_of(*(strategy.map(_identity) for _ in range(weight)))


def _identity(value: T) -> T:
    return value


def step(action: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """Return a step whose arguments are drawn."""
    return st.fixed_dictionaries(arguments).map(lambda drawn: Step(action, drawn))


pauses = st.integers(20, 200)  # milliseconds
EACH_RESTART = 10  # of so many steps about the server, one restarts it, which takes seconds


def rare_restarts(
    suspend: st.SearchStrategy[Step], actions: Sequence[str] = ("kill", "restart")
) -> st.SearchStrategy[Step]:
    """Return steps that suspend the server, or now and then kill or restart it."""
    restarts = st.sampled_from([Step(action) for action in actions])
    return st.integers(1, EACH_RESTART).flatmap(lambda number: restarts if number == EACH_RESTART else suspend)


@st.composite
def step_lists(
    draw: st.DrawFn, choices: Sequence[st.SearchStrategy[Step]], most_steps: int, *, swarm: bool
) -> list[list[Step]]:
    """Return two lists of steps. Hypothesis draws short lists on average; two lists are less short than one.

    Args:
        draw: Draw function of Hypothesis.
        choices: Strategies of the steps.
        most_steps: Largest number of steps in both lists together.
        swarm: Whether some of the choices are switched off in every second pair of lists, which are as long all the
            same: what many steps of a kind lead to, or what other steps would undo, is rare if all are drawn evenly.
    """
    most = most_steps // 2
    least = 0
    if swarm:
        if draw(st.booleans()):
            is_off = draw(st.lists(st.booleans(), min_size=len(choices), max_size=len(choices)))
            choices = [choice for choice, off in zip(choices, is_off, strict=True) if not off] or choices
        least = draw(st.sampled_from([0, 0, 0, 0, 0, most // 2]))
    return [draw(st.lists(st.one_of(*choices), min_size=least, max_size=most)) for _ in range(2)]


# All but surrogates: Hypothesis excludes them as well, but takes a second to find out that UTF-8 cannot encode them.
CHARACTERS = st.characters(exclude_categories=["Cs"])


def texts(max_size: int) -> st.SearchStrategy[str]:
    """Return texts of any characters up to a length."""
    return st.text(CHARACTERS, max_size=max_size)


NUMBERS = [0, -1, 1, 42, 1.5, -0.5, 2**31, 2**32, 2**63, 2**64, 10**30, 1e308]
TEXTS = ["", " ", "null", "0", "true", "%", "*", "../..", "a\x00b", "'; --", "\u00e4\u4e2d\U0001f600", "a" * 300]

scalars = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(TEXTS) | texts(12)
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(6), inner, max_size=3), max_leaves=6
)


def invalid_value() -> st.SearchStrategy[list[Any]]:
    """Return a placeholder of any value, or of a missing field; see :mod:`.stateful.placeholders`."""
    return nested.map(lambda drawn: ["value", drawn]) | st.just(["missing"])


MIB = 1 << 20

EDGES = [1, 2, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT - 1, 2 * SEGMENT, 2 * SEGMENT + 1, 7 * SEGMENT // 2]
LARGE = [MIB - 1, MIB, MIB + 1, 3 * MIB + 5]
FAR = [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1]
FEW = 3000  # bytes in a file that is neither tiny nor large

low_positions = st.integers(0, 150)  # within most files
lengths = weighted(st.integers(1, 120), 2) | st.integers(1, FEW) | st.sampled_from(EDGES) | st.just(0)
positions = weighted(low_positions, 5) | st.integers(0, FEW) | st.sampled_from([0, *EDGES]) | st.sampled_from(FAR)
chunk_sizes = st.integers(1, FEW) | st.sampled_from(EDGES)
variants = st.integers(0, 2)
cuts = st.lists(st.integers(0, FEW), max_size=4)


def sizes(largest: int) -> st.SearchStrategy[int]:
    """Return sizes of an image file in bytes, up to about ``largest``."""
    edges = [size for size in (*EDGES, *LARGE) if size <= largest]
    pixel_edges = st.sampled_from([IMAGES_HEADER + size for size in edges])
    file_edges = st.sampled_from(edges)
    few = st.integers(IMAGES_HEADER + 1, FEW)
    return weighted(few, 2) | pixel_edges | file_edges  # most files are small, because large ones are slow to read back
