"""Measurements, and how their sides are measured in turn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

from tools.bench.servers import Servers
from tools.bench.statistics import Aim, Sample, Spread

WARM_UP_SECONDS = 0.5

Side = Callable[[float], Sample]  # does its work for about that many seconds


@dataclass(frozen=True)
class Plan:
    """Number and length of the rounds.

    Attributes:
        rounds: Number of measurements of each side; None for the default of the measurement.
        seconds: Length of one measurement in seconds.
        chunk: Size of the data of an upload message in bytes.
        requirements: Patterns of the requirements that a run of the suite checks; all if there are none.
    """

    rounds: int | None
    seconds: float
    chunk: int
    requirements: tuple[str, ...] = ()


class Measurement(ABC):
    """A comparison of two or more sides, measured in turn so that what else the machine does weighs on all.

    Attributes:
        name: Name on the command line and in JSON.
        title: Description in one line.
        ratio_title: Description of the ratio: dividend and divisor.
        aim: Aim for the ratio.
        default_rounds: Number of measurements of each side unless the plan sets it.
        is_timed: Whether a side works for a given time. Otherwise each of its turns is one long piece of work, without
            a warm-up.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    ratio_title: ClassVar[str]
    aim: ClassVar[Aim]
    default_rounds: ClassVar[int] = 5
    is_timed: ClassVar[bool] = True

    @abstractmethod
    def sides(self, servers: Servers, plan: Plan) -> AbstractContextManager[Mapping[str, Side]]:
        """Return the sides by their titles, ready to be measured.

        Raises:
            ProcessError: If a server does not start or answers wrongly; also raised by the sides.
        """

    @abstractmethod
    def ratio(self, samples: Mapping[str, Sample]) -> float:
        """Return the ratio of one round, from the samples of its sides."""


@dataclass(frozen=True)
class Outcome:
    """Samples of a measurement.

    Attributes:
        measurement: Measurement that was done.
        rounds: Samples of each round, by side.
    """

    measurement: Measurement
    rounds: tuple[Mapping[str, Sample], ...]

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round."""
        return [self.measurement.ratio(samples) for samples in self.rounds]

    @property
    def ratio(self) -> Spread:
        """Their spread."""
        return Spread.of(self.ratios)

    @property
    def is_met(self) -> bool:
        """Whether the median meets the aim."""
        return self.measurement.aim.is_met(self.ratio.median)

    def samples(self) -> dict[str, list[Sample]]:
        """By side, in the order of the rounds."""
        return {side: [samples[side] for samples in self.rounds] for side in self.rounds[0]}


def measure(measurement: Measurement, servers: Servers, plan: Plan, progress: Callable[[str], None]) -> Outcome:
    """Warm every side up, then measure them in turn, round by round.

    Args:
        measurement: Measurement to do.
        servers: Source of the servers.
        plan: Number and length of the rounds.
        progress: Receiver of the progress lines.

    Raises:
        ProcessError: If a server does not start or answers wrongly.
    """
    progress(f"{measurement.name}: preparing")
    with measurement.sides(servers, plan) as sides:
        for side in sides.values() if measurement.is_timed else ():
            side(min(plan.seconds, WARM_UP_SECONDS))
        rounds: list[Mapping[str, Sample]] = []
        planned = plan.rounds or measurement.default_rounds
        for number in range(1, planned + 1):
            progress(f"{measurement.name}: round {number} of {planned}")
            rounds.append({title: side(plan.seconds) for title, side in sides.items()})
    return Outcome(measurement, tuple(rounds))
