"""Messages of a cycle: the values that are sent to a cluster, one message for each brick."""

from __future__ import annotations

import numpy as np

from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage
from hanami_conformance.models.cluster import Values
from hanami_conformance.resources.training import vector

# Finite values beside random ones. A sequence names them by their index.
SPECIAL: tuple[tuple[float, ...], ...] = (
    (0.0,),
    (-0.0, 0.5),
    (1e-40, -1e-40, 1e-45),  # denormals
    (1e3, -1e3),
    (1.0,),
    (0.0, 0.0, 1.0),
)
UNUSUAL_MESSAGES = ("nan", "inf", "-inf", "none", "fewer", "no name")  # messages whose meaning is left open (DIO-13)
RANDOM_VECTORS = 4  # kinds of values before the special ones
KINDS_OF_VALUES = RANDOM_VECTORS + len(SPECIAL)


def input_values(size: int, kind: int, brick: int) -> Values:
    """Return input values, shape (size,).

    Args:
        size: Number of values.
        kind: Number of the kind of values, modulo :data:`KINDS_OF_VALUES`.
        brick: Number of the brick, so that two bricks get different values.
    """
    kind %= KINDS_OF_VALUES
    if kind < RANDOM_VECTORS:
        return vector(size, 1000 + kind * 10 + brick)
    return np.resize(np.array(SPECIAL[kind - RANDOM_VECTORS], dtype=np.float32), size)


def unusual_values(how: str, size: int) -> Values:
    """Return the values of an unusual message, one of :data:`UNUSUAL_MESSAGES`, for a brick of the given size."""
    if how in ("nan", "inf", "-inf"):
        return np.full(size, float(how), dtype=np.float32)
    return vector({"none": 0, "fewer": size - 1}.get(how, size), 1)


def input_messages(shape: ClusterShape, kind: int) -> list[InputMessage]:
    """Return one message for each input brick, with all of its values."""
    return [
        InputMessage(name, input_values(size, kind, index)) for index, (name, size) in enumerate(shape.inputs.items())
    ]
