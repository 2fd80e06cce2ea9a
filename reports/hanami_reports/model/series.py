"""What came of one type of message in a load run: counts, bytes, times, second by second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hanami_reports.model.histogram import Histogram


@dataclass
class Slice:
    """One second of a series.

    Attributes:
        succeeded: verified answers that came in it.
        failed: Failures detected in this second, incorrect answers among them.
        bytes_up: verified payload that was sent, bytes.
        bytes_down: verified payload that came back, bytes.
        response: coarse bucket (see :data:`hanami_reports.model.histogram.COARSE`) of the response time to how often.
        scheduled: Messages scheduled for this second; in a closed run the same as ``sent``.
        sent: Messages sent in this second. Scheduled minus sent, summed so far, is the backlog of the generator.
    """

    succeeded: int = 0
    failed: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    response: Counter[int] = field(default_factory=Counter)
    scheduled: int = 0
    sent: int = 0

    def add(self, other: Slice) -> None:
        """Add what another process saw in the same second."""
        self.succeeded += other.succeeded
        self.failed += other.failed
        self.bytes_up += other.bytes_up
        self.bytes_down += other.bytes_down
        self.response.update(other.response)
        self.scheduled += other.scheduled
        self.sent += other.sent

    def data(self) -> dict[str, Any]:
        """Return the file form."""
        buckets = sorted(self.response)
        return {
            "succeeded": self.succeeded,
            "failed": self.failed,
            "bytes_up": self.bytes_up,
            "bytes_down": self.bytes_down,
            "bucket": buckets,
            "count": [self.response[bucket] for bucket in buckets],
            "scheduled": self.scheduled,
            "sent": self.sent,
        }

    @staticmethod
    def of(data: Mapping[str, Any]) -> Slice:
        """Read the file form; ``scheduled`` and ``sent`` may be lacking, and are 0 then."""
        return Slice(
            succeeded=data["succeeded"],
            failed=data["failed"],
            bytes_up=data["bytes_up"],
            bytes_down=data["bytes_down"],
            response=Counter(dict(zip(data["bucket"], data["count"], strict=True))),
            scheduled=data.get("scheduled", 0),
            sent=data.get("sent", 0),
        )


@dataclass
class Series:
    """One type of message, such as ``upload chunk``; or a whole, such as ``upload file``.

    A scheduled message is either unsent or sent; a sent one has succeeded, failed, was answered incorrectly, is
    unanswered or was cancelled.

    Attributes:
        sent: messages sent.
        succeeded: answered, and the answer was verified.
        failed: refused, answered too late or by a lost connection; incorrect answers not among them.
        incorrect: Messages whose answer violates the protocol.
        unanswered: sent, and not answered when the run was drained.
        unsent: Messages scheduled in an open run, and not sent when it ended.
        cancelled: Exchanges that were cancelled at shutdown; they count neither as valid nor as errors.
        late: of what succeeded, what was verified only after the run was over, while missing answers were waited for;
            it is no part of any rate, since its time is not.
        early: Messages verified during measurement but scheduled in the warm-up. They are not in ``succeeded``, but in
            the rates; otherwise slow messages would seem to be rare.
        bytes_up: payload sent that was verified, bytes.
        bytes_down: payload that came back and was verified, bytes.
        late_up: of ``bytes_up``, what belongs to ``late``.
        late_down: of ``bytes_down``, what belongs to ``late``.
        early_up: payload sent that belongs to ``early``, bytes.
        early_down: payload that came back and belongs to ``early``, bytes.
        response: Answered - scheduled, of succeeded messages.
        service: Answered - sent, of succeeded messages.
        scheduling_delay: Sent - scheduled, of all sent messages.
        failures: response of what failed or was wrong.
        slices: second since the run began to what was seen in it.
        by_index: 0 for the first chunk of a file, n for chunks 2**(n-1) to 2**n - 1, to their service times; empty for
            what is no chunk.
    """

    sent: int = 0
    succeeded: int = 0
    failed: int = 0
    incorrect: int = 0
    unanswered: int = 0
    unsent: int = 0
    cancelled: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    late: int = 0
    late_up: int = 0
    late_down: int = 0
    early: int = 0
    early_up: int = 0
    early_down: int = 0
    response: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    scheduling_delay: Histogram = field(default_factory=Histogram)
    failures: Histogram = field(default_factory=Histogram)
    slices: dict[int, Slice] = field(default_factory=dict)
    by_index: dict[int, Histogram] = field(default_factory=dict)

    def rate(self, seconds: float) -> float:
        """Return verified answers a second of a run that lasted so long; 0 where it did not last."""
        return (self.succeeded - self.late + self.early) / seconds if seconds > 0 else 0.0

    def speed_up(self, seconds: float) -> float:
        """Return verified payload that was sent, bytes a second."""
        return (self.bytes_up - self.late_up + self.early_up) / seconds if seconds > 0 else 0.0

    def speed_down(self, seconds: float) -> float:
        """Return verified payload that came back, bytes a second."""
        return (self.bytes_down - self.late_down + self.early_down) / seconds if seconds > 0 else 0.0

    def speed(self, seconds: float) -> float:
        """Return verified payload in both directions, bytes a second."""
        return self.speed_up(seconds) + self.speed_down(seconds)

    def add(self, other: Series) -> None:
        """Add what another process saw: exact, nothing is averaged."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _TIMES:
            getattr(self, name).add(getattr(other, name))
        for second, one in other.slices.items():
            self.slices.setdefault(second, Slice()).add(one)
        for index, times in other.by_index.items():
            self.by_index.setdefault(index, Histogram()).add(times)

    def data(self) -> dict[str, Any]:
        """Return the file form, also what workers send to their master."""
        return {
            **{name: getattr(self, name) for name in _COUNTS},
            **{name: getattr(self, name).data() for name in _TIMES},
            "slices": [{"second": second, **self.slices[second].data()} for second in sorted(self.slices)],
            "by_index": [{"index": index, **self.by_index[index].data()} for index in sorted(self.by_index)],
        }

    @staticmethod
    def of(data: Mapping[str, Any]) -> Series:
        """Read the file form; what belongs to ``late`` and ``early`` may be lacking, and is 0 then.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        series = Series(
            slices={int(one["second"]): Slice.of(one) for one in data["slices"]},
            by_index={int(one["index"]): Histogram.of(one) for one in data["by_index"]},
        )
        for name in _COUNTS:
            setattr(series, name, int(data.get(name, 0) if name in _EDGES else data[name]))
        for name in _TIMES:
            setattr(series, name, Histogram.of(data[name]))
        return series


_EDGES = ("late", "late_up", "late_down", "early", "early_up", "early_down")
_OUTCOMES = ("sent", "succeeded", "failed", "incorrect", "unanswered", "unsent", "cancelled")
_COUNTS = (*_OUTCOMES, "bytes_up", "bytes_down", *_EDGES)
_TIMES = ("response", "service", "scheduling_delay", "failures")
