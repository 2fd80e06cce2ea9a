"""Results of capacity searches without a search."""

from __future__ import annotations

from dataclasses import replace

from hanami_reports.model.load import LimitResult, LoadExit, RunState
from hanami_reports.model.peak import BrokenFirst, LoadUnit, PeakPoint, PeakResult, ScalabilityFit

LIMIT = LimitResult(
    "response", "direct request", "p99", "<= 50 ms", 0.061, "61 ms", 5000, 1000, RunState.FAIL, "61 ms is above 50 ms"
)
GENERATOR = LimitResult(
    "cpu", "generator local", "mean", "<= 95%", 0.97, "97%", 1, 0, RunState.INVALID, "the generator was the bottleneck"
)


def point(number: int, load: float, state: RunState = RunState.PASS, mean: float = 0.002) -> PeakPoint:
    broken = {RunState.FAIL: (LIMIT,), RunState.INVALID: (GENERATOR,)}.get(state, ())
    return PeakPoint(
        number=number,
        load=load,
        state=state,
        seconds=10.0,
        rate=load,
        samples=int(load * 10),
        mean=mean,
        p50=mean,
        p95=mean * 2,
        p99=mean * 3,
        unsent=0.0,
        broken=broken,
        reasons=tuple(one.explanation for one in broken),
    )


def found_peak() -> PeakResult:
    """A peak of 812/s."""
    return PeakResult(
        manifest={"suite": "0.1.0", "target": "http://backend.example:11418", "started": "2026-11-25T14:20:00+00:00"},
        configuration={"model": "open", "users": 10, "scenarios": ["direct-request"]},
        state=RunState.PASS,
        exit_status=LoadExit.PASS,
        reasons=(),
        unit=LoadUnit.MESSAGES,
        peak=812.0,
        low=790.0,
        high=835.0,
        knee=400.0,
        broken_first=BrokenFirst("direct request: response p99 <= 50 ms", 900.0, 1, 1, "61 ms is above 50 ms"),
        fit=None,
        points=(
            point(1, 400),
            point(2, 800, mean=0.005),
            point(3, 1600, RunState.INVALID, 0.02),
            point(4, 900, RunState.FAIL, 0.02),
        ),
    )


def lower_bound() -> PeakResult:
    """A search that the load generator ended."""
    return replace(
        found_peak(),
        state=RunState.INVALID,
        exit_status=LoadExit.INVALID,
        reasons=("at least 800/s; this machine cannot offer more: <b>cpu</b>",),
        peak=None,
        low=800.0,
        high=None,
        broken_first=None,
        points=(point(1, 400), point(2, 800), point(3, 1600, RunState.INVALID)),
    )


def closed_peak() -> PeakResult:
    """A peak in users, with a fit."""
    fit = ScalabilityFit(rate=100.0, contention=0.05, coherency=0.001, error=0.02)
    return replace(found_peak(), unit=LoadUnit.USERS, peak=21.0, low=20.0, high=22.0, fit=fit)


def failed_search() -> PeakResult:
    """A search without any point that held."""
    return replace(
        found_peak(),
        state=RunState.FAIL,
        exit_status=LoadExit.FAIL,
        reasons=("not even 0.1/s holds the limits",),
        peak=None,
        low=None,
        high=None,
        knee=None,
        points=(),
    )
