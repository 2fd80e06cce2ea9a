"""What is said of a run: PASS, FAIL, or INVALID where nothing can be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hanami_loadtests.limits.file import Limits
from hanami_reports.common.format import format_time
from hanami_reports.model.load import Generator, LimitResult, RunState
from hanami_reports.model.series import Series

BAD = ("incorrect", "unanswered", "failed")  # what is bad however the generator fared


def check_limits(
    limits: Limits, series: Mapping[str, Series], generators: Sequence[Generator], seconds: float
) -> tuple[LimitResult, ...]:
    """Every limit and whether it holds, those of the generator last."""
    asked = [result for limit in limits.limits for result in limit.check(series, seconds)]
    return (*asked, *(result for one in generators for result in _of_generator(limits, one)))


def _of_generator(limits: Limits, one: Generator) -> list[LimitResult]:
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
    wanted: Mapping[str, str] | None = None,
) -> tuple[RunState, tuple[str, ...]]:
    """Return the state of a run, and why.

    Wrong, failed and unanswered messages are bad whatever the generator did. Everything else that it says of a target
    holds only where the generator was not the bottleneck and all of its processes told what they saw, and where each
    scenario did at least once what it is for.

    Args:
        results: of the limits.
        series: type of message to what came of it.
        generators: the processes that made the load.
        wanted: scenario that had users to the type of message that it is for.
    """
    if not any(one.sent for one in series.values()):
        return RunState.INVALID, ("nothing was sent",)
    bad = [_line(result) for result in results if result.state is RunState.FAIL and result.metric in BAD]
    if bad:
        return RunState.FAIL, tuple(bad)
    lost = [f"{one.name} did not report to the end" for one in generators if not one.complete]
    bottleneck = [
        _line(one) for one in results if one.state is RunState.INVALID and one.selector.startswith("generator")
    ]
    if lost or bottleneck:
        return RunState.INVALID, (*lost, *bottleneck)
    if undone := _undone(series, wanted or {}):
        return RunState.INVALID, undone
    for state in (RunState.FAIL, RunState.INVALID):
        if lines := tuple(_line(result) for result in results if result.state is state):
            return state, lines
    return RunState.PASS, ()


def _undone(series: Mapping[str, Series], wanted: Mapping[str, str]) -> tuple[str, ...]:
    """Return what was never done and verified, a line each."""
    done = {name for name, one in series.items() if one.succeeded or one.early}
    if not done:
        return ("nothing was answered and verified",)
    more = "give it more --seconds, more --sockets where they are few, or less to do"
    return tuple(f"{who}: no {name} was verified; {more}" for who, name in wanted.items() if name not in done)


def _line(result: LimitResult) -> str:
    return f"{result.selector}: {result.metric} {result.statistic} {result.bound}: {result.explanation}"
