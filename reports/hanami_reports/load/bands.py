"""Bands in the charts over a run: its stages, its faults, and the recovery from each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hanami_reports.model.load import LoadResult

STAGE, FAULT, RECOVERY = "stage", "fault", "recovery"
MOST_NAMED = 12  # stages whose names fit into a chart
LEGEND = {
    FAULT: "Red: a fault; paler: the recovery from it, or the time until the end where there was none.",
    STAGE: "Grey: every second stage.",
}
_LOOKS: dict[str, dict[str, Any]] = {
    FAULT: {"color": "--fail", "opacity": 0.25, "borderColor": "--fail", "borderWidth": 1},
    RECOVERY: {"color": "--fail", "opacity": 0.08},
    STAGE: {"color": "--soft", "opacity": 0.08},
}


@dataclass(frozen=True)
class Band:
    """A part of a run.

    Attributes:
        kind: ``stage``, ``fault`` or ``recovery``.
        name: Name in the chart; empty for none.
        begin: Begin, seconds since measuring began.
        end: End, likewise.
        is_filled: Whether it is shaded; of stages only every second one is.
    """

    kind: str
    name: str
    begin: float
    end: float
    is_filled: bool = True


def bands_for(result: LoadResult) -> tuple[Band, ...]:
    """Return the bands of a run; those behind come first."""
    named = len(result.stages) <= MOST_NAMED
    stages = [
        Band(STAGE, one.name if named else "", one.begin, one.end, is_filled=bool(place % 2))
        for place, one in enumerate(result.stages)
    ]
    begins = [one.begin for one in result.faults[1:]] + [result.duration]
    recoveries = [
        Band(RECOVERY, "", one.end, following if one.recovery is None else one.end + one.recovery)
        for one, following in zip(result.faults, begins, strict=False)
    ]
    return (*stages, *recoveries, *(Band(FAULT, one.name, one.begin, one.end) for one in result.faults))


def band_notes(result: LoadResult) -> list[str]:
    """Return what the bands mean, a sentence each; empty without any."""
    kinds = {one.kind for one in bands_for(result)}
    return [text for kind, text in LEGEND.items() if kind in kinds]


def mark_area(bands: Sequence[Band]) -> dict[str, Any]:
    """Return the option of ECharts that draws bands."""
    data = []
    for one in bands:
        look = _LOOKS[one.kind] if one.is_filled else {"opacity": 0}
        place = "insideBottom" if one.kind == STAGE else "insideTop"
        label = {"position": place, "color": "--soft", "fontSize": 10}
        begin = {"name": one.name, "xAxis": round(one.begin, 3), "itemStyle": look, "label": label}
        data.append([begin, {"xAxis": round(one.end, 3)}])
    return {"silent": True, "data": data}
