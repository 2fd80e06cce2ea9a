"""The result of a conformance run. JSON is its file form; every other output is made from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any

from hanami_proto.validation import Check, checked_as
from hanami_reports.common.file_names import RESULT
from hanami_reports.common.text import UNCHECKED_CERTIFICATE
from hanami_reports.model.coverage import ModelCoverage
from hanami_reports.model.known_failures import KnownFailuresReport
from hanami_reports.model.loading import load_json, read_file

FORMAT = "hanami-conformance-result"
FORMAT_VERSION = 4
# Version 1 had no known failures, version 2 no heads, frames and times of the clock, version 3 no coverage.
READABLE = (1, 2, 3, 4)
DERIVED = ("verdict", "summary", "findings")  # keys of the file that follow from the others


class Level(StrEnum):
    """Obligation of a requirement."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    OBSERVE = "OBSERVE"


class Outcome(StrEnum):
    """Outcome of a case."""

    PASSED = "passed"
    FAILED = "failed"
    KNOWN = "known"  # failed as the list of known failures says
    UNSUPPORTED = "unsupported"
    BLOCKED = "blocked"  # a precondition failed, so it judged nothing
    VACUOUS = "vacuous"  # it sent or checked nothing
    LOST = "lost"  # the target was down or silent afterwards
    ERROR = "error"  # an internal error of the suite
    SKIPPED = "skipped"  # other parameters of the same test crashed the target in the same way
    NOT_RUN = "not run"


# A case with one of these outcomes says something about the target; a lost target violates a requirement, too.
JUDGED_OUTCOMES = (Outcome.PASSED, Outcome.FAILED, Outcome.KNOWN, Outcome.LOST)


# A case with one of these says nothing, neither about the target nor about the suite.
UNINFORMATIVE = (Outcome.NOT_RUN, Outcome.UNSUPPORTED, Outcome.SKIPPED)


class Verdict(StrEnum):
    """Verdict on a requirement."""

    PASS = "PASS"  # noqa: S105 - a verdict, no secret
    FAIL = "FAIL"
    KNOWN = "KNOWN"
    OBSERVED = "OBSERVED"
    UNSUPPORTED = "UNSUPPORTED"
    NOT_RUN = "NOT RUN"
    LOST = "LOST"
    VACUOUS = "VACUOUS"


class ExitStatus(IntEnum):
    """Exit status of a run; 0 to 5 keep pytest's own meaning."""

    CONFORMANT = 0
    NOT_CONFORMANT = 1
    INTERRUPTED = 2
    SUITE_FAULT = 3
    USAGE = 4
    NOTHING_RAN = 5
    TARGET_LOST = 6


NOT_REPRODUCED = 7  # exit status of ``replay``, with which no run ends


HEADLINES: Mapping[int, str] = {
    ExitStatus.CONFORMANT: "CONFORMANT",
    ExitStatus.NOT_CONFORMANT: "NOT CONFORMANT",
    ExitStatus.INTERRUPTED: "INTERRUPTED",
    ExitStatus.SUITE_FAULT: "INTERNAL ERROR",
    ExitStatus.USAGE: "USAGE",
    ExitStatus.NOTHING_RAN: "NOTHING RAN",
    ExitStatus.TARGET_LOST: "TARGET LOST",
}
NO_NEW_FAILURES = "NO NEW FAILURES"  # conformant only because known failures are not counted
MACHINE_LACKS = "this machine lacks what the run needs: "  # begins the reason for an end that is not the target's fault
UNCONFIRMED = "cause not confirmed"  # begins the reason of a crash that the case does not cause when it runs alone
CLIENT_CASES = "client::"  # begins the ids of cases that judge a client
ARROWS = {"sent": "->", "received": "<-", "note": "--"}


def _check_direction(direction: str) -> str:
    if direction not in ARROWS:
        raise ValueError(f"must be one of {', '.join(ARROWS)}")
    return direction


