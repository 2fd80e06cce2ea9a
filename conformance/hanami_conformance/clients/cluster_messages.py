"""Messages of a cluster: the sent ones, and how an answer is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hanami_conformance.cases.checks import require
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.common.text import printable_line
from hanami_proto.codec import BrickMessage, ProcessType

Values = NDArray[np.float32]


@dataclass(frozen=True)
class ClusterShape:
    """The bricks of a cluster.

    Attributes:
        inputs: Name of each input brick to its number of values.
        outputs: Name of each output brick to its number of values.
        hidden: Number of neurons of each internal brick.
        internal: Number of internal bricks, one behind the other.
    """

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    hidden: int
    internal: int = 1

    @property
    def largest(self) -> int:
        """Number of values of the largest brick."""
        return max(*self.inputs.values(), *self.outputs.values(), self.hidden)


@dataclass(frozen=True)
class InputMessage:
    """One message of a cycle: values for one brick.

    Attributes:
        name: Name of the brick.
        values: Values, shape (n,).
        expected: Whether these are expected values of an output brick.
    """

    name: str
    values: Values
    expected: bool = False


def is_output(message: BrickMessage, shape: ClusterShape) -> bool:
    """Whether a message carries the output of a brick, not an acknowledgement or a placeholder."""
    if message.name in shape.outputs:
        # An acknowledgement may echo the name that expected values were sent to.
        return message.process_type == ProcessType.REQUEST or len(message.values) > 1
    nameless = not message.name and message.process_type == ProcessType.REQUEST
    return nameless and len(message.values) > 1 and len(message.values) in shape.outputs.values()


def is_json(data: bytes) -> bool:
    """Whether bytes are a JSON object."""
    return json_object(data) is not None


def check_output(message: BrickMessage, name: str, size: int) -> None:
    """Check an answer to a REQUEST against DIO-3.

    Raises:
        Violation: If type, count, size or a value is wrong.
    """
    requirements = (
        (message.process_type == ProcessType.REQUEST, f"REQUEST_TYPE in the output of {name!r}"),
        (len(message.values) == size, f"{size} values in the output of {name!r}"),
        (
            message.number_of_values == len(message.values),
            f"numberOfValues = {len(message.values)}, the count of values",
        ),
        (bool(np.isfinite(message.values).all()), f"finite values in the output of {name!r}"),
    )
    actual = describe(message)
    for holds, expected in requirements:
        require(holds, expected=expected, actual=actual, requirement="DIO-3")


def describe(message: BrickMessage) -> str:
    """Return the description of a message."""
    kind = {0: "REQUEST", 1: "TRAIN"}.get(message.process_type, str(message.process_type))
    return (
        f"ClusterIO {printable_line(message.name)!r} {kind} isLast={str(message.is_last).lower()} "
        f"numberOfValues={message.number_of_values} {preview_values(message.values)}"
    )


def describe_shape(bricks: Mapping[str, int]) -> str:
    """Return the description of bricks and their sizes."""
    return ", ".join(f"{name} ({size})" for name, size in bricks.items())


def preview_values(values: Sequence[float] | Values, limit: int = 4) -> str:
    """Return the first values as text."""
    first = ", ".join(f"{value:.6g}" for value in values[:limit])
    return f"[{first}]" if len(values) <= limit else f"[{first}, ... {len(values)} values]"
