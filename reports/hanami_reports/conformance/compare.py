"""Two results compared: what became better or worse between two servers, or two versions of one."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from hanami_reports.common.normalise import equal_ignoring_volatile
from hanami_reports.conformance.finding_changes import FindingChange, finding_changes
from hanami_reports.model.conformance import CaseResult, ExitStatus, Outcome, RequirementResult, RunResult, Verdict

FORMAT = "hanami-conformance-comparison"
FORMAT_VERSION = 1
NAMES_QUOTED = 8  # requirements that a note names

_GOOD_VERDICTS = {Verdict.PASS, Verdict.OBSERVED, Verdict.KNOWN}
_BAD_VERDICTS = {Verdict.FAIL, Verdict.LOST, Verdict.NOT_RUN, Verdict.VACUOUS}
_PASSING: set[StrEnum] = {Verdict.PASS, Verdict.OBSERVED, Outcome.PASSED}
_GOOD_OUTCOMES = {Outcome.PASSED, Outcome.KNOWN}
_BAD_OUTCOMES = set(Outcome) - _GOOD_OUTCOMES - {Outcome.UNSUPPORTED}

# Severity of an exit status. An incomplete run may hide a failure, so it is as severe as a failure.
_SEVERITY: Mapping[int, int] = {
    ExitStatus.CONFORMANT: 0,
    ExitStatus.NOT_CONFORMANT: 1,
    ExitStatus.NOTHING_RAN: 1,
    ExitStatus.INTERRUPTED: 2,
    ExitStatus.SUITE_FAULT: 2,
    ExitStatus.TARGET_LOST: 3,
}


class Trend(StrEnum):
    """Direction of a change."""

    WORSE = "worse"  # passed or known before, and neither now
    BETTER = "better"
    CHANGED = "changed"


@dataclass(frozen=True)
class Change:
    """A requirement or a case that changed.

    Attributes:
        id: Id of the requirement or case.
        text: Text of the requirement, or title of the case.
        before: Verdict or outcome in the first result.
        after: Verdict or outcome in the second result.
        trend: Direction of the change.
        reason_before: Reason in the first result, empty if it passed.
        reason_after: Reason in the second result, empty if it passed.
        requirements: Ids that a case violated, or else checks; empty for a requirement.
    """

    id: str
    text: str
    before: str
    after: str
    trend: Trend
    reason_before: str = ""
    reason_after: str = ""
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True)
class ObservationChange:
    """An observation that changed.

    Attributes:
        case: Id of the case that made it.
        name: Name of the observation.
        before: Value in the first result, empty for none.
        after: Value in the second result, empty for none.
    """

    case: str
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class ExchangeCount:
    """A case with the same outcome that sent a different number of messages."""

    case: str
    before: int
    after: int


@dataclass(frozen=True)
class RunSummary:
    """One of the two runs.

    Attributes:
        file: Name of the result file.
        target: Address of the target.
        dialect: Name of the dialect.
        profile: Name of the profile.
        suite: Version of the suite.
        started: Time of the start, as ISO 8601.
        headline: Verdict on the target.
        exit_status: Exit status of the run.
        requirements: Number of selected requirements.
        cases: Number of cases that were to run.
        exchanges: Number of messages sent.
        duration: Time in seconds.
    """

    file: str
    target: str
    dialect: str
    profile: str
    suite: str
    started: str
    headline: str
    exit_status: int
    requirements: int
    cases: int
    exchanges: int
    duration: float


@dataclass(frozen=True)
class Comparison:
    """Differences between two runs.

    Attributes:
        before: First run.
        after: Second run.
        notes: Differences between the configurations, a line each.
        findings: Findings of both runs: new ones first, then those that are gone, then lasting ones; MUST first.
        requirements: Requirements selected in both runs whose verdict changed.
        cases: Cases planned in both runs that changed.
        added: Ids of cases that only the second run planned.
        removed: Ids of cases that only the first run planned.
        observations: Observations that changed.
        exchanges: Cases with the same outcome that sent more or fewer messages.
    """

    before: RunSummary
    after: RunSummary
    notes: tuple[str, ...]
    findings: tuple[FindingChange, ...]
    requirements: tuple[Change, ...]
    cases: tuple[Change, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    observations: tuple[ObservationChange, ...]
    exchanges: tuple[ExchangeCount, ...]

    @property
    def worse_exit(self) -> bool:
        """Whether the exit status became worse."""
        return _SEVERITY.get(self.after.exit_status, 2) > _SEVERITY.get(self.before.exit_status, 2)

    @property
    def regressed(self) -> bool:
        """Whether anything became worse."""
        return self.worse_exit or bool(self.changes(Trend.WORSE))

    def changes(self, trend: Trend) -> list[Change]:
        """Return the requirements and cases that changed in a direction."""
        return [change for change in (*self.requirements, *self.cases) if change.trend is trend]

    def to_json(self) -> str:
        """Return the comparison as JSON."""
        data = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "regressed": self.regressed,
            "worse_exit_status": self.worse_exit,
            **asdict(self),
        }
        return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def compare(before: RunResult, after: RunResult, files: tuple[str, str]) -> Comparison:
    """Compare two results.

    Args:
        before: Result to compare with.
        after: Result that is judged.
        files: File names of both results.
    """
    old = {case.id: case for case in before.cases}
    new = {case.id: case for case in after.cases}
    both = [(case, new[name]) for name, case in old.items() if name in new]
    runs = _summarise(before, files[0]), _summarise(after, files[1])
    return Comparison(
        *runs,
        notes=tuple(_notes(before, after, *runs)),
        findings=finding_changes(before, after),
        requirements=tuple(_requirement_changes(before, after)),
        cases=tuple(change for one, other in both if (change := _case_change(one, other)) is not None),
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        observations=tuple(change for one, other in both for change in _observation_changes(one, other)),
        exchanges=tuple(
            ExchangeCount(one.id, one.exchanges, other.exchanges)
            for one, other in both
            if one.outcome is other.outcome and one.exchanges != other.exchanges
        ),
    )


def _summarise(result: RunResult, file: str) -> RunSummary:
    manifest = result.manifest
    target = manifest.get("target", {})
    return RunSummary(
        file=file,
        target=result.client or ("reference" if target.get("reference") else str(target.get("url", ""))),
        dialect=str(manifest.get("dialect", "")),
        profile=str(manifest.get("options", {}).get("profile", "")),
        suite=str(manifest.get("suite", "")),
        started=str(manifest.get("started", "")),
        headline=result.headline,
        exit_status=result.exit_status,
        requirements=sum(one.selected for one in result.requirements),
        cases=len(result.cases),
        exchanges=sum(case.exchanges for case in result.cases),
        duration=float(manifest.get("duration", 0.0)),
    )


def _notes(before: RunResult, after: RunResult, first: RunSummary, second: RunSummary) -> Iterable[str]:
    """Return why verdicts may differ although no server changed, or may be missing."""
    for name, one, other in (
        ("dialects", first.dialect, second.dialect),
        ("profiles", first.profile, second.profile),
        ("suite versions", first.suite, second.suite),
    ):
        if one != other:
            yield f"different {name}: {one or 'unknown'} before, {other or 'unknown'} after"
    options = [result.manifest.get("options", {}) for result in (before, after)]
    for option in ("level", "seed", "minutes"):
        given, given_after = (one.get(option) for one in options)
        if given != given_after:
            yield f"different options: --{option} {_value_text(given)} before, {_value_text(given_after)} after"
    digests, digests_after = (result.manifest.get("digests", {}) for result in (before, after))
    if digests != digests_after:
        names = [name for name in {**digests, **digests_after} if digests.get(name) != digests_after.get(name)]
        yield f"different protocol files: {', '.join(names)}"
    selected, selected_after = ({one.id for one in result.requirements if one.selected} for result in (before, after))
    for only, when in ((selected - selected_after, "before"), (selected_after - selected, "after")):
        if only:
            yield f"selected only {when}, and so not compared: {_name_list(only)}"


def _value_text(value: Any) -> str:
    return "not given" if value is None else str(value)


def _name_list(names: Collection[str]) -> str:
    quoted = sorted(names)[:NAMES_QUOTED]
    more = len(names) - len(quoted)
    return ", ".join(quoted) + (f" and {more} more requirements" if more else "")


def _requirement_changes(before: RunResult, after: RunResult) -> Iterable[Change]:
    old = {one.id: one for one in before.requirements if one.selected}
    for other in after.requirements:
        one = old.get(other.id)
        if one is not None and other.selected and one.verdict is not other.verdict:
            yield _requirement_change(one, other)


def _requirement_change(one: RequirementResult, other: RequirementResult) -> Change:
    trend = _trend(one.verdict, other.verdict, _GOOD_VERDICTS, _BAD_VERDICTS)
    return Change(other.id, other.text, one.verdict.value, other.verdict.value, trend, one.reason, other.reason)


def _case_change(one: CaseResult, other: CaseResult) -> Change | None:
    """Return how a case changed, a different failure included; None if it did not."""
    same_outcome = one.outcome is other.outcome and one.violated == other.violated
    if same_outcome and equal_ignoring_volatile(one.reason, other.reason):
        return None
    trend = _trend(one.outcome, other.outcome, _GOOD_OUTCOMES, _BAD_OUTCOMES)
    names = other.violated or one.violated or other.requirements
    outcomes = one.outcome.value, other.outcome.value
    return Change(other.id, other.title, *outcomes, trend, one.reason, other.reason, names)


def _trend(one: StrEnum, other: StrEnum, good: Collection[StrEnum], bad: Collection[StrEnum]) -> Trend:
    if one in good and other in bad:
        return Trend.WORSE
    # A failure that was put on the list is only changed; a listed failure that passes now is better.
    if other in _PASSING and one not in _PASSING:
        return Trend.BETTER
    return Trend.CHANGED


def _observation_changes(one: CaseResult, other: CaseResult) -> Iterable[ObservationChange]:
    old, new = one.observations, other.observations
    for name in {**old, **new}:
        before, after = old.get(name, ""), new.get(name, "")
        if (name in old) != (name in new) or not equal_ignoring_volatile(before, after):
            yield ObservationChange(one.id, name, before, after)
