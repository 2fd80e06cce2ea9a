"""Messages of a cluster: what is sent, and how an answer is read."""

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
        inputs: name to number of values.
        outputs: name to number of values.
        hidden: neurons of the internal brick.
    """

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    hidden: int


@dataclass(frozen=True)
class InputMessage:
    """One message of a cycle: values for one brick."""

    name: str
    values: Values
    expected: bool = False


def is_output(message: BrickMessage, shape: ClusterShape) -> bool:
    """Whether a message carries the output of a brick, and is no acknowledgement or dummy."""
    if message.name in shape.outputs:
        # An acknowledgement may echo the name that expected values were sent to.
        return message.process_type == ProcessType.REQUEST or len(message.values) > 1
    nameless = not message.name and message.process_type == ProcessType.REQUEST
    return nameless and len(message.values) > 1 and len(message.values) in shape.outputs.values()


def is_json(data: bytes) -> bool:
    """Whether bytes are a JSON object."""
    return json_object(data) is not None


def check_output(message: BrickMessage, name: str, size: int) -> None:
    """Compare an answer to a REQUEST with what DIO-3 asks for.

    Raises:
        Violation: type, count, size or a value is wrong.
    """
    actual = describe(message)
    require(
        message.process_type == ProcessType.REQUEST,
        expected=f"REQUEST_TYPE in the output of {name!r}",
        actual=actual,
        requirement="DIO-3",
    )
    require(
        len(message.values) == size,
        expected=f"{size} values in the output of {name!r}",
        actual=actual,
        requirement="DIO-3",
    )
    require(
        message.number_of_values == len(message.values),
        expected=f"numberOfValues = {len(message.values)}, the count of values",
        actual=actual,
        requirement="DIO-3",
    )
    require(
        bool(np.isfinite(message.values).all()),
        expected=f"finite values in the output of {name!r}",
        actual=actual,
        requirement="DIO-3",
    )


def describe(message: BrickMessage) -> str:
    """Return a message in words."""
    kind = {0: "REQUEST", 1: "TRAIN"}.get(message.process_type, str(message.process_type))
    return (
        f"ClusterIO {printable_line(message.name)!r} {kind} isLast={str(message.is_last).lower()} "
        f"numberOfValues={message.number_of_values} {short(message.values)}"
    )


def describe_shape(bricks: Mapping[str, int]) -> str:
    """Bricks and their sizes in words."""
    return ", ".join(f"{name} ({size})" for name, size in bricks.items())


def short(values: Sequence[float] | Values, limit: int = 4) -> str:
    """Return the first values in words."""
    shown = ", ".join(f"{value:.6g}" for value in values[:limit])
    return f"[{shown}]" if len(values) <= limit else f"[{shown}, ... {len(values)} values]"
