"""The recorded exchanges of a run: of the failed cases of a result, or of all cases of an events file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from hanami_proto.command_line import suggestion
from hanami_reports.model.conformance import CaseResult, Event, RunResult
from hanami_reports.model.findings import violating_event

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)
ALL_EVENTS = (
    ": a result has those of cases that did not pass; run with --events FILE to record all events, and export that file"
)


@dataclass(frozen=True)
class Exchange:
    """The recorded events of one case, or of one sequence of it.

    Attributes:
        case: Result of the case.
        started: Time of the clock to which the times of the events are relative.
        events: Events in order.
        sequence: Number of the sequence within its case, 0 without sequences.
        violating: Index of the event that shows the violation, -1 for none.
    """

    case: CaseResult
    started: datetime
    events: Sequence[Event]
    sequence: int = 0
    violating: int = -1

    @property
    def title(self) -> str:
        """Name for people."""
        return f"{self.case.id}, sequence {self.sequence}" if self.sequence else self.case.id

    def time(self, event: Event) -> datetime:
        """Return the time of the clock of an event."""
        return self.started + timedelta(seconds=event.at)

    def channels(self) -> Mapping[str, list[Event]]:
        """Return the events of each connection, in order."""
        channels: dict[str, list[Event]] = {}
        for event in self.events:
            channels.setdefault(event.channel, []).append(event)
        return channels


@dataclass(frozen=True)
class RecordedRun:
    """The exchanges of a run.

    Attributes:
        file: Name of the file that they are from.
        manifest: Manifest of the run.
        cases: Results of all cases, those without recorded events included.
        exchanges: Exchanges in the order of their times.
        hint: How events that are missing can be recorded; empty if they cannot.
    """

    file: str
    manifest: Mapping[str, Any]
    cases: Sequence[CaseResult]
    exchanges: Sequence[Exchange]
    hint: str = ""

    @property
    def target(self) -> SplitResult:
        """Address of the target; another one if the manifest has no valid one."""
        return target_address(self.manifest)

    def select(self, wanted: Collection[str]) -> RecordedRun:
        """Return the exchanges of some cases alone.

        Args:
            wanted: Ids of cases, with or without their parameters; none for all.

        Raises:
            ValueError: If there is no such case, or if none of its events are recorded; one line.
        """
        chosen: set[str] = set()
        known = [case.id for case in self.cases]
        for one in wanted:
            matching = {name for name in known if name == one or name.startswith((f"{one}[", f"{one}::"))}
            if not matching:
                raise ValueError(f"no case {one!r} in {self.file}{suggestion(one, known)}")
            chosen |= matching
        exchanges = [one for one in self.exchanges if not wanted or one.case.id in chosen]
        if not exchanges:
            which = f"of {' and '.join(wanted)}" if wanted else "of any case"
            raise ValueError(f"{self.file} has no events {which}{self.hint}")
        return replace(self, exchanges=exchanges)


def recorded_run(result: RunResult, file: str) -> RecordedRun:
    """Return the exchanges of a result: those of the cases that did not pass.

    Args:
        result: Result of a run.
        file: Name of its file, for errors.
    """
    began = read_time(str(result.manifest.get("started", "")))
    exchanges = [
        Exchange(case, read_time(case.started, began), case.exchange, violating=violating_event(case))
        for case in result.cases
        if case.exchange
    ]
    return RecordedRun(file, result.manifest, result.cases, exchanges, ALL_EVENTS)


def target_address(manifest: Mapping[str, Any]) -> SplitResult:
    """Return the address of the target of a run; another one if the manifest has no valid one."""
    try:
        parts = urlsplit(str(manifest.get("target", {}).get("url", "")))
        has_address = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        has_address = False
    return parts if has_address else urlsplit("http://unknown.invalid")


def read_time(text: str, otherwise: datetime = UNKNOWN_TIME) -> datetime:
    """Return a time of the clock in UTC; another one if the text is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return moment.astimezone(UTC) if moment.tzinfo else otherwise


def iso_time(moment: datetime) -> str:
    """Return a time in UTC as ISO 8601 with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
