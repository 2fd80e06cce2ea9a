"""What is measured while a run lasts, apart from the systems that it is exported to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from hanami_loadtests.engine.recorder import Recorder
from hanami_reports.model.histogram import MICROSECONDS, Histogram, bucket_bounds

TYPE = "type"  # label: type of message
OUTCOMES = ("succeeded", "failed", "incorrect", "unanswered", "unsent")
# Upper bounds of the buckets of response times, seconds: from half a millisecond to a minute.
BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
RESPONSE = "response"
RESPONSE_HELP = "Response times of verified answers"

Labels = Mapping[str, str]


class RunView(Protocol):
    """A run while it lasts."""

    def live(self) -> Recorder:
        """Return the record of all processes so far."""

    def overdue(self) -> Mapping[str, int]:
        """Return the number of overdue messages by type."""

    @property
    def in_flight(self) -> int:
        """Number of messages in flight."""

    @property
    def user_count(self) -> int:
        """Number of users."""


@dataclass(frozen=True)
class Measure:
    """A number, or several with labels.

    Attributes:
        name: Name, without that of the program.
        unit: Unit as OpenTelemetry writes it.
        help: One sentence.
        labels: Names of the labels.
        counts: Whether it only grows.
        read: Yields the values of the labels, and the number.
    """

    name: str
    unit: str
    help: str
    labels: tuple[str, ...]
    counts: bool
    read: Callable[[RunView], Iterator[tuple[tuple[str, ...], float]]]


def _users(run: RunView) -> Iterator[tuple[tuple[str, ...], float]]:
    yield (), run.user_count


def _in_flight(run: RunView) -> Iterator[tuple[tuple[str, ...], float]]:
    yield (), run.in_flight


def _overdue(run: RunView) -> Iterator[tuple[tuple[str, ...], float]]:
    for series, count in run.overdue().items():
        yield (series,), count


def _messages(run: RunView) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, series in run.live().series.items():
        for outcome in OUTCOMES:
            yield (name, outcome), getattr(series, outcome)


def _bytes(run: RunView) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, series in run.live().series.items():
        yield (name, "up"), series.bytes_up
        yield (name, "down"), series.bytes_down


MEASURES = (
    Measure("users", "{user}", "Users", (), counts=False, read=_users),
    Measure("in_flight", "{message}", "Messages in flight", (), counts=False, read=_in_flight),
    Measure("overdue", "{message}", "Messages scheduled and not sent yet", (TYPE,), counts=False, read=_overdue),
    Measure("messages", "{message}", "Messages by outcome", (TYPE, "outcome"), counts=True, read=_messages),
    Measure("payload", "By", "Verified payload", (TYPE, "direction"), counts=True, read=_bytes),
)


def cumulative_counts(times: Histogram) -> list[int]:
    """Return how many times do not exceed each of the bounds."""
    found = [0] * len(BOUNDS)
    for bucket, count in times.counts.items():
        top = bucket_bounds(bucket)[1] / MICROSECONDS
        for place, bound in enumerate(BOUNDS):
            found[place] += count if top <= bound else 0
    return found
