"""Charts of a load run, as options of Apache ECharts.

Options are plain JSON, so two things in them are names that ``load.js`` replaces: a colour that begins with ``--`` is a
CSS variable of the page, which makes charts follow the theme, and a formatter that begins with ``@`` is a function.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hanami_reports.common.format import format_time
from hanami_reports.load.bands import mark_area
from hanami_reports.load.chart_data import Axis, ChunkTimes, Curve, Heat

Option = dict[str, Any]
PALETTE = tuple(f"--series-{number}" for number in range(1, 11))
_NINES = (1, 2, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_DECADES = (1, 2, 5)
_HEAT = tuple(f"--heat-{number}" for number in range(1, 6))


@dataclass(frozen=True)
class Chart:
    """A chart with its texts.

    Attributes:
        id: Id of its element, unique in a page.
        title: Title with unit.
        description: Text under the chart, also its description for screen readers.
        option: Option of ECharts.
        x: Formatter of the horizontal axis in the tooltip.
        y: Formatter of each series in the tooltip.
        few: Indexes of series with too few samples.
        kind: Content of the tooltip: ``axis`` for all series at one place, ``item`` for one cell.
        rows: Label of each row of a heat map.
    """

    id: str
    title: str
    description: str
    option: Option
    x: str
    y: tuple[str, ...]
    few: tuple[int, ...] = ()
    kind: str = "axis"
    rows: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """Return the data for ``load.js``."""
        return {"option": self.option, "x": self.x, "y": self.y, "few": self.few, "kind": self.kind, "rows": self.rows}


@dataclass(frozen=True)
class Line:
    """A line over time.

    Attributes:
        name: Name in the legend.
        values: Value of each interval, None for a gap.
        color: CSS variable.
        unit: Formatter of the values.
        area: Whether the area below is filled.
        dotted: Whether the line is dotted.
    """

    name: str
    values: Sequence[float | None]
    color: str
    unit: str = "@number"
    area: bool = False
    dotted: bool = False


@dataclass(frozen=True)
class CurveLine:
    """A percentile curve; ``faint`` for one of many. The other attributes are those of :class:`Line`."""

    name: str
    curve: Curve
    color: str
    dashed: bool = False
    faint: bool = False


@dataclass(frozen=True)
class LoadLine:
    """A line over load.

    Attributes:
        name: Name in the legend.
        points: Load and value of each point, ascending; times in seconds, None for a gap.
        color: CSS variable.
        unit: Formatter of the values.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    color: str
    unit: str = "@ms"


@dataclass
class _Series:
    option: list[Option] = field(default_factory=list)
    few: list[int] = field(default_factory=list)

    def line(self, line: CurveLine, start: int, end: int, *, few: bool) -> None:
        """Add the points from ``start`` to before ``end`` of a curve."""
        points = list(zip(line.curve.one_in, line.curve.seconds, strict=True))[start:end]
        style = {"color": line.color, "width": 1 if line.faint else 2, "opacity": 0.35 if line.faint else 1}
        style["type"] = "dotted" if few else "dashed" if line.dashed else "solid"
        if few:
            self.few.append(len(self.option))
        data = [[_round(one_in), _milliseconds(seconds)] for one_in, seconds in points]
        self.option.append(_line(line.name, data, line.color) | {"lineStyle": style})


def curves(id: str, title: str, description: str, lines: Sequence[CurveLine]) -> Chart:  # noqa: A002 - of the element
    """Return percentile curves on an axis of nines; dotted where too few samples are beyond."""
    series = _Series()
    for line in lines:
        known = line.curve.known
        if known:
            series.line(line, 0, known, few=False)
        if known < len(line.curve.one_in) and not line.faint:
            series.line(line, max(known - 1, 0), len(line.curve.one_in), few=True)
    most = max((line.curve.one_in[-1] for line in lines if line.curve.one_in), default=1)
    ticks = [tick for tick in _NINES if tick <= most]
    axis = {"type": "log", "min": 1, "max": max(_round(most), 10)} | _ticks(ticks, "@oneIn")
    seconds = [value for line in lines for value in line.curve.seconds]
    option = _base(series.option, axis, _log_axis(seconds), {line.name for line in lines})
    return Chart(id, title, description, option, "@oneInLong", ("@ms",) * len(series.option), tuple(series.few))


