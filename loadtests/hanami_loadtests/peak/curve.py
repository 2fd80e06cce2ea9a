"""What the points of a search say together: the knee, what broke first, and the fit of a law."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from hanami_reports.model.load import LimitResult, RunState
from hanami_reports.model.peak import BrokenFirst, PeakPoint, ScalabilityFit

CONCLUSIVE = (RunState.PASS, RunState.FAIL)
LEAST_LOADS = 5  # different loads that a fit of three parameters needs
WORST_FIT = 0.1  # root mean square of the relative error from which on a fit says nothing


def knee(points: Iterable[PeakPoint]) -> float | None:
    """Return the load with the greatest throughput per response time (the power of Kleinrock); None without any."""
    powers = [(one.rate / one.mean, one.load) for one in points if one.state in CONCLUSIVE and one.mean and one.rate]
    return max(powers)[1] if powers else None


def broken_first(points: Iterable[PeakPoint]) -> BrokenFirst | None:
    """Return the limit that broke at the most of the failing points, of several the one at the lowest load."""
    failing = [one for one in points if one.state is RunState.FAIL]
    broken: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for point in failing:
        for limit in point.broken:
            if limit.state is RunState.FAIL:
                broken[_name(limit)].append((point.load, limit.explanation))
    if not broken:
        return None
    name = min(broken, key=lambda one: (min(broken[one])[0], -len(broken[one])))
    load, explanation = min(broken[name])
    return BrokenFirst(name, load, len(broken[name]), len(failing), explanation)


def _name(limit: LimitResult) -> str:
    return f"{limit.selector}: {limit.metric} {limit.statistic} {limit.bound}"


def fit_scalability(points: Sequence[PeakPoint]) -> ScalabilityFit | None:
    """Fit the Universal Scalability Law to closed loads by least squares; None where it does not apply or is poor.

    With a = 1 / rate, the law is linear: N / X = a + a * contention * (N - 1) + a * coherency * N * (N - 1).
    """
    used = [one for one in points if one.state in CONCLUSIVE and one.rate > 0]
    if len({one.load for one in used}) < LEAST_LOADS:
        return None
    users, rates = np.array([one.load for one in used]), np.array([one.rate for one in used])
    columns = np.stack([np.ones_like(users), users - 1, users * (users - 1)], axis=1)
    # Weighted by X / N, so that relative errors of the throughput count.
    weights = rates / users
    for kept in ((0, 1, 2), (0, 1)):
        factors = np.linalg.lstsq(columns[:, kept] * weights[:, None], np.ones_like(users), rcond=None)[0]
        if min(factors) < 0 or factors[0] == 0:
            continue  # a negative cost: then without the last term
        a, contention, coherency = (*factors.tolist(), 0.0)[:3]
        error = float(np.sqrt(np.mean((users / (columns[:, kept] @ factors) / rates - 1) ** 2)))
        if error <= WORST_FIT:
            return ScalabilityFit(1 / a, contention / a, coherency / a, error)
        return None
    return None
