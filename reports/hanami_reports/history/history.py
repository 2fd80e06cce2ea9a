"""The history of all runs in a folder: the verdict on it, and its file form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from hanami_reports.common.format import format_percent
from hanami_reports.common.text import one_line, pluralise
from hanami_reports.history.change_points import LEAST_RUNS
from hanami_reports.history.load_series import LoadSeries, load_series
from hanami_reports.history.peaks import PeakRun, peak_series
from hanami_reports.history.runs import ConformanceRun, Runs, started
from hanami_reports.history.verdicts import Track, case_tracks, count_changes, run_track
from hanami_reports.load.compare.comparison import format_ratio
from hanami_reports.load.compare.runs import LoadRun
from hanami_reports.model.load import RunState

FORMAT = "hanami-history"
FORMAT_VERSION = 1
LEAST = 2  # runs of a group that say something


class HistoryExit(IntEnum):
    """Exit status of a history."""

    STEADY = 0
    WORSE = 1
    TOO_FEW = 5


@dataclass(frozen=True)
class Worsening:
    """Something that turned bad, or worse, and still is.

    Attributes:
        what: What it is: a case, a verdict, or a metric.
        how: How it is now and how it was, one line.
        first_bad: File of the first bad run.
        last_good: File of the last run before it that was good, empty if unknown.
        note: What changed beside the server at that run, empty for nothing known.
    """

    what: str
    how: str
    first_bad: str
    last_good: str
    note: str = ""


@dataclass(frozen=True)
class RunEntry:
    """A run in a list of runs.

    Attributes:
        file: File of the result.
        started: Time of the start, ISO 8601; empty if unknown.
        verdict: Verdict in a few words.
        exit_status: Exit status of the run.
    """

    file: str
    started: str
    verdict: str
    exit_status: int


@dataclass(frozen=True)
class ConformanceHistory:
    """The conformance runs of one server."""

    title: str
    runs: tuple[ConformanceRun, ...]
    verdict: Track
    cases: tuple[Track, ...]

    @property
    def entries(self) -> list[RunEntry]:
        """The runs, the oldest first."""
        return [RunEntry(str(run.file), run.started, run.headline, run.exit_status) for run in self.runs]

    @property
    def flaky(self) -> list[Track]:
        """Cases whose verdict changes on equal input, the most frequent first."""
        return sorted((one for one in self.cases if one.is_flaky), key=lambda one: (-one.flake_rate, one.name))

    @property
    def changed(self) -> list[Track]:
        """Cases that were not the same in all runs, those that are bad now first."""
        changed = [one for one in self.cases if len({mark for mark in one.marks if mark is not None}) > 1]
        return sorted(changed, key=lambda one: (not one.is_regression, not one.is_flaky))

    @property
    def worsenings(self) -> list[Worsening]:
        """Cases that turned bad for good; the verdict on the run, where no case explains it."""
        found = [self._worsening(one, one.name) for one in self.cases if one.is_regression]
        flaky_only = self.runs[-1].cases and all(
            one.is_flaky for one in self.cases if one.marks[-1] is False
        )  # the verdict of a run changes with its flaky cases
        if not found and self.verdict.is_regression and not (flaky_only and self._newest_failed):
            found.append(self._worsening(self.verdict, "the verdict of the run"))
        return found

    @property
    def _newest_failed(self) -> bool:
        return any(one.marks[-1] is False for one in self.cases)

    def _worsening(self, track: Track, what: str) -> Worsening:
        assert track.first_bad is not None
        first, before = self.runs[track.first_bad], None if track.last_good is None else self.runs[track.last_good]
        note = ""
        if before is not None and before.input != first.input:
            note = (
                f"suite {before.suite} before, {first.suite} then" if before.suite != first.suite else "other options"
            )
        requirements = f"{', '.join(track.requirements)}: " if track.requirements else ""
        last_good = "" if before is None else str(before.file)
        return Worsening(what, one_line(f"{requirements}{track.reason}"), str(first.file), last_good, note)


@dataclass(frozen=True)
class LoadHistory:
    """The load runs, or the capacity searches, of one configuration."""

    title: str
    runs: tuple[LoadRun | PeakRun, ...]
    verdict: Track
    series: tuple[LoadSeries, ...]
    tolerance: float

    @property
    def used(self) -> list[LoadRun | PeakRun]:
        """Runs that allow a conclusion about the target."""
        return [run for run in self.runs if run.is_conclusive]

    @property
    def entries(self) -> list[RunEntry]:
        """The runs, the oldest first."""
        return [_load_entry(run) for run in self.runs]

    @property
    def shown(self) -> Sequence[LoadSeries]:
        """Series with a change; all series where none has any."""
        return [one for one in self.series if one.changes] or self.series

    @property
    def worsenings(self) -> list[Worsening]:
        """The verdict, where it turned bad for good; metrics whose last change is one to the worse."""
        found = []
        if self.verdict.is_regression:
            assert self.verdict.first_bad is not None
            found.append(self._at(self.verdict.first_bad, "the verdict of the run", self.verdict.reason))
        for one in self.series:
            change = one.worsening(self.tolerance)
            if change is not None:
                before, after = one.metric.formatted(change.before), one.metric.formatted(change.after)
                how = f"{after}, before {before} (\N{MULTIPLICATION SIGN} {format_ratio(change.ratio)})"
                found.append(self._at(change.at, one.name, how))
        return found

    def _at(self, index: int, what: str, how: str) -> Worsening:
        before = next((run.name for run in reversed(self.runs[:index]) if run.result.state is not RunState.INVALID), "")
        return Worsening(what, one_line(how), self.runs[index].name, before)


@dataclass(frozen=True)
class History:
    """The history of all runs in a folder.

    Attributes:
        folder: The folder.
        conformance: A history for each server, dialect and profile.
        load: A history for each configuration of load runs.
        peaks: A history for each configuration of capacity searches.
        notes: Files that are left out, a line each.
        tolerance: Difference that does not matter, as a share.
    """

    folder: Path
    conformance: tuple[ConformanceHistory, ...]
    load: tuple[LoadHistory, ...]
    peaks: tuple[LoadHistory, ...]
    notes: tuple[str, ...]
    tolerance: float

    @property
    def groups(self) -> Sequence[ConformanceHistory | LoadHistory]:
        """All histories, those of conformance first."""
        return [*self.conformance, *self.load, *self.peaks]

    @property
    def worsenings(self) -> list[Worsening]:
        """Everything that turned bad, or worse, and still is."""
        return [found for one in self.groups for found in one.worsenings]

    @property
    def exit_status(self) -> HistoryExit:
        """WORSE if anything is worse and still is; TOO_FEW where no group has two runs."""
        if self.worsenings:
            return HistoryExit.WORSE
        has_enough = any(len(one.runs) >= LEAST for one in self.groups)
        return HistoryExit.STEADY if has_enough else HistoryExit.TOO_FEW

    @property
    def verdict(self) -> str:
        """Verdict in a word or two."""
        words = {HistoryExit.STEADY: "STEADY", HistoryExit.WORSE: "WORSE", HistoryExit.TOO_FEW: "TOO FEW RUNS"}
        return words[self.exit_status]

    @property
    def headline(self) -> str:
        """Reason for the verdict, one line."""
        found = self.worsenings
        if found:
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            return f"{found[0].what} since {found[0].first_bad}{more}"
        if self.exit_status is HistoryExit.TOO_FEW:
            return f"no server and no configuration has {LEAST} runs"
        flaky = sum(len(one.flaky) for one in self.conformance)
        parts = ["nothing that was good is bad now"]
        parts += [f"{pluralise(flaky, 'case')} flaky"] if flaky else []
        return "; ".join([*parts, *self.limits_of_knowledge])

    @property
    def limits_of_knowledge(self) -> list[str]:
        """What too few runs keep from being judged, a line each."""
        few = [one for one in (*self.load, *self.peaks) if len(one.used) < LEAST_RUNS]
        if not few:
            return []
        what = f"changes of rates, times and capacities are looked for from {LEAST_RUNS} runs on"
        return [f"{what} ({pluralise(len(few), 'configuration')} with fewer)"]

    def to_json(self) -> str:
        """Return the file form."""
        data = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "verdict": self.verdict,
            "exit_status": self.exit_status,
            "tolerance": self.tolerance,
            "worse": [vars(one) for one in self.worsenings],
            "conformance": [_conformance_json(one) for one in self.conformance],
            "load": [_load_json(one) for one in self.load],
            "peaks": [_load_json(one) for one in self.peaks],
            "notes": self.notes,
        }
        return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def read_history(folder: Path, runs: Runs, tolerance: float) -> History:
    """Return the history of runs.

    Args:
        folder: Folder of the runs.
        runs: The runs.
        tolerance: Difference of a metric that does not matter, as a share.
    """
    conformance = tuple(
        ConformanceHistory(title, own, run_track(own), tuple(case_tracks(own)))
        for title, own in runs.conformance.items()
    )
    load = tuple(
        LoadHistory(title, own, _load_track(own), tuple(load_series(own)), tolerance)
        for title, own in runs.load.items()
    )
    peaks = tuple(
        LoadHistory(title, own, _load_track(own), tuple(peak_series(own)), tolerance)
        for title, own in runs.peaks.items()
    )
    return History(folder, conformance, load, peaks, runs.notes, tolerance)


def _load_track(runs: Sequence[LoadRun | PeakRun]) -> Track:
    stated = {RunState.PASS: True, RunState.FAIL: False, RunState.LOST: False}
    marks = tuple(stated.get(run.result.state) for run in runs)
    changes, pairs = count_changes(marks, [""] * len(runs))
    bad = next((run.result for run in reversed(runs) if stated.get(run.result.state) is False), None)
    reason = "" if bad is None else f"{bad.state.value} {'; '.join(bad.reasons[:1])}".rstrip()
    return Track("", marks, changes, pairs, reason)


def _load_entry(run: LoadRun | PeakRun) -> RunEntry:
    state = run.result.state.value
    verdict = f"{state}, {run.result.headline}" if isinstance(run, PeakRun) else state
    return RunEntry(run.name, started(run), verdict, run.result.exit_status)


def _conformance_json(one: ConformanceHistory) -> dict[str, Any]:
    return {
        "title": one.title,
        "runs": [vars(run) for run in one.entries],
        "changes_of_verdict": _track_json(one.verdict),
        "cases": {case.name: _track_json(case) for case in one.changed},
    }


def _track_json(track: Track) -> dict[str, Any]:
    return {
        "good": track.marks,
        "flake_rate": round(track.flake_rate, 6),
        "flaky": track.is_flaky,
        "first_bad": track.first_bad,
        "reason": track.reason,
    }


def _load_json(one: LoadHistory) -> dict[str, Any]:
    return {
        "title": one.title,
        "runs": [vars(run) for run in one.entries],
        "changes_of_verdict": _track_json(one.verdict),
        "series": [
            {
                "type": series.type,
                "metric": series.metric.name,
                "values": series.values,
                **({"intervals": series.intervals} if series.intervals else {}),
                "changes": [vars(change) for change in series.changes],
            }
            for series in one.series
        ],
    }


def flake_text(track: Track) -> str:
    """Return how often the verdict of a case changes on equal input."""
    return f"{track.changes} of {track.pairs} ({format_percent(track.flake_rate)})"
