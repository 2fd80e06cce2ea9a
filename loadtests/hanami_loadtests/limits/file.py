"""The file of limits, in TOML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanami_loadtests.limits.drift import DriftLimit, parse_drift
from hanami_loadtests.limits.limit import COUNTS, METRICS, SPEEDS, TIMES, Limit, LimitsError, seconds_of
from hanami_loadtests.limits.server import SERVER_METRICS, ServerLimit, is_server_limit, server_limit
from hanami_loadtests.limits.table import checked_table, is_number, read_tables
from hanami_reports.model.sample_size import samples_for

SHARES = {"cpu": "a core", "cpu_wait": "the run", "uncertainty": "a time"}  # limits of the generator that are no times
RECOVERY = "recovery"  # metric of faults
_KEYS = {"metric", "of", "statistic", "at_most", "at_least", "least_samples", "abort"}


@dataclass(frozen=True)
class GeneratorLimits:
    """Limits of the generator; beyond them a result measures the generator instead of the target, and is invalid.

    Attributes:
        cpu: Greatest share of a core that a process may use over the run, 0 to 1.
        generator_delay_p99: Greatest p99 of the generator's own delay in sending, seconds; open model only.
        event_loop_delay_p99: Greatest p99 of the delay of wake-ups, seconds.
        uncertainty: Greatest relative difference that the generator's own delays may make to a percentile of response
            times, 0 to 1; open model only.
        cpu_wait: Greatest share of the run for which a process may be ready to run and not run, 0 to 1.
    """

    cpu: float = 0.95
    generator_delay_p99: float = 0.05
    event_loop_delay_p99: float = 0.2
    uncertainty: float = 0.05
    cpu_wait: float = 0.25


BUILT_IN = (
    Limit("incorrect", "*", "count", 0),
    Limit("unanswered", "*", "count", 0),
    Limit("failed", "*", "count", 0),
    Limit("unsent", "*", "share", 0.01),
)


@dataclass(frozen=True)
class Limits:
    """All limits of a run.

    Attributes:
        limits: Limits of messages, in the order of the file.
        server: Limits of what the server uses, in the order of the file.
        drifts: Limits of drift over the whole run, in the order of the file.
        recovery: Seconds that the recovery from a fault may take where the fault does not say it; None for 10.
        generator: Limits of the processes that generate the load.
    """

    limits: tuple[Limit, ...] = BUILT_IN
    server: tuple[ServerLimit, ...] = ()
    drifts: tuple[DriftLimit, ...] = ()
    recovery: float | None = None
    generator: GeneratorLimits = field(default_factory=GeneratorLimits)


def read_limits(path: Path | None) -> Limits:
    """Read a file of limits.

    Built-in limits hold for every metric that the file does not mention, so incorrect answers, failures and unanswered
    messages are never allowed by omission.

    Args:
        path: Path of the file, None for the built-in limits.

    Raises:
        ValueError: If the file cannot be read or is invalid; one line with the place.
    """
    if path is None:
        return Limits()
    data = read_tables(path, "limits")
    if unknown := set(data) - {"limit", "drift", "generator"}:
        known = "[[limit]], [[drift]] and [generator]"
        raise LimitsError(f"{path}: unknown table {', '.join(sorted(unknown))}; there are {known}")
    entries = data.get("limit", [])
    if not isinstance(entries, list):
        raise LimitsError(f"{path}: write [[limit]] with two brackets, once for each limit")
    places = [(f"{path}: limit {number}", entry) for number, entry in enumerate(entries, start=1)]
    server = [server_limit(where, entry) for where, entry in places if is_server_limit(entry)]
    recoveries = [_recovery(where, entry) for where, entry in places if _is_recovery(entry)]
    if len(recoveries) > 1:
        raise LimitsError(f"{path}: {RECOVERY}: give one limit for all faults; a fault may have one of its own")
    limits = [_limit(where, entry) for where, entry in places if not (is_server_limit(entry) or _is_recovery(entry))]
    replaced = {(limit.metric, limit.of) for limit in limits}
    kept = [limit for limit in BUILT_IN if (limit.metric, limit.of) not in replaced]
    drifts = parse_drift(str(path), data.get("drift", []))
    generator = _generator(path, data.get("generator", {}))
    return Limits((*limits, *kept), tuple(server), drifts, next(iter(recoveries), None), generator)


def parse_limits(where: str, entries: Any) -> tuple[Limit, ...]:
    """Return the limits of messages in a list of tables.

    Args:
        where: Place in the file.
        entries: Value of ``limit``.

    Raises:
        ValueError: If one is invalid; one line with the place.
    """
    if not isinstance(entries, list):
        raise LimitsError(f"{where}: write [[stage.limit]] with two brackets, once for each limit")
    return tuple(_limit(f"{where}: limit {number}", entry) for number, entry in enumerate(entries, start=1))


def _is_recovery(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("metric") == RECOVERY


def _recovery(where: str, entry: Any) -> float:
    """Return the seconds that the recovery from a fault may take."""
    entry = checked_table(where, entry, ("metric", "at_most"), f"for {RECOVERY} there are")
    return _time(where, entry.get("at_most"))


def _limit(where: str, entry: Any) -> Limit:
    entry = checked_table(where, entry, sorted(_KEYS))
    metric = entry.get("metric")
    if metric not in METRICS:
        raise LimitsError(
            f"{where}: metric {metric!r}: choose one of {', '.join((*METRICS, RECOVERY, *SERVER_METRICS))}"
        )
    of = entry.get("of", "*")
    if not isinstance(of, str) or not of:
        raise LimitsError(f'{where}: of must be a type of message, such as "upload chunk" or "rest *"')
    statistic = _statistic(where, metric, entry.get("statistic"))
    if ("at_most" in entry) == ("at_least" in entry):
        raise LimitsError(f"{where}: give either at_most or at_least")
    at_least = "at_least" in entry
    if at_least != (metric in SPEEDS):
        raise LimitsError(f"{where}: {metric} takes {'at_least' if metric in SPEEDS else 'at_most'}")
    samples = entry.get("least_samples", samples_for(statistic) if metric not in COUNTS else 0)
    if not isinstance(samples, int) or isinstance(samples, bool) or samples < 0:
        raise LimitsError(f"{where}: least_samples {samples!r}: give a whole number from 0")
    abort = entry.get("abort", False)
    if not isinstance(abort, bool):
        raise LimitsError(f"{where}: abort must be true or false")
    bound = _bound(where, metric, entry["at_least" if at_least else "at_most"])
    if statistic == "share" and bound > 1:
        raise LimitsError(f"{where}: {bound:g} is no share: give a number from 0 to 1, 0.01 for one in a hundred")
    return Limit(metric, of, statistic, bound, at_least, samples, abort)


def _statistic(where: str, metric: str, given: Any) -> str:
    if metric in SPEEDS:
        if given not in (None, "mean"):
            raise LimitsError(f"{where}: statistic {given!r}: {metric} has only its mean over the run")
        return "mean"
    if metric in COUNTS:
        if given not in (None, "count", "share"):
            raise LimitsError(f"{where}: statistic {given!r}: {metric} has count and share")
        return given or "count"
    if given in ("mean", "max"):
        return str(given)
    if isinstance(given, str) and re.fullmatch(r"p\d{1,2}(\.\d{1,3})?", given) and float(given[1:]) > 0:
        return given
    raise LimitsError(f"{where}: statistic {given!r}: give p50, p99, p99.9 or another percentile, mean or max")


def _bound(where: str, metric: str, given: Any) -> float:
    if metric in TIMES:
        return _time(where, given)
    if not is_number(given) or given < 0:
        unit = {"throughput": "MB/s", "rate": "messages a second"}.get(metric, "messages, or a share from 0 to 1")
        raise LimitsError(f"{where}: {given!r} is no bound of {metric}: give a number of {unit}")
    return float(given)


def _time(where: str, given: Any) -> float:
    if not isinstance(given, str):
        raise LimitsError(f'{where}: {given!r} is no time: write it with its unit, "50 ms"')
    try:
        return seconds_of(given)
    except ValueError as error:
        raise LimitsError(f"{where}: {error}") from error


def _generator(path: Path, given: Any) -> GeneratorLimits:
    where = f"{path}: generator"
    known: Mapping[str, Any] = vars(GeneratorLimits())
    given = checked_table(where, given, list(known))
    found = dict(known)
    for name, value in given.items():
        if name in SHARES:
            if not is_number(value) or not 0 < value <= 1:
                raise LimitsError(f"{where}: {name} {value!r}: give a share of {SHARES[name]}, above 0 and at most 1")
            found[name] = float(value)
            continue
        try:
            found[name] = seconds_of(value if isinstance(value, str) else repr(value))
        except ValueError as error:
            raise LimitsError(f"{where}: {name}: {error}") from error
    return GeneratorLimits(**found)
