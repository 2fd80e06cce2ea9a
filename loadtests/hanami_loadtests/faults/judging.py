"""The faults of a run after it: what each affected, how long the recovery took, and whether that is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hanami_loadtests.engine.fault_times import FaultTime
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.faults.fault import Fault
from hanami_loadtests.faults.recovery import Recovery, find_recovery
from hanami_reports.common.format import format_span
from hanami_reports.model.faults import FaultResult
from hanami_reports.model.load import LimitResult, RunState
from hanami_reports.model.series import Slice, total

RECOVERY = "recovery"


def judge_faults(
    faults: Sequence[Fault],
    times: Sequence[FaultTime],
    recorder: Recorder,
    load: Callable[[int], float],
    *,
    origin: float,
    seconds: float,
) -> tuple[tuple[FaultResult, ...], tuple[LimitResult, ...]]:
    """Return the faults that have begun, and whether the recovery from each is in time.

    Args:
        faults: Faults of the run.
        times: Time of each of them.
        recorder: Merged record of all processes.
        load: Returns the load of a second since measuring began, in any unit.
        origin: Begin of measuring, seconds of the clock.
        seconds: Seconds of measuring.
    """
    slices = total(recorder.series).slices
    begun = [(fault, time) for fault, time in zip(faults, times, strict=True) if time.has_begun]
    results, limits = [], []
    for place, (fault, time) in enumerate(begun):
        begin, end = max(time.begin - origin, 0.0), min(time.end - origin, seconds)
        following = begun[place + 1][1].begin - origin if place + 1 < len(begun) else seconds
        before = [second for second in range(int(begin)) if not _is_affected(second + origin, times)]
        recovery = _recovery(slices, load, before, end, min(following, seconds), time)
        series = recorder.parts[place + 1] if place + 1 < len(recorder.parts) else {}
        results.append(
            FaultResult(
                name=fault.name,
                kind=fault.kind,
                begin=round(begin, 3),
                end=round(end, 3),
                allowed=time.recovery,
                recovery=recovery.seconds,
                explanation=recovery.explanation,
                rate_before=recovery.rate_before,
                p95_before=recovery.p95_before,
                series=dict(sorted(series.items())),
                lost=_counted(recorder.lost, place),
                kept=_counted(recorder.kept, place),
            )
        )
        limits.append(_limit(fault, time, recovery, next_begins=place + 1 < len(begun)))
    return tuple(results), tuple(limits)


def _counted(counts: Sequence[Mapping[str, int]], place: int) -> dict[str, int]:
    return dict(sorted(counts[place].items())) if place < len(counts) else {}


def _is_affected(second: float, times: Sequence[FaultTime]) -> bool:
    return any(one.has_begun and one.affects(second, second + 1) for one in times)


def _recovery(
    slices: Mapping[int, Slice],
    load: Callable[[int], float],
    before: Sequence[int],
    end: float,
    until: float,
    time: FaultTime,
) -> Recovery:
    if time.problem:
        return Recovery(None, time.problem, time.is_target_failure)
    return find_recovery(slices, load, before, end, until)


def _limit(fault: Fault, time: FaultTime, recovery: Recovery, *, next_begins: bool) -> LimitResult:
    if not recovery.is_known:
        state, text = RunState.INVALID, recovery.explanation
    elif recovery.seconds is None:
        when = "not recovered before the next fault" if next_begins else "never recovered"
        state, text = RunState.FAIL, f"{when}: {recovery.explanation}"
    elif recovery.seconds > time.recovery:
        state, text = RunState.FAIL, f"{format_span(recovery.seconds)} is above {format_span(time.recovery)}"
    else:
        state, text = RunState.PASS, ""
    return LimitResult(
        metric=RECOVERY,
        selector=f"fault {fault.name}",
        statistic="time",
        bound=f"<= {format_span(time.recovery)}",
        value=recovery.seconds,
        value_text="-" if recovery.seconds is None else format_span(recovery.seconds),
        samples=0,
        least_samples=0,
        state=state,
        explanation=text,
    )