@dataclass(frozen=True)
class Event:
    """One message of an exchange, or an event of its connection.

    Attributes:
        at: Seconds since the case began, monotonic.
        channel: Name of the connection, such as ``ws-1``.
        direction: ``sent``, ``received`` or ``note``.
        kind: ``http``, ``text``, ``binary``, ``open``, ``close``, or ``raw`` for bytes outside the protocol; of the
            connection itself ``refused``, ``timeout``, ``half-close``, ``reset``, or ``end`` without a close frame; and
            ``form`` for what the head of the request that follows does not show.
        summary: One line for people, secrets redacted.
        payload: Bytes in base64, secrets redacted.
        head: First line and headers of an HTTP message, secrets redacted; empty if unknown.
        frames: Frames of the payload in base64, with a masking key of zero, where they are not one frame; else empty.
    """

    at: float
    channel: str
    direction: Annotated[str, Check(_check_direction)]
    kind: str
    summary: str
    payload: str = ""
    head: str = ""
    frames: str = ""

    @property
    def arrow(self) -> str:
        """Direction for people."""
        return ARROWS[self.direction]

    def line(self) -> str:
        """Return the event for people, on one line."""
        return f"{self.at:8.3f} s  {self.channel:<7} {self.arrow} {self.summary}"


@dataclass(frozen=True)
class CaseResult:
    """Result of one test with one set of parameters.

    Attributes:
        id: ``file::test[parameters]``, as ``--case`` takes it.
        title: Required behaviour of a server, one sentence.
        requirements: Ids of the requirements that the case checks.
        outcome: Outcome of the case.
        violated: Ids of the requirements that it found violated.
        reason: Reason why it did not pass, one line.
        expected: Behaviour that the protocol requires, if the case failed.
        actual: Behaviour of the target, if the case failed.
        duration: Time in seconds.
        exchanges: Number of messages sent.
        checks: Number of comparisons made.
        sequences: Number of generated sequences, for a case that runs sequences.
        checks_by_requirement: Number of comparisons that could have found a requirement violated, by its id.
        observations: Observed behaviour that the protocol leaves open, by name.
        exchange: Events of the exchange, for cases that did not pass.
        started: Time of the clock at which the exchange begins, UTC, ISO 8601; empty if unknown.
        sequence: Shrunk failing sequence, in the file form that ``replay`` takes; empty for none.
        known: Reason from the list of known failures; empty if the failure is not listed.
        server_log: Last lines of the server's log, if the suite started the server and the case lost it.
        failed_at: Index in the exchange of the last event before the check that failed; -1 if it is not known.
        loss: How the target was down after the case, such as "its process ended with signal 11"; empty if it was not.
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
    started: str = ""
    sequence: str = ""
    known: str = ""
    server_log: str = ""
    loss: str = ""
    failed_at: int = -1

    @property
    def judges_client(self) -> bool:
        """Whether the target is a client, so that what was sent shows a violation, and not what was answered."""
        return self.id.startswith(CLIENT_CASES)

    @property
    def scenario(self) -> str:
        """Name of the scenario of a case that judges a client; empty for another case."""
        return self.id.removeprefix(CLIENT_CASES).partition("::")[0] if self.judges_client else ""


@dataclass(frozen=True)
class RequirementResult:
    """A requirement of the catalogue and the verdict on it.

    Attributes:
        id: Id such as ``PROG-2``.
        level: Level of the requirement.
        workflow: Heading in the workflow document.
        step: Place in the workflow document.
        text: Text of the requirement.
        violation: What a server that violates it does, in a few words.
        verdict: Verdict on the requirement.
        reason: Reason for the verdict, or why not all of its cases count; one line, may be empty.
        cases: Ids of its cases.
        selected: Whether the options of the run include the requirement.
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
    violation: str = ""


@dataclass(frozen=True)
class _Target:
    url: str = ""
    reference: bool = False
    user: str | None = None
    second_user: str | None = None


@dataclass(frozen=True)
class _Manifest:
    """Entries of a manifest that reports use; there may be any others."""

    duration: float = 0.0
    started: str = ""
    suite: str = ""
    run_id: str = ""
    dialect: str = ""
    client: str | None = None
    target: Annotated[Mapping[str, Any], checked_as(_Target)] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    announced_bytes: int = 0


def _check_exit_status(status: int) -> int:
    if status not in HEADLINES:
        raise ValueError("is no exit status of a run")
    return status


