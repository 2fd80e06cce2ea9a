"""Rows of text for the faults of a load run."""

from __future__ import annotations

from dataclasses import dataclass

from hanami_reports.common.format import NOTHING, format_rate, format_span, format_time
from hanami_reports.common.text import pluralise
from hanami_reports.model.faults import FaultResult
from hanami_reports.model.load import LoadResult

FAULT_COLUMNS = (
    *("kind", "from", "to", "recovery", "allowed", "rate before", "p95 before"),
    *("valid", "failed", "incorrect", "unanswered", "unsent"),
)
CAPTION = (
    "Messages that were scheduled or answered between the begin of the fault and the end of the time allowed for the "
    "recovery. They are in no limit but those of the recovery and of incorrect answers. Recovery: from the end of the "
    "fault until the rate of valid answers, the share of failures and p95 were those before."
)


@dataclass(frozen=True)
class FaultRow:
    """A fault as text.

    Attributes:
        name: Name of the fault.
        cells: A cell for each of FAULT_COLUMNS.
        has_recovered: Whether the recovery was in time.
        note: What else is to be said; may be empty.
    """

    name: str
    cells: tuple[str, ...]
    has_recovered: bool
    note: str


def fault_rows(result: LoadResult) -> list[FaultRow]:
    """Return a row for each fault."""
    return [_row(one) for one in result.faults]


def _row(fault: FaultResult) -> FaultRow:
    series = fault.series.values()
    counts = ("succeeded", "failed", "incorrect", "unanswered", "unsent")
    cells = (
        fault.kind,
        format_span(fault.begin),
        format_span(fault.end),
        "not recovered" if fault.recovery is None else format_span(fault.recovery),
        format_span(fault.allowed),
        NOTHING if fault.rate_before is None else f"{format_rate(fault.rate_before)}/s",
        NOTHING if fault.p95_before is None else format_time(fault.p95_before),
        *(f"{sum(getattr(one, count) for one in series):,}" for count in counts),
    )
    has_recovered = fault.recovery is not None and fault.recovery <= fault.allowed
    return FaultRow(fault.name, cells, has_recovered, "; ".join(filter(None, (fault.explanation, kept_text(fault)))))


def kept_text(fault: FaultResult) -> str:
    """Return what was there after a restart of what had been acknowledged before; empty where nothing was looked at."""
    texts = []
    for kind in sorted({*fault.kept, *fault.lost}):
        lost = fault.lost.get(kind, 0)
        texts.append(f"{lost:,} of {pluralise(lost + fault.kept.get(kind, 0), kind)} lost")
    return ", ".join(texts)
