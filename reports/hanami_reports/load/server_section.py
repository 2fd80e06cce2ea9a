"""The section of a load report on what the server used: a table, charts, and one line for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hanami_reports.common.format import MEGABYTE, NOTHING, format_memory, format_span
from hanami_reports.load import charts
from hanami_reports.load.chart_data import Axis, time_axis
from hanami_reports.load.charts import Chart, Line
from hanami_reports.model.load import LoadResult
from hanami_reports.model.server_usage import QUANTITIES, Quantity, ServerUsage

NOT_SEEN = "server: its side was not seen (for one on this machine: --server-pid or --server-command)"
TITLES = {"cpu": "CPU, cores", "memory": "resident memory"}  # others have their own names
COLUMNS = ("before the load", "mean", "max", "after the drain", "growth")
_COUNTS = (
    ("threads", "--series-1"),
    ("processes", "--series-2"),
    ("descriptors", "--series-3"),
    ("sockets", "--series-4"),
)


@dataclass(frozen=True)
class UsageRow:
    """One quantity as text, with a cell for each of COLUMNS."""

    name: str
    cells: tuple[str, ...]


def usage_line(result: LoadResult) -> str:
    """Return what the server used, one line; or that its side was not seen."""
    usage = result.server
    if usage is None:
        return NOT_SEEN
    parts = []
    if (cpu := usage.quantity("cpu")) is not None:
        parts.append(f"CPU {cpu.mean:.2f} cores, at most {cpu.most:.2f}")
    if (memory := usage.quantity("memory")) is not None:
        parts.append(f"memory at most {format_memory(round(memory.most))}, {_growth_text(memory)}")
    counts = {name: usage.quantity(name) for name in ("threads", "descriptors", "sockets")}
    parts += [f"at most {one.most:.0f} {name}" for name, one in counts.items() if one is not None]
    end = "; it ended during the run" if usage.ended else ""
    return f"server: {usage.name} ({usage.pid}): {'; '.join(parts) or 'no sample'}{end}"


def _growth_text(memory: Quantity) -> str:
    if memory.growth is None:
        return "unknown after the drain"
    return f"{'+' if memory.growth >= 0 else '-'}{format_memory(abs(round(memory.growth)))} after the drain"


def usage_rows(usage: ServerUsage) -> list[UsageRow]:
    """Return a row for each quantity that was seen."""
    rows = []
    for name in QUANTITIES:
        one = usage.quantity(name)
        if one is not None:
            values = (one.before, one.mean, one.most, one.after, one.growth)
            rows.append(UsageRow(TITLES.get(name, name), tuple(_cell(name, value) for value in values)))
    return rows


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return NOTHING
    if name == "memory":
        return format_memory(round(value))
    return f"{value:.2f}" if name == "cpu" else f"{value:,.3g}" if value % 1 else f"{value:,.0f}"


def usage_charts(result: LoadResult) -> list[Chart]:
    """Return the charts of CPU time, memory and counts over the run; empty where the server was not seen."""
    usage, axis = result.server, time_axis(result)
    if usage is None or axis is None or not usage.samples:
        return []
    text = f"Process {usage.pid} ({usage.name}) and its children, the greatest value in each {format_span(axis.width)}."
    cpu = [Line("CPU", _greatest(usage, "cpu", axis), "--series-1", area=True)]
    memory = [Line("resident memory", _greatest(usage, "memory", axis, MEGABYTE), "--series-2", area=True)]
    counts = [
        Line(name, _greatest(usage, name, axis), color) for name, color in _COUNTS if usage.quantity(name) is not None
    ]
    return [
        charts.over_time("server-cpu", "CPU of the server, cores", text, axis, cpu),
        charts.over_time("server-memory", "Resident memory of the server, MB", text, axis, memory),
        charts.over_time("server-counts", "Threads, processes, descriptors, sockets of the server", text, axis, counts),
    ]


def _greatest(usage: ServerUsage, name: str, axis: Axis, unit: float = 1) -> Sequence[float | None]:
    values: list[float | None] = [None] * len(axis.starts)
    for second, value in _by_second(usage, name):
        place = axis.place(second)
        if 0 <= place < len(values):
            values[place] = max(value / unit, values[place] or 0.0)
    return values


def _by_second(usage: ServerUsage, name: str) -> Iterable[tuple[int, float]]:
    for second, sample in usage.samples.items():
        value = getattr(sample, name)
        if value is not None:
            yield second, float(value)
