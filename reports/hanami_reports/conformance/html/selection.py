"""What of the failing cases a page has room for, and where each is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from hanami_reports.common.page import macro
from hanami_reports.conformance.html.cases import TOLD, CaseView
from hanami_reports.conformance.html.ladder import FULL, SHORT, codec_of, ladder
from hanami_reports.conformance.reproduce_commands import again, replay
from hanami_reports.model.conformance import CaseResult, RunResult

PLAIN_COST = 2_000  # bytes that a case may take besides its exchange and its texts
MISSES = 20  # after so many exchanges that did not fit no other is tried


@dataclass
class SpaceBudget:
    """Bytes that are left for cases; shared by all results of a page.

    Attributes:
        exchanges: for ladders.
        cases: for what is said of cases.
    """

    exchanges: int
    cases: int


@dataclass(frozen=True)
class SelectedCases:
    """The failing cases of a result that a page shows.

    Attributes:
        by_requirement: id of a requirement to the cases that are told under it.
        places: id of a case to the requirement that it is told under, and its anchor.
        omitted: id of a requirement to the number of its cases that there was no room for.
        exchanges_omitted: cases whose exchange there was no room for.
    """

    by_requirement: Mapping[str, list[CaseView]]
    places: Mapping[str, tuple[str, str]]
    omitted: Mapping[str, int]
    exchanges_omitted: int


def tell(result: RunResult, folder: Path, room: SpaceBudget, prefix: str = "") -> SelectedCases:
    """Choose what is told: first the first failing case of every requirement, then the second ones, and so on.

    Args:
        result: of a run.
        folder: where its reports are, for the lines to copy.
        room: what there is; what is used is taken from it.
        prefix: of anchors, where a page shows several results.
    """
    ranked: list[tuple[int, int, str, CaseResult]] = []
    ranks: dict[str, int] = {}
    asked = {one.id for one in result.requirements if one.selected}
    for order, outcome in enumerate(TOLD):
        for case in result.cases:
            home = next((name for name in (*case.violated, *case.requirements) if name in asked), None)
            if case.outcome is outcome and home is not None:
                ranks[home] = ranks.get(home, -1) + 1
                ranked.append((ranks[home], order, home, case))
    ranked.sort(key=lambda entry: entry[:2])
    by_requirement: dict[str, list[CaseView]] = {}
    places: dict[str, tuple[str, str]] = {}
    omitted: dict[str, int] = {}
    without = 0
    drawer = _Drawer(result, room)
    firsts = sum(rank == 0 for rank, *_ in ranked)
    for number, (_, _, home, case) in enumerate(ranked):
        share = room.exchanges // (firsts - number) if number < firsts else 0
        cost = _cost(case)
        if cost > room.cases:
            omitted[home] = omitted.get(home, 0) + 1
            continue
        room.cases -= cost
        drawn = drawer.draw(case, share)
        view = CaseView(
            case=case,
            anchor=f"{prefix}case-{number + 1}",
            again=again(case, result) if "target" in result.manifest else "",
            replay=replay(case, result, folder),
            exchange=drawn,
            omitted=len(case.exchange) if drawn is None else 0,
        )
        without += bool(view.omitted)
        by_requirement.setdefault(home, []).append(view)
        places[case.id] = home, view.anchor
    return SelectedCases(by_requirement, places, omitted, without)


def _cost(case: CaseResult) -> int:
    texts = (case.id, case.id, case.title, case.reason, case.expected, case.actual, case.known)
    return PLAIN_COST + sum(min(len(text), 2_000) for text in texts) + min(len(case.server_log), 8_000)


class _Drawer:
    """Draws exchanges while there is room."""

    def __init__(self, result: RunResult, room: SpaceBudget) -> None:
        self._codec = codec_of(result)
        self._room = room
        self._misses = 0
        self._macro = macro("ladder.html.j2", "ladder")

    def draw(self, case: CaseResult, share: int) -> Markup | None:
        """Return the exchange of a case; None where it has none, or there is no room for it.

        Args:
            case: that did not pass.
            share: bytes that its exchange may take in full; it is told more shortly where it needs more, or for 0.
        """
        if not case.exchange:
            return None
        for detail, most in ((FULL, share), (SHORT, self._room.exchanges)):
            if self._misses >= MISSES or not most:
                continue
            drawn: Markup = self._macro(ladder(case.exchange, self._codec, detail))
            size = len(drawn.encode("utf-8", "backslashreplace"))
            if size <= most:
                self._room.exchanges -= size
                return drawn
            self._misses += detail is SHORT
        return None
