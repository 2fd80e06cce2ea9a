"""The record of a load run in one process: the outcome of each message, and when."""

from __future__ import annotations

import bisect
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from hanami_loadtests.engine.error_log import ErrorLog, StoredSequence
from hanami_loadtests.engine.failures import GeneratorShortage, IncorrectAnswer, LoadFailure
from hanami_loadtests.engine.fault_times import FaultTime, affecting, last_restart
from hanami_proto.validation import validate
from hanami_reports.model.histogram import COARSE, HIGHEST, MICROSECONDS, Histogram, bucket_for
from hanami_reports.model.load import ErrorClass
from hanami_reports.model.loading import plain
from hanami_reports.model.overlap import OverlapCounts
from hanami_reports.model.series import Series, Slice

T = TypeVar("T")
Observer = Callable[[str, float, int, Exception | None], None]


@dataclass
class Stopwatch:
    """Times of one exchange, seconds of the recorder's clock.

    Attributes:
        scheduled: Scheduled time of the message; the time of sending in a closed model.
        sent: Time of sending.
        queue_wait: Seconds between both that were spent in our own queue, and count in no time.
        possible: Time at which neither the schedule nor the target held the message back any more; None for a message
            that has no schedule of its own.
    """

    scheduled: float
    sent: float
    queue_wait: float = 0.0
    possible: float | None = None

    @property
    def generator_delay(self) -> float:
        """Seconds by which the message was sent later than possible, for which the target is not responsible."""
        return 0.0 if self.possible is None else max(0.0, self.sent - self.possible)

    @property
    def was_held_back(self) -> bool:
        """Whether the target held the message back beyond its scheduled time."""
        return self.possible is not None and self.possible > self.scheduled

    def begin(self, sent: float) -> None:
        """Correct the time of sending once it is known better: preparing a message is no time of the target.

        Args:
            sent: Time of sending, not before the one that was assumed.
        """
        if self.possible is None:
            self.scheduled += sent - self.sent
        self.sent = sent

    def response(self, now: float) -> float:
        """Return the seconds from the scheduled time to ``now`` for which the target is responsible."""
        return now - self.scheduled - self.queue_wait - self.generator_delay

    def longest_response(self, now: float) -> float:
        """Return the seconds likewise if the target would not have answered earlier had the message been sent in time.

        That is possible where the message waited for answers to others: the target may have been as busy with them.
        """
        return self.response(now) + (self.generator_delay if self.was_held_back else 0.0)

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
        log: Failures by class, and exchanges of incorrect answers.
        shortages: What this machine lacked for exchanges, a line each.
        is_open: Whether messages have scheduled times.
        in_flight: Number of messages that are sent and not answered yet.
        ended: End of the run, seconds of ``clock``; infinite during the run.
        stage_ends: End of each stage of the run, seconds of ``clock``, ascending; empty for a run without stages.
        stages: Type of message to its series, for each stage; a message belongs to the stage for which it is scheduled.
            In a run with faults, only those that none can have affected.
        faults: Times of the faults of the run; empty for a run without faults.
        parts: Type of message to its series, first of messages that no fault can have affected, then of those that each
            fault may have affected: from their scheduled time to their end they overlap it or the recovery from it.
            Empty for a run without faults.
        kept: Kind of a resource to the number of those that were there after a restart of the server, for each fault.
        lost: The same of those that were missing.
        overlap: Windows of shared objects.
        observer: Called for every success and failure: type of message, response in seconds, bytes, error.
    """

    origin: float = field(default_factory=time.perf_counter)
    series: dict[str, Series] = field(default_factory=dict)
    log: ErrorLog = field(default_factory=ErrorLog)
    shortages: set[str] = field(default_factory=set)
    is_open: bool = False
    in_flight: int = 0
    ended: float = math.inf
    stage_ends: Sequence[float] = ()
    stages: list[dict[str, Series]] = field(default_factory=list)
    overlap: OverlapCounts = field(default_factory=OverlapCounts)
    faults: Sequence[FaultTime] = ()
    parts: list[dict[str, Series]] = field(default_factory=list)
    kept: list[Counter[str]] = field(default_factory=list)
    lost: list[Counter[str]] = field(default_factory=list)
    observer: Observer = _ignore
    clock: Callable[[], float] = time.perf_counter

    @property
    def errors(self) -> Mapping[tuple[str, str, str], ErrorClass]:
        """Type of message, kind and message of an error to its class."""
        return self.log.errors

    @property
    def exchanges(self) -> Mapping[str, str]:
        """File name to the text of the file, of incorrect answers."""
        return self.log.exchanges

    def series_for(self, name: str) -> Series:
        """Return the series of a type of message, a new one if there is none."""
        found = self.series.get(name)
        if found is None:
            found = self.series[name] = Series()
        return found

    def _counted(self, name: str, scheduled: float) -> tuple[Series, ...]:
        """Return the series in which a message counts: that of the run, and that of its stage."""
        series = self.series_for(name)
        return (series,) if self.faults else (series, *self._stage(name, scheduled))

    def _stage(self, name: str, scheduled: float) -> tuple[Series, ...]:
        if not self.stage_ends:
            return ()
        place = min(bisect.bisect_right(self.stage_ends, scheduled), len(self.stage_ends) - 1)
        return (_series_at(self.stages, place, name),)

    def _part(self, name: str, since: float, until: float) -> tuple[Series, ...]:
        """Return the series of the part of the run to which a message belongs; none in a run without faults.

        Stages count only what no fault can have affected.
        """
        if not self.faults:
            return ()
        place = affecting(self.faults, since, until)
        if place is not None:
            return (_series_at(self.parts, place + 1, name),)
        return (_series_at(self.parts, 0, name), *self._stage(name, since))

    def _sent_part(self, name: str, watch: Stopwatch, now: float) -> tuple[Series, ...]:
        """Count a message that ends now as sent in its part, which is known only now; return the series of the part."""
        part = self._part(name, watch.scheduled, now)
        for series in part:
            series.sent += 1
            series.scheduling_delay.record(int((watch.sent - watch.scheduled) * MICROSECONDS))
        return part

    @property
    def unaffected(self) -> Mapping[str, Series]:
        """Type of message to its series, of messages that no fault can have affected."""
        return self.parts[0] if self.parts else self.series

    def is_measured(self, watch: Stopwatch) -> bool:
        """Whether an exchange is measured; otherwise it belongs to the warm-up."""
        return watch.scheduled >= self.origin

    def sent(self, name: str, watch: Stopwatch) -> None:
        """Record a sent message."""
        self.in_flight += 1
        if self.is_measured(watch):
            for series in self._counted(name, watch.scheduled):
                series.sent += 1
                series.scheduling_delay.record(int((watch.sent - watch.scheduled) * MICROSECONDS))
            series = self.series_for(name)
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
            longest = max(int(watch.longest_response(now) * MICROSECONDS), 0)
            service = max(int(watch.service(now) * MICROSECONDS), 0)
            for series in (*self._counted(name, watch.scheduled), *self._sent_part(name, watch, now)):
                series.succeeded += 1
                series.bytes_up += up
                series.bytes_down += down
                if now > self.ended:
                    series.late += 1
                    series.late_up += up
                    series.late_down += down
                series.response.record(response)
                if self.is_open:
                    series.longest_response.record(longest)
                series.service.record(service)
            series = self.series_for(name)
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
        for series in self._record_failure(name, watch, error, sequence):
            if isinstance(error, IncorrectAnswer):
                series.incorrect += 1
            else:
                series.failed += 1

    def unanswered(self, name: str, watch: Stopwatch, error: LoadFailure) -> None:
        """Record a message that was sent and whose answer is no longer waited for."""
        if isinstance(error, GeneratorShortage):
            self._prevented(name, watch, error)
            return
        for series in self._record_failure(name, watch, error, None):
            series.unanswered += 1

    def _record_failure(
        self, name: str, watch: Stopwatch, error: LoadFailure, sequence: StoredSequence | None
    ) -> tuple[Series, ...]:
        # Failures of the warm-up count as well: a target that is correct only after a while is not correct.
        now = self.clock()
        error.recorded = True
        self.in_flight -= 1
        counted = self._counted(name, watch.scheduled)
        for series in counted:
            series.sent += not self.is_measured(watch)
        self._slice(counted[0], now).failed += 1
        counted = (*counted, *self._sent_part(name, watch, now))
        for series in counted:
            series.failures.record(max(int(watch.response(now) * MICROSECONDS), 0))
        is_affected = affecting(self.faults, watch.scheduled, now) is not None
        self.log.add(name, error, now - self.origin, sequence, is_affected=is_affected)
        self.observer(name, watch.response(now), 0, error)
        return counted

    def _prevented(self, name: str, watch: Stopwatch, error: GeneratorShortage) -> None:
        error.recorded = True
        self.shortages.add(str(error))
        self.cancelled(name, watch)

    def cancelled(self, name: str, watch: Stopwatch) -> None:
        """Record an exchange that was cancelled at shutdown, or that this machine prevented."""
        self.in_flight -= 1
        if self.is_measured(watch):
            for series in (*self._counted(name, watch.scheduled), *self._sent_part(name, watch, self.clock())):
                series.cancelled += 1

    def unsent(self, name: str, scheduled: Sequence[float]) -> None:
        """Record messages with these scheduled times that were not sent before the end of the run."""
        if scheduled:
            for at in scheduled:
                for series in (*self._counted(name, at), *self._part(name, at, at)):
                    series.unsent += 1
                self._slice(self.series_for(name), at).scheduled += 1

    def _slice(self, series: Series, now: float) -> Slice:
        second = max(0, int(now - self.origin))
        found = series.slices.get(second)
        if found is None:
            found = series.slices[second] = Slice()
        return found

    def survived(self, kind: str, *, is_lost: bool) -> None:
        """Record whether a resource was there after the last restart of the server."""
        place = last_restart(self.faults)
        if place is not None:
            _at(self.lost if is_lost else self.kept, place, Counter)[kind] += 1

    def data(self) -> dict[str, Any]:
        """Return the whole record as plain numbers and texts, which can be sent to another process."""
        return {
            "series": {name: plain(series) for name, series in self.series.items()},
            "stages": plain(self.stages),
            "parts": plain(self.parts),
            "kept": plain(self.kept),
            "lost": plain(self.lost),
            "errors": [asdict(error) for error in self.errors.values()],
            "exchanges": dict(self.exchanges),
            "shortages": sorted(self.shortages),
            "overlap": plain(self.overlap),
        }

    def take_delta(self) -> dict[str, Any]:
        """Return the record since the last call, as :meth:`data`; messages in flight stay."""
        delta = self.data()
        self.series.clear()
        self.stages.clear()
        self.parts.clear()
        self.kept.clear()
        self.lost.clear()
        self.log.clear()
        self.shortages.clear()
        self.overlap = OverlapCounts()
        return delta

    def add(self, data: Mapping[str, Any], prefix: str = "") -> None:
        """Add the record of another process.

        Args:
            data: Record, as :meth:`data` returns it.
            prefix: Prefix of its exchange files, whose names other processes may use as well.
        """
        for name, series in data["series"].items():
            self.series_for(name).add(validate(Series, series))
        for lists, added_parts in ((self.stages, data["stages"]), (self.parts, data["parts"])):
            for place, part in enumerate(added_parts):
                for name, series in part.items():
                    _series_at(lists, place, name).add(validate(Series, series))
        for counts, added_counts in ((self.kept, data["kept"]), (self.lost, data["lost"])):
            for place, added in enumerate(added_counts):
                _at(counts, place, Counter).update(added)
        self.log.merge(data["errors"], data["exchanges"], prefix)
        self.shortages.update(data["shortages"])
        self.overlap.add(validate(OverlapCounts, data["overlap"]))


def _series_at(parts: list[dict[str, Series]], place: int, name: str) -> Series:
    """Return the series of a type of message in one part of a run, a new one if there is none."""
    return _at(parts, place, dict).setdefault(name, Series())


def _at(parts: list[T], place: int, new: Callable[[], T]) -> T:
    while len(parts) <= place:
        parts.append(new())
    return parts[place]
