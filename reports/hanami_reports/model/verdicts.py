"""Verdicts: on a requirement from its cases, and on a run from its requirements."""

from __future__ import annotations

from collections.abc import Sequence

from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import CaseResult, ExitStatus, Level, Outcome, RequirementResult, Verdict

# Outcomes of cases that say nothing of the server. The first of them that occurs gives the reason.
COULD_NOT_RUN = (Outcome.LOST, Outcome.SKIPPED, Outcome.BLOCKED, Outcome.NOT_RUN)


def requirement_verdict(level: Level, requirement_id: str, cases: Sequence[CaseResult]) -> tuple[Verdict, str]:
    """Return the verdict on a requirement, and one line of reason, empty if there is nothing to explain.

    One failed case outweighs any number of passed cases. Cases that could not run say nothing: the others decide, and
    the reason counts them.

    Args:
        level: Level of the requirement.
        requirement_id: Id of the requirement.
        cases: Cases that check it, or found it violated.
    """
    if not cases:
        return Verdict.NOT_RUN, "none of its cases was run"
    violating = [case for case in cases if requirement_id in case.violated and level is not Level.OBSERVE]
    for case in violating:
        if case.outcome is not Outcome.KNOWN:
            return Verdict.FAIL, case.reason
    # What the suite itself did wrong hides nothing: it stays visible beside any number of passed cases.
    for outcome, verdict in ((Outcome.ERROR, Verdict.NOT_RUN), (Outcome.VACUOUS, Verdict.VACUOUS)):
        for case in cases:
            if case.outcome is outcome:
                return verdict, case.reason
    for case in violating:
        return Verdict.KNOWN, f"{case.known}: {case.reason}"
    if any(case.outcome is Outcome.PASSED and is_evidence_for(case, requirement_id) for case in cases):
        return (Verdict.OBSERVED if level is Level.OBSERVE else Verdict.PASS), _count_missing(cases)
    return _verdict_without_evidence(cases)


def _count_missing(cases: Sequence[CaseResult]) -> str:
    """Return how many cases could not run, or ended with a violation of another requirement; empty for none."""
    of = f"of {pluralise(len(cases), 'case')}"
    missing = [case for case in cases if case.outcome in COULD_NOT_RUN]
    parts = [f"{len(missing)} {of} could not run: {missing[0].reason}"] if missing else []
    ended = [case for case in cases if case.outcome in (Outcome.FAILED, Outcome.KNOWN)]
    if ended:
        violated = sorted({name for case in ended for name in case.violated})
        parts.append(f"{len(ended)} {of} violated {', '.join(violated)} before it was reached")
    return "; ".join(parts)


def _verdict_without_evidence(cases: Sequence[CaseResult]) -> tuple[Verdict, str]:
    """Return the verdict on a requirement that no case found violated, and for which no case is evidence."""
    for outcome in COULD_NOT_RUN:
        for case in cases:
            if case.outcome is outcome:
                return (Verdict.LOST if outcome is Outcome.LOST else Verdict.NOT_RUN), case.reason
    for case in cases:
        if case.outcome is Outcome.UNSUPPORTED:  # whether the other cases failed as listed makes no difference
            return Verdict.UNSUPPORTED, case.reason
    # A case ends with its first violation. After known failures alone, the requirement counts as known, too.
    if not any(case.outcome is Outcome.FAILED for case in cases):
        for case in cases:
            if case.outcome is Outcome.KNOWN:
                return Verdict.KNOWN, f"not judged: {', '.join(case.violated)} is known to fail before it"
    if any(case.outcome is Outcome.PASSED for case in cases):
        return Verdict.NOT_RUN, "no generated sequence reached this requirement"
    return Verdict.NOT_RUN, f"its cases violated another requirement: {cases[0].reason}"


def judges(case: CaseResult, requirement_id: str) -> bool:
    """Whether a case says something about a requirement. One that violated another requirement ended there."""
    return requirement_id in case.violated or (case.outcome is Outcome.PASSED and is_evidence_for(case, requirement_id))


def is_evidence_for(case: CaseResult, requirement_id: str) -> bool:
    """Whether a passed case is evidence for a requirement: if it ran sequences, one of them must have reached it."""
    return not case.sequences or requirement_id in case.checks_by_requirement


def known_reason(violated: Sequence[RequirementResult]) -> str:
    """Return how many requirements known failures violate, and how many of them are a MUST; empty for none."""
    if not violated:
        return ""
    musts = sum(one.level is Level.MUST for one in violated)
    noted = f", {musts} of them a MUST" if musts else ", none of them a MUST"
    return f"{pluralise(len(violated), 'requirement')} known to fail{noted}"


def exit_status(requirements: Sequence[RequirementResult], cases: Sequence[CaseResult], *, least: Level) -> ExitStatus:
    """Return the exit status of a run.

    Args:
        requirements: Requirements with their verdicts.
        cases: Cases with their outcomes.
        least: MUST to count MUST requirements only, SHOULD to count both.
    """
    counted = {Level.MUST} if least is Level.MUST else {Level.MUST, Level.SHOULD}
    outcomes = {case.outcome for case in cases}
    if Outcome.LOST in outcomes:
        return ExitStatus.TARGET_LOST
    levels = {requirement.id: requirement.level for requirement in requirements}
    violated = {levels[name] for case in cases if case.outcome is not Outcome.KNOWN for name in case.violated}
    blocked = {levels[name] for case in cases if case.outcome is Outcome.BLOCKED for name in case.requirements}
    if (violated | blocked) & counted:
        return ExitStatus.NOT_CONFORMANT
    if outcomes & {Outcome.ERROR, Outcome.VACUOUS}:
        return ExitStatus.SUITE_FAULT
    if not outcomes & {Outcome.PASSED, Outcome.FAILED, Outcome.KNOWN}:
        return ExitStatus.NOTHING_RAN
    selected = [one for one in requirements if one.selected]
    unjudged = any(one.verdict is Verdict.NOT_RUN and one.level in counted for one in selected)
    all_unsupported = all(one.verdict is Verdict.UNSUPPORTED for one in selected)
    if Outcome.NOT_RUN in outcomes or unjudged or all_unsupported:
        return ExitStatus.NOTHING_RAN
    return ExitStatus.CONFORMANT
