"""When messages are due: at once in a closed model, by a fixed plan in an open one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

CLOSED, OPEN = "closed", "open"
MODELS = (CLOSED, OPEN)
CONSTANT, POISSON = "constant", "poisson"
ARRIVALS = (CONSTANT, POISSON)


@dataclass
class Schedule:
    """Due times of one user. They are never moved: what a stall delays stays due when it was.

    Attributes:
        rate: messages a second, 0 for the closed model: the next is due when the last was answered.
        start: of the plan, seconds of the caller's clock.
        seed: of the gaps, and of where within the first gap the plan begins, so that users do not all begin at once.
        arrivals: ``constant`` gaps, or ``poisson``: exponential ones of the same mean.
    """

    rate: float
    start: float
    seed: int = 0
    arrivals: str = CONSTANT
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._next = self.start + (self._random.random() / self.rate if self.rate else 0.0)

    @property
    def is_open(self) -> bool:
        """Whether due times are a plan."""
        return self.rate > 0

    @property
    def due(self) -> float:
        """When the next is due; -inf in a closed model: now."""
        return self._next if self.is_open else -math.inf

    def advance(self) -> None:
        """Note that the next one was sent, or given up."""
        if self.is_open:
            gap = 1 / self.rate
            self._next += gap if self.arrivals == CONSTANT else float(self._random.exponential(gap))

    def forget_before(self, origin: float, now: float) -> None:
        """Give up what was due in the warm-up and is not sent when it is over: it would hold up what is measured.

        Args:
            origin: end of the warm-up, seconds of the caller's clock.
            now: likewise.
        """
        if self.is_open and self._next < origin <= now:
            self.unsent(math.nextafter(origin, -math.inf))

    def behind(self, now: float) -> int:
        """How many are due and not sent at ``now``; of Poisson arrivals, how many that are on average."""
        late = now - self._next
        return int(late * self.rate) + 1 if self.is_open and late >= 0 else 0

    def unsent(self, end: float) -> list[float]:
        """Give up everything that was due until ``end``.

        Returns:
            When each of these messages was due.
        """
        dues = []
        while self.is_open and self._next <= end:
            dues.append(self._next)
            self.advance()
        return dues
