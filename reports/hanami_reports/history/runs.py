"""The runs of a history: found in a folder, read, each once, in the order of their time, by what they tested."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from hanami_proto.http_origin import is_loopback
from hanami_reports.common.file_names import PEAK_RESULT, POINTS
from hanami_reports.common.text import one_line
from hanami_reports.history.peaks import PeakRun
from hanami_reports.load.compare.runs import LoadRun
from hanami_reports.load.tables import target_address
from hanami_reports.model.conformance import FORMAT as CONFORMANCE_FORMAT
from hanami_reports.model.conformance import CaseResult, Outcome, RunResult, read_result
from hanami_reports.model.load import is_load_result, read_load_result
from hanami_reports.model.peak import is_peak_result, read_peak_result

GOOD_OUTCOMES = (Outcome.PASSED, Outcome.KNOWN)
BAD_OUTCOMES = (Outcome.FAILED, Outcome.LOST)
HEAD = 200  # characters of a file in which its format is
Run = TypeVar("Run")
_SAME_INPUT = ("suite", "dialect", "options", "digests")  # entries of a manifest


@dataclass(frozen=True)
class CaseRecord:
    """What a history keeps of a case: whether it was good, and the reason where it was not."""

    is_good: bool
    reason: str
    requirements: tuple[str, ...]


@dataclass(frozen=True)
class ConformanceRun:
    """What a history keeps of a conformance run.

    Attributes:
        file: File of the result.
        started: Time of the start, ISO 8601.
        headline: Verdict on the target.
        exit_status: Exit status of the run.
        reason: Reason behind the headline.
        suite: Version of the suite.
        input: Everything that the suite did: version, dialect, options, digests; equal for runs with equal input.
        cases: Id of each case that says something about the target to its record.
    """

    file: Path
    started: str
    headline: str
    exit_status: int
    reason: str
    suite: str
    input: str
    cases: Mapping[str, CaseRecord]


@dataclass(frozen=True)
class Runs:
    """All runs of a history.

    Attributes:
        conformance: Title of what was tested to its conformance runs, the oldest first.
        load: Title of target and configuration to its load runs, the oldest first.
        peaks: Likewise to its capacity searches; their points are no load runs of their own.
        notes: Files that are left out, a line each.
    """

    conformance: Mapping[str, tuple[ConformanceRun, ...]] = field(default_factory=dict)
    load: Mapping[str, tuple[LoadRun, ...]] = field(default_factory=dict)
    peaks: Mapping[str, tuple[PeakRun, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_runs(folder: Path, last: int | None = None) -> Runs:
    """Read all results in a folder and in its folders, whatever their names.

    Args:
        folder: Folder of the results.
        last: Number of runs of each group, the newest; None for all.

    Raises:
        ValueError: If there is no result; one line.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    found = _Found()
    for file in sorted(folder.rglob("*.json")):
        try:
            found.read(file)
        except ValueError as error:
            found.notes.append(f"left out: {error}")
    if not found.conformance and not found.load and not found.peaks:
        raise ValueError("; ".join([f"no result of a run in {folder}", *found.notes[:1]]))
    return Runs(
        {title: _newest(sorted(runs, key=lambda run: run.started), last) for title, runs in found.conformance.items()},
        {title: _newest(sorted(runs, key=started), last) for title, runs in _titled(found.load).items()},
        {title: _newest(sorted(runs, key=started), last) for title, runs in _titled(found.peaks).items()},
        tuple(found.notes),
    )


