"""Results of load runs without a run: seeded, fast to make at any size, and shaped like real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_reports.model.faults import FaultResult
from hanami_reports.model.histogram import COARSE, HIGHEST, Histogram, bucket_for
from hanami_reports.model.load import (
    EXIT_STATUSES,
    ErrorClass,
    Generator,
    LimitResult,
    LoadResult,
    RunState,
    StageResult,
)
from hanami_reports.model.series import Series, Slice

Times = NDArray[np.int64]

CONFIGURATION: Mapping[str, Any] = {
    "dialect": "documented",
    "model": "open",
    "rate": 400,
    "window": 8,
    "chunk": "128 KiB",
    "file": "16 MiB",
    "mask": "random",
    "users": {"upload": 8, "direct io": 16},
}


@dataclass(frozen=True)
class Kind:
    """How messages of one type behave.

    Attributes:
        rate: Scheduled messages per second.
        median: Median service time in microseconds.
        spread: Sigma of the logarithm of the service time.
        up, down: Payload of a message in bytes.
        failing: Share of messages that fail.
        chunks: Number of chunks in a file, for series of chunks; otherwise 0.
    """

    rate: float = 200.0
    median: float = 1800.0
    spread: float = 0.45
    up: int = 0
    down: int = 0
    failing: float = 0.0
    chunks: int = 0


KINDS: Mapping[str, Kind] = {
    "upload chunk": Kind(240, 2600, 0.5, up=131_072, down=12, failing=0.0006, chunks=128),
    "upload file": Kind(2, 420_000, 0.2, up=16_777_216),
    "direct IO request": Kind(500, 900, 0.35, up=3_140, down=44, failing=0.0002),
    "GET progress": Kind(30, 3100, 0.4, down=180),
}


@dataclass(frozen=True)
class Plan:
    """A run to simulate.

    Attributes:
        seconds: Seconds of measuring.
        kinds: Behaviour by message type.
        seed: Seed of all random numbers.
        stall: Seconds without any answer, in the middle of the run.
        slowdown: Factor of all service times.
        wobble: Sigma of the logarithm of a random factor of the whole run.
        configuration: See :class:`LoadResult`.
    """

    seconds: int = 60
    kinds: Mapping[str, Kind] = field(default_factory=lambda: KINDS)
    seed: int = 1
    stall: float = 0.0
    slowdown: float = 1.0
    wobble: float = 0.0
    configuration: Mapping[str, Any] = field(default_factory=lambda: CONFIGURATION)


def made_up(plan: Plan = Plan()) -> LoadResult:
    """A result that passes; limits and errors may be put in by :func:`dataclasses.replace`."""
    draw = np.random.default_rng(plan.seed)
    factor = plan.slowdown * float(np.exp(draw.normal(0, plan.wobble))) if plan.wobble else plan.slowdown
    series, in_flight = {}, np.zeros(plan.seconds + 4, dtype=np.int64)
    for name, kind in plan.kinds.items():
        series[name], waiting = _series(draw, plan, replace(kind, median=kind.median * factor))
        in_flight += waiting
    return LoadResult(
        manifest={
            "suite": "0.1.0",
            "locust": "2.47.0",
            "python": "3.11.7",
            "target": {"url": "http://backend.example:11418", "name": "reference backend"},
            "started": "2026-11-25T14:20:00+00:00",
            "duration": float(plan.seconds),
            "warm_up": 0.0,
            "host": {"cores": 2, "cpu": "x86_64", "system": "Linux"},
        },
        configuration=plan.configuration,
        state=RunState.PASS,
        exit_status=EXIT_STATUSES[RunState.PASS],
        reasons=(),
        limits=_limits(series),
        series=series,
        generators=(_generator(draw, plan, "worker 0"), _generator(draw, plan, "worker 1")),
        in_flight={second: int(count) for second, count in enumerate(in_flight[: plan.seconds])},
        users={second: min(24, 4 * second + 4) for second in range(plan.seconds)},
    )


def histogram(times: Times) -> Histogram:
    """All times, us, in one histogram; as if each was recorded."""
    if not times.size:
        return Histogram()
    buckets, counts = np.unique(_buckets(times), return_counts=True)
    found = Counter(dict(zip(buckets.tolist(), counts.tolist(), strict=True)))
    return Histogram(found, int(times.sum()), int(times.min()), int(times.max()))


def _buckets(times: Times) -> Times:
    kept = np.minimum(times, HIGHEST)
    shift = np.maximum(np.frexp(kept.astype(np.float64))[1] - 11, 0)
    buckets: Times = shift * 1024 + (kept >> shift)
    return buckets


def _series(draw: np.random.Generator, plan: Plan, kind: Kind) -> tuple[Series, Times]:
    number = int(kind.rate * plan.seconds)
    due = np.sort(draw.uniform(0, plan.seconds * 1e6, number)).astype(np.int64)
    service = np.exp(draw.normal(np.log(kind.median), kind.spread, number)).astype(np.int64) + 1
    tail = draw.random(number) < 0.004
    service[tail] *= draw.integers(4, 14, int(tail.sum()))
    sent = due + draw.exponential(60, number).astype(np.int64)
    middle = plan.seconds / 2 * 1e6
    over = np.int64(middle + plan.stall * 1e6)
    held = (sent >= middle) & (sent < over)
    answered = np.where(held, over, sent) + service
    failing = draw.random(number) < kind.failing
    good = ~failing
    series = Series(
        sent=number,
        succeeded=int(good.sum()),
        failed=int(failing.sum()),
        bytes_up=kind.up * int(good.sum()),
        bytes_down=kind.down * int(good.sum()),
        response=histogram((answered - due)[good]),
        service=histogram((answered - sent)[good]),
        scheduling_delay=histogram(sent - due),
        failures=histogram((answered - due)[failing]),
    )
    _fill_slices(series, kind, due, sent, answered, good)
    if kind.chunks:
        index = np.arange(number) % kind.chunks
        place = np.frexp(index.astype(np.float64))[1]
        series.by_index = {int(one): histogram((answered - sent)[good & (place == one)]) for one in np.unique(place)}
    ends = np.arange(1, plan.seconds + 5) * 1_000_000
    return series, np.searchsorted(sent, ends) - np.searchsorted(np.sort(answered), ends)


def _fill_slices(series: Series, kind: Kind, due: Times, sent: Times, answered: Times, good: NDArray[np.bool_]) -> None:
    last = int(answered.max(initial=0) // 1_000_000) + 1
    when = answered // 1_000_000
    coarse = _buckets(answered - due) // COARSE
    table = np.zeros((last, bucket_for(HIGHEST) // COARSE + 1), dtype=np.int64)
    np.add.at(table, (when[good], coarse[good]), 1)
    failed = np.bincount(when[~good], minlength=last)
    dues, sents = (np.bincount(times // 1_000_000, minlength=last) for times in (due, sent))
    for second in range(last):
        row = table[second]
        places = np.flatnonzero(row)
        count = int(row.sum())
        series.slices[second] = Slice(
            succeeded=count,
            failed=int(failed[second]),
            bytes_up=kind.up * count,
            bytes_down=kind.down * count,
            response=Counter(dict(zip(places.tolist(), row[places].tolist(), strict=True))),
            scheduled=int(dues[second]),
            sent=int(sents[second]),
        )


def _limits(series: Mapping[str, Series]) -> tuple[LimitResult, ...]:
    limits = []
    for name, one in series.items():
        if one.response.count >= 1000:
            value = one.response.percentile(99)
            text = f"{value * 1000:,.1f} ms"
            limits.append(
                LimitResult("response", name, "p99", "<= 3 s", value, text, one.succeeded, 1000, RunState.PASS)
            )
    late = LimitResult(
        "generator delay", "generator worker 0", "p99", "<= 20 ms", 0.0004, "0.4 ms", 10_000, 100, RunState.PASS
    )
    return (
        *limits,
        late,
        LimitResult("cpu", "generator worker 0", "max", "<= 90 %", 0.47, "47 %", 2, 1, RunState.PASS),
    )


def _generator(draw: np.random.Generator, plan: Plan, name: str) -> Generator:
    delay = draw.exponential(150, plan.seconds * 50).astype(np.int64)
    late = draw.exponential(60, plan.seconds * 100).astype(np.int64)
    return Generator(name, 0.41, 0.55, histogram(delay), histogram(late), 3 * plan.seconds, 0.0021, 143_000_000)


def failed_run() -> LoadResult:
    """Two limits are broken after a stall of the server; errors of three classes."""
    run = made_up(Plan(stall=2.0))
    chunk = run.series["upload chunk"]
    chunk.incorrect, chunk.unanswered, chunk.sent = 2, 3, chunk.sent + 5
    broken = LimitResult(
        "response", "upload chunk", "p99", "<= 50 ms", 1.7, "1.7 s", chunk.succeeded, 1000, RunState.FAIL, "above 50 ms"
    )
    wrong = LimitResult(
        "incorrect", "*", "count", "<= 0", 2.0, "2", chunk.sent, 1, RunState.FAIL, "2 incorrect answers"
    )
    return replace(
        run,
        state=RunState.FAIL,
        exit_status=EXIT_STATUSES[RunState.FAIL],
        reasons=("response of upload chunk: p99 is 1.7 s, the limit is 50 ms", "2 incorrect answers, none are allowed"),
        limits=(broken, wrong, *run.limits[1:]),
        errors=(
            ErrorClass("upload chunk", "rejected", "closed with 1011: internal error", 9, 31.25, ""),
            ErrorClass("upload chunk", "unanswered", "no answer within 10 s of the end", 3, 59.9, ""),
            ErrorClass(
                "upload chunk", "incorrect answer", "acknowledged 4096 to 8192, sent 0 to 4096", 2, 12.5, "wrong-1.json"
            ),
            ErrorClass("direct IO request", "lost connection", "connection reset by peer", 5, 30.75, ""),
        ),
        leftovers=("upload 7e1c (hc_load_3)",),
    )


def invalid_run() -> LoadResult:
    """The generator was the bottleneck."""
    run = made_up(Plan(seconds=20))
    late = run.generators[0]
    slow = replace(late, cpu=0.98, cpu_most=1.0, complete=False)
    for one in run.series.values():
        one.unsent = one.sent // 12
    limit = LimitResult(
        "cpu",
        "generator worker 0",
        "max",
        "<= 90 %",
        1.0,
        "100 %",
        2,
        1,
        RunState.INVALID,
        "at 100 % of a core",
    )
    few = replace(
        run.limits[0],
        state=RunState.INVALID,
        value=None,
        value_text="",
        samples=40,
        explanation="40 samples, 1,000 are needed",
    )
    return replace(
        run,
        state=RunState.INVALID,
        exit_status=EXIT_STATUSES[RunState.INVALID],
        reasons=("the generator was the bottleneck: worker 0 was at 100 % of a core, 90 % are allowed",),
        limits=(few, *run.limits[1:-1], limit),
        generators=(slow, *run.generators[1:]),
    )


def faulted_run() -> LoadResult:
    """A run in two stages with three faults: one is recovered from in time, one late, one never."""
    run = made_up()
    stages = tuple(
        StageResult(name, "soak", begin, end, (4, 4), None, run.series)
        for name, begin, end in (("calm", 0.0, 10.0), ("busy", 10.0, run.duration))
    )
    series = {"upload chunk": Series(sent=20, succeeded=12, failed=5, unanswered=3)}
    faults = (
        FaultResult("far away", "latency", 5.0, 7.0, 10.0, 1.5, "", 400.0, 0.005, series),
        FaultResult(
            "power cut", "kill", 20.0, 22.0, 2.0, 6.0, "", 400.0, 0.005, series, {"cluster": 2}, {"dataset": 3}
        ),
        FaultResult("the end", "reset", 40.0, 40.0, 10.0, None, "0 valid answers per second, 400 before", 400.0, 0.005),
    )
    error = ErrorClass("upload chunk", "lost connection", "connection reset", 5, 20.5, "", 5)
    return replace(run, stages=stages, faults=faults, errors=(error,))


def lost_run() -> LoadResult:
    """The target was not there: nothing was sent."""
    return LoadResult(
        manifest={
            "suite": "0.1.0",
            "target": {"url": "http://backend.example:11418"},
            "started": "2026-11-25T14:20:00+00:00",
        },
        configuration=CONFIGURATION,
        state=RunState.LOST,
        exit_status=EXIT_STATUSES[RunState.LOST],
        reasons=("http://backend.example:11418 cannot be reached: connection refused",),
        limits=(),
        series={},
    )


def large_run() -> LoadResult:
    """Ten types of messages, an hour; fewer of each than a real run has, in as many places."""
    kinds = {
        f"{name} {turn}".strip(): replace(kind, rate=kind.rate / 5)
        for turn in ("", "b", "c")
        for name, kind in KINDS.items()
    }
    return made_up(Plan(seconds=3600, kinds=dict(list(kinds.items())[:10]), stall=2.0))


SECOND = Plan(seconds=1, kinds={"GET progress": KINDS["GET progress"]})


def second_run() -> LoadResult:
    """One second, thirty answers."""
    return made_up(SECOND)


def silent_run() -> LoadResult:
    """Messages were sent, and none was answered; a series of which there is nothing at all beside it."""
    run = made_up(SECOND)
    silent = Series(sent=30, unanswered=30)
    return replace(
        run, state=RunState.FAIL, series={"GET progress": silent, "upload chunk": Series()}, in_flight={0: 30}
    )


HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'> | `x` \x00\x1b[31m\u202e"


def hostile_run() -> LoadResult:
    """A run in which everything that has a name has a hostile one."""
    run = failed_run()
    series = {f"{HOSTILE} {name}": one for name, one in run.series.items()}
    limits = tuple(
        replace(one, selector=HOSTILE, explanation=HOSTILE, value_text=HOSTILE, bound=HOSTILE) for one in run.limits
    )
    errors = (ErrorClass(HOSTILE, HOSTILE, HOSTILE, 3, 1.0, f"{HOSTILE}.json"),)
    generators = tuple(replace(one, name=HOSTILE) for one in run.generators)
    return replace(
        run,
        series=series,
        limits=limits,
        errors=errors,
        generators=generators,
        reasons=(HOSTILE,),
        leftovers=(HOSTILE,),
        manifest={**run.manifest, HOSTILE: HOSTILE, "target": HOSTILE, "started": HOSTILE},
        configuration={**run.configuration, HOSTILE: {HOSTILE: [HOSTILE]}, "model": HOSTILE},
    )
