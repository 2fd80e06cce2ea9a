"""Every wait of the suite ends. The one setting behind all of them lives here."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

# After this many silences the target is known to be silent, and the suite waits less long for each.
SILENCES_BEFORE_HASTE = 3
LEAST_PATIENCE = 1.0
SLOWEST_FACTOR = 20.0


@dataclass(frozen=True)
class Deadline:
    """A moment, monotonic, after which a wait is over."""

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The moment ``seconds`` from now."""
        return cls(time.monotonic() + seconds, seconds)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the moment is over."""
        return time.monotonic() >= self.at


@dataclass
class Patience:
    """How long the suite waits for an answer.

    The setting holds until the target has left several questions unanswered. From then on a wait is bounded by a
    multiple of the slowest answer that did come, so that a target with one silent corner is judged in minutes.

    Attributes:
        setting: seconds, the ``--deadline`` option.
    """

    setting: float
    _slowest: float = field(default=0.0, init=False)
    _silences: int = field(default=0, init=False)

    def deadline(self, extra: float = 0.0) -> Deadline:
        """A deadline for the next wait, ``extra`` seconds longer for work that takes the target long."""
        return Deadline.after(self.seconds + extra)

    @property
    def seconds(self) -> float:
        """Seconds that the next wait may take."""
        if self._silences < SILENCES_BEFORE_HASTE:
            return self.setting
        return min(self.setting, max(LEAST_PATIENCE, self._slowest * SLOWEST_FACTOR))

    def answered(self, seconds: float) -> None:
        """Note that an answer took so long."""
        self._slowest = max(self._slowest, seconds)

    def silent(self) -> None:
        """Note that a wait ended without an answer."""
        self._silences += 1
