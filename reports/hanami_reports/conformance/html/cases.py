"""Cases and tests on a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hanami_reports.model.conformance import CaseResult, Outcome
from hanami_reports.model.known_failures import strip_parameters

# Outcomes of cases that are shown with their exchange, the most important first.
DETAILED_OUTCOMES = (
    *(Outcome.FAILED, Outcome.LOST, Outcome.ERROR, Outcome.VACUOUS),
    *(Outcome.BLOCKED, Outcome.KNOWN),
)
# Outcomes of cases that judged nothing, shown as a line for each reason.
SKIPPED_OUTCOMES = (Outcome.UNSUPPORTED, Outcome.SKIPPED, Outcome.NOT_RUN)


@dataclass(frozen=True)
class CaseView:
    """A case with details.

    Attributes:
        case: Result of the case.
        anchor: Anchor that links to it.
        rerun: Command that reruns it.
        replay: Command that replays its sequence, empty for none.
        exchange: Its ladder; None if it has no exchange or there is no room.
        omitted: Number of events left out for lack of room.
    """

    case: CaseResult
    anchor: str
    rerun: str
    replay: str
    exchange: Markup | None
    omitted: int


@dataclass(frozen=True)
class TestView:
    """The cases of one test that check a requirement.

    Attributes:
        id: Case as ``file::test``.
        name: Name for people.
        title: Required behaviour of a server, one sentence.
        outcomes: Number of cases by outcome.
        parameters: Parameters of the cases, if there are several.
        more: Number of cases whose parameters are left out.
        exchanges: Number of messages sent.
        checks: Number of comparisons made.
        sequences: Number of generated sequences.
        duration: Time in seconds.
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


def views_by_test(cases: Iterable[CaseResult], most_parameters: int) -> list[TestView]:
    """Return the tests of a requirement, in the order in which they ran.

    Args:
        cases: Cases of the requirement.
        most_parameters: Greatest number of cases of a test whose parameters are shown.
    """
    groups: dict[str, list[CaseResult]] = {}
    for case in cases:
        groups.setdefault(strip_parameters(case.id), []).append(case)
    return [_test_view(name, group, most_parameters) for name, group in groups.items()]


def group_skipped(cases: Iterable[CaseResult]) -> list[SkippedGroup]:
    """Return the cases that judged nothing, by reason."""
    counts = Counter((case.outcome, case.reason) for case in cases if case.outcome in SKIPPED_OUTCOMES)
    return [SkippedGroup(outcome.value, reason, number) for (outcome, reason), number in counts.most_common()]


def _test_view(name: str, cases: Sequence[CaseResult], most_parameters: int) -> TestView:
    function = name.rpartition("::")[2]
    parameters = [case.id.removeprefix(name) for case in cases if case.id != name]
    is_test = function.startswith("test_")
    return TestView(
        id=name,
        name=function.removeprefix("test_").replace("_", " ") if is_test else name,
        title=cases[0].title,
        outcomes=Counter(case.outcome.value for case in cases),
        parameters=tuple(one[1:-1] for one in parameters[:most_parameters]),
        more=max(len(parameters) - most_parameters, 0),
        exchanges=sum(case.exchanges for case in cases),
        checks=sum(case.checks for case in cases),
        sequences=sum(case.sequences for case in cases),
        duration=sum(case.duration for case in cases),
    )
