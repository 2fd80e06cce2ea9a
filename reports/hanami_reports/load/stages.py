"""Rows of text for the stages of a load run."""

from __future__ import annotations

from dataclasses import dataclass

from hanami_reports.common.format import NOTHING, format_rate, format_span, format_time
from hanami_reports.model.histogram import Histogram
from hanami_reports.model.load import LimitResult, LoadResult, RunState, StageResult
from hanami_reports.model.sample_size import supported

STAGE_COLUMNS = ("from", "to", "users", "rate", "valid/s", "unsent", "errors", "p50", "p95", "p99", "limits")


@dataclass(frozen=True)
class StageRow:
    """A stage as text.

    Attributes:
        name: Name of the stage.
        cells: A cell for each of STAGE_COLUMNS but the last.
        state: Worst state of its limits.
        verdict: State of its limits in words; empty without any.
    """

    name: str
    cells: tuple[str, ...]
    state: RunState
    verdict: str


def stage_rows(result: LoadResult) -> list[StageRow]:
    """Return a row for each stage."""
    return [_row(stage, limits_of(result, stage)) for stage in result.stages]


def limits_of(result: LoadResult, stage: StageResult) -> list[LimitResult]:
    """Return the limits of a stage."""
    return [one for one in result.limits if one.selector.startswith(f"{stage.name}: ")]


def _row(stage: StageResult, limits: list[LimitResult]) -> StageRow:
    response, seconds = Histogram(), stage.end - stage.begin if stage.counted is None else stage.counted
    for one in stage.series.values():
        response.add(one.response)
    errors = sum(one.failed + one.incorrect + one.unanswered for one in stage.series.values())
    times = (
        "-" if not response.count else f"{'' if supported(percent, response.count) else '~'}{_time(response, percent)}"
        for percent in (50, 95, 99)
    )
    cells = (
        format_span(stage.begin),
        format_span(stage.end),
        _change(*map(str, stage.users)),
        NOTHING if stage.rate is None else _change(*map(format_rate, stage.rate)),
        format_rate(sum(one.rate(seconds) for one in stage.series.values())),
        f"{sum(one.unsent for one in stage.series.values()):,}",
        f"{errors:,}",
        *times,
    )
    states = [one.state for one in limits]
    worst = next((state for state in (RunState.FAIL, RunState.INVALID) if state in states), RunState.PASS)
    held = sum(state is RunState.PASS for state in states)
    return StageRow(stage.name, cells, worst, f"{held} of {len(states)} hold" if states else "")


def _time(response: Histogram, percent: float) -> str:
    return format_time(response.percentile(percent))


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} to {after}"
