"""Requirements on a page, and the matrix of workflow steps and levels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hanami_reports.conformance.html.cases import CaseView, SkippedGroup, TestView, group_skipped, views_by_test
from hanami_reports.conformance.html.selection import SelectedCases
from hanami_reports.model.conformance import CaseResult, Level, Outcome, RequirementResult, RunResult, Verdict
from hanami_reports.model.verdicts import judges

_ANCHOR = re.compile(r"[A-Z]+-\d+")  # ids of the catalogue; a file may hold any others
MOST_OBSERVATIONS = 40
MOST_REFERENCES = 40

# Mark and CSS class of a verdict; its name always stands beside the mark.
MARKS: Mapping[str, tuple[str, str]] = {
    Verdict.PASS: ("✓", "pass"),
    Verdict.FAIL: ("✗", "fail"),
    Verdict.KNOWN: ("◆", "known"),
    Verdict.OBSERVED: ("○", "seen"),
    Verdict.UNSUPPORTED: ("\N{EN DASH}", "none"),
    Verdict.NOT_RUN: ("?", "open"),
    Verdict.LOST: ("!", "fail"),
    Verdict.VACUOUS: ("∅", "open"),
}
# CSS class of an outcome.
OUTCOME_STYLES: Mapping[str, str] = {
    Outcome.PASSED: "pass",
    Outcome.FAILED: "fail",
    Outcome.KNOWN: "known",
    Outcome.UNSUPPORTED: "none",
    Outcome.BLOCKED: "open",
    Outcome.VACUOUS: "open",
    Outcome.LOST: "fail",
    Outcome.ERROR: "fail",
    Outcome.SKIPPED: "open",
    Outcome.NOT_RUN: "open",
}


@dataclass(frozen=True)
class CrossReference:
    """A failing case that is shown under another requirement, or as the example of a finding."""

    case: str
    requirement: str
    anchor: str


@dataclass(frozen=True)
class RequirementView:
    """A requirement with everything shown under it.

    Attributes:
        requirement: Result of the requirement.
        anchor: Anchor that links to it.
        tests: Tests that check it.
        cases: Number of its cases.
        judged: Number of cases that could judge it.
        failed: Number of cases that violate it.
        exchanges: Number of messages sent.
        sequences: Number of generated sequences.
        duration: Time in seconds.
        observations: Names and values of observed behaviour that the protocol leaves open.
        failing: Cases shown here.
        elsewhere: Failing cases shown under another requirement.
        omitted: Number of failing cases left out for lack of room.
        skipped: Cases that judged nothing, by reason.
    """

    requirement: RequirementResult
    anchor: str
    tests: Sequence[TestView]
    cases: int
    judged: int
    failed: int
    exchanges: int
    sequences: int
    duration: float
    observations: Sequence[tuple[str, str]]
    failing: Sequence[CaseView]
    elsewhere: Sequence[CrossReference]
    omitted: int
    skipped: Sequence[SkippedGroup]


@dataclass(frozen=True)
class MatrixRow:
    """One step of a workflow, and its requirements by level."""

    workflow: str
    step: str
    levels: Mapping[str, Sequence[RequirementView]]


def requirement_views(
    result: RunResult, selected: SelectedCases, *, most_parameters: int, prefix: str = ""
) -> list[RequirementView]:
    """Return the selected requirements of a run.

    Args:
        result: Result of a run.
        selected: Failing cases that the page shows.
        most_parameters: Greatest number of cases of a test whose parameters are shown.
        prefix: Prefix of anchors, for a page with several results.
    """
    by_id = {case.id: case for case in result.cases}
    requirements = [one for one in result.requirements if one.selected]
    views = []
    for number, one in enumerate(requirements, start=1):
        cases = [by_id[name] for name in one.cases if name in by_id]
        name = one.id if _ANCHOR.fullmatch(one.id) else f"s{number}"
        views.append(_view(one, f"{prefix}{name}", cases, selected, most_parameters))
    return views


def matrix_rows(views: Sequence[RequirementView]) -> list[MatrixRow]:
    """Return the rows of the matrix, workflows and steps in the order in which the catalogue first names them."""
    workflows = dict.fromkeys(view.requirement.workflow for view in views)
    steps: dict[tuple[str, str], list[RequirementView]] = {}
    for workflow in workflows:
        for view in views:
            if view.requirement.workflow == workflow:
                steps.setdefault((workflow, view.requirement.step), []).append(view)
    rows = []
    for (workflow, step), own in steps.items():
        levels = {level.value: [view for view in own if view.requirement.level is level] for level in Level}
        rows.append(MatrixRow(workflow, step, levels))
    return rows


def _view(
    one: RequirementResult, anchor: str, cases: Sequence[CaseResult], selected: SelectedCases, most_parameters: int
) -> RequirementView:
    failing = selected.by_requirement.get(one.id, [])
    here = {view.case.id for view in failing}
    elsewhere = [
        CrossReference(case.id, *selected.places[case.id])
        for case in cases
        if case.id in selected.places and case.id not in here
    ]
    observations = [pair for case in cases for pair in case.observations.items()]
    return RequirementView(
        requirement=one,
        anchor=anchor,
        tests=views_by_test(cases, most_parameters),
        cases=len(cases),
        judged=sum(judges(case, one.id) for case in cases),
        failed=sum(one.id in case.violated for case in cases),
        exchanges=sum(case.exchanges for case in cases),
        sequences=sum(case.sequences for case in cases),
        duration=sum(case.duration for case in cases),
        observations=observations[:MOST_OBSERVATIONS] if one.level is Level.OBSERVE else [],
        failing=failing,
        elsewhere=elsewhere[:MOST_REFERENCES],
        omitted=selected.omitted.get(one.id, 0),
        skipped=group_skipped(cases),
    )
