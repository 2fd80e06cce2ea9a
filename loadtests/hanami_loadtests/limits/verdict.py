"""The verdict on a run: PASS, FAIL, or INVALID where it is not conclusive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hanami_loadtests.engine.failures import MISSING, IncorrectAnswer
from hanami_loadtests.limits.file import Limits
from hanami_loadtests.limits.limit import Limit
from hanami_loadtests.limits.server import uploaded_files
from hanami_loadtests.limits.uncertainty import check_uncertainty
from hanami_reports.common.format import format_time
from hanami_reports.model.load import DOUBTFUL_CPU_WAIT, ErrorClass, Generator, LimitResult, RunState
from hanami_reports.model.series import Series
from hanami_reports.model.server_usage import ServerUsage

ERRORS = ("incorrect", "unanswered", "failed")  # they fail a run even where the generator was the bottleneck
CPU_WAIT, EVENT_LOOP_DELAY = "CPU wait", "event-loop delay"
PREVENTING = (CPU_WAIT, EVENT_LOOP_DELAY)  # metrics of a generator that may have missed answers which were there
PRECEDING = (RunState.INTERNAL_ERROR, RunState.LOST, RunState.INTERRUPTED)  # the worst first


def check_messages(
    limit: Limit, series: Mapping[str, Series], unaffected: Mapping[str, Series], calm: float
) -> Sequence[LimitResult]:
    """Check a limit of messages.

    Args:
        limit: The limit.
        series: Type of message to its series; incorrect answers count whatever happens.
        unaffected: The same of messages that no fault can have affected, for all other limits.
        calm: Seconds of measuring that no fault can have affected.
    """
    return limit.check(series if limit.metric == "incorrect" else unaffected, calm)


def check_limits(
    limits: Limits,
    series: Mapping[str, Series],
    generators: Sequence[Generator],
    seconds: float,
    server: ServerUsage | None = None,
    unaffected: Mapping[str, Series] | None = None,
    calm: float | None = None,
) -> tuple[LimitResult, ...]:
    """Check every limit, those of the generator last.

    Args:
        limits: Limits of the run.
        series: Type of message to its series.
        generators: Processes that generated the load.
        seconds: Seconds of measuring.
        server: What the server used, None where its side was not seen.
        unaffected: Type of message to its series, of messages that no fault can have affected; None for all. Incorrect
            answers count whatever happens.
        calm: Seconds of measuring that no fault can have affected; None for all.
    """
    judged = series if unaffected is None else unaffected
    calm = seconds if calm is None else calm
    results = [result for limit in limits.limits for result in check_messages(limit, series, judged, calm)]
    if any(one.cpu_wait > DOUBTFUL_CPU_WAIT for one in generators):
        results = [_without_doubtful_maximum(result) for result in results]
    results += [limit.check(server, uploaded_files(series)) for limit in limits.server]
    results += [drift.check(series, server, 0.0, seconds) for drift in limits.drifts]
    bound = limits.generator.uncertainty
    results += [check_uncertainty(bound, name, one) for name, one in judged.items() if one.longest_response.count]
    return (*results, *(result for one in generators for result in _check_generator(limits, one)))


def _without_doubtful_maximum(result: LimitResult) -> LimitResult:
    """Return a limit whose maximum does not fail a run, since it may be the time for which one send was suspended."""
    if result.state is not RunState.FAIL or result.statistic != "max":
        return result
    why = f"{result.explanation}, which may be too long: the generator waited for a CPU"
    return replace(result, state=RunState.INVALID, explanation=why)


def _check_generator(limits: Limits, one: Generator) -> list[LimitResult]:
    bounds = limits.generator
    why_waiting = ", since the quota of its control group was used up" if one.cpu_quota_reached else ""
    results = [
        _generator_limit(one, "cpu", "mean", bounds.cpu, one.cpu, 1),
        _generator_limit(one, CPU_WAIT, "mean", bounds.cpu_wait, one.cpu_wait, 1, why_waiting),
    ]
    for metric, times, bound in (
        ("generator delay", one.generator_delay, bounds.generator_delay_p99),
        (EVENT_LOOP_DELAY, one.event_loop_delay, bounds.event_loop_delay_p99),
    ):
        if times.count:
            results.append(_generator_limit(one, metric, "p99", bound, times.percentile(99), times.count))
    return results


def _generator_limit(
    one: Generator, metric: str, statistic: str, bound: float, value: float, samples: int, why: str = ""
) -> LimitResult:
    holds = value <= bound
    value_text, most = (
        f"{number:.0%}" if metric in ("cpu", CPU_WAIT) else format_time(number) for number in (value, bound)
    )
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
        explanation="" if holds else f"the generator was the bottleneck: {metric} {value_text}{why}",
    )


def run_verdict(
    results: Sequence[LimitResult],
    series: Mapping[str, Series],
    generators: Sequence[Generator],
    required_series: Mapping[str, str] | None = None,
    *,
    errors: Iterable[ErrorClass] = (),
    failures: Sequence[tuple[RunState, str]] = (),
) -> tuple[RunState, tuple[str, ...]]:
    """Return the state of a run and its reasons.

    Incorrect answers always fail a run. Failed and unanswered messages do, unless this machine may be the reason: it
    lacked something, or kept the generator from running, so that answers were missed. Everything else is conclusive
    only where the generator was not the bottleneck, all of its processes reported to the end, and each scenario
    achieved its purpose at least once.

    Args:
        results: Results of the limits.
        series: Type of message to its series.
        generators: Processes that generated the load.
        required_series: Scenario with users to the type of message that is its purpose.
        errors: Classes of failures.
        failures: States that precede any limit, with their reasons.
    """
    lines = {state: tuple(dict.fromkeys(line for found, line in failures if found is state)) for state in RunState}
    state, reasons = _verdict(results, series, generators, required_series or {}, errors, lines)
    worst = next((found for found in PRECEDING if lines[found]), state)
    before = tuple(line for found in (*PRECEDING, RunState.FAIL, RunState.INVALID) for line in lines[found])
    return worst, tuple(dict.fromkeys((*before, *reasons)))


def _verdict(
    results: Sequence[LimitResult],
    series: Mapping[str, Series],
    generators: Sequence[Generator],
    required_series: Mapping[str, str],
    errors: Iterable[ErrorClass],
    failures: Mapping[RunState, Sequence[str]],
) -> tuple[RunState, tuple[str, ...]]:
    if not any(one.sent for one in series.values()):
        return RunState.INVALID, ("nothing was sent",)
    bottleneck = [one for one in results if one.state is RunState.INVALID and one.selector.startswith("generator")]
    # The generator may have missed answers that were there, but none that it did not get.
    missed = any(one.metric in PREVENTING for one in bottleneck) and all(
        error.kind in (*MISSING, IncorrectAnswer.kind) for error in errors
    )
    counted = ("incorrect",) if failures[RunState.INVALID] or missed else ERRORS
    if wrong := tuple(_line(one) for one in results if one.state is RunState.FAIL and one.metric in counted):
        return RunState.FAIL, wrong
    lost = [f"{one.name} did not report to the end" for one in generators if not one.complete]
    if failures[RunState.INVALID] or lost or bottleneck:
        return RunState.INVALID, (*lost, *map(_line, bottleneck))
    if failures[RunState.FAIL]:  # a limit has ended the run
        return RunState.FAIL, ()
    if missing := _missing_series(series, required_series):
        return RunState.INVALID, missing
    by_state = (
        (state, tuple(_line(result) for result in results if result.state is state))
        for state in (RunState.FAIL, RunState.INVALID)
    )
    return next((found for found in by_state if found[1]), (RunState.PASS, ()))


def _missing_series(series: Mapping[str, Series], required: Mapping[str, str]) -> tuple[str, ...]:
    """Return required types of message of which none was verified, a line each."""
    done = {name for name, one in series.items() if one.succeeded or one.early}
    if not done:
        return ("no answer was verified",)
    more = "increase --seconds or --sockets, or reduce the load"
    return tuple(f"{who}: no {name} was verified; {more}" for who, name in required.items() if name not in done)


def _line(result: LimitResult) -> str:
    return f"{result.selector}: {result.metric} {result.statistic} {result.bound}: {result.explanation}"
