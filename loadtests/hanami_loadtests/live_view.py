"""The live view of a run in the web UI: its state, a row for all messages and one for each type of message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hanami_reports.common.format import MEGABYTE
from hanami_reports.model.histogram import Histogram
from hanami_reports.model.series import WHOLES, Series, total

Row = dict[str, Any]
TOTAL = "All messages"  # with a capital letter, since the page sorts by name
WINDOW = 3  # whole seconds over which "now" is the mean
MOST_REASONS = 5
COLUMNS: Mapping[str, str] = {
    "name": "Message",
    "mbnow": "MB/s now",
    "mbwhole": "MB/s",
    "pernow": "Messages/s now",
    "perwhole": "Messages/s",
    "p50": "p50 ms",
    "p90": "p90 ms",
    "p95": "p95 ms",
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
    """A run at one snapshot, all of its processes together.

    Attributes:
        status: Status of the run, or its verdict.
        reasons: Reasons of the verdict.
        series: Type of message to its series so far.
        seconds: Seconds of measuring so far.
        overdue: Type of message to the number of overdue messages, which are not in ``series`` yet.
        newest: Last second of measuring that all processes have reported in full; None after the run.
    """

    status: str
    reasons: Sequence[str] = ()
    series: Mapping[str, Series] = field(default_factory=dict)
    seconds: float = 0.0
    overdue: Mapping[str, int] = field(default_factory=dict)
    newest: int | None = None


def banner(snapshot: RunSnapshot) -> dict[str, Any]:
    """Return the state of a run for the top of the tab: status or verdict, and reasons."""
    reasons = list(snapshot.reasons[:MOST_REASONS])
    if len(snapshot.reasons) > MOST_REASONS:
        reasons.append(f"and {len(snapshot.reasons) - MOST_REASONS} more")
    return {"status": snapshot.status, "reasons": reasons}


def table_rows(snapshot: RunSnapshot) -> list[Row]:
    """Return the rows of the table: all messages together first, then the types of message by name.

    The rates and times of all messages leave out files, whose chunks are counted already. Percentiles are those of the
    response times of valid answers.
    """
    names = sorted({*snapshot.series, *snapshot.overdue})
    each = [_row(name, snapshot.series.get(name, Series()), snapshot) for name in names]
    counted = [row for row in each if row["name"] not in WHOLES]
    run = _row(TOTAL, total(snapshot.series), snapshot)
    for key in ("mbnow", "mbwhole", "pernow", "perwhole"):
        values = [row[key] for row in counted if row[key] is not None]
        run[key] = _digits(sum(values)) if values else None
    for key in ("in_flight", "unsent", "unanswered", "incorrect", "failed"):
        run[key] = sum(row[key] for row in each)
    return [run, *each]


def _row(name: str, one: Series, snapshot: RunSnapshot) -> Row:
    row: Row = {
        "name": name,
        "mbnow": None,
        "mbwhole": _digits(one.speed(snapshot.seconds) / MEGABYTE),
        "pernow": None,
        "perwhole": _digits(one.rate(snapshot.seconds)),
        "p50": _milliseconds(one.response, 50),
        "p90": _milliseconds(one.response, 90),
        "p95": _milliseconds(one.response, 95),
        "p99": _milliseconds(one.response, 99),
        "most": _digits(one.response.most / 1000) if one.response.count else None,
        "service": _milliseconds(one.service, 99),
        "in_flight": in_flight(one) if snapshot.newest is not None else 0,
        "unsent": one.unsent + snapshot.overdue.get(name, 0),
        "unanswered": one.unanswered,
        "incorrect": one.incorrect,
        "failed": one.failed,
    }
    if snapshot.newest is not None and snapshot.newest >= 0:
        seconds_now = range(max(0, snapshot.newest - WINDOW + 1), snapshot.newest + 1)
        now = [one.slices[second] for second in seconds_now if second in one.slices]
        row["mbnow"] = _digits(sum(each.bytes_up + each.bytes_down for each in now) / MEGABYTE / len(seconds_now))
        row["pernow"] = _digits(sum(each.succeeded for each in now) / len(seconds_now))
    return row


def in_flight(one: Series) -> int:
    """Return the number of messages that were sent and are not answered yet."""
    return max(0, one.sent - one.succeeded - one.failed - one.incorrect - one.unanswered - one.cancelled)


def _milliseconds(times: Histogram, percent: float) -> float | None:
    return _digits(times.percentile(percent) * 1000) if times.count else None


def _digits(value: float) -> float:
    """Round to three significant digits, as in histograms, and at most three decimals."""
    return round(float(f"{value:.3g}"), 3) if abs(value) < 1000 else float(round(value))
