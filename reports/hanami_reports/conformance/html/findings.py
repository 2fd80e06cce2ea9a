"""Findings on a page: each with its title, its requirements, and the case that shows it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hanami_reports.conformance.html.cases import CaseView
from hanami_reports.conformance.html.selection import SelectedCases, finding_name
from hanami_reports.model.conformance import RequirementResult
from hanami_reports.model.findings import Finding

MOST_CASES = 50  # ids of further cases of a finding
MOST_OPEN = 3  # findings whose example is open at first


@dataclass(frozen=True)
class FindingView:
    """A finding with everything shown under it.

    Attributes:
        anchor: Anchor that links to it.
        title: What the target does, in a few words.
        first: The most important violated requirement, None if the result does not describe it.
        others: Further violated requirements, with the number of cases that violate each.
        cases: Number of its cases.
        example: The case that shows it best; None for lack of room.
        is_open: Whether the example is open at first.
        further: Ids of further cases.
        more: Number of cases that are not named.
    """

    anchor: str
    title: str
    first: RequirementResult | None
    others: Sequence[tuple[RequirementResult, int]]
    cases: int
    example: CaseView | None
    is_open: bool
    further: Sequence[str]
    more: int


def finding_views(findings: Sequence[Finding], selected: SelectedCases) -> list[FindingView]:
    """Return the findings of a run.

    Args:
        findings: Findings, the most important first.
        selected: Failing cases that the page shows.
    """
    return [_view(number, finding, selected) for number, finding in enumerate(findings, 1)]


def _view(number: int, finding: Finding, selected: SelectedCases) -> FindingView:
    further = [case.id for case in finding.cases[1:]]
    return FindingView(
        anchor=finding_name(number).replace(" ", "-"),
        title=finding.title,
        first=finding.requirements[0] if finding.requirements else None,
        others=[(one, finding.count(one.id)) for one in finding.requirements[1:]],
        cases=len(finding.cases),
        example=next(iter(selected.by_requirement.get(finding_name(number), [])), None),
        is_open=number <= MOST_OPEN,
        further=further[:MOST_CASES],
        more=max(0, len(further) - MOST_CASES),
    )
