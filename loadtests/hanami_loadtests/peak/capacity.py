"""A capacity search against a target: a load run for each point, within a budget of time, and the result of all."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from hanami_conformance import __version__
from hanami_conformance.common.redact import SECRETS
from hanami_loadtests.engine.schedule import OPEN
from hanami_loadtests.launch import LOG, Launch, run_locust
from hanami_loadtests.limits.file import Limits
from hanami_loadtests.peak.curve import broken_first, fit_scalability, knee
from hanami_loadtests.peak.points import OUTCOMES, PointLength, point_from
from hanami_loadtests.peak.search import Ending, Search
from hanami_loadtests.result import NAMES
from hanami_loadtests.scenarios.scenario import Scenario
from hanami_loadtests.settings import Settings
from hanami_reports.common.file_names import LOAD_RESULT, POINTS
from hanami_reports.common.format import format_span
from hanami_reports.load.peak.terminal import point_line
from hanami_reports.model.load import EXIT_STATUSES, LoadExit, LoadResult, RunState, read_load_result
from hanami_reports.model.peak import LoadUnit, PeakPoint, PeakResult

OVERHEAD = 6.0  # seconds that the start and the end of a load run take, until they are measured
INTERRUPTED = "interrupted before the end of the search"
STATES = {status: state for state, status in EXIT_STATUSES.items()}


@dataclass(frozen=True)
class PeakSettings:
    """The options of a search.

    Attributes:
        settings: Options of the load runs.
        limits: Limits of the load runs.
        scenarios: What users do.
        unit: Unit of loads.
        users: Number of users of an open model.
        start: First load.
        most: Greatest load that is tried.
        least_seconds: Fewest seconds of measuring of a point.
        budget: Seconds that the search may take in total.
        resolution: Width of the interval at which it ends, as a share of the load.
        at_least: Load that the target must hold, None for any.
    """

    settings: Settings
    limits: Limits
    scenarios: Sequence[type[Scenario]]
    unit: LoadUnit
    users: int
    start: float
    most: float
    least_seconds: float
    budget: float
    resolution: float
    at_least: float | None

    def configuration(self) -> dict[str, Any]:
        """Return what must be equal in two searches to compare them, for the result."""
        settings = self.settings
        kept = settings.configuration(settings.target.dialect)
        return {
            **{name: value for name, value in kept.items() if not name.startswith("rate")},
            "scenarios": [one.name for one in self.scenarios],
            **({} if self.unit is LoadUnit.USERS else {"users": self.users}),
            "point_seconds": self.least_seconds,
            "budget": self.budget,
            "resolution": self.resolution,
        }


@dataclass
class CapacitySearch:
    """A search in progress.

    Attributes:
        options: Options of the search.
        launch: Load run from which the points differ in load, length and folder.
        console: Where progress is printed.
        folder: Folder of the reports.
    """

    options: PeakSettings
    launch: Launch
    console: Console
    folder: Path
    run: Callable[[Launch, Console], int] = run_locust
    clock: Callable[[], float] = time.monotonic
    _runs: list[tuple[PeakPoint, LoadResult]] = field(default_factory=list)
    _overheads: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        options = self.options
        whole = options.unit is LoadUnit.USERS
        least = float(len(options.scenarios)) if whole else options.start / 1024
        self._search = Search(options.start, least, options.most, options.resolution, whole)
        self._length = PointLength(options.limits, options.unit, options.least_seconds)
        self._began = self.clock()

    def result(self) -> PeakResult | int:
        """Search to the end of the search or of the budget, or until Ctrl-C.

        Returns:
            The result; the exit status where not even the first load run could begin.
        """
        started = datetime.now(UTC)
        remove_points(self.folder)
        status, reasons = self._search_all()
        if not self._runs and status not in (None, LoadExit.INTERRUPTED):
            return status
        return self._result(started, None if status is None else STATES.get(status, RunState.INTERNAL_ERROR), reasons)

    def _search_all(self) -> tuple[LoadExit | None, tuple[str, ...]]:
        """Measure points.

        Returns:
            Exit status of what ended the search, None where it or its budget has ended, and reasons.
        """
        try:
            while (load := self._search.propose()) is not None:
                seconds = self._length.seconds(load, self._runs, at_edge=self._search.is_at_edge)
                if self._elapsed() + self.options.settings.warm_up + seconds + self._overhead() > self.options.budget:
                    unit = self.options.unit.quantity(load)
                    return None, (f"the budget of {format_span(self.options.budget)} ended before a point of {unit}",)
                if (ended := self._measure(load, seconds)) is not None:
                    return ended
        except KeyboardInterrupt:
            return LoadExit.INTERRUPTED, (INTERRUPTED,)
        return None, ()

    def _measure(self, load: float, seconds: float) -> tuple[LoadExit, tuple[str, ...]] | None:
        """Measure one point; return exit status and reasons of what ends the search, None where it goes on."""
        number, began = len(self._runs) + 1, self.clock()
        where = f"at {self.options.unit.quantity(load)}"
        launch = self._launch(number, load, seconds)
        launch.folder.mkdir(parents=True, exist_ok=True)
        # Without a terminal, a line for each point is enough.
        progress = self.console if self.console.is_terminal else Console(quiet=True)
        status = LoadExit(self.run(launch, progress))
        if status is LoadExit.INTERRUPTED:
            return status, (INTERRUPTED,)
        try:
            result = read_load_result(launch.folder)
        except ValueError:
            status = LoadExit.INTERNAL_ERROR if status is LoadExit.PASS else status
            return status, (f"{where}: no result; see {launch.folder / LOG}",)
        for name in set(NAMES) - {LOAD_RESULT}:  # pages of a megabyte each, which can be rendered again
            for file in launch.folder.glob(name):
                file.unlink()
        if result.state is RunState.INTERNAL_ERROR:
            return LoadExit.INTERNAL_ERROR, tuple(f"{where}: {reason}" for reason in result.reasons)
        counted = [one.paced_series for one in self.options.scenarios]
        limits = None if self.options.unit is LoadUnit.USERS else self.options.limits
        point = point_from(number, load, result, counted, limits)
        self._runs.append((point, result))
        self._overheads.append(self.clock() - began - launch.seconds)
        self.console.print(point_line(point, self.options.unit), highlight=False)
        if result.state is RunState.LOST:
            return LoadExit.TARGET_LOST, tuple(f"{where}: {reason}" for reason in result.reasons)
        self._search.record(load, OUTCOMES[point.state])
        return None

    def _launch(self, number: int, load: float, seconds: float) -> Launch:
        settings = self.options.settings
        folder = self.folder / POINTS / f"{number:03d}"
        words = [f"--report-dir={folder}"]
        users = int(load)
        if self.options.unit is not LoadUnit.USERS:
            users = self.options.users
            words.append(f"--rate={load!r}")
        return replace(
            self.launch,
            options=[*self.launch.options, *words],
            folder=folder,
            users=users,
            seconds=settings.warm_up + seconds,
            most_seconds=settings.warm_up + seconds + settings.drain + 4 * settings.target.deadline,
        )

    def _elapsed(self) -> float:
        return self.clock() - self._began

    def _overhead(self) -> float:
        return sum(self._overheads) / len(self._overheads) if self._overheads else OVERHEAD

    # The result

    def _result(self, started: datetime, ended: RunState | None, reasons: tuple[str, ...]) -> PeakResult:
        points = tuple(point for point, _ in self._runs)
        estimate, ending = self._search.estimate(), self._search.ending()
        peak, low, high = None, self._search.highest_held, None
        if estimate is not None and ending is not Ending.CEILING:
            whole = self.options.unit is LoadUnit.USERS
            # Of whole numbers the highest that holds is the one below the edge.
            found = (estimate.value, estimate.low, estimate.high)
            peak, low, high = (float(int(one)) if whole else float(f"{one:.4g}") for one in found)
            high = high + 1 if whole else high
        state, why = (ended, ()) if ended is not None else self._verdict(peak, low, high)
        first = self._runs[0][1] if self._runs else None
        configuration = self.options.configuration()
        return PeakResult(
            manifest={
                "suite": __version__,
                "started": started.isoformat(timespec="seconds"),
                "duration": round(self._elapsed(), 3),
                "target": self.options.settings.target.url,
                "user": self.options.settings.target.account.user,
                "python": platform.python_version(),
                "platform": platform.platform(),
            },
            configuration=configuration
            | ({"dialect": first.configuration.get("dialect")} if first is not None else {}),
            state=state,
            exit_status=EXIT_STATUSES[state],
            reasons=tuple(map(SECRETS.text, (*why, *reasons))),
            unit=self.options.unit,
            peak=peak,
            low=low,
            high=high,
            knee=knee(points),
            broken_first=broken_first(points),
            fit=fit_scalability(points) if self.options.unit is LoadUnit.USERS else None,
            points=points,
        )

    def _verdict(self, peak: float | None, low: float | None, high: float | None) -> tuple[RunState, tuple[str, ...]]:
        unit, wanted = self.options.unit, self.options.at_least
        if self._search.ending() is Ending.NOTHING_HOLDS or low is None:
            tried = [point for point, _ in self._runs]
            least = unit.quantity(min((one.load for one in tried), default=self.options.start))
            failing = any(one.state is RunState.FAIL for one in tried)
            line = f"not even {least} holds the limits" if failing else "no point was conclusive"
            return RunState.FAIL if failing else RunState.INVALID, (line,)
        if wanted is not None:
            line = f"required: at least {unit.quantity(wanted)}"
            if low >= wanted:
                return RunState.PASS, ()
            if high is not None and high < wanted:
                return RunState.FAIL, (line,)
            return RunState.INVALID, (f"{line}, which is neither shown nor refuted", *self._ceiling_reason(low))
        return (RunState.PASS, ()) if peak is not None else (RunState.INVALID, self._ceiling_reason(low))

    def _ceiling_reason(self, low: float) -> tuple[str, ...]:
        """Return why no load failed, one line; nothing where one did."""
        at_least = f"at least {self.options.unit.quantity(low)}"
        if self._search.ending() is Ending.EVERYTHING_HOLDS:
            return (f"{at_least}: the greatest load to be tried holds (--at-most)",)
        above = [point for point, _ in self._runs if point.state is RunState.INVALID and point.load > low]
        if self._search.ending() is Ending.CEILING and above:
            if all(one.is_generator_limited for one in above):
                return (f"{at_least}; this machine cannot offer more: {above[-1].reasons[0]}",)
            return (f"{at_least}; higher loads were inconclusive: {'; '.join(above[-1].reasons)}",)
        return () if any(point.state is RunState.FAIL for point, _ in self._runs) else (at_least,)


def remove_points(folder: Path) -> None:
    """Remove the points of an earlier search from a folder of reports; files of others stay."""
    for point in (folder / POINTS).glob("[0-9]*"):
        for name in (*NAMES, LOG):
            for file in point.glob(name):
                file.unlink()
        try:
            point.rmdir()
        except OSError:
            continue


def unit_for(settings: Settings, scenarios: Sequence[type[Scenario]]) -> LoadUnit:
    """Return the unit of loads.

    Raises:
        ValueError: If the scenarios have no arrival rate in common.
    """
    if settings.model != OPEN:
        return LoadUnit.USERS
    units: Mapping[str, LoadUnit] = {"message": LoadUnit.MESSAGES, "file": LoadUnit.FILES}
    paces = {one.paced_by for one in scenarios}
    if len(paces) > 1 or not paces <= units.keys():
        names = ", ".join(one.name for one in scenarios)
        raise ValueError(f"{names}: have no arrival rate in common; choose --scenario, or --model closed")
    return units[paces.pop()]
