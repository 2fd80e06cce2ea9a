"""Two results side by side: what became better or worse between two servers, or two versions of one."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from hanami_reports.common.normalise import alike
from hanami_reports.model.conformance import CaseResult, ExitStatus, Outcome, RequirementResult, RunResult, Verdict

FORMAT = "hanami-conformance-comparison"
FORMAT_VERSION = 1

_GOOD_VERDICTS = {Verdict.PASS, Verdict.OBSERVED, Verdict.KNOWN}
_BAD_VERDICTS = {Verdict.FAIL, Verdict.LOST, Verdict.NOT_RUN, Verdict.VACUOUS}
_PASSING: set[StrEnum] = {Verdict.PASS, Verdict.OBSERVED, Outcome.PASSED}
_GOOD_OUTCOMES = {Outcome.PASSED, Outcome.KNOWN}
_BAD_OUTCOMES = set(Outcome) - _GOOD_OUTCOMES - {Outcome.UNSUPPORTED}

# How bad an exit status is. A run that was not whole may hide a failure, so it is as bad as one that shows a failure.
_SEVERITY = {
    ExitStatus.CONFORMANT: 0,
    ExitStatus.NOT_CONFORMANT: 1,
    ExitStatus.NOTHING_RAN: 1,
    ExitStatus.INTERRUPTED: 2,
    ExitStatus.SUITE_FAULT: 2,
    ExitStatus.TARGET_LOST: 3,
}


class Trend(StrEnum):
    """Which way something changed."""

    WORSE = "worse"  # it passed or was known, and does so no more
    BETTER = "better"
    CHANGED = "changed"


@dataclass(frozen=True)
class Change:
    """A requirement or a case that is not what it was.

    Attributes:
        id: of it.
        text: the sentence of the requirement, or the title of the case.
        before: verdict or outcome.
        after: the same of the second result.
        trend: see :class:`Trend`.
        reason_before: why it was not passed, empty where it was.
        reason_after: the same of the second result.
        requirements: of a case, the ids that it broke or else names.
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
class Seen:
    """An observation that changed.

    Attributes:
        case: id of the case that made it.
        what: its name.
        before: what was seen, empty for nothing.
        after: the same of the second result.
    """

    case: str
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Exchanged:
    """A case that sent another number of messages, though it ended alike."""

    case: str
    before: int
    after: int


@dataclass(frozen=True)
class RunSummary:
    """What identifies one of the two runs.

    Attributes:
        file: of the result.
        target: address.
        dialect, profile, suite: name of the dialect and of the profile, version of the suite.
        started: when, as ISO 8601 writes it.
        headline: verdict on the target.
        exit_status: see :class:`ExitStatus`.
        requirements, cases: how many were asked for and were to run.
        exchanges: messages sent.
        duration: seconds.
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
    """What is different.

    Attributes:
        before: the first run.
        after: the second run.
        notes: why the two are not quite alike, a line each.
        requirements: whose verdict changed, of those that both were asked for.
        cases: that changed, of those that both were to run.
        added: ids of cases that only the second was to run.
        removed: ids of cases that only the first was to run.
        observations: that changed.
        exchanges: cases that sent more or fewer messages, though they ended alike.
    """

    before: RunSummary
    after: RunSummary
    notes: tuple[str, ...]
    requirements: tuple[Change, ...]
    cases: tuple[Change, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    observations: tuple[Seen, ...]
    exchanges: tuple[Exchanged, ...]

    @property
    def worse_exit(self) -> bool:
        """Whether the exit status became worse."""
        return _SEVERITY.get(self.after.exit_status, 2) > _SEVERITY.get(self.before.exit_status, 2)

    @property
    def regressed(self) -> bool:
        """Whether anything became worse."""
        changes = (*self.requirements, *self.cases)
        return self.worse_exit or any(change.trend is Trend.WORSE for change in changes)

    def to_json(self) -> str:
        """For programs."""
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
        before: the one that is to be kept up with.
        after: the other.
        files: names of both.
    """
    old = {case.id: case for case in before.cases}
    new = {case.id: case for case in after.cases}
    both = [(case, new[name]) for name, case in old.items() if name in new]
    runs = _run(before, files[0]), _run(after, files[1])
    return Comparison(
        *runs,
        notes=tuple(_notes(before, after, *runs)),
        requirements=tuple(_requirements(before, after)),
        cases=tuple(change for one, other in both if (change := _case(one, other)) is not None),
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        observations=tuple(seen for one, other in both for seen in _observations(one, other)),
        exchanges=tuple(
            Exchanged(one.id, one.exchanges, other.exchanges)
            for one, other in both
            if one.outcome is other.outcome and one.exchanges != other.exchanges
        ),
    )


