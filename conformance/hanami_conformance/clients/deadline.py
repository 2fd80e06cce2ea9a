"""Every wait of the suite ends. The one setting behind all of them lives here."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field

# A target that has left so many questions of one kind unanswered is known to be silent there.
SILENCES_BEFORE_HASTE = 3
SILENCES_BEFORE_IMPATIENCE = 10
HASTY = 1.0  # seconds that a hasty wait takes at least, and a multiple of the slowest answer of its kind
HASTY_FACTOR = 20.0
HARDLY = 0.2  # seconds at least, once a kind of question was left unanswered again and again


@dataclass(frozen=True)
class Deadline:
    """A moment, monotonic, after which a wait is over."""

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the moment ``seconds`` from now."""
        return cls(time.monotonic() + seconds, seconds)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the moment is over."""
        return time.monotonic() >= self.at


@dataclass
class _Experience:
    silences: int = 0
    slowest: float = 0.0


@dataclass
class AdaptiveTimeout:
    """How long the suite waits for an answer.

    The setting holds until the target has left several questions of a kind unanswered. From then on a wait for that
    kind is bounded by a multiple of the slowest answer that did come, so that a target with one silent corner, or with
    a whole silent side, is judged in minutes. That the run is red is settled by then.

    Attributes:
        setting: seconds, the ``--deadline`` option.
        socket_timeouts: waits on websockets that ended without an answer since somebody looked.
    """

    setting: float
    socket_timeouts: int = 0
    _kinds: dict[str, _Experience] = field(default_factory=lambda: defaultdict(_Experience), init=False)

    def deadline(self, kind: str, extra: float = 0.0) -> Deadline:
        """Return a deadline for the next wait, ``extra`` seconds longer for work that takes the target long."""
        return Deadline.after(self.seconds(kind) + extra)

    def seconds(self, kind: str) -> float:
        """Seconds that the next wait for an answer of a kind may take."""
        known = self._kinds[kind]
        if known.silences < SILENCES_BEFORE_HASTE:
            return self.setting
        least = HASTY if known.silences < SILENCES_BEFORE_IMPATIENCE else HARDLY
        return min(self.setting, max(least, known.slowest * HASTY_FACTOR))

    def reset(self) -> None:
        """Begin anew: the target was restarted."""
        self._kinds.clear()

    def record_reply(self, kind: str, seconds: float) -> None:
        """Note that an answer came, and how long it took."""
        known = self._kinds[kind]
        known.slowest = max(known.slowest, seconds)

    def record_timeout(self, kind: str, *, socket: bool = False) -> None:
        """Note that a wait ended without an answer, on a websocket or not."""
        self._kinds[kind].silences += 1
        self.socket_timeouts += socket