@dataclass
class _Found:
    """The results that are read so far, by what has to be equal in comparable runs."""

    conformance: dict[str, list[ConformanceRun]] = field(default_factory=dict)
    load: dict[tuple[str, str], list[LoadRun]] = field(default_factory=dict)
    peaks: dict[tuple[str, str], list[PeakRun]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def read(self, file: Path) -> None:
        """Read a file, unless it is no result, a copy of one, or a point of a capacity search.

        Raises:
            ValueError: If it claims to be a result and is none; one line.
        """
        if is_peak_result(file):
            search = PeakRun(file, read_peak_result(file))
            if self._is_new(search.result.manifest, file):
                self.peaks.setdefault(_peak_group(search), []).append(search)
        elif is_load_result(file):
            if not _is_point(file):
                loaded = LoadRun(file, read_load_result(file))
                if self._is_new(loaded.result.manifest, file):
                    self.load.setdefault(_load_group(loaded), []).append(loaded)
        elif _is_conformance_result(file):
            result = read_result(file)
            if self._is_new(result.manifest, file):
                self.conformance.setdefault(_conformance_title(result), []).append(_conformance_run(file, result))

    def _is_new(self, manifest: Mapping[str, Any], file: Path) -> bool:
        """Whether no result with this manifest, which holds start and duration, was read before; note a copy."""
        identity = json.dumps(manifest, sort_keys=True)
        if identity in self._seen:
            self.notes.append(f"left out: {file} is a copy of another result")
            return False
        self._seen.add(identity)
        return True


def _newest(runs: Sequence[Run], last: int | None) -> tuple[Run, ...]:
    return tuple(runs if last is None else runs[-last:])


def started(run: LoadRun | PeakRun) -> str:
    """Return the time of the start of a load run or capacity search, ISO 8601; empty if unknown."""
    return str(run.result.manifest.get("started", ""))


def _is_conformance_result(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8") as opened:
            return f'"{CONFORMANCE_FORMAT}"' in opened.read(HEAD)
    except (OSError, UnicodeDecodeError):
        return False


def _conformance_title(result: RunResult) -> str:
    target, manifest = result.manifest.get("target", {}), result.manifest
    address = "the bundled backend" if target.get("reference") else _server(str(target.get("url", "")))
    profile = manifest.get("options", {}).get("profile", "")
    return one_line(", ".join(filter(None, (address, str(manifest.get("dialect", "")), str(profile)))))


def _titled(groups: Mapping[tuple[str, str], list[Run]]) -> dict[str, list[Run]]:
    """Return groups by their titles, which are numbered where configurations have the same."""
    titled: dict[str, list[Run]] = {}
    for (title, _), runs in groups.items():
        alike = sum(title == other for other, _ in groups)
        number = sum(name.startswith(f"{title}, configuration ") for name in titled) + 1
        titled[f"{title}, configuration {number}" if alike > 1 else title] = runs
    return titled


def _load_group(run: LoadRun) -> tuple[str, str]:
    """Return a title, and what has to be equal in comparable runs: target and configuration."""
    configuration = run.result.configuration
    users = configuration.get("users", {})
    parts = [_server(target_address(run.result)), f"{configuration.get('model', '')} model"]
    if isinstance(users, Mapping):
        parts.append(f"{sum(users.values())} users")
    return one_line(", ".join(parts)), json.dumps(configuration, sort_keys=True)


def _peak_group(run: PeakRun) -> tuple[str, str]:
    """Return a title, and what has to be equal in comparable searches: target, unit and configuration."""
    result, configuration = run.result, run.result.configuration
    scenarios = configuration.get("scenarios", [])
    parts = [_server(str(result.manifest.get("target", ""))), f"capacity in {result.unit.value}"]
    parts += map(str, scenarios) if isinstance(scenarios, list) else []
    return one_line(", ".join(parts)), json.dumps(configuration, sort_keys=True)


def _is_point(file: Path) -> bool:
    """Whether a file belongs to a point of a capacity search, whose result has it already."""
    return any(parent.name == POINTS and (parent.parent / PEAK_RESULT).is_file() for parent in file.parents)


def _server(url: str) -> str:
    """Return the address of a server; of one on this machine without the port, which often differs from run to run."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return url
    return host if is_loopback(host) else url


def _conformance_run(file: Path, result: RunResult) -> ConformanceRun:
    manifest: Mapping[str, Any] = result.manifest
    return ConformanceRun(
        file=file,
        started=str(manifest.get("started", "")),
        headline=result.headline,
        exit_status=result.exit_status,
        reason=result.reason,
        suite=str(manifest.get("suite", "")),
        input=json.dumps({name: manifest.get(name) for name in _SAME_INPUT}, sort_keys=True),
        cases=dict(_records(result.cases)),
    )


def _records(cases: Iterable[CaseResult]) -> Iterable[tuple[str, CaseRecord]]:
    for case in cases:
        if case.outcome in GOOD_OUTCOMES:
            yield case.id, CaseRecord(is_good=True, reason="", requirements=())
        elif case.outcome in BAD_OUTCOMES:
            yield (
                case.id,
                CaseRecord(is_good=False, reason=case.reason, requirements=case.violated or case.requirements),
            )
