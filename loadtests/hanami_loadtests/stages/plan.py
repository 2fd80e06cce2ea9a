"""The plan of a run in stages, in TOML."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanami_loadtests.engine.arrivals import RateCurve, RateSegment
from hanami_loadtests.engine.schedule import OPEN
from hanami_loadtests.faults.fault import Fault, check_times, parse_faults, read_faults
from hanami_loadtests.limits.drift import DriftLimit, parse_drift
from hanami_loadtests.limits.file import parse_limits
from hanami_loadtests.limits.limit import Limit
from hanami_loadtests.limits.table import checked_name, checked_table, is_number, read_tables
from hanami_loadtests.settings import FILE_SECONDS, Settings

RAMP, STEP, SPIKE, SOAK, PAUSE = KINDS = ("ramp", "step", "spike", "soak", "pause")
MOST_STAGES = 200
MOST_SECONDS = 7 * 24 * 3600.0
MOST_USERS, MOST_RATE = 100_000, 1e6
_KEYS = {"kind", "name", "seconds", "users", "rate", "limit", "drift"}


class PlanError(ValueError):
    """An invalid plan."""


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes:
        name: Name, unique in its plan.
        kind: One of KINDS.
        begin: Begin, seconds since that of the run.
        end: End, likewise.
        users: Numbers of users at its begin and at its end.
        rate: Arrival rates of the whole run at its begin and at its end, messages a second, or files a minute; None
            where the plan has no rates.
        limits: Limits of the messages that are scheduled in it.
        drifts: Limits of what changes while it lasts.
    """

    name: str
    kind: str
    begin: float
    end: float
    users: tuple[int, int]
    rate: tuple[float, float] | None
    limits: tuple[Limit, ...] = ()
    drifts: tuple[DriftLimit, ...] = ()

    def users_at(self, time: float) -> int:
        """Return the number of users at a time, seconds since the begin of the run."""
        first, last = self.users
        return round(first + (last - first) * (time - self.begin) / (self.end - self.begin))


