"""The record of a load run in one process: what came of each message, and when."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from hanami_conformance.common.redact import SECRETS
from hanami_loadtests.engine.failures import IncorrectAnswer, LoadFailure
from hanami_reports.model.histogram import COARSE, HIGHEST, MICROSECONDS, Histogram, bucket_of
from hanami_reports.model.load import ErrorClass
from hanami_reports.model.series import Series, Slice

MOST_CLASSES = 200  # of errors; beyond that they are counted under their kind alone
MOST_EXCHANGES = 20  # of incorrect answers that are kept as files
MAX_MESSAGE = 300  # characters of a line

Observer = Callable[[str, float, int, Exception | None], None]


class StoredSequence(Protocol):
    """An exchange that can be kept as a file."""

    def to_json(self) -> str:
        """Return the file form."""


@dataclass
class Stopwatch:
    """Due and sent of one exchange, seconds of the recorder's clock.

    Attributes:
        skipped: seconds in between in which we waited for ourselves, which are no part of any time.
    """

    due: float
    sent: float
    skipped: float = 0.0


def _nobody(series: str, seconds: float, size: int, error: Exception | None) -> None:
    """Stands in for Locust, where there is none."""


@dataclass
class Recorder:
    """What came of each type of message.

    Attributes:
        origin: when measuring began, seconds of ``clock``; what was due before is warm-up, and of it only
            what goes wrong is recorded.
        series: type of message to what came of it.
        errors: (type, kind, line) to how often, and when first.
        exchanges: file name to the text of the file, of incorrect answers.
        in_flight: sent and not answered yet.
        ended: when the run was over, seconds of ``clock``; infinite while it is not.
        observer: is told of every success and failure: type, response in seconds, bytes, error.
    """

    origin: float = field(default_factory=time.perf_counter)
    series: dict[str, Series] = field(default_factory=dict)
    errors: dict[tuple[str, str, str], ErrorClass] = field(default_factory=dict)
    exchanges: dict[str, str] = field(default_factory=dict)
    in_flight: int = 0
    ended: float = math.inf
    observer: Observer = _nobody
    clock: Callable[[], float] = time.perf_counter
    _files: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def of(self, name: str) -> Series:
        """Return the series of a type of message; made if need be."""
        found = self.series.get(name)
        if found is None:
            found = self.series[name] = Series()
        return found

    def counts(self, due: float) -> bool:
        """Whether an exchange is measured, or part of the warm-up."""
        return due >= self.origin

    def sent(self, name: str, watch: Stopwatch) -> None:
        """Note that a message was sent."""
        self.in_flight += 1
        if self.counts(watch.due):
            series = self.of(name)
            series.sent += 1
            series.scheduling_delay.record(int((watch.sent - watch.due) * MICROSECONDS))
            self._slice(series, watch.due).scheduled += 1
            self._slice(series, watch.sent).sent += 1

    def succeeded(
        self,
        name: str,
        watch: Stopwatch,
        *,
        up: int = 0,
        down: int = 0,
        index: int | None = None,
        answered: float | None = None,
    ) -> None:
        """Note that a message was answered, and the answer was verified.

        Args:
            name: type of message.
            watch: its times.
            up: verified payload that was sent, bytes.
            down: verified payload that came, bytes.
            index: of the chunk within its file.
            answered: when, seconds of ``clock``; now, if None.
        """
        now = self.clock() if answered is None else answered
        self.in_flight -= 1
        if self.counts(watch.due):
            response = max(int((now - watch.due - watch.skipped) * MICROSECONDS), 0)
            service = max(int((now - watch.sent - watch.skipped) * MICROSECONDS), 0)
            series = self.of(name)
            series.succeeded += 1
            series.bytes_up += up
            series.bytes_down += down
            if now > self.ended:
                series.late += 1
                series.late_up += up
                series.late_down += down
            series.response.record(response)
            series.service.record(service)
            second = self._slice(series, now)
            second.succeeded += 1
            second.bytes_up += up
            second.bytes_down += down
            second.response[bucket_of(min(response, HIGHEST)) // COARSE] += 1
            if index is not None:
                series.by_index.setdefault(index.bit_length(), Histogram()).record(service)
        elif self.origin <= now <= self.ended:
            series = self.of(name)
            series.early += 1
            series.early_up += up
            series.early_down += down
        self.observer(name, now - watch.due - watch.skipped, up + down, None)

    def failed(self, name: str, watch: Stopwatch, error: LoadFailure, sequence: StoredSequence | None = None) -> None:
        """Note that a message was answered wrongly, refused, or is not answered any more.

        Args:
            name: type of message.
            watch: its times.
            error: what came of it.
            sequence: the exchange of a incorrect answer, as ``hanami-conformance replay`` takes it.
        """
        series = self._bad(name, watch, error, sequence)
        if isinstance(error, IncorrectAnswer):
            series.incorrect += 1
        else:
            series.failed += 1

    def unanswered(self, name: str, watch: Stopwatch, error: LoadFailure) -> None:
        """Note that a message was sent, is not answered, and is not waited for any longer."""
        self._bad(name, watch, error, None).unanswered += 1

    def _bad(self, name: str, watch: Stopwatch, error: LoadFailure, sequence: StoredSequence | None) -> Series:
        """Note what went wrong, in the warm-up as well: a target that is right only later is not right."""
        now = self.clock()
        error.recorded = True
        self.in_flight -= 1
        series = self.of(name)
        if not self.counts(watch.due):
            series.sent += 1
        series.failures.record(max(int((now - watch.due - watch.skipped) * MICROSECONDS), 0))
        self._slice(series, now).failed += 1
        self._note(name, error, now, sequence)
        self.observer(name, now - watch.due - watch.skipped, 0, error)
        return series

    def cancelled(self, name: str, watch: Stopwatch) -> None:
        """Something was begun and is broken off by us, because the run is over."""
        self.in_flight -= 1
        if self.counts(watch.due):
            self.of(name).cancelled += 1

    def unsent(self, name: str, dues: Sequence[float]) -> None:
        """Messages were due at these times and were not sent until the run was over."""
        if dues:
            series = self.of(name)
            series.unsent += len(dues)
            for due in dues:
                self._slice(series, due).scheduled += 1

    def _slice(self, series: Series, now: float) -> Slice:
        second = max(0, int(now - self.origin))
        found = series.slices.get(second)
        if found is None:
            found = series.slices[second] = Slice()
        return found

    def _note(self, name: str, error: LoadFailure, now: float, sequence: StoredSequence | None) -> None:
        message = SECRETS.text(str(error))[:MAX_MESSAGE]
        key = (name, error.kind, message)
        if key not in self.errors and len(self.errors) >= MOST_CLASSES:
            key = (name, error.kind, "and others")
        found = self.errors.get(key)
        if found is None:
            file = self._keep(key, sequence)
            found = ErrorClass(name, error.kind, key[2], 0, round(max(0.0, now - self.origin), 3), file)
        self.errors[key] = ErrorClass(**{**asdict(found), "count": found.count + 1})

    def _keep(self, key: tuple[str, str, str], sequence: StoredSequence | None) -> str:
        if key in self._files:  # kept already, and taken since
            return self._files[key]
        if sequence is None or len(self._files) >= MOST_EXCHANGES:
            return ""
        file = self._files[key] = f"{key[0].replace(' ', '-')}-{len(self._files) + 1}.json"
        self.exchanges[file] = sequence.to_json()
        return file

    def data(self) -> dict[str, Any]:
        """Everything recorded, as plain numbers and texts that can travel to another process."""
        return {
            "series": {name: series.data() for name, series in self.series.items()},
            "errors": [asdict(error) for error in self.errors.values()],
            "exchanges": dict(self.exchanges),
        }

    def take(self) -> dict[str, Any]:
        """Everything recorded since the last taking, as :meth:`data`; what is in flight goes on."""
        taken = self.data()
        self.series.clear()
        self.errors.clear()
        self.exchanges.clear()
        return taken

    def add(self, data: Mapping[str, Any], prefix: str = "") -> None:
        """Add what another process recorded.

        Args:
            data: as :meth:`data` gives it.
            prefix: put before the names of its exchange files, which other processes may have used, too.
        """
        for name, series in data["series"].items():
            self.of(name).add(Series.of(series))
        for file, text in data["exchanges"].items():
            self.exchanges[prefix + file] = text
        for error in data["errors"]:
            actual = ErrorClass(**{**error, "exchange": prefix + error["exchange"] if error["exchange"] else ""})
            key = (actual.series, actual.kind, actual.message)
            known = self.errors.get(key)
            self.errors[key] = actual if known is None else merged(known, actual)


def merged(one: ErrorClass, other: ErrorClass) -> ErrorClass:
    """Failures of the same kind in two processes."""
    return ErrorClass(
        one.series,
        one.kind,
        one.message,
        one.count + other.count,
        min(one.first_seen, other.first_seen),
        one.exchange or other.exchange,
    )
