"""Verdicts: of a requirement from its cases, and of a run from its requirements."""

from __future__ import annotations

from collections.abc import Sequence

from hanami_reports.model.conformance import CaseResult, ExitStatus, Level, Outcome, RequirementResult, Verdict


def judge(level: Level, requirement_id: str, cases: Sequence[CaseResult]) -> tuple[Verdict, str]:
    """Return the verdict on a requirement, from the cases that name it.

    The worst outcome decides: one failed case outweighs any number that passed.

    Returns:
        The verdict, and one line of reason where it is neither PASS nor OBSERVED.
    """
    if not cases:
        return Verdict.NOT_RUN, "no case of it was run"
    for case in cases:
        if requirement_id in case.violated and case.outcome is not Outcome.KNOWN and level is not Level.OBSERVE:
            return Verdict.FAIL, case.reason
    ranking = (
        (Outcome.LOST, Verdict.LOST),
        (Outcome.ERROR, Verdict.NOT_RUN),
        (Outcome.VACUOUS, Verdict.VACUOUS),
        (Outcome.BLOCKED, Verdict.NOT_RUN),
        (Outcome.NOT_RUN, Verdict.NOT_RUN),
    )
    for outcome, verdict in ranking:
        for case in cases:
            if case.outcome is outcome:
                return verdict, case.reason
    for case in cases:
        if case.outcome is Outcome.KNOWN and requirement_id in case.violated and level is not Level.OBSERVE:
            return Verdict.KNOWN, f"{case.known}: {case.reason}"
    return _judge_harmless(level, requirement_id, cases)


def _judge_harmless(level: Level, requirement_id: str, cases: Sequence[CaseResult]) -> tuple[Verdict, str]:
    """Return the verdict on a requirement that no case found broken, or could not come to."""
    passed = [case for case in cases if case.outcome is Outcome.PASSED]
    if any(proves(case, requirement_id) for case in passed):
        return (Verdict.OBSERVED if level is Level.OBSERVE else Verdict.PASS), ""
    if not any(case.outcome is Outcome.FAILED for case in cases):
        for case in cases:
            if case.outcome is Outcome.KNOWN:
                return Verdict.KNOWN, f"not judged: {', '.join(case.violated)} is known to fail before it"
    for case in cases:
        if case.outcome is Outcome.UNSUPPORTED:
            return Verdict.UNSUPPORTED, case.reason
    if passed:
        return Verdict.NOT_RUN, "no sequence came to it"
    return Verdict.NOT_RUN, f"its cases broke another requirement: {cases[0].reason}"


def proves(case: CaseResult, requirement_id: str) -> bool:
    """Whether a case that passed says something of a requirement: of sequences, one must have come to it."""
    return not case.sequences or requirement_id in case.checks_by_requirement


def exit_status(requirements: Sequence[RequirementResult], cases: Sequence[CaseResult], *, least: Level) -> int:
    """Return the exit status that requirements and cases add up to.

    Args:
        requirements: with their verdicts.
        cases: as they ran.
        least: MUST to judge by MUST requirements alone, SHOULD to judge by both.
    """
    counted = {Level.MUST} if least is Level.MUST else {Level.MUST, Level.SHOULD}
    outcomes = {case.outcome for case in cases}
    if Outcome.LOST in outcomes:
        return ExitStatus.TARGET_LOST
    by_level = {requirement.id: requirement.level for requirement in requirements}
    unlisted = [case for case in cases if case.outcome is not Outcome.KNOWN]
    broken = {by_level[requirement_id] for case in unlisted for requirement_id in case.violated}
    blocked = {by_level[name] for case in cases if case.outcome is Outcome.BLOCKED for name in case.requirements}
    if (broken | blocked) & counted:
        return ExitStatus.NOT_CONFORMANT
    if outcomes & {Outcome.ERROR, Outcome.VACUOUS}:
        return ExitStatus.SUITE_FAULT
    if not outcomes & {Outcome.PASSED, Outcome.FAILED, Outcome.KNOWN}:
        return ExitStatus.NOTHING_RAN
    unjudged = any(one.selected and one.verdict is Verdict.NOT_RUN and one.level in counted for one in requirements)
    silent = all(one.verdict is Verdict.UNSUPPORTED for one in requirements if one.selected)
    if Outcome.NOT_RUN in outcomes or unjudged or silent:
        return ExitStatus.NOTHING_RAN
    return ExitStatus.CONFORMANT