@dataclass(frozen=True)
class StagePlan:
    """The stages of a run, one after the other.

    Attributes:
        stages: Stages in their order.
        faults: Faults during the run, by their begin.
    """

    stages: tuple[Stage, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of the run."""
        return self.stages[-1].end

    @property
    def has_rates(self) -> bool:
        """Whether the plan gives the rate of the run."""
        return self.stages[0].rate is not None

    @property
    def most_users(self) -> int:
        """Greatest number of users."""
        return max(max(one.users) for one in self.stages)

    def users_at(self, time: float) -> int | None:
        """Return the number of users at a time, None after the end."""
        stage = next((one for one in self.stages if time < one.end), None)
        return None if stage is None else stage.users_at(max(time, 0.0))

    def rate_curve(self, rate: float | None, unit_seconds: float) -> RateCurve | None:
        """Return the rate of the whole run; None if neither the plan nor ``rate`` gives one.

        Args:
            rate: Rate where the plan has none of its own; pauses interrupt it.
            unit_seconds: Seconds for which rates are: 1 for messages, 60 for files.
        """
        if not self.has_rates and rate is None:
            return None
        segments = []
        for one in self.stages:
            before, after = one.rate or ((0.0, 0.0) if one.kind == PAUSE else (rate or 0.0, rate or 0.0))
            segments.append(RateSegment(one.begin, one.end, before / unit_seconds, after / unit_seconds))
        return RateCurve((*segments, RateSegment(self.seconds, math.inf, 0.0, 0.0)))


def read_plan(path: Path) -> StagePlan:
    """Read a plan.

    Raises:
        ValueError: If the file cannot be read or is invalid; one line with the place.
    """
    data = read_tables(path, "stages")
    if unknown := set(data) - {"stage", "fault"}:
        raise PlanError(f"{path}: unknown key {', '.join(sorted(unknown))}; there are [[stage]] and [[fault]]")
    entries = data.get("stage", [])
    if not isinstance(entries, list) or not entries or len(entries) > MOST_STAGES:
        raise PlanError(f"{path}: write [[stage]] with two brackets, once for each of 1 to {MOST_STAGES} stages")
    return StagePlan(_stages(path, entries), parse_faults(str(path), data.get("fault", [])))


def _stages(path: Path, entries: Sequence[Any]) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    with_rates = any(isinstance(entry, dict) and "rate" in entry for entry in entries)
    begin, users, rate = 0.0, None, None
    for number, entry in enumerate(entries, start=1):
        where = f"{path}: stage {number}"
        kind, name, seconds = _checked_head(where, number, entry)
        if any(one.name == name for one in stages):
            raise PlanError(f"{where}: there is a stage {name!r} already")
        given_users = _level(where, entry, "users", MOST_USERS, _whole)
        given_rate = _level(where, entry, "rate", MOST_RATE, is_number)
        levels_users, users = _levels(where, "users", kind, users, given_users, pauses=not with_rates)
        levels_rate, rate = _levels(where, "rate", kind, rate, given_rate, pauses=True) if with_rates else (None, None)
        if max(levels_users) < 1 and (kind != PAUSE or with_rates):
            raise PlanError(f"{where}: users = 0: nobody sends anything; a stage without load is a pause")
        stages.append(
            Stage(
                name=name,
                kind=kind,
                begin=begin,
                end=begin + seconds,
                users=(int(levels_users[0]), int(levels_users[1])),
                rate=levels_rate,
                limits=parse_limits(where, entry.get("limit", [])),
                drifts=parse_drift(where, entry.get("drift", []), "stage.drift"),
            )
        )
        begin += seconds
    if begin > MOST_SECONDS:
        raise PlanError(f"{path}: the stages take {begin:g} s together, at most {MOST_SECONDS:.0f} are possible")
    if stages[0].kind == PAUSE:
        raise PlanError(f"{path}: stage 1: a run cannot begin with a pause")
    return tuple(stages)


def _checked_head(where: str, number: int, entry: Any) -> tuple[str, str, float]:
    """Return kind, name and length of a stage."""
    entry = checked_table(where, entry, sorted(_KEYS))
    kind = entry.get("kind")
    if kind not in KINDS:
        raise PlanError(f"{where}: kind {kind!r}: choose one of {', '.join(KINDS)}")
    name = checked_name(where, entry, f"{kind} {number}")
    if name.split()[0] == "generator":
        raise PlanError(f"{where}: name {name!r}: limits of the generator have this name; give another one")
    seconds: Any = entry.get("seconds")
    if not is_number(seconds) or not 1 <= seconds <= MOST_SECONDS:
        raise PlanError(f"{where}: seconds {seconds!r}: give a number from 1 to {MOST_SECONDS:.0f}")
    return kind, name, float(seconds)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _level(where: str, entry: dict[str, Any], key: str, most: float, is_valid: Callable[[Any], bool]) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if not is_valid(value) or not 0 <= value <= most:
        kind = "whole number" if is_valid is _whole else "number"
        raise PlanError(f"{where}: {key} {value!r}: give a {kind} from 0 to {most:.0f}")
    return float(value)


def _levels(
    where: str, key: str, kind: str, before: float | None, given: float | None, *, pauses: bool
) -> tuple[tuple[float, float], float]:
    """Return the levels at begin and end of a stage, and the level that the next one begins with.

    Args:
        where: Place in the file.
        key: ``users`` or ``rate``.
        kind: Kind of the stage.
        before: Level before the stage, None for the first one.
        given: Level of its table, None if it has none.
        pauses: Whether a pause lowers this level to 0.
    """
    if kind == PAUSE:
        if given is not None:
            raise PlanError(f"{where}: a pause has no {key}")
        if before is None:
            raise PlanError(f"{where}: a run cannot begin with a pause")
        return (0.0, 0.0) if pauses else (before, before), before
    if given is None and before is None:
        raise PlanError(f"{where}: {key} is missing: the first stage must give it")
    level = before if given is None else given
    assert level is not None
    if kind == RAMP:
        return (before or 0.0, level), level
    return (level, level), before if kind == SPIKE and before is not None else level


def plan_for(settings: Settings) -> StagePlan | None:
    """Return the plan of a run, None for a constant load.

    Raises:
        ValueError: If the plan is invalid, or does not fit the other options; one line.
    """
    if settings.stages is None:
        return None
    plan = read_plan(settings.stages)
    if plan.has_rates and settings.model != OPEN:
        raise PlanError(f"{settings.stages}: has rates, which the {settings.model} model ignores; add --model {OPEN}")
    if plan.has_rates and settings.rate is not None:
        raise PlanError(f"--rate {settings.rate:g}: the stages have rates of their own")
    if plan.seconds <= settings.warm_up:
        raise PlanError(f"{settings.stages}: the warm-up alone takes {settings.warm_up:g} s (--warm-up)")
    return plan


def faults_for(settings: Settings, plan: StagePlan | None, seconds: float | None) -> tuple[Fault, ...]:
    """Return the faults of a run, by their begin.

    Args:
        settings: Options of the run.
        plan: Stages of the run, None for a constant load.
        seconds: Length of a run with constant load; None where it ends when it is stopped.

    Raises:
        ValueError: If they are invalid, or there is no time for them; one line.
    """
    planned = () if plan is None else plan.faults
    if settings.faults is not None and planned:
        raise PlanError(f"--faults {settings.faults}: the stages have faults of their own")
    faults = planned if settings.faults is None else read_faults(settings.faults)
    length = plan.seconds if plan is not None else seconds
    check_times(faults, settings.warm_up, math.inf if length is None else length)
    return faults


def rate_curves(settings: Settings, plan: StagePlan | None) -> dict[str, RateCurve]:
    """Return the rate of the whole run by its unit, a second; empty where each user has a rate of its own, or none."""
    if settings.model != OPEN:
        return {}
    curves = {}
    for unit, seconds in (("message", 1.0), ("file", FILE_SECONDS)):
        if plan is not None:
            curve = plan.rate_curve(settings.rate, seconds)
        else:
            curve = None if settings.rate is None else RateCurve.constant(settings.rate / seconds)
        if curve is not None:
            curves[unit] = curve
    return curves
