"""The result of a run. JSON is its file form; every other output is made from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hanami_reports.model.known_failures import KnownFailuresReport

FORMAT = "hanami-conformance-result"
FORMAT_VERSION = 2
READABLE = (1, 2)  # version 1 knew no known failures


class Level(StrEnum):
    """How binding a requirement is."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    OBSERVE = "OBSERVE"


class Outcome(StrEnum):
    """What became of one case."""

    PASSED = "passed"
    FAILED = "failed"
    KNOWN = "known"  # it failed as a list of known failures says
    UNSUPPORTED = "unsupported"
    BLOCKED = "blocked"  # its preparation failed, so it judged nothing
    VACUOUS = "vacuous"  # it sent or checked nothing
    LOST = "lost"  # the target was gone or silent afterwards
    ERROR = "error"  # a fault of the suite itself
    NOT_RUN = "not run"


class Verdict(StrEnum):
    """What is said of one requirement."""

    PASS = "PASS"  # noqa: S105 - a verdict, no secret
    FAIL = "FAIL"
    KNOWN = "KNOWN"
    OBSERVED = "OBSERVED"
    UNSUPPORTED = "UNSUPPORTED"
    NOT_RUN = "NOT RUN"
    LOST = "LOST"
    VACUOUS = "VACUOUS"


class ExitStatus:
    """Exit status of a run; 0 to 5 keep pytest's own meaning."""

    CONFORMANT = 0
    NOT_CONFORMANT = 1
    INTERRUPTED = 2
    SUITE_FAULT = 3
    USAGE = 4
    NOTHING_RAN = 5
    TARGET_LOST = 6


HEADLINES: Mapping[int, str] = {
    ExitStatus.CONFORMANT: "CONFORMANT",
    ExitStatus.NOT_CONFORMANT: "NOT CONFORMANT",
    ExitStatus.INTERRUPTED: "INTERRUPTED",
    ExitStatus.SUITE_FAULT: "FAULT OF THE SUITE",
    ExitStatus.USAGE: "USAGE",
    ExitStatus.NOTHING_RAN: "NOTHING RAN",
    ExitStatus.TARGET_LOST: "TARGET LOST",
}


@dataclass(frozen=True)
class Event:
    """One thing that went over the wire, or happened to it.

    Attributes:
        at: seconds since the case began, monotonic.
        channel: connection that it belongs to, such as ``ws-1``.
        direction: ``sent``, ``received`` or ``note``.
        kind: ``http``, ``text``, ``binary``, ``open``, ``close``, or ``raw`` for bytes past the protocol.
        summary: one line for people, secrets redacted.
        payload: the bytes in base64, secrets redacted.
    """

    at: float
    channel: str
    direction: str
    kind: str
    summary: str
    payload: str = ""

    @property
    def arrow(self) -> str:
        """The direction, for people."""
        return {"sent": "->", "received": "<-", "note": "--"}[self.direction]

    def line(self) -> str:
        """Return the event for people, on one line; the time in seconds."""
        return f"{self.at:8.3f} s  {self.channel:<7} {self.arrow} {self.summary}"


@dataclass(frozen=True)
class CaseResult:
    """One test, run once against the target.

    Attributes:
        id: ``file::test[parameters]``, as the command line takes it.
        title: what a server must do, one sentence.
        requirements: ids that the case checks.
        broken: ids that it found broken.
        outcome: see :class:`Outcome`.
        reason: why it is not ``passed``, one line.
        expected: what the protocol asks for, where the case failed.
        actual: what the target did instead.
        duration: seconds.
        exchanges: messages sent by the case.
        checks: comparisons made.
        sequences: that were run, where a case runs sequences.
        judged: id of a requirement that the case names to the number of comparisons that could have broken it.
        observations: name to what was seen, for what the protocol leaves open.
        exchange: what went over the wire; kept for cases that did not pass.
        sequence: the smallest sequence that did not pass, as the file that ``replay`` takes; empty where none was told.
        known: why its failure is known, as the list of known failures says; empty where it is not.
        server_log: the last lines that the server logged, where the suite started it and the case lost it.
    """

    id: str
    title: str
    requirements: tuple[str, ...]
    outcome: Outcome
    violated: tuple[str, ...] = ()
    reason: str = ""
    expected: str = ""
    actual: str = ""
    duration: float = 0.0
    exchanges: int = 0
    checks: int = 0
    sequences: int = 0
    checks_by_requirement: Mapping[str, int] = field(default_factory=dict)
    observations: Mapping[str, str] = field(default_factory=dict)
    exchange: tuple[Event, ...] = ()
    sequence: str = ""
    known: str = ""
    server_log: str = ""


