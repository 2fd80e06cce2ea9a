"""Results of a run, as tables for people and as JSON for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tools.bench.measurement import Outcome, Plan
from tools.bench.statistics import Spread

FORMAT = 1  # of the JSON; a new number when a key changes its meaning
PACKAGES = ("gevent", "locust", "numpy", "protobuf", "uvicorn", "uvloop", "websocket-client", "websockets")


def as_json(outcomes: Sequence[Outcome], plan: Plan) -> dict[str, Any]:
    """Return a run as JSON: times in seconds, sizes in bytes."""
    return {
        "format": FORMAT,
        "plan": {**asdict(plan), "requirements": list(plan.requirements)},
        "machine": machine(),
        "measurements": {outcome.measurement.name: _outcome(outcome) for outcome in outcomes},
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ModuleNotFoundError:
        return None  # uvloop, on Windows


def _outcome(outcome: Outcome) -> dict[str, Any]:
    measurement = outcome.measurement
    sides = {
        side: {
            "rounds": [asdict(sample) for sample in samples],
            "per_second": asdict(Spread.of(sample.per_second for sample in samples)),
        }
        for side, samples in outcome.samples().items()
    }
    return {
        "title": measurement.title,
        "sides": sides,
        "ratio": {"title": measurement.ratio_title, "rounds": outcome.ratios, **asdict(outcome.ratio)},
        "aim": asdict(measurement.aim),
        "met": outcome.is_met,
    }


SIDE_COLUMNS = ("side", "a second", "least", "greatest", "one, µs", "MB/s", "CPU s/GB", "KiB each")


def print_tables(outcomes: Sequence[Outcome], plan: Plan, console: Console) -> None:
    """Print the sides of each measurement, then all ratios and their aims."""
    for outcome in outcomes:
        console.print(_table_of_sides(outcome))
    console.print(_table_of_ratios(outcomes))
    facts = machine()
    packages = ", ".join(f"{name} {number}" for name, number in facts["packages"].items() if number)
    for outcome in outcomes:
        timed = f" of {plan.seconds:g} s for each side" if outcome.measurement.is_timed else ""
        rounds = f"{len(outcome.rounds)} round{'s' if len(outcome.rounds) > 1 else ''}{timed}"
        console.print(f"{outcome.measurement.name} is {outcome.measurement.ratio_title}; {rounds}", highlight=False)
    console.print(
        "The sides take turns, and a ratio is taken within each round.\n"
        f"{facts['cpus']} CPUs, load {facts['load']}, Python {facts['python']}, {packages}.",
        style="dim",
        highlight=False,
    )


def _table_of_sides(outcome: Outcome) -> Table:
    table = _table(outcome.measurement.title)
    rows = []
    for side, samples in outcome.samples().items():
        rates = Spread.of(sample.per_second for sample in samples)
        time = Spread.of(sample.each * 1e6 for sample in samples).median
        volume = Spread.of(sample.megabytes_per_second for sample in samples).median
        cost = Spread.of(sample.cpu_per_gigabyte for sample in samples).median
        memory = Spread.of(sample.memory_each for sample in samples).median
        figures = (rates.median, rates.low, rates.high, time, volume, cost, memory)
        rows.append((side, *(_short(figure) if figure else "" for figure in figures)))
    columns = list(zip(SIDE_COLUMNS, zip(*rows, strict=True), strict=True))
    filled = [(title, column) for title, column in columns if any(column)]
    for title, _ in filled:
        table.add_column(title, justify="left" if title == SIDE_COLUMNS[0] else "right", no_wrap=True)
    for row in zip(*(column for _, column in filled), strict=True):
        table.add_row(*row)
    return table


def _table_of_ratios(outcomes: Sequence[Outcome]) -> Table:
    table = _table("ratios")
    table.add_column("")
    for title in ("aim", "median", "least", "greatest"):
        table.add_column(title, justify="right")
    table.add_column("this run")
    for outcome in outcomes:
        ratio = outcome.ratio
        verdict = "[green]met[/]" if outcome.is_met else "[yellow]missed[/]"
        figures = (f"{figure:.2f}" for figure in (ratio.median, ratio.low, ratio.high))
        table.add_row(outcome.measurement.name, str(outcome.measurement.aim), *figures, verdict)
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)


def _short(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.1f}"
