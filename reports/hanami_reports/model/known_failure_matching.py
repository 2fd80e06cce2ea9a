"""Known failures matched against a run: what failed as listed, what failed differently, what no longer fails."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter

from hanami_proto.command_line import suggestion
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import CaseResult, Outcome
from hanami_reports.model.known_failures import Entry, EntryResult, ListedFailure, Problem, strip_parameters
from hanami_reports.model.verdicts import is_evidence_for

REASON_LIMIT = 160  # characters of another failure that are quoted
_FAILED = (Outcome.FAILED, Outcome.KNOWN)


@dataclass(frozen=True)
class SuiteCase:
    """Requirements that a case of the suite can find violated.

    Attributes:
        requirements: Ids of the requirements that it checks.
        may_violate: Ids of further requirements that it can find violated, though passing is no evidence for them.
    """

    requirements: tuple[str, ...]
    may_violate: tuple[str, ...] = ()

    @property
    def all_requirements(self) -> frozenset[str]:
        """All these ids."""
        return frozenset(self.requirements) | frozenset(self.may_violate)


@dataclass(frozen=True)
class EntryMatch:
    """Cases of a run that an entry covers.

    Attributes:
        entry: Entry of the list.
        unknown: Failures of the entry that cover no case of the suite.
        selected: Whether any covered case was selected for the run.
        as_listed: Ids of the cases that failed as listed.
        other_failures: Covered cases that failed in a way that no entry describes.
        resolved: Failures of the entry whose cases all ran and were judged, and of which none occurred.
    """

    entry: Entry
    unknown: tuple[ListedFailure, ...]
    selected: bool
    as_listed: tuple[str, ...]
    other_failures: tuple[CaseResult, ...]
    resolved: tuple[ListedFailure, ...]


def failure_texts(case: CaseResult) -> tuple[str, ...]:
    """Return the texts of a failure that may contain the message of an entry."""
    return case.reason, case.expected, case.actual


def find_entry(
    entries: Iterable[Entry], case: str, violated: Collection[str], texts: Collection[str], today: date
) -> Entry | None:
    """Return the first entry that lists a failure and has not expired, None for none."""
    for entry in entries:
        if entry.lists(case, violated, texts) and not entry.has_expired(today):
            return entry
    return None


def match_entries(
    entries: Sequence[Entry],
    cases: Sequence[CaseResult],
    suite: Mapping[str, SuiteCase],
    selected: Collection[str] | None,
) -> list[EntryMatch]:
    """Match each entry of a list against a run.

    Args:
        entries: Entries of the list.
        cases: Cases that were to run, with their outcomes.
        suite: All cases of the suite by id, also those that were not to run.
        selected: Ids of the selected requirements, None for all.
    """
    by_id = {case.id: case for case in cases}
    failures = [case for case in cases if case.outcome in _FAILED]
    unlisted = _unlisted_failures(entries, failures)
    return [_match(entry, by_id, failures, unlisted.get(entry, []), suite, selected) for entry in entries]


def _unlisted_failures(entries: Sequence[Entry], failures: Sequence[CaseResult]) -> dict[Entry, list[CaseResult]]:
    """Return the failures that some entry covers and none describes, by the most specific entry."""
    unlisted: dict[Entry, list[CaseResult]] = {}
    for case in failures:
        if any(entry.lists(case.id, case.violated, failure_texts(case)) for entry in entries):
            continue
        covering = [
            (_specificity(failure), entry)
            for entry in entries
            for failure in entry.failures
            if failure.covers(case.id, case.violated) and not failure.is_of_file  # that says nothing of other failures
        ]
        if covering:
            unlisted.setdefault(max(covering, key=itemgetter(0))[1], []).append(case)
    return unlisted


def _specificity(failure: ListedFailure) -> int:
    """Rank a listed failure: a requirement is the least specific, then a test, then a case with its parameters."""
    if failure.requirement:
        return 0
    return 2 if "[" in failure.case else 1


def _match(
    entry: Entry,
    by_id: Mapping[str, CaseResult],
    failures: Sequence[CaseResult],
    other_failures: Sequence[CaseResult],
    suite: Mapping[str, SuiteCase],
    selected: Collection[str] | None,
) -> EntryMatch:
    unknown = unknown_failures(entry, suite)
    resolved, any_selected = [], False
    for failure in entry.failures:
        covered = [name for name, case in suite.items() if failure.covers(name, case.all_requirements)]
        is_selected = not failure.requirement or selected is None or failure.requirement in selected
        occurred = any(failure.lists(case.id, case.violated, failure_texts(case)) for case in failures)
        all_judged = all(name in by_id and _is_judged(failure, by_id[name], suite[name]) for name in covered)
        any_selected |= is_selected and any(name in by_id for name in covered)
        if covered and is_selected and not occurred and all_judged:
            resolved.append(failure)
    return EntryMatch(
        entry,
        unknown=unknown,
        selected=any_selected,
        as_listed=tuple(case.id for case in failures if entry.lists(case.id, case.violated, failure_texts(case))),
        other_failures=tuple(other_failures),
        resolved=tuple(resolved),
    )


def _is_judged(listed: ListedFailure, case: CaseResult, known: SuiteCase) -> bool:
    """Whether a case that did not fail as listed is evidence that the listed failure no longer occurs."""
    if case.outcome in _FAILED:
        # A case ends with the first violation, so it is no evidence for other requirements.
        return listed.covers(case.id, case.violated)
    if case.outcome is not Outcome.PASSED:
        return False
    # A passing case is evidence for a failure listed by its case, and for requirements that it only may violate.
    if not listed.requirement or listed.requirement not in known.requirements:
        return True
    # A generated sequence may never have reached the requirement.
    return is_evidence_for(case, listed.requirement)


def entry_results(
    matches: Iterable[EntryMatch], suite: Mapping[str, SuiteCase], today: date
) -> tuple[EntryResult, ...]:
    """Return the problem of each entry, for people.

    Args:
        matches: Matches of the entries of a list.
        suite: All cases of the suite by id.
        today: Day that entries expire against.
    """
    return tuple(_entry_result(match, suite, today) for match in matches)


def _entry_result(match: EntryMatch, suite: Mapping[str, SuiteCase], today: date) -> EntryResult:
    entry = match.entry
    problem, explanation = None, ""
    if match.unknown:
        problem, explanation = Problem.UNKNOWN_SUBJECT, unknown_subject_message(match.unknown[0], suite)
    elif entry.has_expired(today) and match.selected:
        still = f"{pluralise(len(match.as_listed), 'case')} still failing" if match.as_listed else "no longer failing"
        problem, explanation = Problem.EXPIRED, f"expired on {entry.expires}, {still}"
    elif match.other_failures:
        first, more = match.other_failures[0], len(match.other_failures) - 1
        others = f" and {pluralise(more, 'more case')}" if more else ""
        verb = "fail" if more else "fails"
        problem = Problem.DIFFERENT_FAILURE
        explanation = f"{first.id}{others} {verb} differently: {_shorten(first.reason)}"
    elif match.resolved and not entry.flaky:
        problem, explanation = Problem.STALE, _stale_message(match)
    return EntryResult(entry, match.as_listed, problem, explanation)


def unknown_failures(entry: Entry, suite: Mapping[str, SuiteCase]) -> tuple[ListedFailure, ...]:
    """Return the failures of an entry that cover no case of the suite."""
    cases = [(name, case.all_requirements) for name, case in suite.items()]
    return tuple(one for one in entry.failures if not any(one.covers(name, ids) for name, ids in cases))


def _stale_message(match: EntryMatch) -> str:
    if len(match.resolved) == len(match.entry.failures):
        return "is listed, but nothing fails like this any more"
    first, *others = match.resolved
    return f"lists {first.name}{f' and {len(others)} more' if others else ''}, but nothing fails like this any more"


def unknown_subject_message(listed: ListedFailure, suite: Mapping[str, SuiteCase]) -> str:
    """Return the message for a listed failure that matches nothing in the suite, with the most similar name."""
    if listed.requirement:
        names = list(dict.fromkeys(name for case in suite.values() for name in case.requirements))
    elif listed.is_of_file:
        names = list(dict.fromkeys(case.partition("::")[0] for case in suite))
    else:
        tests = list(dict.fromkeys(map(strip_parameters, suite)))
        names = [*suite, *tests] if "[" in listed.case else tests
    kind = "requirement" if listed.requirement else "file" if listed.is_of_file else "case"
    return f"there is no such {kind} in the suite{suggestion(listed.subject, names)}"


def _shorten(text: str) -> str:
    return text if len(text) <= REASON_LIMIT else f"{text[:REASON_LIMIT]}..."
