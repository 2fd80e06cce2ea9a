"""Time limits: every wait of the suite ends, and the one setting behind all of them is here."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from hanami_conformance.common.machine_watch import ENOUGH_SECONDS, MACHINE

# Once a target has left so many questions of one kind unanswered, later ones are given less time.
FAST_AFTER = 3
FASTEST_AFTER = 10
FAST_MINIMUM = 1.0  # seconds that a wait takes at least then
FASTEST_MINIMUM = 0.2
SHORTEST_WAIT = 0.001  # seconds, since a socket takes 0 for "do not wait"
SLOWEST_REPLY_FACTOR = 20.0  # a wait lasts at least this multiple of the slowest reply of its kind


@dataclass(frozen=True)
class Deadline:
    """A moment after which a wait is over.

    Attributes:
        at: Seconds of the monotonic clock.
        seconds: Length of the wait, for reports.
    """

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the moment ``seconds`` from now."""
        return cls(time.monotonic() + seconds, seconds)

    def postponed(self, seconds: float) -> Deadline:
        """Return the deadline of the same wait, later by a time in which it could not go on."""
        return Deadline(self.at + seconds, self.seconds)

    def remaining(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the moment is over."""
        return time.monotonic() >= self.at


@dataclass
class _Experience:
    timeouts: int = 0
    slowest: float = 0.0


@dataclass
class AdaptiveTimeout:
    """Time limit for replies.

    The setting holds until the target has left several questions of a kind unanswered. From then on a wait of that kind
    is bounded by a multiple of the slowest reply so far, so that a target that never answers certain questions is
    judged in minutes. The run has failed by then anyway.

    Attributes:
        setting: Seconds of the ``--deadline`` option.
        socket_timeouts: Number of waits on websockets that ended without a reply; its reader may set it back to 0.
    """

    setting: float
    socket_timeouts: int = 0
    _kinds: dict[str, _Experience] = field(default_factory=lambda: defaultdict(_Experience), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def deadline(self, kind: str, extra: float = 0.0) -> Deadline:
        """Return a deadline for the next wait of a kind, with ``extra`` seconds for work that takes the target long."""
        MACHINE.note_wait()
        return Deadline.after(self.seconds(kind) + extra)

    def seconds(self, kind: str) -> float:
        """Return the seconds that the next wait of a kind may take."""
        known = self._kinds[kind]
        if known.timeouts < FAST_AFTER:
            return self.setting
        least = FAST_MINIMUM if known.timeouts < FASTEST_AFTER else FASTEST_MINIMUM
        return min(self.setting, max(least, known.slowest * SLOWEST_REPLY_FACTOR))

    @contextlib.contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Bound all waits by a number of seconds for a while."""
        setting, self.setting = self.setting, min(self.setting, seconds)
        try:
            yield
        finally:
            self.setting = setting

    def reset(self) -> None:
        """Forget all replies and timeouts, because the target was restarted."""
        self._kinds.clear()

    def record_reply(self, kind: str, seconds: float) -> None:
        """Record how long a reply took."""
        with self._lock:
            known = self._kinds[kind]
            known.slowest = max(known.slowest, seconds)

    def record_timeout(self, kind: str, seconds: float, *, socket: bool = False) -> None:
        """Record a wait that ended without a reply.

        Args:
            kind: Kind of the wait.
            seconds: Length of the wait.
            socket: Whether a reply on a websocket was awaited.

        Raises:
            MachineShortage: If this machine may be the reason.
        """
        MACHINE.check_wait(seconds, enough=ENOUGH_SECONDS + max(0.0, seconds - self.setting))
        with self._lock:
            self._kinds[kind].timeouts += 1
            if socket:
                self.socket_timeouts += 1
