"""Results of capacity searches in a history: their capacity as a series, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hanami_reports.history.load_series import LoadSeries, find_changes
from hanami_reports.load.compare.comparison import Quantity
from hanami_reports.model.peak import PeakResult

CAPACITY = "capacity"


@dataclass(frozen=True)
class PeakRun:
    """One capacity search: its file and its result."""

    file: Path
    result: PeakResult

    @property
    def name(self) -> str:
        """Path of the file."""
        return str(self.file)

    @property
    def is_conclusive(self) -> bool:
        """Whether the capacity was found."""
        return self.result.peak is not None


def peak_series(runs: Sequence[PeakRun]) -> list[LoadSeries]:
    """Return the capacities that searches of one unit found, none where no search found any."""
    used = [index for index, run in enumerate(runs) if run.is_conclusive]
    if not used:
        return []
    unit = runs[0].result.unit
    found = LoadSeries(
        type=unit.value,
        metric=Quantity(CAPACITY, unit.quantity, more_is_worse=False),
        values=tuple(run.result.peak for run in runs),
        intervals=tuple(_interval(run.result) for run in runs),
    )
    return find_changes([found], used)


def _interval(result: PeakResult) -> tuple[float, float] | None:
    if result.peak is None or result.low is None or result.high is None:
        return None
    return result.low, result.high
