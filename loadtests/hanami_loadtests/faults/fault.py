"""Faults as data, in TOML: what goes wrong, when, and for how long."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanami_loadtests.faults.tcp_proxy import NetworkConditions
from hanami_loadtests.limits.limit import seconds_of
from hanami_loadtests.limits.table import checked_name, checked_table, is_number, read_tables
from hanami_proto.options import OptionError, size

SUSPEND, KILL, RESTART = PROCESS_KINDS = ("suspend", "kill", "restart")
RESET, LATENCY, BANDWIDTH, LOSS, PARTITION = NETWORK_KINDS = ("reset", "latency", "bandwidth", "loss", "partition")
KINDS = (*NETWORK_KINDS, *PROCESS_KINDS)
STRENGTHS = {LATENCY: "delay", BANDWIDTH: "per_second", LOSS: "share"}  # key for how strong a fault is
MOST_FAULTS = 100
MOST_SECONDS = 24 * 3600.0
MOST_DELAY = 60.0  # seconds
MOST_BANDWIDTH = 1 << 40  # bytes per second
LEAST_BEFORE = 3.0  # seconds of load before the first fault, which the recovery is compared with
LEAST_AFTER = 5.0  # seconds after the end of a fault before the next one, or before the end of the run
RECOVERY_SECONDS = 10.0  # that a recovery may take where nothing else is said
_KEYS = ("kind", "at", "seconds", "name", "recovery", *STRENGTHS.values())


class FaultError(ValueError):
    """An invalid fault; one line with the place."""


@dataclass(frozen=True)
class Fault:
    """A fault during a run.

    Attributes:
        name: Name, unique in its run.
        kind: One of KINDS.
        at: Begin, seconds since that of the run.
        seconds: Length; 0 for a reset of all connections that there are.
        recovery: Seconds that the recovery may take; None for what the limits of the run say.
        conditions: Network conditions while it lasts; None for a fault of the process of the server.
    """

    name: str
    kind: str
    at: float
    seconds: float
    recovery: float | None = None
    conditions: NetworkConditions | None = None

    @property
    def end(self) -> float:
        """Planned end, seconds since the begin of the run."""
        return self.at + self.seconds

    @property
    def restarts(self) -> bool:
        """Whether the server is another process after it."""
        return self.kind in (KILL, RESTART)


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Read a file of faults.

    Raises:
        ValueError: If the file cannot be read or is invalid; one line with the place.
    """
    data = read_tables(path, "faults")
    if unknown := set(data) - {"fault"}:
        hint = "; stages and faults together are for --stages" if "stage" in unknown else ""
        raise FaultError(f"{path}: unknown key {', '.join(sorted(unknown))}; there is [[fault]]{hint}")
    faults = parse_faults(str(path), data.get("fault", []))
    if not faults:
        raise FaultError(f"{path}: write [[fault]] with two brackets, once for each fault")
    return faults


def parse_faults(where: str, entries: Any) -> tuple[Fault, ...]:
    """Return the faults of a list of tables, by their begin.

    Args:
        where: File, for errors.
        entries: Value of ``fault``.

    Raises:
        ValueError: If one is invalid, or two are too close; one line with the place.
    """
    if not isinstance(entries, list) or len(entries) > MOST_FAULTS:
        raise FaultError(f"{where}: write [[fault]] with two brackets, once for each of at most {MOST_FAULTS} faults")
    faults = [_fault(f"{where}: fault {number}", number, entry) for number, entry in enumerate(entries, start=1)]
    ordered = sorted(faults, key=lambda one: one.at)
    for before, after in itertools.pairwise(ordered):
        if after.at < before.end + LEAST_AFTER:
            raise FaultError(
                f"{where}: the fault {after.name!r} begins less than {LEAST_AFTER:g} s after the end of {before.name!r}"
            )
    names = [one.name for one in ordered]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise FaultError(f"{where}: there are two faults {repeated!r}: give each a name of its own")
    return tuple(ordered)


