"""Findings of two results matched with each other: what is new, gone, or lasts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hanami_reports.model.conformance import JUDGED_OUTCOMES, CaseResult, Outcome, RunResult
from hanami_reports.model.findings import FOUND, Cause, Finding, find, part_of, symptoms


class Presence(StrEnum):
    """Results that have a finding."""

    NEW = "new"
    GONE = "gone"
    NOT_JUDGED = "not judged"  # in the first result alone, and no case of it was judged in the second one
    LASTING = "lasting"


@dataclass(frozen=True)
class FindingChange:
    """A finding of either result.

    Attributes:
        presence: Results that have it.
        level: Strictest level of the violated requirements.
        requirements: Ids of the violated requirements, MUST first.
        title: What the target does, in a few words.
        reason: Failure of the case that shows it best, one line.
        note: How it stands in the list of known failures of the other result, or why it may be no change; may be empty.
        before: Ids of its cases in the first result.
        after: Ids of its cases in the second result.
    """

    presence: Presence
    level: str
    requirements: tuple[str, ...]
    title: str
    reason: str
    note: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def finding_changes(before: RunResult, after: RunResult) -> tuple[FindingChange, ...]:
    """Match the findings of two results.

    Two findings are the same if they share a symptom: what a case of each saw, without what differs from run to run.
    A finding holds all failures of a requirement. So cases that show no symptom of the other result, and did not fail
    in it, are a finding of their own: a defect must not hide behind an older one of the same requirement.

    Args:
        before: First result.
        after: Second result.

    Returns:
        New findings, those that are gone, those that were not judged again, and lasting ones; MUST first in each.
    """
    old, new = find(before), find(after)
    old_cases, new_cases = _by_symptom(old), _by_symptom(new)
    changes: list[FindingChange] = []
    for finding in new:
        lasting, added = _split(finding, before, old_cases)
        changes += (_lasting(part, old, old_cases) for part in lasting)
        changes += (_new(part, before) for part in added)
    for finding in old:
        changes += (_gone(part, after) for part in _split(finding, after, new_cases)[1])
    places = list(Presence)
    return tuple(sorted(changes, key=lambda change: (places.index(change.presence), change.level != "MUST")))


Cases = dict[Cause, list[CaseResult]]


def _by_symptom(findings: Iterable[Finding]) -> Cases:
    cases: Cases = {}
    for finding in findings:
        for case in finding.cases:
            for symptom in symptoms(case):
                cases.setdefault(symptom, []).append(case)
    return cases


def _split(finding: Finding, other: RunResult, other_cases: Cases) -> tuple[list[Finding], list[Finding]]:
    """Return the part of a finding that the other result has too, and the part that it has not; each may be missing."""
    shared = [case for case in finding.cases if not symptoms(case).isdisjoint(other_cases)]
    if not shared:
        return [], [finding]
    failed = {case.id for case in other.cases if case.outcome in FOUND}
    apart = [case for case in finding.cases if case not in shared and case.id not in failed]
    if not apart:
        return [finding], []
    return [part_of(finding, [case for case in finding.cases if case not in apart])], [part_of(finding, apart)]


def _lasting(finding: Finding, old: Iterable[Finding], old_cases: Cases) -> FindingChange:
    now = set(_ids(finding))
    shared = {one.id for case in finding.cases for key in symptoms(case) for one in old_cases.get(key, ())}
    before = [case.id for one in old for case in one.cases if case.id in shared or case.id in now]
    return _change(Presence.LASTING, finding, before=before, after=_ids(finding))


def _new(finding: Finding, before: RunResult) -> FindingChange:
    note = ""
    if _is_known(finding, before):
        note = "known before"
    elif not _judged(finding, before):
        note = "not judged before"
    return _change(Presence.NEW, finding, note=note, after=_ids(finding))


def _gone(finding: Finding, after: RunResult) -> FindingChange:
    if _is_known(finding, after):
        return _change(Presence.GONE, finding, note="known now", before=_ids(finding))
    presence = Presence.GONE if _judged(finding, after) else Presence.NOT_JUDGED
    return _change(presence, finding, before=_ids(finding))


def _is_known(finding: Finding, other: RunResult) -> bool:
    """Whether a known failure of the other result has a symptom of a finding."""
    known = _by_symptom(find(other, (Outcome.KNOWN,)))
    return any(not symptoms(case).isdisjoint(known) for case in finding.cases)


def _judged(finding: Finding, other: RunResult) -> bool:
    """Whether any case of a finding was judged in the other result."""
    ids = {case.id for case in finding.cases}
    return any(case.id in ids and case.outcome in JUDGED_OUTCOMES for case in other.cases)


def _ids(finding: Finding) -> tuple[str, ...]:
    return tuple(case.id for case in finding.cases)


def _change(
    presence: Presence, finding: Finding, *, note: str = "", before: Sequence[str] = (), after: Sequence[str] = ()
) -> FindingChange:
    ids = tuple(one.id for one in finding.requirements)
    reason = finding.example.reason
    return FindingChange(presence, finding.level, ids, finding.title, reason, note, tuple(before), tuple(after))


def count_text(changes: Collection[FindingChange]) -> str:
    """Return the numbers of findings, such as ``1 new finding, 2 gone, 3 lasting``; empty for none."""
    return ", ".join(_counts(changes))


def _counts(changes: Collection[FindingChange]) -> Iterator[str]:
    noun = "finding"
    for presence in Presence:
        if number := sum(change.presence is presence for change in changes):
            yield f"{number:,} {presence.value}" + (f" {noun if number == 1 else noun + 's'}" if noun else "")
            noun = ""
