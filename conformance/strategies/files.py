"""Files: their sizes, and how they are cut into chunks. The edges are where servers differ most."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.models.dataset import IMAGES_HEADER
from conformance.models.file import SEGMENT
from conformance.strategies.numbers import mostly

MIB = 1 << 20

EDGES = [1, 2, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT - 1, 2 * SEGMENT, 2 * SEGMENT + 1, 7 * SEGMENT // 2]
LARGE = [MIB - 1, MIB, MIB + 1, 3 * MIB + 5]
FAR = [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1]
FEW = 3000  # bytes of a file that is neither tiny nor large

near = st.integers(0, 150)  # there is always a file to hit
lengths = mostly(st.integers(1, 120), 2) | st.integers(1, FEW) | st.sampled_from(EDGES) | st.just(0)
positions = mostly(near, 5) | st.integers(0, FEW) | st.sampled_from([0, *EDGES]) | st.sampled_from(FAR)
chunk_sizes = st.integers(1, FEW) | st.sampled_from(EDGES)
variants = st.integers(0, 2)
cuts = st.lists(st.integers(0, FEW), max_size=4)


def sizes(largest: int) -> st.SearchStrategy[int]:
    """Sizes of an image file, bytes, up to about ``largest``."""
    edges = [size for size in (*EDGES, *LARGE) if size <= largest]
    of_pixels = st.sampled_from([IMAGES_HEADER + size for size in edges])
    of_the_file = st.sampled_from(edges)
    few = st.integers(IMAGES_HEADER + 1, FEW)
    return mostly(few, 2) | of_pixels | of_the_file  # most files are small: what is large is slow to read back