def _run(result: RunResult, file: str) -> RunSummary:
    manifest = result.manifest
    target = manifest.get("target", {})
    return RunSummary(
        file=file,
        target="reference" if target.get("reference") else str(target.get("url", "")),
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
    """Why verdicts may differ though no server changed, or be missing."""
    for what in ("dialect", "profile", "suite"):
        one, other = getattr(first, what), getattr(second, what)
        if one != other:
            name = "suite version" if what == "suite" else what
            yield f"unlike {name}s: {one or 'unknown'} before, {other or 'unknown'} after"
    for what in ("level", "seed", "minutes"):
        one, other = (result.manifest.get("options", {}).get(what) for result in (before, after))
        if one != other:
            yield f"unlike options: --{what} {_given(one)} before, {_given(other)} after"
    digests = [result.manifest.get("digests", {}) for result in (before, after)]
    if digests[0] != digests[1]:
        names = [name for name in {**digests[0], **digests[1]} if digests[0].get(name) != digests[1].get(name)]
        yield f"unlike protocol files: {', '.join(names)}"
    asked = [{one.id for one in result.requirements if one.selected} for result in (before, after)]
    for lacking, when in ((asked[0] - asked[1], "before"), (asked[1] - asked[0], "after")):
        if lacking:
            yield f"asked for only {when}, so not compared: {_listed(lacking)}"


def _given(value: Any) -> str:
    return "not given" if value is None else str(value)


def _listed(names: Collection[str]) -> str:
    shown = sorted(names)[:8]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more requirements" if more else "")


def _requirements(before: RunResult, after: RunResult) -> Iterable[Change]:
    old = {one.id: one for one in before.requirements if one.selected}
    for other in after.requirements:
        one = old.get(other.id)
        if one is None or not other.selected or one.verdict is other.verdict:
            continue
        yield _requirement(one, other)


def _requirement(one: RequirementResult, other: RequirementResult) -> Change:
    trend = _trend(one.verdict, other.verdict, _GOOD_VERDICTS, _BAD_VERDICTS)
    return Change(other.id, other.text, one.verdict.value, other.verdict.value, trend, one.reason, other.reason)


def _case(one: CaseResult, other: CaseResult) -> Change | None:
    """How a case changed; also one that fails as before, but otherwise. None where it is what it was."""
    if one.outcome is other.outcome and one.violated == other.violated and alike(one.reason, other.reason):
        return None
    trend = _trend(one.outcome, other.outcome, _GOOD_OUTCOMES, _BAD_OUTCOMES)
    names = other.violated or one.violated or other.requirements
    outcomes = one.outcome.value, other.outcome.value
    return Change(other.id, other.title, *outcomes, trend, one.reason, other.reason, names)


def _trend(one: StrEnum, other: StrEnum, good: Collection[StrEnum], bad: Collection[StrEnum]) -> Trend:
    if one in good and other in bad:
        return Trend.WORSE
    # A failure that was put on a list is as it was; one that was on it and is gone is mended.
    if other in _PASSING and one not in _PASSING:
        return Trend.BETTER
    return Trend.CHANGED


def _observations(one: CaseResult, other: CaseResult) -> Iterable[Seen]:
    old: Mapping[str, str] = one.observations
    new: Mapping[str, str] = other.observations
    for what in {**old, **new}:
        if (what in old) != (what in new) or not alike(old.get(what, ""), new.get(what, "")):
            yield Seen(one.id, what, old.get(what, ""), new.get(what, ""))
