"""The search for the highest load that holds: doubling, then bisection that allows for chance near the edge.

Nothing here sends or measures anything: the search proposes loads and learns their outcomes.

Far below the edge a point holds and far above it fails; near the edge chance decides. So the search does not trust
single points. It keeps a probability for each possible position of the edge and each width of the zone in which chance
decides, updates it by Bayes' rule with each outcome, and proposes loads at the quantiles of the position, which come
back to the edge again and again (the psi method of psychophysics, which finds thresholds in the same way).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

STEP = 0.004  # of the grid of positions, as a share of the load
WIDTHS = np.geomspace(0.004, 0.12, 10)  # possible widths of the zone of chance, as a share of the load
LAPSE = 0.02  # probability that a point far from the edge has the wrong outcome, such as by a hiccup of the machine
# Of the interval within the model. Points are short, and each begins with an idle server, so that by simulation an
# interval of 98 % holds the true edge of a queue in 19 of 20 searches.
CONFIDENCE = 0.98
PLACES = (0.5, 0.2, 0.8)  # quantiles of the position that are proposed in turn
REPEATS = 2  # inconclusive outcomes of a load after which nothing above it is tried


class Outcome(Enum):
    """Outcome of a point."""

    HOLDS = "holds"
    FAILS = "fails"
    INCONCLUSIVE = "inconclusive"


class Ending(Enum):
    """Why a search has ended, or how far it is."""

    FOUND = "found"  # the interval is narrow enough
    UNFINISHED = "unfinished"
    NOTHING_HOLDS = "nothing holds"  # not even the least load
    CEILING = "ceiling"  # higher loads are inconclusive, and everything below holds
    EVERYTHING_HOLDS = "everything holds"  # up to the greatest load


@dataclass(frozen=True)
class Estimate:
    """Position of the edge.

    Attributes:
        value: Its median.
        low: Lower bound of the interval.
        high: Upper bound of the interval; infinite where no load failed.
    """

    value: float
    low: float
    high: float


@dataclass
class Search:
    """A search in progress.

    Attributes:
        start: First load.
        least: Smallest load that is tried.
        most: Greatest load that is tried.
        resolution: Width of the interval at which the search ends, as a share of the load.
        whole: Whether loads are whole numbers.
    """

    start: float
    least: float
    most: float
    resolution: float = 0.05
    whole: bool = False
    _trials: list[tuple[float, bool]] = field(default_factory=list)
    _inconclusive: Counter[float] = field(default_factory=Counter)
    _positions: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    _chances: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    _range: tuple[float, float] = (0.0, 0.0)  # of the loads, from which the positions follow
    _counted: int = 0  # trials in _chances, the logarithm of their probability by width and position

    def __post_init__(self) -> None:
        self.least = self._round(self.least)

    @property
    def highest_held(self) -> float | None:
        """Highest load that held; None without one."""
        return max((load for load, holds in self._trials if holds), default=None)

    @property
    def is_at_edge(self) -> bool:
        """Whether a load held and a load failed, so that from now on points are near the edge."""
        return self._any(holds=True) and self._any(holds=False)

    def record(self, load: float, outcome: Outcome) -> None:
        """Record the outcome of a point."""
        if outcome is Outcome.INCONCLUSIVE:
            self._inconclusive[load] += 1
        else:
            self._trials.append((load, outcome is Outcome.HOLDS))

    def ending(self) -> Ending:
        """Return whether the search has ended, and why."""
        has_held, has_failed = self._any(holds=True), self._any(holds=False)
        ceiling = self._ceiling()
        if not has_failed:
            highest = max((load for load, _ in self._trials), default=None)
            if highest is None:
                return Ending.CEILING if ceiling <= self.least else Ending.UNFINISHED
            if highest >= self.most:
                return Ending.EVERYTHING_HOLDS
            return Ending.CEILING if self._is_close(highest, ceiling) else Ending.UNFINISHED
        if not has_held:
            tried = self._trials.count((self.least, False))
            return Ending.NOTHING_HOLDS if tried >= REPEATS else Ending.UNFINISHED
        estimate = self.estimate()
        assert estimate is not None
        if estimate.low >= ceiling:
            return Ending.CEILING
        return Ending.FOUND if self._is_close(estimate.low, estimate.high) else Ending.UNFINISHED

    def propose(self) -> float | None:
        """Return the next load; None where the search has ended."""
        if self.ending() is not Ending.UNFINISHED:
            return None
        for load, count in self._inconclusive.items():
            if count < REPEATS and load < self._ceiling() and not self._is_decided(load):
                return load
        if not self._trials:
            ceiling = self._ceiling()
            return self.start if self.start < ceiling else self._round(max(self.least, ceiling / 2))
        if not self._any(holds=False):
            return self._above(max(load for load, _ in self._trials))
        if not self._any(holds=True):
            return self._round(max(self.least, min(load for load, _ in self._trials) / 2))
        return self._near_the_edge()

    def estimate(self) -> Estimate | None:
        """Return the position of the edge; None unless a load held and a load failed."""
        if not self.is_at_edge:
            return None
        positions, probabilities = self._posterior()
        reached = np.cumsum(probabilities)
        tail = (1 - CONFIDENCE) / 2
        low, value, high = (
            float(np.exp(positions[min(int(np.searchsorted(reached, share)), len(positions) - 1)]))
            for share in (tail, 0.5, 1 - tail)
        )
        return Estimate(value, low, high)

    def _near_the_edge(self) -> float:
        positions, probabilities = self._posterior()
        reached = np.cumsum(probabilities)
        place = PLACES[len(self._trials) % len(PLACES)]
        load = self._round(float(np.exp(positions[int(np.searchsorted(reached, place))])))
        ceiling = self._ceiling()
        if load >= ceiling:  # whatever fails must do so below it
            load = self._round(math.sqrt((self.highest_held or self.least) * ceiling))
        return min(max(load, self.least), self.most)

    def _posterior(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the logarithms of positions, ascending, and the probability of each."""
        loads = [load for load, _ in self._trials]
        if (min(loads), max(loads)) != self._range:
            self._range = (min(loads), max(loads))
            self._positions = np.arange(math.log(min(loads) / 2), math.log(max(loads) * 2), STEP)
            self._chances, self._counted = np.zeros((len(WIDTHS), len(self._positions))), 0
        for load, held in self._trials[self._counted :]:
            distance = (self._positions - math.log(load)) / WIDTHS[:, None]
            holding = LAPSE + (1 - 2 * LAPSE) / (1 + np.exp(-np.clip(distance, -50, 50)))
            self._chances += np.log(holding if held else 1 - holding)
        self._counted = len(self._trials)
        weights = np.exp(self._chances - self._chances.max()).sum(axis=0)
        return self._positions, weights / weights.sum()

    def _above(self, load: float) -> float:
        ceiling = self._ceiling()
        doubled = min(load * 2, self.most)
        return self._round(doubled if doubled < ceiling else math.sqrt(load * ceiling))

    def _ceiling(self) -> float:
        return min((load for load, count in self._inconclusive.items() if count >= REPEATS), default=math.inf)

    def _any(self, *, holds: bool) -> bool:
        return any(held is holds for _, held in self._trials)

    def _is_decided(self, load: float) -> bool:
        return any(tried == load for tried, _ in self._trials)

    def _is_close(self, low: float, high: float) -> bool:
        return high - low <= (max(1.0, self.resolution * low) if self.whole else self.resolution * low)

    def _round(self, load: float) -> float:
        return float(max(1, round(load))) if self.whole else float(f"{load:.4g}")
