"""Files: their sizes, and how they are cut into chunks. The edges are where servers differ most."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.strategies.numbers import SEGMENT

MIB = 1 << 20

EDGES = [1, 2, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT - 1, 2 * SEGMENT, 2 * SEGMENT + 1, 7 * SEGMENT // 2]
LARGE = [MIB - 1, MIB, MIB + 1, 3 * MIB + 5]
FAR = [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1]
FEW = 3000  # bytes of a file that is neither tiny nor large
HEADER = 16  # bytes of an IDX file of images, on top of its pixels

# Near the beginning there is always a file to hit; twice, so that most chunks do.
near = st.integers(0, 150)
lengths = st.integers(1, 120) | st.integers(1, 120) | st.integers(1, FEW) | st.sampled_from(EDGES) | st.just(0)
positions = near | near | near | st.integers(0, FEW) | st.sampled_from([0, *EDGES]) | st.sampled_from(FAR)
chunk_sizes = st.integers(1, FEW) | st.sampled_from(EDGES)
variants = st.integers(0, 2)
cuts = st.lists(st.integers(0, FEW), max_size=4)


def sizes(largest: int) -> st.SearchStrategy[int]:
    """Sizes of an image file, bytes, up to about ``largest``."""
    edges = [size for size in (*EDGES, *LARGE) if size <= largest]
    at_an_edge = st.sampled_from([HEADER + size for size in edges]) | st.sampled_from(edges)  # of pixels, of the file
    few = st.integers(HEADER + 1, FEW)
    return few | few | at_an_edge  # most files are small: what is large is slow to read back
