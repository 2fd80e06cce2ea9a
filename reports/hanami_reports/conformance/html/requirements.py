"""Requirements as a page shows them, and the matrix of workflow steps and levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hanami_reports.conformance.html.cases import CaseView, SkippedGroup, TestView, silences_of, tests_of
from hanami_reports.conformance.html.selection import SelectedCases
from hanami_reports.model.conformance import CaseResult, Level, Outcome, RequirementResult, RunResult, Verdict

_JUDGED = (Outcome.PASSED, Outcome.FAILED, Outcome.KNOWN, Outcome.LOST)
OBSERVATIONS_SHOWN = 40

# The mark and the style of a verdict; the word always stands beside it.
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
# The same for outcomes of cases.
OUTCOME_STYLES: Mapping[str, str] = {
    Outcome.PASSED: "pass",
    Outcome.FAILED: "fail",
    Outcome.KNOWN: "known",
    Outcome.UNSUPPORTED: "none",
    Outcome.BLOCKED: "open",
    Outcome.VACUOUS: "open",
    Outcome.LOST: "fail",
    Outcome.ERROR: "fail",
    Outcome.NOT_RUN: "open",
}


@dataclass(frozen=True)
class CrossReference:
    """A failing case that is told under another requirement."""

    case: str
    requirement: str
    anchor: str


@dataclass(frozen=True)
class RequirementView:
    """A requirement with all that is told under it.

    Attributes:
        requirement: as the result has it.
        anchor: by which it is linked to.
        tests: those that are about it.
        cases: their number.
        judged: of them, those that could judge it.
        exchanges: messages sent by them.
        sequences: told by them.
        duration: of them, seconds.
        observations: what was seen where the protocol leaves it open.
        failing: cases told here.
        elsewhere: failing cases told under another requirement.
        omitted: failing cases that there was no room for.
        silences: cases that judged nothing, by reason.
    """

    requirement: RequirementResult
    anchor: str
    tests: Sequence[TestView]
    cases: int
    judged: int
    exchanges: int
    sequences: int
    duration: float
    observations: Sequence[tuple[str, str]]
    failing: Sequence[CaseView]
    elsewhere: Sequence[CrossReference]
    omitted: int
    silences: Sequence[SkippedGroup]


@dataclass(frozen=True)
class Step:
    """A row of the matrix: one step of a workflow, and its requirements by level."""

    workflow: str
    step: str
    levels: Mapping[str, Sequence[RequirementView]]


def requirement_views(
    result: RunResult, told: SelectedCases, *, parameters_shown: int, prefix: str = ""
) -> list[RequirementView]:
    """Every requirement that was asked for.

    Args:
        result: of a run.
        told: its failing cases that the page shows.
        parameters_shown: of each test, at most.
        prefix: of anchors, where a page shows several results.
    """
    by_id = {case.id: case for case in result.cases}
    selected = [one for one in result.requirements if one.selected]
    anchors = {one.id: f"{prefix}s{index + 1}" for index, one in enumerate(selected)}
    return [_view(one, by_id, told, anchors, parameters_shown) for one in selected]


def steps_of(views: Sequence[RequirementView]) -> list[Step]:
    """Return the rows of the matrix, workflows and their steps in the order in which the catalogue first names them."""
    workflows = list(dict.fromkeys(view.requirement.workflow for view in views))
    rows: dict[tuple[str, str], list[RequirementView]] = {}
    for workflow in workflows:
        for view in views:
            if view.requirement.workflow == workflow:
                rows.setdefault((workflow, view.requirement.step), []).append(view)
    return [
        Step(*row, {level.value: [view for view in own if view.requirement.level is level] for level in Level})
        for row, own in rows.items()
    ]


def _view(
    one: RequirementResult,
    by_id: Mapping[str, CaseResult],
    told: SelectedCases,
    anchors: Mapping[str, str],
    parameters_shown: int,
) -> RequirementView:
    cases = [by_id[name] for name in one.cases if name in by_id]
    own = told.by_requirement.get(one.id, [])
    here = {view.case.id for view in own}
    elsewhere = []
    for case in cases:
        home, anchor = told.places.get(case.id, ("", ""))
        if home and case.id not in here:
            elsewhere.append(CrossReference(case.id, home, anchor))
    seen = [(what, value) for case in cases for what, value in case.observations.items()]
    return RequirementView(
        requirement=one,
        anchor=anchors[one.id],
        tests=tests_of(cases, parameters_shown),
        cases=len(cases),
        judged=sum(case.outcome in _JUDGED for case in cases),
        exchanges=sum(case.exchanges for case in cases),
        sequences=sum(case.sequences for case in cases),
        duration=sum(case.duration for case in cases),
        observations=seen[:OBSERVATIONS_SHOWN] if one.level is Level.OBSERVE else [],
        failing=own,
        elsewhere=elsewhere[:OBSERVATIONS_SHOWN],
        omitted=told.omitted.get(one.id, 0),
        silences=silences_of(cases),
    )