@dataclass(frozen=True)
class RequirementResult:
    """One requirement of the catalogue and what is said of it.

    Attributes:
        id: such as ``PROG-2``.
        level: see :class:`Level`.
        workflow: heading that it stands under.
        step: where the workflow document says so.
        text: the sentence.
        verdict: see :class:`Verdict`.
        reason: why it is neither PASS nor OBSERVED, one line.
        cases: ids of its cases.
        selected: False where the command line left the requirement out.
    """

    id: str
    level: Level
    workflow: str
    step: str
    text: str
    verdict: Verdict
    reason: str = ""
    cases: tuple[str, ...] = ()
    selected: bool = True


@dataclass(frozen=True)
class RunResult:
    """Everything that one run found out.

    Attributes:
        manifest: what reproduces the run: versions, target, dialect, digests, options, plan.
        exit_status: see :class:`ExitStatus`.
        reason: one line behind the headline, may be empty.
        requirements: in the order of the catalogue.
        cases: in the order in which they ran.
        leftovers: resources that could not be deleted on the target.
        known: what became of the list of known failures, None where there was none.
    """

    manifest: Mapping[str, Any]
    exit_status: int
    reason: str
    requirements: tuple[RequirementResult, ...]
    cases: tuple[CaseResult, ...]
    leftovers: tuple[str, ...] = ()
    known: KnownFailuresReport | None = None

    @property
    def headline(self) -> str:
        """The verdict on the whole target."""
        if self.exit_status == ExitStatus.TARGET_LOST and not self.ran:
            return "TARGET NOT REACHABLE"
        if self.exit_status == ExitStatus.NOTHING_RAN and any(case.outcome is Outcome.PASSED for case in self.cases):
            return "INCOMPLETE"
        return HEADLINES[self.exit_status]

    @property
    def ran(self) -> int:
        """Number of cases that ran."""
        return sum(1 for case in self.cases if case.outcome is not Outcome.NOT_RUN)

    def count(self, verdict: Verdict) -> int:
        """Return number of selected requirements with a verdict."""
        return sum(1 for requirement in self.requirements if requirement.selected and requirement.verdict is verdict)

    def to_json(self) -> str:
        """Return the file form."""
        data = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "verdict": self.headline,
            "exit_status": self.exit_status,
            "reason": self.reason,
            "summary": self.summary(),
            "manifest": self.manifest,
            "requirements": self.requirements,
            "cases": self.cases,
            "leftovers": self.leftovers,
            "known": self.known,
        }
        # Dataclasses by their fields, as they are: copies of 100,000 events would take longer than writing them.
        return json.dumps(data, default=vars, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def summary(self) -> dict[str, Any]:
        """Numbers of the run, by verdict of the requirements and by outcome of the cases."""
        selected = [requirement for requirement in self.requirements if requirement.selected]
        exchanges = sum(case.exchanges for case in self.cases)
        seconds = sum(case.duration for case in self.cases)
        return {
            "requirements": {verdict.value: self.count(verdict) for verdict in Verdict if self.count(verdict)},
            "requirements_selected": len(selected),
            "cases": dict(Counter(case.outcome.value for case in self.cases)),
            "exchanges": exchanges,
            "exchanges_per_second": round(exchanges / seconds, 1) if seconds else 0.0,
            "checks": sum(case.checks for case in self.cases),
            "sequences": sum(case.sequences for case in self.cases),
        }
