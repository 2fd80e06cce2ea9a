"""The verdicts of a history: what turned bad and since when, and what changes although nothing else did."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hanami_reports.history.runs import ConformanceRun
from hanami_reports.model.conformance import ExitStatus

FLAKY_CHANGES = 2  # on equal input: one change may be that of the server, a second one returns from it
LASTING = 3  # failures in a row after which a flaky case counts as failing
Marks = tuple[bool | None, ...]  # good, bad, or no verdict, of each run


@dataclass(frozen=True)
class Track:
    """One verdict over the runs: of a case, or of the whole run.

    Attributes:
        name: Id of the case; empty for the whole run.
        marks: Verdict in each run: True for good, False for bad, None for no verdict.
        changes: Number of changes between runs with equal input that follow each other.
        pairs: Number of such pairs of runs.
        reason: Reason of the newest failure.
        requirements: Requirements that the newest failure violates.
    """

    name: str
    marks: Marks
    changes: int = 0
    pairs: int = 0
    reason: str = ""
    requirements: tuple[str, ...] = ()

    @property
    def flake_rate(self) -> float:
        """Share of the pairs of runs with equal input between which the verdict changed."""
        return self.changes / self.pairs if self.pairs else 0.0

    @property
    def is_flaky(self) -> bool:
        """Whether the verdict changed and changed back on equal input, and is not bad for good since."""
        if self.changes < FLAKY_CHANGES:
            return False
        *earlier, now = [0, *_streaks(self.marks)]
        return self._is_good_now or now < LASTING or now <= max(earlier, default=0)

    @property
    def first_bad(self) -> int | None:
        """Index of the first run of the bad ones at the end; None where the newest verdict is good."""
        if self._is_good_now:
            return None
        first = None
        for index in range(len(self.marks) - 1, -1, -1):
            if self.marks[index] is True:
                break
            if self.marks[index] is False:
                first = index
        return first

    @property
    def last_good(self) -> int | None:
        """Index of the last good run; None where there is none."""
        return next((index for index in range(len(self.marks) - 1, -1, -1) if self.marks[index] is True), None)

    @property
    def is_regression(self) -> bool:
        """Whether it was good once, is bad now, and is not just flaky."""
        return self.first_bad is not None and self.last_good is not None and not self.is_flaky

    @property
    def _is_good_now(self) -> bool:
        known = [mark for mark in self.marks if mark is not None]
        return not known or known[-1]


def _streaks(marks: Marks) -> list[int]:
    """Return the lengths of the bad streaks, the one at the end last; 0 for it where the newest verdict is good."""
    streaks = [0]
    for mark in marks:
        if mark is False:
            streaks[-1] += 1
        elif mark is True:
            streaks.append(0)
    return streaks


def case_tracks(runs: Sequence[ConformanceRun]) -> list[Track]:
    """Return the track of every case, in the order in which they first ran."""
    names = dict.fromkeys(name for run in runs for name in run.cases)
    return [_case_track(name, runs) for name in names]


def _case_track(name: str, runs: Sequence[ConformanceRun]) -> Track:
    records = [run.cases.get(name) for run in runs]
    marks = tuple(None if record is None else record.is_good for record in records)
    changes, pairs = count_changes(marks, [run.input for run in runs])
    bad = next((record for record in reversed(records) if record is not None and not record.is_good), None)
    if bad is None:
        return Track(name, marks, changes, pairs)
    return Track(name, marks, changes, pairs, bad.reason, bad.requirements)


def count_changes(marks: Marks, inputs: Sequence[str]) -> tuple[int, int]:
    """Return the number of changes between runs with equal input that follow each other, and of these pairs.

    Runs in which there is no verdict are passed over.
    """
    stated = [(mark, given) for mark, given in zip(marks, inputs, strict=True) if mark is not None]
    pairs = [(before, after) for (before, one), (after, other) in itertools.pairwise(stated) if one == other]
    return sum(before != after for before, after in pairs), len(pairs)


def run_track(runs: Sequence[ConformanceRun]) -> Track:
    """Return the track of the exit statuses; a run that judged nothing has no verdict."""
    judged = (ExitStatus.CONFORMANT, ExitStatus.NOT_CONFORMANT, ExitStatus.TARGET_LOST)
    marks = tuple(run.exit_status == ExitStatus.CONFORMANT if run.exit_status in judged else None for run in runs)
    changes, pairs = count_changes(marks, [run.input for run in runs])
    bad = next((run for run in reversed(runs) if run.exit_status != ExitStatus.CONFORMANT), None)
    return Track("", marks, changes, pairs, "" if bad is None else f"{bad.headline} {bad.reason}".rstrip())