def _fault(where: str, number: int, entry: Any) -> Fault:
    entry = checked_table(where, entry, _KEYS)
    kind = entry.get("kind")
    if kind not in KINDS:
        raise FaultError(f"{where}: kind {kind!r}: choose one of {', '.join(KINDS)}")
    name = checked_name(where, entry, f"{kind} {number}")
    for key in STRENGTHS.values():
        if key in entry and key != STRENGTHS.get(kind):
            raise FaultError(f"{where}: {key}: is for kind = {_kind_with(key)!r} alone")
    if "at" not in entry:
        raise FaultError(f'{where}: at is missing: give the time since the begin of the run, such as "10 s"')
    recovery = entry.get("recovery")
    return Fault(
        name=name,
        kind=kind,
        at=_seconds(where, "at", entry["at"], MOST_SECONDS),
        seconds=_length(where, kind, entry.get("seconds")),
        recovery=None if recovery is None else _seconds(where, "recovery", recovery, MOST_SECONDS),
        conditions=None if kind in PROCESS_KINDS else _conditions(where, kind, entry.get(STRENGTHS.get(kind, ""))),
    )


def _kind_with(key: str) -> str:
    return next(kind for kind, strength in STRENGTHS.items() if strength == key)


def _seconds(where: str, key: str, given: Any, most: float) -> float:
    """Return a time in seconds, given as a number of them or as a text with its unit."""
    try:
        seconds = seconds_of(given) if isinstance(given, str) else float(given) if is_number(given) else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= most:
        raise FaultError(f'{where}: {key} {given!r}: give a time up to {most:.0f} s, such as "10 s" or "200 ms"')
    return seconds


def _length(where: str, kind: str, given: Any) -> float:
    if given is None and kind in (RESET, RESTART):
        return 0.0
    if given is None:
        raise FaultError(f"{where}: seconds is missing: how long the {kind} lasts")
    return _seconds(where, "seconds", given, MOST_SECONDS)


def _conditions(where: str, kind: str, strength: Any) -> NetworkConditions:
    if kind in (RESET, PARTITION):
        return NetworkConditions(resets=kind == RESET, is_partitioned=kind == PARTITION)
    key = STRENGTHS[kind]
    if kind == LATENCY:
        return NetworkConditions(latency=_seconds(where, key, strength, MOST_DELAY))
    if kind == BANDWIDTH:
        try:
            return NetworkConditions(bandwidth=size(1, MOST_BANDWIDTH)(str(strength)))
        except OptionError:
            raise FaultError(f'{where}: {key} {strength!r}: give bytes with their unit, such as "1 MB"') from None
    if not is_number(strength) or not 0 < strength < 1:
        raise FaultError(f"{where}: {key} {strength!r}: give the share of lost segments, such as 0.05")
    return NetworkConditions(loss=float(strength))


def check_times(faults: Sequence[Fault], warm_up: float, seconds: float) -> None:
    """Check that there is load before the first fault and time to recover after the last.

    Args:
        faults: Faults of a run, by their begin.
        warm_up: Seconds at the begin of the run that are not measured.
        seconds: Seconds of the whole run.

    Raises:
        FaultError: If there is not; one line.
    """
    for one in faults:
        if one.at < warm_up + LEAST_BEFORE:
            raise FaultError(
                f"fault {one.name!r}: at {one.at:g} s: give at least {warm_up + LEAST_BEFORE:g} s, since the recovery "
                f"is compared with {LEAST_BEFORE:g} s of load before, after the warm-up of {warm_up:g} s"
            )
        if one.end + LEAST_AFTER > seconds:
            raise FaultError(
                f"fault {one.name!r}: ends after {one.end:g} s, and the run after {seconds:g} s: "
                f"leave at least {LEAST_AFTER:g} s to recover"
            )


def needs_process(faults: Sequence[Fault]) -> bool:
    """Whether the process of the server is suspended, killed or restarted."""
    return any(one.kind in PROCESS_KINDS for one in faults)


def needs_proxy(faults: Sequence[Fault]) -> bool:
    """Whether the network gets worse."""
    return any(one.kind in NETWORK_KINDS for one in faults)
