"""Statistics of repeated measurements on a machine that does other things, too."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Several values of one quantity: the one in the middle, and the extremes, in the unit of the values."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(values: Iterable[float]) -> Spread:
        """Return the spread of at least one value.

        Raises:
            ValueError: If there is no value, or one is not finite.
        """
        listed = list(values)
        if not listed or not all(math.isfinite(value) for value in listed):
            raise ValueError("a spread needs at least one value, and finite ones")
        return Spread(statistics.median(listed), min(listed), max(listed))


@dataclass(frozen=True)
class Sample:
    """Work of one side in one round.

    Attributes:
        operations: Number of answered operations, at least one.
        seconds: Time of all operations in seconds, above 0.
        size: Payload of all operations in bytes.
        cpu: Processor time of the side in seconds; 0 where it was not measured.
        memory: Memory of the side in bytes; 0 where it was not measured.
    """

    operations: int
    seconds: float
    size: int = 0
    cpu: float = 0.0
    memory: int = 0

    def __post_init__(self) -> None:
        if self.operations < 1 or not self.seconds > 0:
            raise ValueError("a sample needs an operation, and time")

    @property
    def per_second(self) -> float:
        """Operations in a second."""
        return self.operations / self.seconds

    @property
    def each(self) -> float:
        """Time of one operation, seconds."""
        return self.seconds / self.operations

    @property
    def cpu_per_gigabyte(self) -> float:
        """Processor time for 1 000 000 000 bytes of payload, seconds; 0 where there is none."""
        return self.cpu / self.size * 1e9 if self.size else 0.0

    @property
    def memory_each(self) -> float:
        """Memory of one operation, KiB."""
        return self.memory / self.operations / 1024

    @property
    def megabytes_per_second(self) -> float:
        """Payload in a second, units of 1 000 000 bytes."""
        return self.size / self.seconds / 1e6


@dataclass(frozen=True)
class Aim:
    """Aim for a ratio.

    Attributes:
        limit: Ratio that just meets the aim.
        at_least: Whether the ratio must be at least the limit; otherwise at most.
    """

    limit: float
    at_least: bool

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"

    def is_met(self, ratio: float) -> bool:
        """Whether ``ratio`` meets it."""
        return ratio >= self.limit if self.at_least else ratio <= self.limit
