"""Whether the entries of a list hold for a run: what failed as listed, what fails otherwise, what fails no more."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hanami_reports.model.conformance import CaseResult, Outcome
from hanami_reports.model.known_failures import Entry, EntryResult, Problem
from hanami_reports.model.verdicts import proves

SHOWN = 160  # characters of what came instead
_BROKEN = (Outcome.FAILED, Outcome.KNOWN)


@dataclass(frozen=True)
class SuiteCase:
    """What a case of the suite can find broken.

    Attributes:
        requirements: ids that it names.
        may_violate: more ids that it can find broken, though its passing says nothing of them.
    """

    requirements: tuple[str, ...]
    may_violate: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return frozenset(self.requirements) | frozenset(self.may_violate)


@dataclass(frozen=True)
class EntryMatch:
    """What a run says of one entry.

    Attributes:
        entry: as the list has it.
        exists: whether it names anything of the suite.
        asked: whether anything that it names was to run.
        as_listed: ids of cases that failed as it says.
        otherwise: cases that it is about, that fail in a way that no entry tells.
        gone: whether all that it is about was asked for, ran and was judged, and nothing failed as it says.
    """

    entry: Entry
    exists: bool
    asked: bool
    as_listed: tuple[str, ...]
    otherwise: tuple[CaseResult, ...]
    gone: bool


def texts_of(case: CaseResult) -> tuple[str, ...]:
    """Return the texts of a failure that a message is looked for in."""
    return case.reason, case.expected, case.actual


def match_known_failure(
    entries: Iterable[Entry], case: str, broken: Collection[str], texts: Collection[str], today: date
) -> Entry | None:
    """Return the first entry that a failure is listed in and that has not expired, None where there is none."""
    for entry in entries:
        if entry.covers(case, broken) and entry.is_told_in(texts) and not entry.is_over(today):
            return entry
    return None


def look(
    entries: Sequence[Entry],
    cases: Sequence[CaseResult],
    suite: Mapping[str, SuiteCase],
    selected: Collection[str] | None,
) -> list[EntryMatch]:
    """Return what a run says of each entry of a list.

    Args:
        entries: of the list.
        cases: that were to run, with what became of them.
        suite: all cases of the suite by their ids, also those that were not to run.
        selected: ids of the requirements that were asked for, None for all.
    """
    ran = {case.id: case for case in cases}
    failures = [case for case in cases if case.outcome in _BROKEN]
    untold: dict[Entry, list[CaseResult]] = {}
    for case in failures:
        about = [entry for entry in entries if entry.covers(case.id, case.violated)]
        if about and not any(entry.is_told_in(texts_of(case)) for entry in about):
            untold.setdefault(max(about, key=_exactness), []).append(case)
    holdings = []
    for entry in entries:
        reach = [name for name, one in suite.items() if entry.covers(name, one.names)]
        told = [one.id for one in failures if entry.covers(one.id, one.violated) and entry.is_told_in(texts_of(one))]
        wanted = not entry.requirement or selected is None or entry.requirement in selected
        judged = all(name in ran and _is_judged(entry, ran[name], suite[name]) for name in reach)
        holdings.append(
            EntryMatch(
                entry,
                exists=bool(reach),
                asked=wanted and any(name in ran for name in reach),
                as_listed=tuple(told),
                otherwise=tuple(untold.get(entry, ())),
                gone=wanted and bool(reach) and not told and judged,
            )
        )
    return holdings


def _exactness(entry: Entry) -> int:
    return 0 if entry.requirement else 1 + ("[" in entry.case)


def _is_judged(entry: Entry, case: CaseResult, known: SuiteCase) -> bool:
    """Whether a case says that what is listed does not happen in it, where it does not show it."""
    if case.outcome in _BROKEN:
        # A case ends with the first thing that it finds broken, so it says nothing of what other requirements ask for.
        return entry.covers(case.id, case.violated)
    if case.outcome is not Outcome.PASSED:
        return False
    return not entry.requirement or entry.requirement not in known.requirements or proves(case, entry.requirement)


def entry_results(
    holdings: Iterable[EntryMatch], suite: Mapping[str, SuiteCase], today: date
) -> tuple[EntryResult, ...]:
    """Return what is wrong with each entry, for people.

    Args:
        holdings: of the entries of a list.
        suite: all cases of the suite by their ids.
        today: the day that entries expire against.
    """
    return tuple(_entry_result(holding, suite, today) for holding in holdings)


def _entry_result(holding: EntryMatch, suite: Mapping[str, SuiteCase], today: date) -> EntryResult:
    entry = holding.entry
    problem, says = None, ""
    if not holding.exists:
        problem, says = Problem.NOWHERE, names_nothing(entry, suite)
    elif entry.is_over(today) and holding.asked:
        still = f"{_cases(len(holding.as_listed))} still so" if holding.as_listed else "nothing is seen of it now"
        problem, says = Problem.EXPIRED, f"expired on {entry.expires}, {still}"
    elif holding.otherwise:
        first, more = holding.otherwise[0], len(holding.otherwise) - 1
        others = f" and {_cases(more)} more" if more else ""
        problem, says = Problem.OTHERWISE, f"{first.id}{others} fails otherwise: {_cut(first.reason)}"
    elif holding.gone and not entry.flaky:
        problem, says = Problem.STALE, "is listed, but nothing fails so any more"
    return EntryResult(entry, holding.as_listed, problem, says)


def names_nothing(entry: Entry, suite: Mapping[str, SuiteCase]) -> str:
    """Return what to say of an entry that names nothing of the suite; the nearest name is offered."""
    tests = dict.fromkeys(case.partition("[")[0] for case in suite)
    if entry.requirement:
        names = list(dict.fromkeys(name for case in suite.values() for name in case.requirements))
    else:
        names = [*suite, *tests] if "[" in entry.case else list(tests)
    near = difflib.get_close_matches(entry.subject, names, n=1)
    kind = "requirement" if entry.requirement else "case"
    return f"there is no such {kind} in the suite" + (f", did you mean {near[0]}?" if near else "")


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count:,} cases"
