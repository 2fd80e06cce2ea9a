"""Who sends when: a schedule for each user, of its own or with a part of the arrivals of the whole run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hanami_loadtests.engine.arrivals import Arrivals, RateCurve, SharedSchedule, UserSchedule
from hanami_loadtests.engine.schedule import CONSTANT, Schedule

SEEDS = 1000  # between two processes


@dataclass(frozen=True)
class PacedScenario:
    """What pacing knows of a scenario.

    Attributes:
        name: Name of the scenario.
        unit: Unit of its rate: ``message``, ``file``, or ``nothing`` for no rate.
        series: Type of message that is scheduled.
    """

    name: str
    unit: str
    series: str


def _ignore() -> None:
    """Do nothing where nobody divides the rate among processes."""


@dataclass
class Pacing:
    """The schedules of one process.

    Attributes:
        rates: Rate of each user by unit, a second; without an entry, or 0, a user sends as fast as answers arrive.
        curves: Rate of the whole run by unit, a second, in place of that of each user.
        begin: Returns the begin of the run, seconds of ``clock``.
        clock: Clock of the run.
        seed: Seed of the gaps.
        arrivals: ``constant`` or ``poisson``.
        processes: Number of processes that share the rate of the run.
        index: Index of this process among them.
        most_users: Greatest number of users at the same time, by scenario.
        shares: Share of this process by scenario, as the master gives it; None where there is none yet.
        on_change: Called when a user joins or leaves.
    """

    rates: Mapping[str, float]
    curves: Mapping[str, RateCurve]
    begin: Callable[[], float]
    clock: Callable[[], float]
    seed: int = 0
    arrivals: str = CONSTANT
    processes: int = 1
    index: int = 0
    most_users: dict[str, int] = field(default_factory=dict)
    shares: dict[str, float] | None = None
    on_change: Callable[[], None] = _ignore
    _arrivals: dict[PacedScenario, Arrivals] = field(default_factory=dict)
    _users: Counter[PacedScenario] = field(default_factory=Counter)

    @property
    def users(self) -> dict[str, int]:
        """Scenario to number of its users now."""
        return {one.name: count for one, count in self._users.items()}

    def join(self, scenario: PacedScenario, number: int) -> UserSchedule:
        """Return the schedule of a new user.

        Args:
            scenario: What the user does.
            number: Number of the user.
        """
        self._users[scenario] += 1
        self.most_users[scenario.name] = max(self.most_users.get(scenario.name, 0), self._users[scenario])
        self.on_change()
        now = self.clock()
        curve = self.curves.get(scenario.unit)
        if curve is None:
            return Schedule(self.rates.get(scenario.unit, 0.0), now, self.seed + number, self.arrivals)
        if scenario not in self._arrivals:
            seed = self.seed + self.index * SEEDS + len(self._arrivals)
            self._arrivals[scenario] = Arrivals(curve, self.begin(), now, seed, self.arrivals, share=0.0)
        self._divide(now)
        return SharedSchedule(self._arrivals[scenario])

    def leave(self, scenario: PacedScenario) -> None:
        """Count a user that has ended no longer."""
        self._users[scenario] -= 1
        self.on_change()
        self._divide(self.clock())

    def set_shares(self, shares: Mapping[str, float]) -> None:
        """Set the share of this process by scenario."""
        self.shares = dict(shares)
        self._divide(self.clock())

    def overdue(self) -> dict[str, int]:
        """Return the number of overdue messages that no user has claimed, by type."""
        found, now = Counter[str](), self.clock()
        for scenario, arrivals in self._arrivals.items():
            found[scenario.series] += arrivals.overdue(now)
        return dict(found)

    def _divide(self, now: float) -> None:
        for scenario, arrivals in self._arrivals.items():
            arrivals.set_share(self._share(scenario), now)

    def _share(self, scenario: PacedScenario) -> float:
        if self.shares is not None:
            return self.shares.get(scenario.name, 0.0)
        together = sum(count for one, count in self._users.items() if one.unit == scenario.unit)
        return self._users[scenario] / together / self.processes if together else 0.0


def shares_of_processes(
    users: Mapping[str, Mapping[str, int]], units: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """Return the shares of all processes, which add up to 1 for each unit with users.

    Args:
        users: Process to the number of its users by scenario.
        units: Scenario to unit.
    """
    together = Counter[str]()
    for counts in users.values():
        for name, count in counts.items():
            together[units[name]] += count
    return {
        process: {
            name: count / together[units[name]] if together[units[name]] else 0.0 for name, count in counts.items()
        }
        for process, counts in users.items()
    }
