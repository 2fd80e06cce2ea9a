"""What a run looks like while it lasts: a row for each type of message, and one for the run, for the web UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hanami_loadtests.scenarios.upload import FILE
from hanami_reports.common.format import MEGABYTE
from hanami_reports.model.histogram import Histogram
from hanami_reports.model.series import Series

Row = dict[str, Any]
WINDOW = 3  # whole seconds that "now" is the mean of
MOST_REASONS = 5  # that are shown
COLUMNS: Mapping[str, str] = {
    "name": "Message",
    "mbnow": "MB/s now",
    "mbwhole": "MB/s",
    "pernow": "Messages/s now",
    "perwhole": "Messages/s",
    "p50": "p50 ms",
    "p90": "p90 ms",
    "p99": "p99 ms",
    "most": "Max ms",
    "service": "Service p99 ms",
    "in_flight": "In flight",
    "unsent": "Unsent",
    "unanswered": "Unanswered",
    "incorrect": "Incorrect",
    "failed": "Failed",
}


@dataclass(frozen=True)
class RunSnapshot:
    """A run at one moment, all of its processes together.

    Attributes:
        says: of the whole run: ``going on``, or its verdict.
        reasons: of the verdict.
        series: type of message to what came of it so far.
        seconds: of measuring so far.
        overdue: type of message to what is due, is not sent yet, and is not in ``series``.
        newest: last second, since measuring began, of which all processes told everything; None when nothing comes
            any more.
    """

    says: str
    reasons: Sequence[str] = ()
    series: Mapping[str, Series] = field(default_factory=dict)
    seconds: float = 0.0
    overdue: Mapping[str, int] = field(default_factory=dict)
    newest: int | None = None


def rows(moment: RunSnapshot) -> list[Row]:
    """Return the table: the run first, then the types of message by name.

    Rates of the run leave out what is counted twice: a file besides its chunks. Percentiles are of the response, answer
    less due, of what was answered rightly.
    """
    names = sorted({*moment.series, *moment.overdue})
    each = [_row(name, moment.series.get(name, Series()), moment) for name in names]
    counted = [row for row in each if row["name"] != FILE]
    told = list(moment.reasons[:MOST_REASONS])
    if len(moment.reasons) > MOST_REASONS:
        told.append(f"and {len(moment.reasons) - MOST_REASONS} more")
    # A capital letter, since the page sorts by name.
    run: Row = dict.fromkeys(COLUMNS) | {"name": ": ".join(filter(None, (f"Run {moment.says}", "; ".join(told))))}
    for key in ("mbnow", "mbwhole", "pernow", "perwhole"):
        values = [row[key] for row in counted if row[key] is not None]
        run[key] = _digits(sum(values)) if values else None
    for key in ("in_flight", "unsent", "unanswered", "incorrect", "failed"):
        run[key] = sum(row[key] for row in each)
    return [run, *each]


def _row(name: str, one: Series, moment: RunSnapshot) -> Row:
    row: Row = {
        "name": name,
        "mbnow": None,
        "mbwhole": _digits(one.speed(moment.seconds) / MEGABYTE),
        "pernow": None,
        "perwhole": _digits(one.rate(moment.seconds)),
        "p50": _milliseconds(one.response, 50),
        "p90": _milliseconds(one.response, 90),
        "p99": _milliseconds(one.response, 99),
        "most": _digits(one.response.most / 1000) if one.response.count else None,
        "service": _milliseconds(one.service, 99),
        "in_flight": in_flight(one) if moment.newest is not None else 0,
        "unsent": one.unsent + moment.overdue.get(name, 0),
        "unanswered": one.unanswered,
        "incorrect": one.incorrect,
        "failed": one.failed,
    }
    if moment.newest is not None and moment.newest >= 0:
        seconds_now = range(max(0, moment.newest - WINDOW + 1), moment.newest + 1)
        now = [one.slices[second] for second in seconds_now if second in one.slices]
        row["mbnow"] = _digits(sum(each.bytes_up + each.bytes_down for each in now) / MEGABYTE / len(seconds_now))
        row["pernow"] = _digits(sum(each.succeeded for each in now) / len(seconds_now))
    return row


def in_flight(one: Series) -> int:
    """Messages that were sent and of which nothing has come yet."""
    return max(0, one.sent - one.succeeded - one.failed - one.incorrect - one.unanswered - one.cancelled)


def _milliseconds(times: Histogram, percent: float) -> float | None:
    return _digits(times.percentile(percent) * 1000) if times.count else None


def _digits(value: float) -> float:
    """Three digits, as histograms have them, and no more than three behind the point."""
    return round(float(f"{value:.3g}"), 3) if abs(value) < 1000 else float(round(value))