def over_time(id: str, title: str, description: str, axis: Axis, lines: Sequence[Line], *, log: bool = False) -> Chart:  # noqa: A002
    """Return lines over the seconds of a run.

    Args:
        id: See :class:`Chart`.
        title: See :class:`Chart`.
        description: See :class:`Chart`.
        axis: Intervals of the run.
        lines: Lines in their own units; in seconds if ``log``.
        log: Whether the vertical axis is a logarithmic axis of times.
    """
    series = []
    for line in lines:
        values = [None if value is None else _milliseconds(value) if log else _round(value) for value in line.values]
        one = _line(line.name, _points(axis.starts, values), line.color)
        one["lineStyle"] = {"color": line.color, "width": 1.8, "type": "dotted" if line.dotted else "solid"}
        if line.area:
            one["areaStyle"] = {"color": line.color, "opacity": 0.18}
        series.append(one)
    if axis.bands:  # a series of their own, so that they stay when a reader hides another one
        series.append({"type": "line", "name": "", "data": [], "markArea": mark_area(axis.bands)})
    if log:
        vertical = _log_axis([value for line in lines for value in line.values if value is not None])
    else:
        vertical = {"type": "value", "min": 0, "splitNumber": 4, "axisLabel": {"formatter": "@number"}}
    horizontal = {"type": "value", "min": axis.first, "max": axis.last + 1, "axisLabel": {"formatter": "@clock"}}
    option = _base(series, horizontal, vertical, {line.name for line in lines})
    return Chart(id, title, description, option, "@clock", tuple("@ms" if log else line.unit for line in lines))


def over_load(
    id: str,  # noqa: A002
    title: str,
    description: str,
    lines: Sequence[LoadLine],
    band: tuple[float, float] | None = None,
) -> Chart:
    """Return lines over the load of a search, a dot for each point.

    Args:
        id: See :class:`Chart`.
        title: See :class:`Chart`.
        description: See :class:`Chart`.
        lines: Lines of times, on a logarithmic axis, or of anything else.
        band: Two loads between which the chart is shaded, None for no band.
    """
    times = all(line.unit == "@ms" for line in lines)
    series: list[Option] = []
    for line in lines:
        data = [
            [_round(load), None if value is None else _milliseconds(value) if times else _round(value)]
            for load, value in line.points
        ]
        one = _line(line.name, data, line.color) | {"symbol": "circle", "symbolSize": 6}
        if band is not None and not series:
            area = [{"xAxis": _round(band[0])}, {"xAxis": _round(band[1])}]
            one["markArea"] = {"silent": True, "itemStyle": {"color": "--pass", "opacity": 0.15}, "data": [area]}
        series.append(one)
    if times:
        vertical = _log_axis([value for line in lines for _, value in line.points if value is not None])
    else:
        vertical = {"type": "value", "min": 0, "splitNumber": 4, "axisLabel": {"formatter": "@number"}}
    horizontal = {"type": "value", "min": 0, "axisLabel": {"formatter": "@count"}}
    option = _base(series, horizontal, vertical, {line.name for line in lines})
    return Chart(id, title, description, option, "@number", tuple(line.unit for line in lines))


def heat_map(id: str, title: str, description: str, heat: Heat) -> Chart:  # noqa: A002
    """Return response times over time, with the number of answers in each cell."""
    option: Option = {
        "grid": dict(_GRID),
        "xAxis": _category([str(second) for second in heat.axis.starts], "@clock"),
        "yAxis": _category(_row_labels(heat), "", every=True),
        "visualMap": {
            "type": "piecewise",
            "pieces": _pieces(max(count for _, _, count in heat.cells)),
            "orient": "horizontal",
            "top": 0,
            "left": 0,
            "itemWidth": 12,
            "itemHeight": 12,
            "itemGap": 8,
            "textStyle": {"color": "--soft"},
        },
        "series": [{"type": "heatmap", "name": "answers", "data": [list(cell) for cell in heat.cells]}],
    }
    rows = tuple(
        f"{format_time(bottom)} to {format_time(top)}" for bottom, top in itertools.pairwise((heat.below, *heat.tops))
    )
    return Chart(id, title, description, option, "@clock", ("@count",), kind="item", rows=rows)


