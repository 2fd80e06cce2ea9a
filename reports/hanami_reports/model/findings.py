"""Findings: failed cases of a run that have one cause, reported once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hanami_reports.model.conformance import CaseResult, Level, Outcome, RequirementResult, RunResult

FOUND = (Outcome.FAILED, Outcome.LOST)
QUOTED = 40  # characters of an answer that a failure quotes; later ones may be cut
SHORTEST = 8  # characters of a quotation that is hardly found by chance
DISTINCTIVE = 3  # words of an answer or a condition that are hardly the same by chance

_NESTED = re.compile(r"expected (?P<expected>.*?); actual (?P<actual>.*)", re.DOTALL)
_NOT_WORDS = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|hc_\w+|\b[0-9a-fA-F]{12,}\b|-?\d+(\.\d+)?(e[-+]?\d+)?")
_OPERATION = re.compile(r" to (GET|POST|PUT|DELETE) \S+")
_STATUS = re.compile(r"[1-5]\d\d\b")  # of an HTTP answer, which is no number that varies
_WORD = re.compile(r"[A-Za-z]{2,}")
# A row of the input model that only fails with some of its values.
_VALUES = re.compile(r"it fails with (?P<values>.*), all else plain")
_ARGUMENTS = re.compile(r"[?{\[(].*|'[^']*'|\"[^\"]*\"", re.DOTALL)

Cause = tuple[str, ...]  # cases that share one belong to one finding


@dataclass(frozen=True)
class Finding:
    """Failed cases with one cause.

    Attributes:
        title: What the target does, in a few words.
        requirements: Violated requirements: MUST first, then those that half of the cases violate, then in the order of
            the protocol.
        cases: Cases, that with the shortest exchange first.
    """

    title: str
    requirements: tuple[RequirementResult, ...]
    cases: tuple[CaseResult, ...]

    @property
    def example(self) -> CaseResult:
        """The case that shows it with the fewest events."""
        return self.cases[0]

    @property
    def level(self) -> Level:
        """The strictest level of the violated requirements."""
        return self.requirements[0].level if self.requirements else Level.SHOULD

    def count(self, requirement: str) -> int:
        """Return the number of cases that violate a requirement."""
        return sum(requirement in case.violated for case in self.cases)


def find(result: RunResult, outcomes: Collection[Outcome] = FOUND) -> tuple[Finding, ...]:
    """Group the failed cases of a run into findings.

    Cases belong together if they violate the same requirement, or if what the target did is the same, whatever was
    expected of it: then the later one mostly failed because of the earlier one. Losses of the target belong together
    if the target was lost alike after the same kind of message.

    Args:
        result: Result of the run.
        outcomes: Outcomes of the cases to group: of those that failed, or of the known failures.

    Returns:
        The findings, those of MUST requirements first, then in the order of the protocol.
    """
    failed = [case for case in result.cases if case.outcome in outcomes]
    found = [_finding(cases, result.requirements) for cases in _grouped(failed)]
    places = {one.id: place for place, one in enumerate(result.requirements)}
    return tuple(sorted(found, key=lambda finding: _rank(finding, places)))


def result_json(result: RunResult) -> str:
    """Return the file form of a result, with its findings for readers that do not group cases themselves."""
    findings = [
        {
            "title": finding.title,
            "requirements": [one.id for one in finding.requirements],
            "cases": [case.id for case in finding.cases],
        }
        for finding in find(result)
    ]
    return result.to_json(findings=findings)


def part_of(finding: Finding, cases: Sequence[CaseResult]) -> Finding:
    """Return some cases of a finding as a finding of their own."""
    return _finding(cases, finding.requirements)


def symptoms(case: CaseResult) -> frozenset[Cause]:
    """Return what a failed case saw, without what differs from run to run, and without its requirement."""
    return frozenset(cause for cause in _causes(case) if cause[0] != "requirement")


def _rank(finding: Finding, places: dict[str, int]) -> tuple[bool, int, int]:
    first = finding.requirements[0].id if finding.requirements else ""
    return finding.level is not Level.MUST, places.get(first, len(places)), -len(finding.cases)


def _finding(cases: Sequence[CaseResult], catalogue: Sequence[RequirementResult]) -> Finding:
    violated = {name for case in cases for name in case.violated}
    known = [one for one in catalogue if one.id in violated]
    most = {one.id for one in known if 2 * sum(one.id in case.violated for case in cases) >= len(cases)}
    # Stable: else in the order of the protocol.
    requirements = sorted(known, key=lambda one: (one.level is not Level.MUST, one.id not in most))
    ordered = sorted(cases, key=lambda case: _shown_best(case, requirements))
    return Finding(_title(ordered[0], requirements), tuple(requirements), tuple(ordered))


def _shown_best(case: CaseResult, requirements: Sequence[RequirementResult]) -> tuple[bool, bool, int]:
    """Rank a case as the example: one of the first requirement, with an exchange, and that a short one."""
    about_first = bool(requirements) and requirements[0].id in case.violated
    return not about_first, not case.exchange, len(case.exchange)


def _title(example: CaseResult, requirements: Sequence[RequirementResult]) -> str:
    if _is_loss(example) and example.loss:
        last = _last_sent(example)
        return f"the target is lost: {example.loss}" + (f", after {last}" if last else "")
    violated = next((one.violation or one.text for one in requirements), example.reason)
    values = _VALUES.search(example.expected)
    return f"{violated}, only with {values['values']}" if values else violated


def _grouped(cases: Sequence[CaseResult]) -> Iterator[list[CaseResult]]:
    """Yield the cases in groups: two cases are in one if they share a cause, or each shares one with a third case."""
    group_of: dict[Cause, int] = {}
    groups: dict[int, list[CaseResult]] = {}
    for number, case in enumerate(cases):
        groups[number] = [case]
        current = number
        for cause in _causes(case):
            other = group_of.setdefault(cause, current)
            if other != current:
                groups[other] += groups.pop(current)
                group_of = {key: other if group == current else group for key, group in group_of.items()}
                current = other
    yield from groups.values()


def _causes(case: CaseResult) -> Iterator[Cause]:
    if _is_loss(case):
        yield "loss", _without_variables(case.loss), _without_variables(_last_sent(case))
        return
    expected, actual = innermost(case)
    condition = expected.partition(": ")[2]
    if _is_distinctive(condition):
        yield "condition", _without_variables(condition)
    if _is_distinctive(actual):
        yield "actual", _without_variables(actual)
    yield "difference", _without_variables(expected.partition(": ")[0]), _without_variables(actual)
    yield ("requirement", *case.violated[:1])


def _is_loss(case: CaseResult) -> bool:
    return case.outcome is Outcome.LOST or (case.outcome is Outcome.KNOWN and bool(case.loss))


def innermost(case: CaseResult) -> tuple[str, str]:
    """Return what was expected and what was done at the place of the failure, which other checks may quote."""
    expected, actual = case.expected, case.actual or case.reason
    while nested := _NESTED.search(actual):
        expected, actual = nested["expected"], nested["actual"]
    return expected, actual


def violating_event(case: CaseResult) -> int:
    """Return the index of the event of an exchange that shows the violation, -1 for none.

    That is the answer that the failure quotes, or else the last one before the check that failed; of a client, the
    event that the failed check names.
    """
    last = case.failed_at if 0 <= case.failed_at < len(case.exchange) else len(case.exchange) - 1
    if case.judges_client:
        return last
    answers = [place for place in range(last, -1, -1) if case.exchange[place].direction != "sent"]
    actual = innermost(case)[1][:QUOTED]
    quoted = [place for place in answers if len(actual) >= SHORTEST and actual in case.exchange[place].summary]
    return next(iter(quoted or answers), last)


def _is_distinctive(text: str) -> bool:
    return len(_WORD.findall(_without_variables(text))) >= DISTINCTIVE


def _without_variables(text: str) -> str:
    status = _STATUS.match(text)
    head = status[0] if status else ""
    return head + _NOT_WORDS.sub("#", _OPERATION.sub("", text[len(head) :]))


def _last_sent(case: CaseResult) -> str:
    """Return the kind of the last message that was sent, without what it was about; empty for none."""
    sent = [event.summary for event in case.exchange if event.direction == "sent"]
    return " ".join(_ARGUMENTS.sub("", sent[-1]).split()) if sent else ""
