"""Counts and times of one message type in a load run, in total and second by second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from hanami_proto.validation import Within
from hanami_reports.model.histogram import COARSE, HIGHEST, Count, Histogram, bucket_for, buckets_up_to

FILE = "upload file"  # a whole upload, from init to its verified content: its messages have types of their own
SHARED = "shared object"  # the life of an object that several clients share, likewise
WHOLES = (FILE, SHARED)
LONGEST = 100_000_000  # seconds, about three years
Seconds = Annotated[float, Within(0, LONGEST)]
Second = Annotated[int, Within(0, LONGEST, strict=False)]
_DOUBLINGS = 62  # of the index of a chunk


@dataclass
class Slice:
    """One second of a series.

    Attributes:
        succeeded: Valid answers received in it.
        failed: Failures detected in it, incorrect answers included.
        bytes_up: Valid payload sent, bytes.
        bytes_down: Valid payload received, bytes.
        response: Response times, counted in coarse buckets (see :data:`hanami_reports.model.histogram.COARSE`).
        scheduled: Messages scheduled for it. In a closed run a message is scheduled when it is sent.
        sent: Messages sent in it. Messages scheduled and not sent so far are the backlog of the generator.
    """

    succeeded: Count = 0
    failed: Count = 0
    bytes_up: Count = 0
    bytes_down: Count = 0
    response: Annotated[Counter[int], buckets_up_to(bucket_for(HIGHEST) // COARSE)] = field(default_factory=Counter)
    scheduled: Count = 0
    sent: Count = 0

    def add(self, other: Slice) -> None:
        """Add the same second of another process."""
        self.succeeded += other.succeeded
        self.failed += other.failed
        self.bytes_up += other.bytes_up
        self.bytes_down += other.bytes_down
        self.response.update(other.response)
        self.scheduled += other.scheduled
        self.sent += other.sent


@dataclass
class Series:
    """One message type, such as ``upload chunk``, or a whole operation, such as ``upload file``.

    A scheduled message is either sent or unsent. A sent message succeeded, failed, was answered incorrectly, is
    unanswered, or was cancelled.

    Attributes:
        sent: Messages sent.
        succeeded: Messages with a valid answer.
        failed: Messages that were rejected, answered too late, or lost with their connection.
        incorrect: Messages whose answer violates the protocol.
        unanswered: Messages without an answer at the end of the drain.
        unsent: Messages of an open run that were scheduled and never sent.
        cancelled: Messages that the generator cancelled at shutdown; excluded from all other counts.
        bytes_up: Valid payload sent, bytes.
        bytes_down: Valid payload received, bytes.
        late: Messages in ``succeeded`` that were validated during the drain; excluded from rates, since their time is.
        late_up: Part of ``bytes_up`` that belongs to ``late``.
        late_down: Part of ``bytes_down`` that belongs to ``late``.
        early: Messages scheduled in the warm-up and validated after it. They are excluded from ``succeeded``, but part
            of rates: otherwise slow messages would seem to be rare.
        early_up: Payload sent that belongs to ``early``, bytes.
        early_down: Payload received that belongs to ``early``, bytes.
        response: Time from schedule to answer of succeeded messages, without the generator delay.
        longest_response: Likewise, with the generator delay of messages that the target had held back: it may not have
            answered earlier had they been sent in time. Only in open runs.
        service: Time from sending to answer of succeeded messages.
        scheduling_delay: Time from schedule to sending of all sent messages.
        failures: Response times of failed messages and incorrect answers.
        slices: Seconds since the run began with any event.
        by_index: Service times of chunks by index: 0 for the first chunk of a file, n for chunks 2**(n-1) to 2**n - 1.
            Empty for other messages.
    """

    sent: Count = 0
    succeeded: Count = 0
    failed: Count = 0
    incorrect: Count = 0
    unanswered: Count = 0
    unsent: Count = 0
    cancelled: Count = 0
    bytes_up: Count = 0
    bytes_down: Count = 0
    late: Count = 0
    late_up: Count = 0
    late_down: Count = 0
    early: Count = 0
    early_up: Count = 0
    early_down: Count = 0
    response: Histogram = field(default_factory=Histogram)
    longest_response: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    scheduling_delay: Histogram = field(default_factory=Histogram)
    failures: Histogram = field(default_factory=Histogram)
    slices: dict[Second, Slice] = field(default_factory=dict)
    by_index: dict[Annotated[int, Within(0, _DOUBLINGS, strict=False)], Histogram] = field(default_factory=dict)

    def rate(self, seconds: float) -> float:
        """Return valid answers per second of a run of this length; 0 for an empty run."""
        return (self.succeeded - self.late + self.early) / seconds if seconds > 0 else 0.0

    def speed_up(self, seconds: float) -> float:
        """Return valid payload sent, bytes per second."""
        return (self.bytes_up - self.late_up + self.early_up) / seconds if seconds > 0 else 0.0

    def speed_down(self, seconds: float) -> float:
        """Return valid payload received, bytes per second."""
        return (self.bytes_down - self.late_down + self.early_down) / seconds if seconds > 0 else 0.0

    def speed(self, seconds: float) -> float:
        """Return valid payload in both directions, bytes per second."""
        return self.speed_up(seconds) + self.speed_down(seconds)

    def add(self, other: Series) -> None:
        """Add the same message type of another process. This is exact: nothing is averaged."""
        for name, value in vars(other).items():
            if isinstance(value, int):
                setattr(self, name, getattr(self, name) + value)
            elif isinstance(value, Histogram):
                getattr(self, name).add(value)
        for second, one in other.slices.items():
            self.slices.setdefault(second, Slice()).add(one)
        for index, times in other.by_index.items():
            self.by_index.setdefault(index, Histogram()).add(times)


def total(series: Mapping[str, Series]) -> Series:
    """Return the sum of all message types; whole files and objects are left out: their messages are counted."""
    summed = Series()
    for name, one in series.items():
        if name not in WHOLES:
            summed.add(one)
    return summed
