"""Cases and tests as a page shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hanami_reports.model.conformance import CaseResult, Outcome
from hanami_reports.model.known_failures import test_of

# What is told in full, with its exchange, the most telling first.
TOLD = (Outcome.FAILED, Outcome.LOST, Outcome.ERROR, Outcome.VACUOUS, Outcome.BLOCKED, Outcome.KNOWN)
# What judged nothing, told in a line for each reason.
_SILENT = (Outcome.UNSUPPORTED, Outcome.NOT_RUN)
_PLAIN = len("test_")


@dataclass(frozen=True)
class CaseView:
    """A case that is told in full.

    Attributes:
        case: the case.
        anchor: by which it is linked to.
        again: line that runs it again.
        replay: line that replays its sequence, empty for none.
        exchange: its ladder, or None where it has none or there was no room.
        omitted: events of an exchange that there was no room for.
    """

    case: CaseResult
    anchor: str
    again: str
    replay: str
    exchange: Markup | None
    omitted: int


@dataclass(frozen=True)
class TestView:
    """All cases of one test that are about a requirement.

    Attributes:
        id: ``file::test``.
        name: for people.
        title: what a server must do, one sentence.
        outcomes: outcome to its number of cases.
        parameters: of the cases, where there are several.
        more: cases whose parameters are not shown.
        exchanges: messages sent.
        checks: comparisons made.
        sequences: told.
        duration: seconds.
    """

    id: str
    name: str
    title: str
    outcomes: Mapping[str, int]
    parameters: tuple[str, ...]
    more: int
    exchanges: int
    checks: int
    sequences: int
    duration: float

    @property
    def cases(self) -> int:
        """Number of cases."""
        return sum(self.outcomes.values())


@dataclass(frozen=True)
class SkippedGroup:
    """Cases that judged nothing for the same reason."""

    outcome: str
    reason: str
    cases: int


def tests_of(cases: Iterable[CaseResult], parameters_shown: int) -> list[TestView]:
    """The tests of a requirement, in the order in which they ran.

    Args:
        cases: of the requirement.
        parameters_shown: of each test, at most.
    """
    groups: dict[str, list[CaseResult]] = {}
    for case in cases:
        groups.setdefault(test_of(case.id), []).append(case)
    return [_test(name, group, parameters_shown) for name, group in groups.items()]


def silences_of(cases: Iterable[CaseResult]) -> list[SkippedGroup]:
    """Cases that judged nothing, by reason."""
    counts = Counter((case.outcome, case.reason) for case in cases if case.outcome in _SILENT)
    return [SkippedGroup(outcome.value, reason, number) for (outcome, reason), number in counts.most_common()]


def _test(name: str, cases: Sequence[CaseResult], parameters_shown: int) -> TestView:
    function = name.rpartition("::")[2]
    parameters = [case.id.removeprefix(name) for case in cases if case.id != name]
    return TestView(
        id=name,
        name=function[_PLAIN:].replace("_", " ") if function.startswith("test_") else name,
        title=cases[0].title,
        outcomes=Counter(case.outcome.value for case in cases),
        parameters=tuple(one[1:-1] for one in parameters[:parameters_shown]),
        more=max(len(parameters) - parameters_shown, 0),
        exchanges=sum(case.exchanges for case in cases),
        checks=sum(case.checks for case in cases),
        sequences=sum(case.sequences for case in cases),
        duration=sum(case.duration for case in cases),
    )
