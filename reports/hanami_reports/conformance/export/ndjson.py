"""Events as NDJSON, one JSON object a line: the file that a run writes, and that later exports read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from hanami_proto.validation import validate
from hanami_reports.common.text import one_line
from hanami_reports.conformance.export.exchanges import Exchange, RecordedRun, iso_time, read_time
from hanami_reports.model.conformance import CaseResult, Event, Outcome, json_fields
from hanami_reports.model.findings import violating_event

FORMAT = "hanami-conformance-events"
FORMAT_VERSION = 1
RUN, EVENT, CASE = "run", "event", "case"  # types of lines
QUOTE_LIMIT = 100  # characters of a file that an error quotes


class EventsWriter:
    """Writes the lines of a run; each exchange as soon as it is over.

    Args:
        file: File open for writing.
        manifest: Manifest of the run, as far as it is known at its beginning.
    """

    def __init__(self, file: IO[bytes], manifest: Mapping[str, Any]) -> None:
        self._file = file
        self._exchanges = 0
        self._line({"type": RUN, "format": FORMAT, "format_version": FORMAT_VERSION, "manifest": manifest})

    def exchange(self, case: str, started: str, events: Iterable[Event], sequence: int = 0) -> None:
        """Write the events of an exchange.

        Args:
            case: Id of the case.
            started: Time of the clock to which the times of the events are relative.
            events: Events in order.
            sequence: Number of the sequence within the case, 0 without sequences.
        """
        self._exchanges += 1
        began = read_time(started)
        for event in events:
            time = iso_time(began + timedelta(seconds=event.at))
            place = {"exchange": self._exchanges, "case": case, "sequence": sequence, "time": time}
            self._line({"type": EVENT, **place, **json_fields(event)})

    def case(self, case: CaseResult) -> None:
        """Write the result of a case; a later line on the same case replaces it."""
        fields = {name: value for name, value in json_fields(case).items() if name != "exchange"}
        self._line({"type": CASE, **fields})

    def _line(self, data: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(data, allow_nan=False).encode("ascii") + b"\n")


def write_events(run: RecordedRun, file: IO[bytes]) -> None:
    """Write the lines of a run that is over."""
    writer = EventsWriter(file, run.manifest)
    for exchange in run.exchanges:
        writer.exchange(exchange.case.id, iso_time(exchange.started), exchange.events, exchange.sequence)
    for case in run.cases:
        writer.case(case)


def is_events_file(path: Path) -> bool:
    """Return whether a file begins as an events file does."""
    try:
        with path.open(encoding="utf-8") as file:
            first = json.loads(file.readline())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(first, dict) and first.get("format") == FORMAT


def read_events(path: Path) -> RecordedRun:
    """Read an events file. A last line that is not complete is left out: the run may go on, or was killed.

    Raises:
        ValueError: If a line is not valid; one line that names the file and the line.
    """
    reader = _Reader(str(path))
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith("\n"):
                    reader.line(number, line)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8: {error}") from error
    return reader.run()


class _Reader:
    """The lines of an events file, as far as they are read."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._manifest: Mapping[str, Any] = {}
        self._cases: dict[str, CaseResult] = {}
        self._exchanges: dict[int, tuple[Mapping[str, Any], list[Event]]] = {}

    def line(self, number: int, text: str) -> None:
        try:
            self._read(json.loads(text))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else one_line(str(error), QUOTE_LIMIT)
            raise ValueError(f"{self._file}: line {number}: {what}") from error

    def _read(self, data: Any) -> None:
        if not isinstance(data, dict):
            raise ValueError("must be a JSON object")  # noqa: TRY004 - of a file, not of an argument
        kind = data.pop("type")
        if kind == RUN:
            if data["format"] != FORMAT or data["format_version"] != FORMAT_VERSION:
                raise ValueError(f"this release reads {FORMAT} of format version {FORMAT_VERSION}")
            self._manifest = dict(data["manifest"])
        elif kind == CASE:
            case = validate(CaseResult, data)
            self._cases[case.id] = case
        elif kind == EVENT:
            place = {name: data.pop(name) for name in ("exchange", "case", "sequence", "time")}
            self._exchanges.setdefault(int(place["exchange"]), (place, []))[1].append(validate(Event, data))
        else:
            raise ValueError(f"unknown type {kind!r}")

    def run(self) -> RecordedRun:
        last = {str(place["case"]): number for number, (place, _) in self._exchanges.items()}
        exchanges = [
            self._exchange(place, events, is_last=last[str(place["case"])] == number)
            for number, (place, events) in self._exchanges.items()
        ]
        cases = {exchange.case.id: exchange.case for exchange in exchanges} | self._cases
        return RecordedRun(self._file, self._manifest, tuple(cases.values()), exchanges)

    def _exchange(self, place: Mapping[str, Any], events: Sequence[Event], *, is_last: bool) -> Exchange:
        name = str(place["case"])
        case = self._cases.get(name) or CaseResult(name, "", (), Outcome.NOT_RUN, reason="the case did not end")
        started = read_time(str(place["time"])) - timedelta(seconds=events[0].at)
        has_failed = is_last and bool(case.violated)
        violating = violating_event(replace(case, exchange=tuple(events))) if has_failed else -1
        return Exchange(case, started, events, int(place["sequence"]), violating)
