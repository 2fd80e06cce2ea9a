"""The model of a cluster: what a cycle processes, and which answers must be the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Outputs = Mapping[str, Values]

TOLERANCE = 1e-5  # of a float32 answer between -1 and 1, a few units in the last place after a few layers
APART = 100 * TOLERANCE  # between answers that are told apart, in relation to them where they are above 1


def close_to(left: Values, right: Values) -> bool:
    """Whether two answers are the same within float32 tolerance."""
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE))


def same(left: Outputs, right: Outputs) -> bool:
    """Whether the answers of all bricks are the same."""
    return left.keys() == right.keys() and all(close_to(left[name], right[name]) for name in left)


def apart(left: Outputs, right: Outputs) -> bool:
    """Whether two answers can be told apart whatever the rounding."""
    return any(_far_from(left[name], right[name]) for name in left)


def _far_from(left: Values, right: Values) -> bool:
    size = np.maximum(1, np.maximum(abs(left), abs(right)))  # the rounding of large answers is large as well
    return bool((abs(left - right) > APART * size).any())


def distance(answer: Values, wanted: Values) -> float:
    """Mean squared distance of an answer from the expected values, both of shape (size,)."""
    return float(np.mean(np.subtract(answer, wanted, dtype=np.float64) ** 2))


@dataclass
class ClusterModel:
    """What a cluster must do with the messages of one socket (requirements DIO-2, DIO-4, DIO-7).

    Weights are the server's own, so no answer is known before it came. What is known: a cycle processes the values that
    were sent since the last one, brick by brick in the order in which they came, whatever the messages; and as long as
    nothing was trained, the same values get the same answer.

    Attributes:
        buffers: brick to the values that came since the last cycle.
        answers: what a cycle processed to its answer, since the last training.
        suspects: what a cycle processed to the id of the requirement that a wrong answer to it would break, by what
            happened since the right one; DIO-7 where it is not in here.
        disturbed_by: id of the requirement that no answer at all would break, by what happened since the last one.
    """

    buffers: dict[str, list[Values]] = field(default_factory=dict)
    answers: dict[bytes, Outputs] = field(default_factory=dict)
    suspects: dict[bytes, str] = field(default_factory=dict)
    last_event: str = "DIO-7"

    def take(self, brick: str, values: Values) -> None:
        """Take a message with values for a brick."""
        self.buffers.setdefault(brick, []).append(values)

    def cycle(self) -> bytes:
        """Return the last message of a cycle.

        Returns:
            What the cycle processes, the same bytes for the same values of the same bricks.
        """
        parts = [(name, np.concatenate(parts).astype(np.float32)) for name, parts in sorted(self.buffers.items())]
        self.buffers.clear()
        return b"".join(f"{name}:{len(values)}:".encode() + values.tobytes() for name, values in parts if len(values))

    def forget_values(self) -> None:
        """Forget the values of a cycle that was not ended: the socket is gone."""
        self.buffers.clear()

    def trained(self) -> None:
        """Note that a TRAIN cycle ran: every answer may be another."""
        self.answers.clear()
        self.confirm()

    def known(self, processed: bytes) -> Outputs | None:
        """Return the answer to what a cycle processes, None where it is not known yet."""
        return self.answers.get(processed)

    def learn(self, processed: bytes, answer: Outputs) -> None:
        """Note the first answer to what a cycle processed; of earlier ones it says nothing."""
        self.answers[processed] = answer
        self.last_event = "DIO-7"

    def confirm(self) -> None:
        """Note that an answer is as before: nothing that happened so far has changed the cluster."""
        self.suspects.clear()
        self.last_event = "DIO-7"

    def note_event(self, requirement: str) -> None:
        """Something happened by which, if at all, answers change that are known so far."""
        self.suspects = dict.fromkeys(self.answers, requirement)
        self.last_event = requirement

    def disturb_from_beside(self, requirement: str) -> None:
        """Something happened to another cluster, which is suspected where there is nothing nearer."""
        self.suspects = {**dict.fromkeys(self.answers, requirement), **self.suspects}
        if self.last_event == "DIO-7":
            self.last_event = requirement

    def suspect(self, processed: bytes) -> str:
        """Return the requirement that a wrong answer to what a cycle processes would break, or none at all."""
        return self.suspects.get(processed, "DIO-7") if processed in self.answers else self.last_event
