"""The verdict on a run: PASS, FAIL, or INVALID where it is not conclusive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hanami_loadtests.limits.file import Limits
from hanami_reports.common.format import format_time
from hanami_reports.model.load import Generator, LimitResult, RunState
from hanami_reports.model.series import Series

ERRORS = ("incorrect", "unanswered", "failed")  # they fail a run even where the generator was the bottleneck


def check_limits(
    limits: Limits, series: Mapping[str, Series], generators: Sequence[Generator], seconds: float
) -> tuple[LimitResult, ...]:
    """Check every limit, those of the generator last."""
    results = [result for limit in limits.limits for result in limit.check(series, seconds)]
    return (*results, *(result for one in generators for result in _check_generator(limits, one)))


def _check_generator(limits: Limits, one: Generator) -> list[LimitResult]:
    bounds = limits.generator
    results = [_generator_limit(one, "cpu", "mean", bounds.cpu, one.cpu, 1)]
    for metric, times, bound in (
        ("generator delay", one.generator_delay, bounds.generator_delay_p99),
        ("event-loop delay", one.event_loop_delay, bounds.event_loop_delay_p99),
    ):
        if times.count:
            results.append(_generator_limit(one, metric, "p99", bound, times.percentile(99), times.count))
    return results


def _generator_limit(
    one: Generator, metric: str, statistic: str, bound: float, value: float, samples: int
) -> LimitResult:
    holds = value <= bound
    value_text = f"{value:.0%}" if metric == "cpu" else format_time(value)
    most = f"{bound:.0%}" if metric == "cpu" else format_time(bound)
    return LimitResult(
        metric=metric,
        selector=f"generator {one.name}",
        statistic=statistic,
        bound=f"<= {most}",
        value=value,
        value_text=value_text,
        samples=samples,
        least_samples=0,
        state=RunState.PASS if holds else RunState.INVALID,
        explanation="" if holds else f"the generator was the bottleneck: {metric} {value_text}",
    )


def run_verdict(
    results: Sequence[LimitResult],
    series: Mapping[str, Series],
    generators: Sequence[Generator],
    required_series: Mapping[str, str] | None = None,
) -> tuple[RunState, tuple[str, ...]]:
    """Return the state of a run and its reasons.

    Incorrect, failed and unanswered messages fail a run whatever the generator did. Everything else is conclusive only
    where the generator was not the bottleneck, all of its processes reported to the end, and each scenario achieved its
    purpose at least once.

    Args:
        results: Results of the limits.
        series: Type of message to its series.
        generators: Processes that generated the load.
        required_series: Scenario with users to the type of message that is its purpose.
    """
    if not any(one.sent for one in series.values()):
        return RunState.INVALID, ("nothing was sent",)
    errors = [_line(result) for result in results if result.state is RunState.FAIL and result.metric in ERRORS]
    if errors:
        return RunState.FAIL, tuple(errors)
    lost = [f"{one.name} did not report to the end" for one in generators if not one.complete]
    bottleneck = [
        _line(one) for one in results if one.state is RunState.INVALID and one.selector.startswith("generator")
    ]
    if lost or bottleneck:
        return RunState.INVALID, (*lost, *bottleneck)
    if missing := _missing_series(series, required_series or {}):
        return RunState.INVALID, missing
    for state in (RunState.FAIL, RunState.INVALID):
        if lines := tuple(_line(result) for result in results if result.state is state):
            return state, lines
    return RunState.PASS, ()


def _missing_series(series: Mapping[str, Series], required: Mapping[str, str]) -> tuple[str, ...]:
    """Return required types of message of which none was verified, a line each."""
    done = {name for name, one in series.items() if one.succeeded or one.early}
    if not done:
        return ("no answer was verified",)
    more = "increase --seconds or --sockets, or reduce the load"
    return tuple(f"{who}: no {name} was verified; {more}" for who, name in required.items() if name not in done)


def _line(result: LimitResult) -> str:
    return f"{result.selector}: {result.metric} {result.statistic} {result.bound}: {result.explanation}"