def _pieces(most: int) -> list[Option]:
    """Return classes of counts up to ``most``, at most one for each colour."""
    steps = [1, *(step * 10**power for power in range(12) for step in (3, 10))]
    edges = [step for step in steps if step <= most]
    edges = edges[:: -(-len(edges) // len(_HEAT))]
    tops = [*(edge - 1 for edge in edges[1:]), most]
    colors = _HEAT[len(_HEAT) - len(edges) :]
    return [
        {
            "gte": edge,
            "lte": top,
            "label": f"{edge:,}" if edge == top else f"{edge:,}\N{EN DASH}{top:,}",
            "color": color,
        }
        for edge, top, color in zip(edges, tops, colors, strict=True)
    ]


def _row_labels(heat: Heat) -> list[str]:
    """Return a label for each row that contains a power of ten, and an empty one for the others."""
    round_times = [10.0**power for power in range(-6, 3)]
    edges = itertools.pairwise((heat.below, *heat.tops))
    return [next((format_time(time) for time in round_times if low < time <= high), "") for low, high in edges]


def by_chunk(id: str, title: str, description: str, chunks: Sequence[ChunkTimes]) -> Chart:  # noqa: A002
    """Return service times of chunks by index."""
    looks = (("p50", "--p50"), ("p99", "--p99"), ("max", "--max"))
    rows: dict[str, list[float | None]] = {
        "p50": [one.p50 for one in chunks],
        "p99": [one.p99 for one in chunks],
        "max": [one.most for one in chunks],
    }
    series = []
    for name, color in looks:
        values = [None if value is None else _milliseconds(value) for value in rows[name]]
        series.append(_line(name, values, color) | {"symbol": "circle", "symbolSize": 7})
    seconds = [value for row in rows.values() for value in row if value is not None]
    horizontal = _category([one.label for one in chunks], "")
    option = _base(series, horizontal, _log_axis(seconds), set(rows))
    return Chart(id, title, description, option, "@chunk", ("@ms",) * len(series))


def by_run(id: str, title: str, description: str, runs: Sequence[str], lines: Sequence[Line]) -> Chart:  # noqa: A002
    """Return values of many runs, one after the other; lines that are dotted have no points."""
    series = []
    for line in lines:
        values = [None if value is None else _round(value) for value in line.values]
        look = {"color": line.color, "width": 1.8, "type": "dotted" if line.dotted else "solid"}
        points = {"symbol": "none"} if line.dotted else {"symbol": "circle", "symbolSize": 6}
        series.append(_line(line.name, values, line.color) | points | {"lineStyle": look})
    # Other units are in the title, and too wide for the axis.
    label = "@ms" if lines[0].unit == "@ms" else "@number"
    vertical = {"type": "value", "min": 0, "splitNumber": 4, "axisLabel": {"formatter": label}}
    option = _base(series, _category(list(runs), ""), vertical, {line.name for line in lines})
    return Chart(id, title, description, option, "@plain", tuple(line.unit for line in lines))


_GRID: Option = {"left": 58, "right": 16, "top": 34, "bottom": 26, "outerBoundsMode": "none"}


def _base(series: list[Option], horizontal: Option, vertical: Option, names: Iterable[str]) -> Option:
    legend = {
        "type": "scroll",
        "top": 0,
        "left": 0,
        "itemWidth": 18,
        "itemHeight": 8,
        "data": sorted(names, key=_order(series)),
    }
    return {
        "grid": dict(_GRID),
        "legend": legend | {"textStyle": {"color": "--soft"}, "icon": "roundRect"},
        "xAxis": _looks(horizontal),
        "yAxis": _looks(vertical),
        "series": series,
    }


def _order(series: Sequence[Option]) -> Any:
    names = [one["name"] for one in series]
    return lambda name: names.index(name) if name in names else len(names)


def _looks(axis: Option) -> Option:
    label = {"color": "--soft", "fontSize": 12, "hideOverlap": True} | axis.get("axisLabel", {})
    line = {"show": True, "lineStyle": {"color": "--line"}}
    return axis | {"axisLabel": label, "axisLine": line, "splitLine": line, "axisTick": axis.get("axisTick", {}) | line}


def _category(labels: list[str], formatter: str, *, every: bool = False) -> Option:
    label: Option = {"formatter": formatter} if formatter else {}
    if every:
        label["interval"] = 0
    axis = _looks({"type": "category", "data": labels, "axisLabel": label})
    return axis | {"splitLine": {"show": False}, "axisTick": {"show": False}}


def _line(name: str, data: Sequence[Any], color: str) -> Option:
    return {
        "type": "line",
        "name": name,
        "data": data,
        "symbol": "none",
        "symbolSize": 5,
        "connectNulls": False,
        "itemStyle": {"color": color},
        "lineStyle": {"color": color, "width": 2},
        "emphasis": {"disabled": True},
    }


def _points(places: Sequence[float], values: Sequence[float | None]) -> list[Any]:
    """Return places and values; a value between gaps is a dot, since a line would not show it."""
    points: list[Any] = []
    for at, (place, value) in enumerate(zip(places, values, strict=True)):
        beside = (*values[max(at - 1, 0) : at], *values[at + 1 : at + 2])
        alone = value is not None and all(other is None for other in beside)
        points.append({"value": [place, value], "symbol": "circle"} if alone else [place, value])
    return points


def _ticks(places: Sequence[float], formatter: str) -> Option:
    return {
        "axisLabel": {"customValues": places, "formatter": formatter},
        "axisTick": {"customValues": places},
    }


def _log_axis(seconds: Iterable[float]) -> Option:
    """Return a logarithmic axis of milliseconds between round numbers just beyond the times."""
    times = [_milliseconds(value) for value in seconds] or [1.0]
    places = [step * 10.0**power for power in range(-3, 6) for step in _DECADES]
    low = max((place for place in places if place <= min(times)), default=places[0])
    high = min((place for place in places if place >= max(times) and place > low), default=places[-1])
    held = [place for place in places if low <= place <= high]
    if len(held) > 8:
        held = [place for place in held if place in (low, high) or math.log10(place) == round(math.log10(place))]
    return {"type": "log", "min": low, "max": high} | _ticks(held, "@ms")


def _milliseconds(seconds: float) -> float:
    return max(_round(seconds * 1000), 0.001)


def _round(number: float) -> float:
    """Round to four significant digits: no chart shows more, and the page stays small."""
    return float(f"{number:.4g}")
