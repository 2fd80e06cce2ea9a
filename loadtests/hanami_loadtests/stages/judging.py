"""The stages of a run after it: what was measured in each, and whether its limits hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hanami_loadtests.stages.plan import StagePlan
from hanami_reports.model.load import LimitResult, StageResult
from hanami_reports.model.series import Series
from hanami_reports.model.server_usage import ServerUsage


def judge_stages(
    plan: StagePlan,
    stages: Sequence[Mapping[str, Series]],
    series: Mapping[str, Series],
    server: ServerUsage | None,
    *,
    warm_up: float,
    seconds: float,
    calm: Callable[[float, float], float] = lambda begin, end: end - begin,
) -> tuple[tuple[StageResult, ...], tuple[LimitResult, ...]]:
    """Return the stages that were reached, and the results of their limits.

    Args:
        plan: Stages of the run.
        stages: Type of message to its series, for each stage.
        series: The same of the whole run, with slices by second.
        server: What the server used, None where that is unknown.
        warm_up: Seconds at the begin of the run that were not measured.
        seconds: Seconds of measuring.
        calm: Returns the seconds between two times that no fault can have affected, and of which ``stages`` is.
    """
    results, limits = [], []
    for place, stage in enumerate(plan.stages):
        begin, end = max(stage.begin - warm_up, 0.0), min(stage.end - warm_up, seconds)
        if end <= begin:
            continue
        counted = dict(sorted(stages[place].items())) if place < len(stages) else {}
        counted_seconds = calm(begin, end)
        results.append(
            StageResult(
                stage.name,
                stage.kind,
                round(begin, 3),
                round(end, 3),
                stage.users,
                stage.rate,
                counted,
                round(counted_seconds, 3),
            )
        )
        found = [result for limit in stage.limits for result in limit.check(counted, counted_seconds)]
        found += [drift.check(series, server, begin, end) for drift in stage.drifts]
        limits += [replace(one, selector=f"{stage.name}: {one.selector}") for one in found]
    return tuple(results), tuple(limits)
