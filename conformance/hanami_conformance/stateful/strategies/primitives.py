"""Small building blocks of what is drawn."""

from __future__ import annotations

from typing import Any, TypeVar

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.models.dataset import IMAGES_HEADER
from hanami_conformance.models.file import SEGMENT

T = TypeVar("T")

small = st.integers(0, 3)


def weighted(strategy: st.SearchStrategy[T], weight: int) -> st.SearchStrategy[T]:
    """Return a strategy that counts as several branches: Hypothesis takes one that is given twice only once."""
    return st.one_of(*(strategy.map(_itself) for _ in range(weight)))


def _itself(value: T) -> T:
    return value


def step(do: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """Return a step whose parts are drawn."""
    return st.fixed_dictionaries(parts).map(lambda drawn: Step(do, drawn))


# All but surrogates, as Hypothesis has it; by itself it would try for a second which of them UTF-8 can encode.
CHARACTERS = st.characters(exclude_categories=["Cs"])


def texts(max_size: int) -> st.SearchStrategy[str]:
    """Texts of any characters, up to a length."""
    return st.text(CHARACTERS, max_size=max_size)


NUMBERS = [0, -1, 1, 42, 1.5, -0.5, 2**31, 2**32, 2**63, 2**64, 10**30, 1e308]
TEXTS = ["", " ", "null", "0", "true", "%", "*", "../..", "a\x00b", "'; --", "\u00e4\u4e2d\U0001f600", "a" * 300]

scalars = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(TEXTS) | texts(12)
nested = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(6), inner, max_size=3),
    max_leaves=6,
)


def wrong(value: st.SearchStrategy[Any] = nested) -> st.SearchStrategy[list[Any]]:
    """Return a field with a value that it should not have, or none; see :mod:`.stateful.placeholders`."""
    return value.map(lambda drawn: ["value", drawn]) | st.just(["missing"])


MIB = 1 << 20

EDGES = [1, 2, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT - 1, 2 * SEGMENT, 2 * SEGMENT + 1, 7 * SEGMENT // 2]
LARGE = [MIB - 1, MIB, MIB + 1, 3 * MIB + 5]
FAR = [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1]
FEW = 3000  # bytes of a file that is neither tiny nor large

near = st.integers(0, 150)  # there is always a file to hit
lengths = weighted(st.integers(1, 120), 2) | st.integers(1, FEW) | st.sampled_from(EDGES) | st.just(0)
positions = weighted(near, 5) | st.integers(0, FEW) | st.sampled_from([0, *EDGES]) | st.sampled_from(FAR)
chunk_sizes = st.integers(1, FEW) | st.sampled_from(EDGES)
variants = st.integers(0, 2)
cuts = st.lists(st.integers(0, FEW), max_size=4)


def sizes(largest: int) -> st.SearchStrategy[int]:
    """Sizes of an image file, bytes, up to about ``largest``."""
    edges = [size for size in (*EDGES, *LARGE) if size <= largest]
    of_pixels = st.sampled_from([IMAGES_HEADER + size for size in edges])
    of_the_file = st.sampled_from(edges)
    few = st.integers(IMAGES_HEADER + 1, FEW)
    return weighted(few, 2) | of_pixels | of_the_file  # most files are small: what is large is slow to read back
