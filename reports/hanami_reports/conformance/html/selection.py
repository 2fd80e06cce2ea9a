"""The failing cases that a page has room for, and their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from hanami_reports.common.page import macro
from hanami_reports.conformance.export.client_commands import ClientCommands
from hanami_reports.conformance.html.cases import DETAILED_OUTCOMES, CaseView
from hanami_reports.conformance.html.ladder import EXAMPLE, FULL, SHORT, Detail, codec_for, ladder
from hanami_reports.conformance.reproduce_commands import replay_command, rerun_command
from hanami_reports.model.conformance import CaseResult, RunResult
from hanami_reports.model.findings import Finding, violating_event

BASE_COST = 2_000  # bytes of a case besides its exchange and its texts
MOST_MISSES = 20  # exchanges that did not fit before no further one is tried


@dataclass
class SpaceBudget:
    """Bytes left for cases; shared by all results of a page.

    Attributes:
        exchanges: Bytes for ladders.
        cases: Bytes for everything else about cases.
    """

    exchanges: int
    cases: int


@dataclass(frozen=True)
class SelectedCases:
    """The failing cases of a result that a page shows.

    Attributes:
        by_requirement: Cases by the id of the requirement, or the name of the finding, that they are shown under.
        places: That id or name, and the anchor, of each case by its id.
        omitted: Number of cases left out, by the id of their requirement.
        exchanges_omitted: Number of cases shown without their exchange.
    """

    by_requirement: Mapping[str, list[CaseView]]
    places: Mapping[str, tuple[str, str]]
    omitted: Mapping[str, int]
    exchanges_omitted: int


def finding_name(number: int) -> str:
    """Return the name of a finding, counted from 1."""
    return f"finding {number}"


def select_cases(
    result: RunResult, folder: Path, budget: SpaceBudget, prefix: str = "", findings: Sequence[Finding] = ()
) -> SelectedCases:
    """Select the cases to show: the example of every finding, the first failing case of every requirement, and so on.

    Args:
        result: Result of a run.
        folder: Folder of its reports, for commands.
        budget: Bytes that are left; reduced by those that are used.
        prefix: Prefix of anchors, for a page with several results.
        findings: Findings of which each shows its example.
    """
    by_requirement: dict[str, list[CaseView]] = {}
    places: dict[str, tuple[str, str]] = {}
    omitted: dict[str, int] = {}
    exchanges_omitted = 0
    renderer = ExchangeRenderer(result, budget)
    ranked = _ranked(result, findings)
    first_cases = sum(rank == 0 for rank, _, _ in ranked)
    for number, (_, home, case) in enumerate(ranked):
        # The first case of each requirement may use its share of what is left; the others are shown shortly.
        share = budget.exchanges // (first_cases - number) if number < first_cases else 0
        cost = _cost(case)
        if cost > budget.cases:
            omitted[home] = omitted.get(home, 0) + 1
            continue
        budget.cases -= cost
        exchange = renderer.render(case, share, EXAMPLE if number < len(findings) else FULL)
        view = CaseView(
            case=case,
            anchor=f"{prefix}case-{number + 1}",
            rerun=rerun_command(case, result) if "target" in result.manifest else "",
            replay=replay_command(case, result, folder),
            exchange=exchange,
            omitted=len(case.exchange) if exchange is None else 0,
        )
        if view.omitted:
            exchanges_omitted += 1
        by_requirement.setdefault(home, []).append(view)
        places[case.id] = home, view.anchor
    return SelectedCases(by_requirement, places, omitted, exchanges_omitted)


def _ranked(result: RunResult, findings: Sequence[Finding]) -> list[tuple[int, str, CaseResult]]:
    """Return the failing cases in the order of their importance, with their rank within their home and its name."""
    ranked: list[tuple[int, int, str, CaseResult]] = []
    ranks: dict[str, int] = {}
    examples = {finding.example.id: finding_name(number) for number, finding in enumerate(findings, 1)}
    selected = {one.id for one in result.requirements if one.selected}
    for order, outcome in enumerate(DETAILED_OUTCOMES):
        for case in result.cases:
            own = next((name for name in (*case.violated, *case.requirements) if name in selected), None)
            home = examples.get(case.id, own)
            if case.outcome is outcome and home is not None:
                ranks[home] = ranks.get(home, -1) + 1
                # Cases of requirements come after all examples, which have most of the room.
                behind = 1 if examples and case.id not in examples else 0
                ranked.append((ranks[home] + behind, order, home, case))
    ranked.sort(key=lambda entry: entry[:2])
    return [(rank, home, case) for rank, _, home, case in ranked]


def _cost(case: CaseResult) -> int:
    texts = (case.id, case.id, case.title, case.reason, case.expected, case.actual, case.known)
    return BASE_COST + sum(min(len(text), 2_000) for text in texts) + min(len(case.server_log), 8_000)


class ExchangeRenderer:
    """Renders exchanges while there is room."""

    def __init__(self, result: RunResult, budget: SpaceBudget) -> None:
        self._codec = codec_for(result)
        self._manifest = result.manifest
        self._budget = budget
        self._misses = 0  # rendering takes time, so it is given up after some that did not fit
        self._macro = macro("ladder.html.j2", "ladder")

    def render(self, case: CaseResult, share: int, detail: Detail) -> Markup | None:
        """Return the ladder of a case; None without an exchange or without room for it.

        Args:
            case: Case that did not pass.
            share: Bytes that the ladder may take; if it needs more, a short one is tried.
            detail: How much of the exchange is shown if there is room.
        """
        if not case.exchange:
            return None
        commands = ClientCommands(case.exchange, self._manifest)
        for extent, most in ((detail, share), (SHORT, self._budget.exchanges)):
            if self._misses >= MOST_MISSES or not most:
                continue
            view = ladder(case.exchange, self._codec, extent, violating_event(case), commands)
            rendered: Markup = self._macro(view)
            size = len(rendered.encode("utf-8", "backslashreplace"))
            if size <= most:
                self._budget.exchanges -= size
                return rendered
            if extent is SHORT:
                self._misses += 1
        return None
