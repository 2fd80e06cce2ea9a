"""When messages are sent: at once in a closed model, at scheduled times in an open one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

CLOSED, OPEN = "closed", "open"
MODELS = (CLOSED, OPEN)
CONSTANT, POISSON = "constant", "poisson"
ARRIVALS = (CONSTANT, POISSON)


@dataclass(eq=False)
class Schedule:
    """Arrival schedule of one user.

    Scheduled times never move: a message that a stall delays stays scheduled when it was, so that the delay counts as
    response time (no coordinated omission).

    Attributes:
        rate: Messages a second; 0 for the closed model, in which the next message follows the last answer.
        start: Begin of the schedule, seconds of the caller's clock.
        seed: Seed of the gaps and of the first time within a gap, so that users do not all begin at once.
        arrivals: ``constant`` gaps, or ``poisson``: exponential gaps of the same mean.
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
        """Whether messages have scheduled times."""
        return self.rate > 0

    @property
    def is_shared(self) -> bool:
        """Whether other users take the messages that this one does not send."""
        return False

    @property
    def next_time(self) -> float:
        """Scheduled time of the next message; -inf in a closed model."""
        return self._next if self.is_open else -math.inf

    def advance(self) -> None:
        """Go on to the next message."""
        if self.is_open:
            gap = 1 / self.rate
            self._next += gap if self.arrivals == CONSTANT else float(self._random.exponential(gap))

    def skip_before(self, origin: float, now: float) -> None:
        """Skip messages of the warm-up that are still unsent after it: they would delay the measured ones.

        Args:
            origin: End of the warm-up, seconds of the caller's clock.
            now: Current time of that clock.
        """
        if self.is_open and self._next < origin <= now:
            self.skip_until(math.nextafter(origin, -math.inf))

    def overdue(self, now: float) -> int:
        """Return how many messages are scheduled and unsent at ``now``; for Poisson arrivals the mean number."""
        late = now - self._next
        return int(late * self.rate) + 1 if self.is_open and late >= 0 else 0

    def leave(self) -> None:
        """Do nothing: nobody else has the messages of this user."""

    def skip_until(self, end: float) -> list[float]:
        """Skip all messages that are scheduled until ``end``, and return their scheduled times."""
        skipped = []
        while self.is_open and self._next <= end:
            skipped.append(self._next)
            self.advance()
        return skipped