@dataclass(frozen=True)
class RunResult:
    """Result of a run.

    Attributes:
        manifest: Data that reproduces the run: versions, target, dialect, digests, options, plan.
        exit_status: Exit status of the command.
        reason: Reason behind the headline, one line; may be empty.
        requirements: Requirements in the order of the catalogue.
        cases: Cases in the order in which they ran.
        leftovers: Resources that could not be deleted on the target.
        known: State of the list of known failures, None without a list.
        coverage: Pairs of values that met, for each input model with a case that ran.
    """

    manifest: Annotated[Mapping[str, Any], checked_as(_Manifest)]
    exit_status: Annotated[int, Check(_check_exit_status)]
    reason: str
    requirements: tuple[RequirementResult, ...]
    cases: tuple[CaseResult, ...]
    leftovers: tuple[str, ...] = ()
    known: KnownFailuresReport | None = None
    coverage: tuple[ModelCoverage, ...] = ()

    @property
    def headline(self) -> str:
        """Verdict on the whole target."""
        if self.exit_status == ExitStatus.TARGET_LOST and not self.ran:
            return "TARGET NOT REACHABLE"
        if self.exit_status == ExitStatus.NOTHING_RAN and any(case.outcome is Outcome.PASSED for case in self.cases):
            return "INCOMPLETE"
        if self.exit_status == ExitStatus.CONFORMANT and self.known_violations:
            return NO_NEW_FAILURES
        if self.exit_status == ExitStatus.SUITE_FAULT and self.reason.startswith(MACHINE_LACKS):
            return "NOT JUDGED"
        return HEADLINES[self.exit_status]

    @property
    def client(self) -> str:
        """Client under test in a few words, empty where a server is judged."""
        command = self.manifest.get("client")
        return "" if command is None else str(command) or "a client started by hand"

    @property
    def known_violations(self) -> list[RequirementResult]:
        """Requirements that are violated by known failures."""
        violated = {name for case in self.cases if case.outcome is Outcome.KNOWN for name in case.violated}
        return [one for one in self.requirements if one.id in violated]

    @property
    def judged(self) -> int:
        """Number of cases with an outcome that says something about the target."""
        return sum(case.outcome in JUDGED_OUTCOMES for case in self.cases)

    @property
    def ran(self) -> int:
        """Number of cases that ran."""
        return sum(1 for case in self.cases if case.outcome is not Outcome.NOT_RUN)

    @property
    def certificate_note(self) -> str:
        """Sentence for a run that did not check the certificate of the target; empty for others."""
        is_checked = self.manifest.get("target", {}).get("certificate_checked", True)
        return "" if is_checked else UNCHECKED_CERTIFICATE

    @property
    def is_informative(self) -> bool:
        """Whether any case says something about the target or the suite."""
        return any(case.outcome not in UNINFORMATIVE for case in self.cases)

    def count(self, verdict: Verdict) -> int:
        """Return the number of selected requirements with a verdict."""
        return sum(1 for requirement in self.requirements if requirement.selected and requirement.verdict is verdict)

    def to_json(self, **derived: Any) -> str:
        """Return the file form.

        Args:
            derived: Further entries that follow from the others, for readers that do not compute them.
        """
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
            "coverage": self.coverage,
            **derived,
        }
        # Dataclasses are written directly: copies of 100,000 events would take longer than writing them.
        return json.dumps(data, default=json_fields, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def summary(self) -> dict[str, Any]:
        """Return the numbers of the run, by verdict and by outcome."""
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


def json_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a part of a result in its file form."""
    fields: dict[str, Any] = vars(value)
    if isinstance(value, Event):  # few have these
        return {name: field for name, field in fields.items() if field or name not in ("head", "frames")}
    return fields


def parse_result(text: str) -> RunResult:
    """Read a result from its file form.

    Raises:
        ValueError: If the text is no result of a run, or of another version; one line.
    """
    return load_json(RunResult, text, name="result of a run", file_format=FORMAT, versions=READABLE, derived=DERIVED)


def read_result(path: Path) -> RunResult:
    """Read the result of a run.

    Args:
        path: Path of the file or of its folder.

    Raises:
        ValueError: If there is no valid result; one line that names the file.
    """
    return read_file(path, RESULT, parse_result)
