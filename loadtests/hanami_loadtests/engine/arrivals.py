"""Arrivals of a whole run: scheduled times that all users of a scenario share, at a rate that may change over time.

A time belongs to the run and not to a user: the next user that can send takes it, so that a user who is held up holds
up nobody else's messages. Times never move, as those of :class:`hanami_loadtests.engine.schedule.Schedule`.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hanami_loadtests.engine.schedule import CONSTANT, Schedule

MOST_SKIPPED = 10_000_000  # scheduled times that are counted as unsent, at most


@dataclass(frozen=True)
class RateSegment:
    """A part of a run, in which the rate changes evenly.

    Attributes:
        start: Begin, seconds since that of the run.
        end: End; infinite for the last one.
        before: Rate at its begin, messages a second.
        after: Rate at its end.
    """

    start: float
    end: float
    before: float
    after: float


@dataclass(frozen=True)
class RateCurve:
    """Arrival rate over the time of a run.

    Attributes:
        segments: Segments without gaps, the last one without an end.
    """

    segments: Sequence[RateSegment]

    @staticmethod
    def constant(rate: float) -> RateCurve:
        """Return a rate that does not change."""
        return RateCurve((RateSegment(0.0, math.inf, rate, rate),))

    def count(self, start: float, end: float) -> float:
        """Return the number of messages that are scheduled between two times."""
        return sum(_area(one, max(start, one.start), min(end, one.end)) for one in self.segments)

    def after(self, start: float, count: float) -> float:
        """Return the time at which ``count`` messages have been scheduled since ``start``; infinite if never."""
        for one in self.segments:
            begin = max(start, one.start)
            if one.end <= begin:
                continue
            area = _area(one, begin, one.end)
            if count > area:
                count -= area
                continue
            rate, growth = _rate(one, begin), _growth(one)
            divisor = rate + math.sqrt(max(rate * rate + 2 * growth * count, 0.0))
            if divisor > 0:
                return min(begin + 2 * count / divisor, one.end)
        return math.inf


def _growth(one: RateSegment) -> float:
    return 0.0 if math.isinf(one.end) or one.end <= one.start else (one.after - one.before) / (one.end - one.start)


def _rate(one: RateSegment, time: float) -> float:
    return one.before + _growth(one) * (time - one.start)


def _area(one: RateSegment, start: float, end: float) -> float:
    if end <= start:
        return 0.0
    mean = (_rate(one, start) + one.after) / 2 if end == one.end else (_rate(one, start) + _rate(one, end)) / 2
    return mean * (end - start) if mean else 0.0


@dataclass
class Arrivals:
    """Scheduled times of one scenario in one process.

    Attributes:
        curve: Arrival rate of the whole run.
        begin: Begin of the run, seconds of the caller's clock.
        now: Current time of that clock; times before it are nobody's.
        seed: Seed of the gaps and of the first time within a gap.
        arrivals: ``constant`` gaps, or ``poisson``: exponential gaps of the same mean.
        share: Share of the arrivals that this process has to send, 0 to 1.
    """

    curve: RateCurve
    begin: float
    now: float
    seed: int = 0
    arrivals: str = CONSTANT
    share: float = 1.0
    _released: list[float] = field(default_factory=list)
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._next = self._time(self.now, self._random.random())

    def _time(self, since: float, count: float) -> float:
        """Return the time at which this process has got ``count`` more messages since a time."""
        return self.begin + self.curve.after(since - self.begin, count / self.share) if self.share > 0 else math.inf

    def set_share(self, share: float, now: float) -> None:
        """Change the share of this process; a time that is due already stays where it is."""
        if share == self.share:
            return
        old, self.share = self.share, share
        if self._next > now:
            left = self.curve.count(now - self.begin, self._next - self.begin) * old
            # Without a share so far there was no next time from which a rest could be left.
            self._next = self._time(now, left if 0 < left < math.inf else self._random.random())

    def claim(self) -> float:
        """Take the next scheduled time; infinite if there is none."""
        if self._released and self._released[0] <= self._next:
            return heapq.heappop(self._released)
        claimed = self._next
        if not math.isinf(claimed):
            gap = 1.0 if self.arrivals == CONSTANT else float(self._random.exponential())
            self._next = self._time(claimed, gap)
        return claimed

    def release(self, time: float) -> None:
        """Give back a time that was claimed and not used."""
        if not math.isinf(time):
            heapq.heappush(self._released, time)

    def skip_until(self, end: float) -> list[float]:
        """Skip all times until ``end``, and return them."""
        skipped: list[float] = []
        while min([self._next, *self._released[:1]]) <= end and len(skipped) < MOST_SKIPPED:
            skipped.append(self.claim())
        return skipped

    def overdue(self, now: float) -> int:
        """Return how many times are over and not claimed; for Poisson arrivals the mean number."""
        released = sum(time <= now for time in self._released)
        if self._next > now:
            return released
        return released + int(self.curve.count(self._next - self.begin, now - self.begin) * self.share) + 1


@dataclass(eq=False)  # each is one of its own, whatever it has claimed
class SharedSchedule:
    """The schedule of one user that takes its times from arrivals of the run.

    It claims a time when it is asked for the next one, which is when the user can send.

    Attributes:
        arrivals: Arrivals of the scenario.
    """

    arrivals: Arrivals
    _claimed: float = math.inf

    @property
    def is_open(self) -> bool:
        """Whether messages have scheduled times."""
        return True

    @property
    def is_shared(self) -> bool:
        """Whether other users take the messages that this one does not send."""
        return True

    @property
    def next_time(self) -> float:
        """Scheduled time of the next message; infinite if there is none."""
        if math.isinf(self._claimed):
            self._claimed = self.arrivals.claim()
        return self._claimed

    def advance(self) -> None:
        """Go on to the next message."""
        self._claimed = math.inf

    def skip_before(self, origin: float, now: float) -> None:
        """Skip messages of the warm-up that are still unsent after it: they would delay the measured ones.

        Args:
            origin: End of the warm-up, seconds of the caller's clock.
            now: Current time of that clock.
        """
        if origin <= now:
            before = math.nextafter(origin, -math.inf)
            self.arrivals.skip_until(before)
            if self._claimed <= before:
                self._claimed = math.inf

    def overdue(self, now: float) -> int:
        """Return how many claimed messages are scheduled and unsent at ``now``; see :meth:`Arrivals.overdue`."""
        return int(self._claimed <= now)

    def leave(self) -> None:
        """Give back the claimed time, because this user leaves."""
        self.arrivals.release(self._claimed)
        self._claimed = math.inf

    def skip_until(self, end: float) -> list[float]:
        """Skip all messages of the scenario that are scheduled until ``end``, and return their scheduled times."""
        self.leave()
        return self.arrivals.skip_until(end)


UserSchedule = Schedule | SharedSchedule
