"""The file of limits, in TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanami_loadtests.limits.limit import COUNTS, METRICS, SPEEDS, TIMES, Limit, seconds_of
from hanami_reports.model.sample_size import samples_for

SHARES = {"cpu": "a core", "cpu_wait": "the run"}  # limits of the generator that are no times
_KEYS = {"metric", "of", "statistic", "at_most", "at_least", "least_samples", "abort"}


class LimitsError(ValueError):
    """An invalid file of limits."""


@dataclass(frozen=True)
class GeneratorLimits:
    """Limits of the generator; beyond them a result measures the generator instead of the target, and is invalid.

    Attributes:
        cpu: Greatest share of a core that a process may use over the run, 0 to 1.
        generator_delay_p99: Greatest p99 of the generator's own delay in sending, seconds; open model only.
        event_loop_delay_p99: Greatest p99 of the delay of wake-ups, seconds.
        cpu_wait: Greatest share of the run for which a process may be ready to run and not run, 0 to 1.
    """

    cpu: float = 0.95
    generator_delay_p99: float = 0.05
    event_loop_delay_p99: float = 0.2
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
        generator: Limits of the processes that generate the load.
    """

    limits: tuple[Limit, ...] = BUILT_IN
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
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LimitsError(f"cannot read the limits {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LimitsError(f"{path}: not TOML: {error}") from error
    if unknown := set(data) - {"limit", "generator"}:
        raise LimitsError(f"{path}: unknown table {', '.join(sorted(unknown))}; there are [[limit]] and [generator]")
    entries = data.get("limit", [])
    if not isinstance(entries, list):
        raise LimitsError(f"{path}: write [[limit]] with two brackets, once for each limit")
    limits = [_limit(f"{path}: limit {number}", entry) for number, entry in enumerate(entries, start=1)]
    replaced = {(limit.metric, limit.of) for limit in limits}
    kept = [limit for limit in BUILT_IN if (limit.metric, limit.of) not in replaced]
    return Limits((*limits, *kept), _generator(path, data.get("generator", {})))


def _limit(where: str, entry: Any) -> Limit:
    if not isinstance(entry, dict):
        raise LimitsError(f"{where} is no table")
    if unknown := set(entry) - _KEYS:
        raise LimitsError(f"{where}: unknown key {', '.join(sorted(unknown))}; there are {', '.join(sorted(_KEYS))}")
    metric = entry.get("metric")
    if metric not in METRICS:
        raise LimitsError(f"{where}: metric {metric!r}: choose one of {', '.join(METRICS)}")
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
        if not isinstance(given, str):
            raise LimitsError(f'{where}: {given!r} is no time: write it with its unit, "50 ms"')
        try:
            return seconds_of(given)
        except ValueError as error:
            raise LimitsError(f"{where}: {error}") from error
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < float("inf"):
        unit = {"throughput": "MB/s", "rate": "messages a second"}.get(metric, "messages, or a share from 0 to 1")
        raise LimitsError(f"{where}: {given!r} is no bound of {metric}: give a number of {unit}")
    return float(given)


def _generator(path: Path, given: Any) -> GeneratorLimits:
    where = f"{path}: generator"
    if not isinstance(given, dict):
        raise LimitsError(f"{where} is no table")
    known: Mapping[str, Any] = vars(GeneratorLimits())
    if unknown := set(given) - set(known):
        raise LimitsError(f"{where}: unknown key {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    found = dict(known)
    for name, value in given.items():
        if name in SHARES:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
                raise LimitsError(f"{where}: {name} {value!r}: give a share of {SHARES[name]}, above 0 and at most 1")
            found[name] = float(value)
            continue
        try:
            found[name] = seconds_of(value if isinstance(value, str) else repr(value))
        except ValueError as error:
            raise LimitsError(f"{where}: {name}: {error}") from error
    return GeneratorLimits(**found)
