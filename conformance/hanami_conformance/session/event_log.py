"""The file of all events of a run (``--events``), written while the run goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from hanami_conformance.cases.recording import CaseRecording
from hanami_reports.conformance.export.ndjson import EventsWriter
from hanami_reports.model.conformance import CaseResult, Event


class EventLogError(Exception):
    """The file cannot be written; one line with the reason."""


class ExchangeLog(Protocol):
    """Where the events of cases go."""

    def begin_case(self, case: CaseRecording) -> None:
        """Follow a case, which may drop its events before its end."""

    def write_exchange(self, case: CaseRecording) -> None:
        """Write the events that a case has recorded since its beginning or since it dropped earlier ones."""


class EventLog:
    """Writes what cases recorded to a file.

    Args:
        path: Path of the file, which is replaced; None to write nothing.

    Attributes:
        failure: Reason why the file is not complete, one line; empty if it is.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._writer: EventsWriter | None = None
        self.failure = ""

    def open(self, manifest: Mapping[str, Any]) -> None:
        """Open the file, and write the manifest of the run.

        Raises:
            EventLogError: If it cannot be written.
        """
        if self._path is None:
            return
        try:
            self._file = self._path.open("wb")
            self._writer = EventsWriter(self._file, manifest)
            self._file.flush()
        except OSError as error:
            raise EventLogError(f"{self._reason(error)}; choose another file with --events") from error

    @property
    def is_open(self) -> bool:
        """Whether exchanges are written."""
        return self._writer is not None

    def begin_case(self, case: CaseRecording) -> None:
        """Follow a case, which may drop its events before its end."""
        if self._writer is not None:
            case.on_restart = self.write_exchange

    def write_exchange(self, case: CaseRecording) -> None:
        """Write the events that a case has recorded since its beginning or since it dropped earlier ones."""
        if self._writer is not None:
            self.write(case.id, case.started, case.exchange(), case.sequences)

    def write(self, case: str, started: str, events: Sequence[Event], sequence: int) -> None:
        """Write the events of an exchange; see :meth:`EventsWriter.exchange`."""
        self._write(lambda writer: writer.exchange(case, started, events, sequence))

    def write_case(self, case: CaseResult) -> None:
        """Write the result of a case; a later one of the same case counts."""
        self._write(lambda writer: writer.case(case))

    def close(self) -> None:
        """Close the file."""
        self._writer = None
        if self._file is not None:
            with contextlib.suppress(OSError):  # of a failure before
                self._file.close()

    def _write(self, write: Callable[[EventsWriter], None]) -> None:
        if self._writer is None or self._file is None:
            return
        try:
            write(self._writer)
            self._file.flush()
        except OSError as error:
            self.failure = self._reason(error)
            self._writer = None

    def _reason(self, error: OSError) -> str:
        return f"cannot write events to {self._path}: {error.strerror or error}"
