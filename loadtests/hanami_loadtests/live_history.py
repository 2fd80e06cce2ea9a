"""The last minutes of a run for the charts of the web UI: a point for each second, all messages together."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from hanami_reports.common.format import MEGABYTE
from hanami_reports.load.chart_data import Interval
from hanami_reports.model.series import FILE, Series, Slice

SECONDS = 600  # that are kept
Point = dict[str, float | None]


@dataclass
class LiveHistory:
    """Points of the last seconds.

    Attributes:
        points: Second of the run, users, messages in flight, valid answers and failures in that second, payload in MB,
            p50, p99 and maximum of the response time in milliseconds.
    """

    points: deque[Point] = field(default_factory=lambda: deque(maxlen=SECONDS))

    def add(self, second: int, series: Mapping[str, Series], *, users: int, in_flight: int) -> None:
        """Add the point of a second that all processes have reported in full."""
        together = Slice()
        for name, one in series.items():
            if name != FILE and (slice_ := one.slices.get(second)) is not None:
                together.add(slice_)
        times = Interval(1, total=together)
        self.points.append(
            {
                "second": second,
                "users": users,
                "in_flight": in_flight,
                "valid": together.succeeded,
                "failed": together.failed,
                "up": together.bytes_up / MEGABYTE,
                "down": together.bytes_down / MEGABYTE,
                "p50": _milliseconds(times.percentile(50)),
                "p99": _milliseconds(times.percentile(99)),
                "max": _milliseconds(times.most),
            }
        )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
