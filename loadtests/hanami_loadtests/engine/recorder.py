"""The record of a load run in one process: the outcome of each message, and when."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from hanami_conformance.common.redact import SECRETS
from hanami_loadtests.engine.failures import GeneratorShortage, IncorrectAnswer, LoadFailure
from hanami_proto.validation import validate
from hanami_reports.model.histogram import COARSE, HIGHEST, MICROSECONDS, Histogram, bucket_for
from hanami_reports.model.load import ErrorClass
from hanami_reports.model.loading import plain
from hanami_reports.model.series import Series, Slice

MOST_CLASSES = 200  # of errors; further ones are counted under their kind alone
MOST_EXCHANGES = 20  # incorrect answers that are kept as files
LONGEST_MESSAGE = 300  # characters

Observer = Callable[[str, float, int, Exception | None], None]


class StoredSequence(Protocol):
    """An exchange that can be kept as a file."""

    def to_json(self) -> str:
        """Return the file form."""


@dataclass
class Stopwatch:
    """Times of one exchange, seconds of the recorder's clock.

    Attributes:
        scheduled: Scheduled time of the message; the time of sending in a closed model.
        sent: Time of sending.
        queue_wait: Seconds between both that were spent in our own queue, and count in no time.
    """

    scheduled: float
    sent: float
    queue_wait: float = 0.0

    def response(self, now: float) -> float:
        """Return the seconds from the scheduled time to ``now``."""
        return now - self.scheduled - self.queue_wait

    def service(self, now: float) -> float:
        """Return the seconds from sending to ``now``."""
        return now - self.sent - self.queue_wait


def _ignore(series: str, seconds: float, size: int, error: Exception | None) -> None:
    """Replace the observer where there is no Locust."""


@dataclass
class Recorder:
    """Outcomes by type of message.

    Attributes:
        origin: Begin of measuring, seconds of ``clock``. Messages scheduled before are the warm-up, of which only
            failures are recorded.
        series: Type of message to its series.
        errors: Type of message, kind and message of an error to its class.
        exchanges: File name to the text of the file, of incorrect answers.
        shortages: What this machine lacked for exchanges, a line each.
        in_flight: Number of messages that are sent and not answered yet.
        ended: End of the run, seconds of ``clock``; infinite during the run.
        observer: Called for every success and failure: type of message, response in seconds, bytes, error.
    """

    origin: float = field(default_factory=time.perf_counter)
    series: dict[str, Series] = field(default_factory=dict)
    errors: dict[tuple[str, str, str], ErrorClass] = field(default_factory=dict)
    exchanges: dict[str, str] = field(default_factory=dict)
    shortages: set[str] = field(default_factory=set)
    in_flight: int = 0
    ended: float = math.inf
    observer: Observer = _ignore
    clock: Callable[[], float] = time.perf_counter
    _files: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def series_for(self, name: str) -> Series:
        """Return the series of a type of message, a new one if there is none."""
        found = self.series.get(name)
        if found is None:
            found = self.series[name] = Series()
        return found

    def is_measured(self, watch: Stopwatch) -> bool:
        """Whether an exchange is measured; otherwise it belongs to the warm-up."""
        return watch.scheduled >= self.origin

    def sent(self, name: str, watch: Stopwatch) -> None:
        """Record a sent message."""
        self.in_flight += 1
        if self.is_measured(watch):
            series = self.series_for(name)
            series.sent += 1
            series.scheduling_delay.record(int((watch.sent - watch.scheduled) * MICROSECONDS))
            self._slice(series, watch.scheduled).scheduled += 1
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
        """Record a message whose answer was verified.

        Args:
            name: Type of message.
            watch: Times of the message.
            up: Verified payload that was sent, bytes.
            down: Verified payload that was received, bytes.
            index: Index of the chunk within its file.
            answered: Time of the answer, seconds of ``clock``; None for now.
        """
        now = self.clock() if answered is None else answered
        self.in_flight -= 1
        if self.is_measured(watch):
            response = max(int(watch.response(now) * MICROSECONDS), 0)
            service = max(int(watch.service(now) * MICROSECONDS), 0)
            series = self.series_for(name)
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
            second.response[bucket_for(min(response, HIGHEST)) // COARSE] += 1
            if index is not None:
                series.by_index.setdefault(index.bit_length(), Histogram()).record(service)
        elif self.origin <= now <= self.ended:
            series = self.series_for(name)
            series.early += 1
            series.early_up += up
            series.early_down += down
        self.observer(name, watch.response(now), up + down, None)

    def failed(self, name: str, watch: Stopwatch, error: LoadFailure, sequence: StoredSequence | None = None) -> None:
        """Record a message that was answered incorrectly, was rejected, or can no longer be answered.

        Args:
            name: Type of message.
            watch: Times of the message.
            error: Failure of the exchange.
            sequence: Exchange of an incorrect answer, for ``hanami-conformance replay``.
        """
        if isinstance(error, GeneratorShortage):
            self._prevented(name, watch, error)
            return
        series = self._record_failure(name, watch, error, sequence)
        if isinstance(error, IncorrectAnswer):
            series.incorrect += 1
        else:
            series.failed += 1

    def unanswered(self, name: str, watch: Stopwatch, error: LoadFailure) -> None:
        """Record a message that was sent and whose answer is no longer waited for."""
        if isinstance(error, GeneratorShortage):
            self._prevented(name, watch, error)
            return
        self._record_failure(name, watch, error, None).unanswered += 1

    def _record_failure(
        self, name: str, watch: Stopwatch, error: LoadFailure, sequence: StoredSequence | None
    ) -> Series:
        # Failures of the warm-up count as well: a target that is correct only after a while is not correct.
        now = self.clock()
        error.recorded = True
        self.in_flight -= 1
        series = self.series_for(name)
        if not self.is_measured(watch):
            series.sent += 1
        series.failures.record(max(int(watch.response(now) * MICROSECONDS), 0))
        self._slice(series, now).failed += 1
        self._add_error(name, error, now, sequence)
        self.observer(name, watch.response(now), 0, error)
        return series

    def _prevented(self, name: str, watch: Stopwatch, error: GeneratorShortage) -> None:
        error.recorded = True
        self.shortages.add(str(error))
        self.cancelled(name, watch)

    def cancelled(self, name: str, watch: Stopwatch) -> None:
        """Record an exchange that was cancelled at shutdown, or that this machine prevented."""
        self.in_flight -= 1
        if self.is_measured(watch):
            self.series_for(name).cancelled += 1

    def unsent(self, name: str, scheduled: Sequence[float]) -> None:
        """Record messages with these scheduled times that were not sent before the end of the run."""
        if scheduled:
            series = self.series_for(name)
            series.unsent += len(scheduled)
            for at in scheduled:
                self._slice(series, at).scheduled += 1

    def _slice(self, series: Series, now: float) -> Slice:
        second = max(0, int(now - self.origin))
        found = series.slices.get(second)
        if found is None:
            found = series.slices[second] = Slice()
        return found

    def _add_error(self, name: str, error: LoadFailure, now: float, sequence: StoredSequence | None) -> None:
        message = str(error)[:LONGEST_MESSAGE]
        key = (name, error.kind, message)
        if key not in self.errors and len(self.errors) >= MOST_CLASSES:
            key = (name, error.kind, "and others")
        found = self.errors.get(key)
        if found is None:
            file = self._keep_exchange(key, sequence)
            found = ErrorClass(name, error.kind, key[2], 0, round(max(0.0, now - self.origin), 3), file)
        self.errors[key] = replace(found, count=found.count + 1)

    def _keep_exchange(self, key: tuple[str, str, str], sequence: StoredSequence | None) -> str:
        if key in self._files:  # kept before the last delta was taken
            return self._files[key]
        if sequence is None or len(self._files) >= MOST_EXCHANGES:
            return ""
        file = self._files[key] = f"{key[0].replace(' ', '-')}-{len(self._files) + 1}.json"
        self.exchanges[file] = SECRETS.text(sequence.to_json())
        return file

    def data(self) -> dict[str, Any]:
        """Return the whole record as plain numbers and texts, which can be sent to another process."""
        return {
            "series": {name: plain(series) for name, series in self.series.items()},
            "errors": [asdict(error) for error in self.errors.values()],
            "exchanges": dict(self.exchanges),
            "shortages": sorted(self.shortages),
        }

    def take_delta(self) -> dict[str, Any]:
        """Return the record since the last call, as :meth:`data`; messages in flight stay."""
        delta = self.data()
        self.series.clear()
        self.errors.clear()
        self.exchanges.clear()
        self.shortages.clear()
        return delta

    def add(self, data: Mapping[str, Any], prefix: str = "") -> None:
        """Add the record of another process.

        Args:
            data: Record, as :meth:`data` returns it.
            prefix: Prefix of its exchange files, whose names other processes may use as well.
        """
        for name, series in data["series"].items():
            self.series_for(name).add(validate(Series, series))
        for file, text in data["exchanges"].items():
            self.exchanges[prefix + file] = text
        self.shortages.update(data["shortages"])
        for error in data["errors"]:
            added = ErrorClass(**{**error, "exchange": prefix + error["exchange"] if error["exchange"] else ""})
            key = (added.series, added.kind, added.message)
            known = self.errors.get(key)
            self.errors[key] = added if known is None else merge_errors(known, added)


def merge_errors(one: ErrorClass, other: ErrorClass) -> ErrorClass:
    """Merge failures of the same kind of two processes."""
    return replace(
        one,
        count=one.count + other.count,
        first_seen=min(one.first_seen, other.first_seen),
        exchange=one.exchange or other.exchange,
    )
