"""The model of a cluster: the values that a cycle processes, and the answers that must be equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Outputs = Mapping[str, Values]

TOLERANCE = 1e-5  # of a float32 answer between -1 and 1, a few units in the last place after a few layers
APART = 100 * TOLERANCE  # least difference of distinguishable answers, relative to answers above 1
UNCHANGED = "DIO-7"  # requirement violated by a different answer where nothing happened in between


def are_close(left: Values, right: Values) -> bool:
    """Whether two arrays are equal within float32 tolerance."""
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE))


def are_equal(left: Outputs, right: Outputs) -> bool:
    """Whether the outputs of all bricks are equal within float32 tolerance."""
    return left.keys() == right.keys() and all(are_close(left[name], right[name]) for name in left)


def are_distinguishable(left: Outputs, right: Outputs) -> bool:
    """Whether two answers differ by more than any rounding error."""
    return any(_far_from(left[name], right[name]) for name in left)


def _far_from(left: Values, right: Values) -> bool:
    size = np.maximum(1, np.maximum(abs(left), abs(right)))  # the rounding error of large answers is large as well
    return bool((abs(left - right) > APART * size).any())


def distance(output: Values, target: Values) -> float:
    """Return the mean squared distance of an output from its expected values, both of shape (size,)."""
    return float(np.mean(np.subtract(output, target, dtype=np.float64) ** 2))


@dataclass
class ClusterModel:
    """The required behaviour of a cluster with one socket (requirements DIO-2, DIO-4, DIO-7).

    The weights are the server's own, so no answer is known in advance. Two things are known: a cycle processes the
    values sent since the last cycle, one message for each brick, in whatever order they were sent; and without training
    in between, the same values get the same answer.

    Attributes:
        buffers: Brick name to the values sent since the last cycle.
        answers: Processed values of a cycle to its answer, since the last training.
        suspects: Processed values of a cycle to the requirement violated by a different answer, which follows from the
            events since the known one; absent for UNCHANGED.
        last_event: Requirement violated by a missing answer, which follows from the last event.
    """

    buffers: dict[str, Values] = field(default_factory=dict)
    answers: dict[bytes, Outputs] = field(default_factory=dict)
    suspects: dict[bytes, str] = field(default_factory=dict)
    last_event: str = UNCHANGED

    def buffer_values(self, brick: str, values: Values) -> None:
        """Put the values of a message into the buffer of a brick, which must be the only ones in a cycle (DIO-13)."""
        assert brick not in self.buffers, "whether a second message appends or overwrites is left open"
        self.buffers[brick] = values

    def finish_cycle(self) -> bytes:
        """Empty the buffers, as the last message of a cycle does.

        Returns:
            Processed values as a key: equal bytes for equal values of the same bricks.
        """
        parts = [(name, values.astype(np.float32)) for name, values in sorted(self.buffers.items())]
        self.buffers.clear()
        return b"".join(f"{name}:{len(values)}:".encode() + values.tobytes() for name, values in parts if len(values))

    def forget_values(self) -> None:
        """Drop the values of an unfinished cycle, because its socket is gone."""
        self.buffers.clear()

    def note_training(self) -> None:
        """Forget all answers after a TRAIN cycle, which may change each of them."""
        self.answers.clear()
        self.confirm()

    def known_output(self, processed: bytes) -> Outputs | None:
        """Return the known answer to the processed values of a cycle, None if there is none."""
        return self.answers.get(processed)

    def remember(self, processed: bytes, answer: Outputs) -> None:
        """Keep the first answer to the processed values; it confirms no earlier answer."""
        self.answers[processed] = answer
        self.last_event = UNCHANGED

    def confirm(self) -> None:
        """Note that an answer is unchanged, so that no event so far has changed the cluster."""
        self.suspects.clear()
        self.last_event = UNCHANGED

    def note_event(self, requirement: str) -> None:
        """Note an event that would violate the requirement if it changed the known answers."""
        self.suspects = dict.fromkeys(self.answers, requirement)
        self.last_event = requirement

    def note_event_elsewhere(self, requirement: str) -> None:
        """Note an event of another cluster, which is suspected only where no event of this cluster is."""
        self.suspects = {**dict.fromkeys(self.answers, requirement), **self.suspects}
        if self.last_event == UNCHANGED:
            self.last_event = requirement

    def requirement_for_mismatch(self, processed: bytes) -> str:
        """Return the requirement that a different answer to the processed values violates, or no answer at all."""
        return self.suspects.get(processed, UNCHANGED) if processed in self.answers else self.last_event
