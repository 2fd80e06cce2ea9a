"""Cycles of a sequence: which values go to a cluster, and in how many messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage
from hanami_conformance.models.cluster import Values
from hanami_conformance.resources.training import vector

# Values beside random ones, all of them finite. The index in this list is how a sequence names them.
SPECIAL: tuple[tuple[float, ...], ...] = (
    (0.0,),
    (-0.0, 0.5),
    (1e-40, -1e-40, 1e-45),  # denormals
    (1e3, -1e3),
    (1.0,),
    (0.0, 0.0, 1.0),
)
UNUSUAL_MESSAGES = ("nan", "inf", "-inf", "none", "fewer", "no name")  # messages whose meaning is left open (DIO-13)
KINDS_OF_VALUES = 4 + len(SPECIAL)  # four random vectors come first


def input_values(size: int, kind: int, brick: int) -> Values:
    """Input values, shape (size,).

    Args:
        size: of the brick.
        kind: which values, modulo :data:`KINDS_OF_VALUES`.
        brick: number of the brick, so that two bricks get different ones.
    """
    kind %= KINDS_OF_VALUES
    if kind < KINDS_OF_VALUES - len(SPECIAL):
        return vector(size, 1000 + kind * 10 + brick)
    return np.resize(np.array(SPECIAL[kind - 4], dtype=np.float32), size)


def unusual_values(how: str, size: int) -> Values:
    """Return the values of an odd message, one of :data:`UNUSUAL_MESSAGES`, for a brick of ``size``."""
    if how in ("nan", "inf", "-inf"):
        return np.full(size, float(how), dtype=np.float32)
    return vector({"none": 0, "fewer": size - 1}.get(how, size), 1)


def inputs(shape: ClusterShape, kind: int) -> list[InputMessage]:
    """One message for each input brick, with all of its values."""
    return [
        InputMessage(name, input_values(size, kind, index)) for index, (name, size) in enumerate(shape.inputs.items())
    ]


def split_into_messages(parts: Sequence[InputMessage], cuts: Sequence[int], order: int) -> list[InputMessage]:
    """Return the same values in other messages, those of a brick in the same order.

    Args:
        parts: one message for each brick.
        cuts: where the values of each brick are cut, modulo their number; a cut at the edge is none.
        order: 0 as they stand, 1 the last brick first, 2 the bricks by turns.
    """
    pieces = []
    for part in parts:
        places = sorted({cut % max(1, len(part.values)) for cut in cuts} - {0})
        pieces.append([InputMessage(part.name, piece, part.expected) for piece in np.split(part.values, places)])
    if order % 3 == 1:
        pieces.reverse()
    if order % 3 == 2:
        longest = max((len(of_brick) for of_brick in pieces), default=0)
        return [of_brick[turn] for turn in range(longest) for of_brick in pieces if turn < len(of_brick)]
    return [piece for of_brick in pieces for piece in of_brick]
