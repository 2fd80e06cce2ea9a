"""The result of a run, built from its cases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from hanami_conformance.catalogue import Requirement, catalogue
from hanami_conformance.combinations.coverage import CoverageLog
from hanami_conformance.known_failures.file import KnownList
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import (
    JUDGED_OUTCOMES,
    NO_NEW_FAILURES,
    CaseResult,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)
from hanami_reports.model.known_failure_matching import SuiteCase, entry_results, match_entries
from hanami_reports.model.known_failures import KnownFailuresReport
from hanami_reports.model.verdicts import exit_status, known_reason, requirement_verdict


def build_result(
    *,
    planned: Mapping[str, tuple[str, tuple[str, ...]]],
    cases: Mapping[str, CaseResult],
    manifest: Mapping[str, Any],
    selected: Collection[str] | None,
    level: Level,
    reason: str,
    unreachable: bool,
    interrupted: bool,
    shortage: bool,
    leftovers: Sequence[str],
    restarted: bool = False,
    known: KnownList | None = None,
    suite: Mapping[str, SuiteCase] | None = None,
    today: date | None = None,
    coverage: CoverageLog | None = None,
    requirements: Mapping[str, Requirement] | None = None,
) -> RunResult:
    """Judge every requirement and the target as a whole.

    Args:
        planned: Case id to its title and requirements, for every planned case.
        cases: Case id to result, for every case that ran.
        manifest: Facts to reproduce the run.
        selected: Ids of the selected requirements, None for all.
        level: Lowest level that decides the exit status.
        reason: Reason for an early end of the run, one line.
        unreachable: Whether the target could not be reached at all.
        interrupted: Whether the user stopped the run.
        shortage: Whether this machine lacks what the run needs, which ended it.
        leftovers: Resources that could not be deleted.
        restarted: Whether the server was restarted after every crash.
        known: List of known failures, None for none.
        suite: All cases of the suite by their ids, for the list; also those that were not planned.
        today: Day for the expiry of entries, None for the current day.
        coverage: Rows of the input models that were executed, None for none.
        requirements: Catalogue by which the target is judged, None for that of servers.
    """
    lost = not restarted and any(case.outcome is Outcome.LOST for case in cases.values())
    ended = "the target was lost before it" if lost else "the run was interrupted before it" if interrupted else reason
    why = ended or "the run ended before it"
    every = [
        cases.get(name) or CaseResult(name, title, requirements, Outcome.NOT_RUN, reason=why)
        for name, (title, requirements) in planned.items()
    ]
    entries = catalogue() if requirements is None else requirements
    is_whole = {name for case in every for name in case.requirements} >= set(entries)
    judged = tuple(_requirement(one, every, selected, whole_suite=is_whole) for one in entries.values())
    status = exit_status(judged, every, least=level)
    if restarted and status == ExitStatus.TARGET_LOST:
        status = ExitStatus.NOT_CONFORMANT  # every case had its turn
    if shortage:
        status = ExitStatus.SUITE_FAULT
    elif unreachable:
        status = ExitStatus.TARGET_LOST
    elif interrupted and status != ExitStatus.TARGET_LOST:
        status = ExitStatus.INTERRUPTED
    if status == ExitStatus.NOTHING_RAN and not reason:
        lacking = (Verdict.NOT_RUN, Verdict.UNSUPPORTED)
        unjudged = [one.id for one in judged if one.selected and one.verdict in lacking]
        reason = f"not judged: {', '.join(unjudged)}" if unjudged else ""
    if status == ExitStatus.NOT_CONFORMANT and not reason:
        reason = _hidden_cause(judged, every, selected)
    use = None if known is None else _use(known, every, suite or {}, selected, today or date.today())  # noqa: DTZ011
    if status == ExitStatus.CONFORMANT and use is not None and use.wrong:
        status, reason = ExitStatus.NOT_CONFORMANT, use.summary()
    verdicts = {case.id for case in every if case.outcome in JUDGED_OUTCOMES}
    met = () if coverage is None else coverage.coverage(verdicts)
    result = RunResult(manifest, status, reason, judged, tuple(every), tuple(leftovers), use, met)
    if result.headline == NO_NEW_FAILURES:
        return replace(result, reason=known_reason(result.known_violations))
    return result


def _hidden_cause(
    requirements: Sequence[RequirementResult], cases: Sequence[CaseResult], selected: Collection[str] | None
) -> str:
    """Return why a target is not conformant where the selected requirements do not show it; empty where they do."""
    failed = [one.id for one in requirements if one.verdict is Verdict.FAIL]
    blocked = [case for case in cases if case.outcome is Outcome.BLOCKED]
    if not failed and blocked:
        return f"{pluralise(len(blocked), 'case')} could not run: {blocked[0].reason}"
    outside = [] if selected is None else [name for name in failed if name not in selected]
    return f"violated outside the selection: {', '.join(outside)}" if outside else ""


def _use(
    known: KnownList,
    cases: Sequence[CaseResult],
    suite: Mapping[str, SuiteCase],
    selected: Collection[str] | None,
    today: date,
) -> KnownFailuresReport:
    matches = match_entries(known.entries, cases, suite, selected)
    return KnownFailuresReport(known.file, known.server, entry_results(matches, suite, today))


def _requirement(
    entry: Requirement, cases: Sequence[CaseResult], selected: Collection[str] | None, *, whole_suite: bool
) -> RequirementResult:
    name = entry.id
    own = [case for case in cases if name in case.requirements or name in case.violated]
    verdict, reason = requirement_verdict(entry.level, name, own)
    is_selected = name in selected if selected is not None else bool(own) or whole_suite
    is_selected |= any(name in case.violated for case in own)  # found on the way: named, whatever was selected
    if not is_selected:
        verdict, reason = Verdict.NOT_RUN, "not selected"
    return RequirementResult(
        id=name,
        level=entry.level,
        workflow=entry.workflow,
        step=entry.step,
        text=entry.text,
        violation=entry.violation,
        verdict=verdict,
        reason=reason,
        cases=tuple(case.id for case in own),
        selected=is_selected,
    )
